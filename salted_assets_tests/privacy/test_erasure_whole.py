"""A customer erased from a whole platform, in a folder and in a bucket: nothing is left, and nothing comes back."""

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from benchmarks.deployment.s3_server import BUCKET, running_moto
from salted_assets.defs.asset_keys import table_key
from salted_assets.defs.resources import build_export, build_warehouse
from salted_assets.defs.restatement.score_layout import find_score_assets
from salted_assets.history import FooterCache
from salted_assets.history.restatement import InputIndex, find_stale_days
from salted_assets.privacy import Erasure
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform, with_settings

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = ["2024-01-09", "2024-01-10"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Customer:
    """Whom to look for: by pid, and by every text of theirs that is nobody else's."""

    pid: str
    engagement_pids: frozenset[str]
    texts: frozenset[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Two days from export to report."""
    with running_platform(tmp_path_factory.mktemp("erasure")) as platform:
        assert platform.materialize_range(DAYS[0], DAYS[-1]).success
        yield platform


@pytest.fixture(params=["folder", "bucket"])
def platform(
    request: pytest.FixtureRequest, made: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    """The same, its warehouse copied into a folder or a bucket of the test's own."""
    with ExitStack() as open_places:
        address = str(tmp_path / "copy")
        if request.param == "bucket":
            for name, value in open_places.enter_context(running_moto()).environment.items():
                monkeypatch.setenv(name, value)
            address = f"s3://{BUCKET}/{uuid4().hex}"
        platform = with_settings(made, warehouse=address)
        for path in made.warehouse.list_files(""):
            platform.warehouse.write_bytes(path, made.warehouse.read_bytes(path))
        yield platform


def plain_files(warehouse: Warehouse) -> dict[str, bytes]:
    """Every file of a warehouse as who looks into it sees it: unpacked, Parquet as the text of its cells."""
    return {path: content for path in warehouse.list_files("") for content in [plain(warehouse, path)]}


def plain(warehouse: Warehouse, path: str) -> bytes:
    if path.endswith(".parquet"):
        with warehouse.open_parquet(path) as file:
            return repr((file.read().to_pylist(), file.metadata.metadata)).encode()
    data = warehouse.read_bytes(path)
    if path.endswith(".zst"):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    if path.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return b"".join(map(archive.read, archive.namelist()))
    return data


def raw_rows(warehouse: Warehouse, name: str) -> list[Row]:
    """The records of all raw files of a name."""
    return [
        row
        for path in warehouse.list_files("raw/export")
        if f"/{name}." in path
        for row in csv.DictReader(io.StringIO(plain(warehouse, path).decode(), newline=""))
    ]


def find_customer(warehouse: Warehouse) -> Customer:
    """The customer with most engagements, and the texts that stand in no row but theirs."""
    engagements = raw_rows(warehouse, "engagements.csv")
    scored = {row["pid"] for row in engagements if row["type"] == "Agent" and row["agent_pid"]}
    pids = [row["contact_pid"] for row in engagements if row["pid"] in scored]
    pid = max(sorted(set(pids)), key=pids.count)
    own = frozenset(row["pid"] for row in engagements if row["contact_pid"] == pid)
    rows = [
        *((row["pid"] in own, row) for row in engagements),
        *((row["pid"] == pid, row) for row in raw_rows(warehouse, "customers.csv")),
        *(
            (row["engagement_pid"] in own, row)
            for name in ("turns", "reviews")
            for row in raw_rows(warehouse, f"{name}.csv")
        ),
        *((False, row) for row in raw_rows(warehouse, "agents.csv")),
    ]
    theirs, others = (
        {cell for is_own, row in rows if is_own is wanted for cell in row.values() if len(cell) > 11}
        for wanted in (True, False)
    )
    texts = frozenset(text for text in theirs - others if not text.startswith("2024-"))
    assert pid in texts
    assert own < texts
    assert any(" " in text for text in texts)
    return Customer(pid, own, texts)


def find_left(warehouse: Warehouse, customer: Customer) -> list[tuple[str, str]]:
    """Where some text of the customer is still to be found."""
    texts = [(text, forms_of(text)) for text in sorted(customer.texts)]
    return [
        (path, text)
        for path, content in plain_files(warehouse).items()
        for text, forms in texts
        if any(form in content for form in forms)
    ]


def forms_of(text: str) -> set[bytes]:
    """The text as it stands in files: plain, within quotes, as Python shows it."""
    return {text.encode(), text.replace('"', '""').encode(), repr(text)[1:-1].encode()}


def tables(warehouse: Warehouse) -> dict[str, list[Row]]:
    """The rows of all tables, rejects, and scores that name engagements."""
    found = {}
    for path in (path for folder in ("tables", "rejects", "scores") for path in warehouse.list_files(folder)):
        with warehouse.open_parquet(path) as file:
            if not path.startswith("scores") or "engagement_pid" in file.schema_arrow.names:
                found[path] = file.read().to_pylist()
    return found


def is_theirs(path: str, row: Row, customer: Customer) -> bool:
    if path.startswith("tables/customer"):
        return bool(row["pid"] == customer.pid)
    if path.startswith("tables/engagement"):
        return row["pid"] in customer.engagement_pids
    return row.get("engagement_pid") in customer.engagement_pids


def without(before: dict[str, list[Row]], customer: Customer) -> dict[str, list[Row]]:
    return {path: [row for row in rows if not is_theirs(path, row, customer)] for path, rows in before.items()}


def test_an_erased_customer_is_nowhere_and_does_not_come_back(platform: Platform) -> None:
    warehouse = platform.warehouse
    customer = find_customer(warehouse)
    before, raw_before = tables(warehouse), {name: raw_rows(warehouse, f"{name}.csv") for name in ("turns", "agents")}
    assert len({path.split("/")[0] for path, _ in find_left(warehouse, customer)}) >= 3

    dry_run = Erasure(warehouse, "UTC").erase([customer.pid], is_dry_run=True)
    assert tables(warehouse) == before
    receipt = Erasure(warehouse, "UTC").erase([customer.pid])

    assert find_left(warehouse, customer) == []
    assert (receipt.problems, receipt.count_rows()) == ((), dry_run.count_rows())
    expected = without(before, customer)
    assert tables(warehouse) == expected
    assert raw_rows(warehouse, "agents.csv") == raw_before["agents"]
    assert raw_rows(warehouse, "turns.csv") == [
        row for row in raw_before["turns"] if row["engagement_pid"] not in customer.engagement_pids
    ]
    assert set(receipt.count_rows()) >= {"raw/export", "tables/engagement", "tables/turn", "tables/customer"}
    assert stale_days(platform) >= set(receipt.days_to_restate) > set()

    with build_export(
        platform.settings, build_warehouse(platform.settings)
    ).process_config_and_initialize_cm() as export:
        landed = export.land(date.fromisoformat(DAYS[0]), platform.settings.datasets, refresh=True)
    assert sum(file.erased_row_count for file in landed.list_files()[-5:]) > 0
    assert find_left(warehouse, customer) == []
    assert Erasure(warehouse, "UTC").erase([]).files == ()


def test_tables_made_anew_are_as_they_were_left(made: Platform, tmp_path: Path) -> None:
    platform = with_settings(made, warehouse=str(tmp_path / "copy"))
    warehouse = platform.warehouse
    for path in made.warehouse.list_files(""):
        warehouse.write_bytes(path, made.warehouse.read_bytes(path))
    customer = find_customer(warehouse)
    Erasure(warehouse, "UTC").erase([customer.pid])
    expected = tables(warehouse)
    # raw files come back, as from a copy of the warehouse that was made before
    for path in made.warehouse.list_files("raw"):
        warehouse.write_bytes(path, made.warehouse.read_bytes(path))

    assert platform.materialize(DAYS[0], "group:tables").success

    assert {path for path, _ in find_left(warehouse, customer)} <= set(made.warehouse.list_files("raw"))
    assert comparable(tables(warehouse), "tables/") == comparable(expected, "tables/")
    assert platform.metadata(table_key("turn"), DAYS[0])["erased_records"] > 0
    Erasure(warehouse, "UTC").erase([])
    assert find_left(warehouse, customer) == []


def comparable(rows: dict[str, list[Row]], prefix: str) -> dict[str, list[Row]]:
    return {path: each for path, each in rows.items() if path.startswith(prefix)}


def stale_days(platform: Platform) -> set[date]:
    """The days that the restatement sensor would ask for."""
    layout = find_score_assets(platform.defs.resolve_all_asset_specs()).layout
    index = InputIndex(FooterCache(platform.warehouse, "UTC"), platform.settings.datasets)
    return set(find_stale_days(index, layout).stale)


def test_what_is_looked_for_is_found_where_it_is(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    said = 'He said "no way, Jane"'
    customer = Customer("c-1", frozenset(), frozenset([said]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/turns.csv", said.replace('"', '""'))
    warehouse.write_bytes("packed.zst", zstandard.compress(said.encode()))
    warehouse.write_bytes("packed.zip", buffer.getvalue())
    with warehouse.create("table.parquet") as path:
        pq.write_table(pa.table({"content": [said]}), path)
    warehouse.write_bytes("page.html", b"nothing of theirs")

    assert [path for path, _ in find_left(warehouse, customer)] == ["packed.zip", "packed.zst", "table.parquet"]
