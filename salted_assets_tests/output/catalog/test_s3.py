"""The catalog of a warehouse on S3, without any extension of DuckDB."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from benchmarks.deployment.s3_server import BUCKET, running_moto
from salted_assets.output.catalog import default_catalog_path, open_catalog, write_catalog
from salted_assets.output.catalog.bucket_files import BucketFiles
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, engagement, write

pytestmark = pytest.mark.slow

NEXT = DAY + timedelta(days=1)
PEOPLE = [agent(team="North"), agent("a2", team="South")]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of a bucket that the environment leads to."""
    with running_moto() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield f"s3://{BUCKET}"


@pytest.fixture(autouse=True)
def few_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "salted_assets.output.catalog.views.SCORE_MODELS", {"agent_question": SCORE_MODELS["agent_question"]}
    )


@pytest.fixture
def warehouse(bucket: str, request: pytest.FixtureRequest) -> Warehouse:
    return Warehouse(f"{bucket}/{request.node.name[:40]}")


def upload(warehouse: Warehouse, folder: Warehouse, dataset: str, version: int, rows: list[Row]) -> None:
    """Write a version of the rows into a folder, and what came of it into the bucket."""
    day = DAY + timedelta(days=version)
    path = write(folder, dataset, day, at(3, day=day + timedelta(days=1)), rows)
    with warehouse.create(warehouse.table_path(("tables", dataset), day)) as scratch:
        scratch.write_bytes(path.read_bytes())


def test_a_bucket_answers_as_the_same_folder_does(warehouse: Warehouse, tmp_path: Path) -> None:
    folder, file = Warehouse(str(tmp_path / "lake")), tmp_path / "views.duckdb"
    upload(warehouse, folder, "engagement", 0, [engagement(team="West"), engagement("e2", status="In Progress")])
    write_catalog(warehouse, file)
    write_catalog(folder)
    queries = [
        "SELECT pid, status, team FROM engagement ORDER BY ALL",
        "SELECT pid, date, requested_at_utc FROM engagement_exports ORDER BY ALL",
        "SELECT * FROM agent_history ORDER BY ALL",
        "SELECT count(*) FROM turn",
        "SELECT count(*) FROM rejects_turn",
        "SELECT count(*) FROM agent_question",
    ]
    with open_catalog(warehouse.uri, file) as remote, open_catalog(folder) as local:
        for version in range(2):
            if version:
                upload(warehouse, folder, "engagement", version, [engagement("e2", status="Completed")])
                upload(warehouse, folder, "agent", version, PEOPLE)
            for query in queries:
                assert remote.sql(query).fetchall() == local.sql(query).fetchall()
        assert remote.sql("SELECT status FROM engagement WHERE pid = 'e2'").fetchall() == [("Completed",)]
        files = [name for (name,) in remote.sql("SELECT DISTINCT file_name FROM agent_exports").fetchall()]
        assert files == [f"{warehouse.uri}/tables/agent/date={NEXT}/part-0.parquet"]


def test_a_file_that_was_replaced_is_read_anew(warehouse: Warehouse, tmp_path: Path) -> None:
    folder, file = Warehouse(str(tmp_path / "lake")), tmp_path / "views.duckdb"
    upload(warehouse, folder, "engagement", 0, [engagement(team="before")])
    write_catalog(warehouse, file)
    with open_catalog(warehouse, file) as catalog:
        assert catalog.sql("SELECT team FROM engagement").fetchall() == [("before",)]
        size = warehouse.size(warehouse.table_path(("tables", "engagement"), DAY))
        upload(warehouse, folder, "engagement", 0, [engagement(team="behind")])
        assert warehouse.size(warehouse.table_path(("tables", "engagement"), DAY)) == size
        assert catalog.sql("SELECT team FROM engagement").fetchall() == [("behind",)]


def test_its_usual_place_is_local_and_what_is_missing_is_said(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_catalog_path(warehouse) == Path("data/catalog.duckdb")
    upload(warehouse, Warehouse(str(tmp_path / "lake")), "agent", 0, PEOPLE)
    assert write_catalog(warehouse).path == tmp_path / "data" / "catalog.duckdb"
    with open_catalog(warehouse) as catalog:
        assert catalog.sql("SELECT count(*) FROM agent").fetchall() == [(2,)]
        warehouse.delete(warehouse.table_path(("tables", "agent"), DAY))
        with pytest.raises(duckdb.IOException, match="No files found"):
            catalog.sql("FROM agent").fetchall()


def test_each_thread_has_its_own_place_in_a_file(warehouse: Warehouse) -> None:
    warehouse.write_bytes("numbers", bytes(range(256)) * 64)
    files = BucketFiles(warehouse)
    turns = threading.Barrier(8, timeout=60)
    wrong: list[int] = []

    def read_own_byte(number: int) -> None:
        for _ in range(20):
            shared.seek(number)
            turns.wait()  # now every thread has gone to its place, and none has read
            if shared.read(1) != bytes([number]) or shared.tell() != number + 1:
                wrong.append(number)
            turns.wait()

    with files.open(f"{warehouse.uri}/numbers") as shared:
        threads = [threading.Thread(target=read_own_byte, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_only_files_of_the_warehouse_are_found_and_none_is_written(warehouse: Warehouse) -> None:
    warehouse.write_bytes("tables/agent/date=2024-01-31/part-0.parquet", b"")
    warehouse.write_bytes("tables/agent/date=2024-01-31/deeper/part-0.parquet", b"")
    files = BucketFiles(warehouse)
    found = f"{warehouse.uri}/tables/agent/date=2024-01-31/part-0.parquet"
    assert files.glob(f"{warehouse.uri}/tables/agent/date=*/part-0.parquet") == [found]
    assert files.glob(f"{warehouse.uri}/tables/*/date=*/part-0.parquet") == [found]
    assert files.glob(found) == [found]
    assert files.glob(f"{warehouse.uri}/tables/turn/date=*/part-0.parquet") == []
    with pytest.raises(FileNotFoundError):
        files.info(f"{warehouse.uri}/nothing")
    with pytest.raises(PermissionError):
        files.open(found, "wb")
