"""One suite for a warehouse in a folder and in a bucket: writes are whole or absent, and locks keep others out."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.deployment.s3_server import BUCKET, S3Server
from salted_assets.warehouse import Warehouse, WarehouseDamaged, WarehouseUnusable, bucket
from salted_assets_tests.support.warehouses import reach

pytestmark = pytest.mark.slow

BYTES = bytes(range(256)) * 5000


@pytest.fixture
def fresh_session() -> Iterator[None]:
    """Credentials are read again, and forgotten afterwards."""
    bucket._open_session.cache_clear()
    yield
    bucket._open_session.cache_clear()


def test_what_is_written_is_read(warehouse: Warehouse) -> None:
    warehouse.write_bytes("a/b/c.json", b"{}")

    assert warehouse.read_bytes("a/b/c.json") == b"{}"
    assert (warehouse.exists("a/b/c.json"), warehouse.size("a/b/c.json")) == (True, 2)


def test_an_empty_file_is_a_file(warehouse: Warehouse) -> None:
    warehouse.write_bytes("empty", b"")

    assert (warehouse.size("empty"), warehouse.read_bytes("empty"), warehouse.exists("empty")) == (0, b"", True)


def test_what_is_not_there(warehouse: Warehouse) -> None:
    assert (warehouse.size("a/b"), warehouse.exists("a/b"), warehouse.list_files("a")) == (None, False, [])
    for read in (warehouse.read_bytes, warehouse.open, warehouse.open_parquet):
        with pytest.raises(FileNotFoundError):
            read("a/b")
    warehouse.delete("a/b")


def test_nothing_is_seen_before_it_is_whole(warehouse: Warehouse) -> None:
    with warehouse.create("a/b") as scratch:
        scratch.write_bytes(BYTES)
        assert not warehouse.exists("a/b")
        assert warehouse.list_files("a") == []

    assert warehouse.read_bytes("a/b") == BYTES


def test_a_write_that_fails_leaves_what_was_there(warehouse: Warehouse, address: str) -> None:
    warehouse.write_bytes("a/b", b"old")

    with pytest.raises(RuntimeError, match="half way"), warehouse.create("a/b") as scratch:  # noqa: PT012 - the failing write is the point
        scratch.write_bytes(b"new but not wh")
        raise RuntimeError("half way")

    assert warehouse.read_bytes("a/b") == b"old"
    assert not scratch.exists()
    assert address.startswith("s3://") or [*Path(address, ".tmp").iterdir()] == []


def test_a_write_replaces(warehouse: Warehouse) -> None:
    for content in (b"old", b"newer"):
        warehouse.write_bytes("a/b", content)

    assert warehouse.read_bytes("a/b") == b"newer"


def test_a_file_is_placed_in_a_folder_in_which_it_can_be_replaced(warehouse: Warehouse, tmp_path: Path) -> None:
    path = "tables/turn/date=2024-01-31/part-0.parquet"
    warehouse.write_bytes(path, b"as it is")
    warehouse.link_or_copy(path, tmp_path / "placed")
    placed = Warehouse(str(tmp_path / "placed"))
    assert placed.read_bytes(path) == b"as it is"
    assert placed.list_files("tables") == [path]

    placed.write_bytes(path, b"another")
    assert (placed.read_bytes(path), warehouse.read_bytes(path)) == (b"another", b"as it is")
    with pytest.raises(FileNotFoundError):
        warehouse.link_or_copy("tables/turn/date=2024-02-01/part-0.parquet", tmp_path / "placed")


def test_a_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.write_bytes("a", b"old")

    with warehouse.open("a") as reader:
        warehouse.write_bytes("a", b"new")
        assert reader.read() == b"old"


def test_files_are_listed_in_order_below_their_folder_alone(warehouse: Warehouse) -> None:
    paths = ["a/2/x", "a/1/y", "a/1/x", "ab/x", "b"]
    for path in paths:
        warehouse.write_bytes(path, b".")

    assert warehouse.list_files("a") == ["a/1/x", "a/1/y", "a/2/x"]
    assert warehouse.list_files("a/") == warehouse.list_files("a")
    assert warehouse.list_files("") == sorted(paths)


def test_a_folder_that_cannot_be_listed_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(str(tmp_path))
    for path in ("a/1/x", "a/2/x"):
        warehouse.write_bytes(path, b".")
    list_folder = os.scandir

    def refuse_second(folder: str) -> Iterator[os.DirEntry[str]]:
        if str(folder).endswith("a/2"):
            raise PermissionError(13, "Permission denied", folder)
        return list_folder(folder)

    monkeypatch.setattr(os, "scandir", refuse_second)
    for look in (warehouse.list_files, warehouse.list_fingerprints):
        with pytest.raises(WarehouseUnusable, match="Permission denied"):
            look("a")


def test_a_whole_listing_leaves_our_own_files_out(lockable: str) -> None:
    warehouse = Warehouse(lockable)
    with warehouse.lock("day"), warehouse.create("b") as scratch:
        warehouse.write_bytes("a", b".")
        assert scratch.exists()
        assert warehouse.list_files("") == ["a"]


def test_deleted_is_gone_with_the_folders_it_leaves_empty(warehouse: Warehouse, address: str) -> None:
    warehouse.write_bytes("a/1/x", b".")
    warehouse.write_bytes("a/2/x", b".")

    warehouse.delete("a/1/x")

    assert warehouse.list_files("") == ["a/2/x"]
    assert address.startswith("s3://") or not Path(address, "a", "1").exists()


def test_random_access(warehouse: Warehouse) -> None:
    warehouse.write_bytes("a", BYTES)

    with warehouse.open("a") as file:
        assert file.seek(-10, io.SEEK_END) == len(BYTES) - 10
        assert file.read() == BYTES[-10:]
        assert file.read() == b""
        file.seek(1000)
        assert file.read(300) == BYTES[1000:1300]
        file.seek(5, io.SEEK_CUR)
        assert file.tell() == 1305
        assert file.read(1) == BYTES[1305:1306]
        file.seek(0)
        assert file.read() == BYTES


def test_parquet_is_written_and_read_in_parts(warehouse: Warehouse) -> None:
    table = pa.table({"pid": [str(n) for n in range(10_000)], "cost": pa.array(range(10_000), pa.int64())})
    path = warehouse.table_path(("tables", "turn"), date(2024, 1, 31))
    with warehouse.create(path) as scratch:
        pq.write_table(table, scratch, row_group_size=1000)

    with warehouse.open_parquet(path) as file:
        assert file.metadata.num_rows == 10_000
        assert file.read_row_group(7, columns=["cost"])["cost"].to_pylist() == list(range(7000, 8000))
        assert file.read().equals(table)


def test_days_of_a_table(warehouse: Warehouse) -> None:
    key = ("tables", "turn")
    for day in (date(2024, 2, 1), date(2024, 1, 31)):
        warehouse.write_bytes(warehouse.table_path(key, day), b".")
    warehouse.write_bytes("tables/turn/date=2024-02-02/part-0.parquet.draft", b".")
    warehouse.write_bytes(warehouse.table_path(("tables", "turning"), date(2024, 2, 3)), b".")

    assert warehouse.list_days(key) == [date(2024, 1, 31), date(2024, 2, 1)]
    assert warehouse.list_days(("tables", "agent")) == []

    before = warehouse.list_partitions(key)
    assert list(before) == warehouse.list_days(key)
    warehouse.write_bytes(warehouse.table_path(key, date(2024, 2, 1)), b":")
    after = warehouse.list_partitions(key)
    assert {day for day in before if before[day] != after[day]} == {date(2024, 2, 1)}
    assert warehouse.list_partitions(("tables", "agent")) == {}


@pytest.mark.parametrize("folder", ["date=2024-02-30", "date=2024-2-3", "date=20240203", "date=2024-W05-3", "date="])
def test_a_folder_of_no_day_is_named(warehouse: Warehouse, folder: str) -> None:
    warehouse.write_bytes(warehouse.table_path(("tables", "turn"), date(2024, 2, 1)), b".")
    warehouse.write_bytes(f"tables/turn/{folder}/part-0.parquet", b".")

    for look in (warehouse.list_days, warehouse.list_partitions):
        with pytest.raises(WarehouseDamaged, match=f"tables/turn/{folder}/part-0.parquet is in a folder") as caught:
            look(("tables", "turn"))
        assert not caught.value.retryable
        damage: list[WarehouseDamaged] = []
        assert list(look(("tables", "turn"), damage.append)) == [date(2024, 2, 1)]
        assert str(damage[0]) == str(caught.value)


@pytest.mark.parametrize("damage", ["cut off", "overwritten", "empty"])
def test_a_file_that_is_no_parquet_is_named(warehouse: Warehouse, tmp_path: Path, damage: str) -> None:
    pq.write_table(pa.table({"pid": ["a"]}), tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    data = {"cut off": whole[:-20], "overwritten": whole[:-108] + b"\xff" * 100 + whole[-8:], "empty": b""}[damage]
    warehouse.write_bytes("tables/turn/date=2024-01-31/part-0.parquet", data)

    with pytest.raises(WarehouseDamaged, match=r"date=2024-01-31/part-0\.parquet is not a whole Parquet file"):
        warehouse.open_parquet("tables/turn/date=2024-01-31/part-0.parquet")


def test_a_large_file_is_uploaded_in_parts(on_moto: str, moto: S3Server) -> None:
    content = os.urandom(9 << 20)

    Warehouse(on_moto).write_bytes("large", content)

    etag = moto.client().head_object(Bucket=BUCKET, Key=f"{on_moto.removeprefix(f's3://{BUCKET}/')}/large")["ETag"]
    assert "-" in etag
    assert Warehouse(on_moto).read_bytes("large") == content


def test_nobody_else_may_read(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    before = os.umask(0)
    try:
        with warehouse.lock("day"):
            warehouse.write_bytes("raw/export/date=2024-01-31/manifest.json", b"{}")
    finally:
        os.umask(before)

    made = [tmp_path / "warehouse", *(tmp_path / "warehouse").rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert len(modes) == 8


@pytest.mark.parametrize(
    "touch",
    [
        lambda warehouse: warehouse.write_bytes("a", b"."),
        lambda warehouse: warehouse.lock("day").__enter__(),
        lambda warehouse: warehouse.read_bytes("a"),
        lambda warehouse: warehouse.open_parquet("a"),
        lambda warehouse: warehouse.size("a"),
        lambda warehouse: warehouse.delete("a"),
    ],
    ids=["write", "lock", "read", "parquet", "size", "delete"],
)
def test_a_folder_that_cannot_be(tmp_path: Path, touch: Callable[[Warehouse], object]) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(WarehouseUnusable) as caught:
        touch(Warehouse(str(tmp_path / "file" / "warehouse")))

    assert str(tmp_path / "file") in str(caught.value)
    assert "SALTED_WAREHOUSE" in str(caught.value)
    assert not caught.value.retryable


@pytest.mark.parametrize("below", ["nothing", "nothing/deeper/warehouse"])
def test_where_no_folder_can_be_made_the_warehouse_is_unusable(below: str) -> None:
    warehouse = Warehouse(f"/proc/{below}")
    for touch in (lambda: warehouse.write_bytes("a", b"."), lambda: warehouse.lock("day").__enter__()):
        with pytest.raises(WarehouseUnusable, match=f"/proc/{below}.*SALTED_WAREHOUSE"):
            touch()


def test_a_full_disk_is_said_and_leaves_what_was_there(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.write_bytes("a", b"old")

    with (  # noqa: PT012 - the failing write is the point
        pytest.raises(WarehouseUnusable, match=r"No space left on device.*Make room"),
        warehouse.create("a") as scratch,
    ):
        scratch.unlink()
        scratch.symlink_to("/dev/full")
        scratch.write_bytes(b"new")

    assert warehouse.read_bytes("a") == b"old"
    assert [*(tmp_path / ".tmp").iterdir()] == []


def test_other_errors_of_a_writer_pass(warehouse: Warehouse) -> None:
    with pytest.raises(FileNotFoundError), warehouse.create("a"):
        Path("/nowhere/at/all").read_bytes()


@pytest.mark.parametrize("server", ["moto", "rclone"])
def test_a_missing_bucket_is_named(
    server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach(request.getfixturevalue(server), monkeypatch)
    warehouse = Warehouse("s3://nosuchbucket/prefix")

    with pytest.raises(WarehouseUnusable, match=r"s3://nosuchbucket/prefix: NoSuchBucket\. Check the bucket's name"):
        warehouse.write_bytes("a", b".")
    with pytest.raises(WarehouseUnusable, match="NoSuchBucket"):
        warehouse.list_files("raw")
    with pytest.raises(WarehouseUnusable, match="NoSuchBucket"), warehouse.lock("day"):
        pass


@pytest.mark.usefixtures("fresh_session")
def test_wrong_credentials_are_said_and_not_shown(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = reach(rclone, monkeypatch)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-right-one")

    with pytest.raises(WarehouseUnusable, match=r"SignatureDoesNotMatch.*the AWS credentials") as caught:
        Warehouse(address).write_bytes("a", b".")

    assert "not-the-right-one" not in repr(caught.value)


@pytest.mark.parametrize("endpoint", ["nonsense", "http://127.0.0.1:9"])
def test_a_wrong_endpoint_is_named(on_moto: str, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(WarehouseUnusable, match="AWS_ENDPOINT_URL"):
        Warehouse(on_moto).list_files("raw")


@pytest.mark.usefixtures("fresh_session")
def test_missing_credentials_are_said(on_moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(WarehouseUnusable, match="NoCredentialsError"):
        Warehouse(on_moto).write_bytes("a", b".")


def test_texts_come_encoded_where_the_file_has_them(warehouse: Warehouse) -> None:
    path = "scores/fair/date=2024-01-31/part-0.parquet"
    with warehouse.create(path) as file:
        pq.write_table(pa.table({"agent_pid": ["a1", "a1"]}), file)
    with warehouse.open_parquet(path, encoded=["agent_pid", "anchored_reason"]) as file:
        assert pa.types.is_dictionary(file.read().schema.field("agent_pid").type)
