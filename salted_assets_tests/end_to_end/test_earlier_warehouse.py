"""A warehouse that schema version 1 wrote: it is read as it is, and its scores are made again."""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from salted_assets.cli.doctor import check_schema
from salted_assets.cli.restate import Restatement
from salted_assets.cli.runner import Runner
from salted_assets.cli.verify import Verification
from salted_assets.history import SCHEMA_VERSION, Footer, HistoryReader
from salted_assets.history.restatement import find_stale_days
from salted_assets.output.catalog import open_catalog, write_catalog
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = [date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)]
BY_DAY = {
    "engagement": [26, 16, 19],
    "customer": [9, 12, 7],
    "turn": [188, 89, 93],
    "review": [61, 44, 40],
    "agent": [3] * 3,
}
IN_CATALOG = {"engagement": 66, "customer": 21, "turn": 370, "review": 186, "agent": 3, "agent_daily": 9}
"""Rows as the program that wrote the warehouse counted them; five engagements have a start that was refused."""


@dataclass(frozen=True)
class Earlier:
    """The warehouse as it was found, with what scores it now."""

    warehouse: Warehouse
    restating: Restatement
    found: dict[str, str]


def hash_files(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Earlier]:
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(Path(__file__).parent / "earlier_warehouse" / "version-1.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    found = hash_files(folder)
    settings = Settings(simulated=True, warehouse=str(folder), start_date=DAYS[0])
    with dg.DagsterInstance.ephemeral() as instance:
        yield Earlier(
            Warehouse(str(folder), simulated=True),
            Restatement(Runner(build_defs(settings), instance, "restate"), 28, 7),
            found,
        )


def test_its_tables_are_read_as_they_are(earlier: Earlier) -> None:
    reader = HistoryReader(earlier.warehouse, "UTC")
    for name, counts in BY_DAY.items():
        assert [reader.newest(name, day, ["pid"]).num_rows for day in DAYS] == counts


def test_its_rows_and_scores_are_in_the_catalog(earlier: Earlier, tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    write_catalog(earlier.warehouse, path)
    with open_catalog(earlier.warehouse, path) as catalog:
        for name, count in IN_CATALOG.items():
            assert catalog.sql(f"SELECT count(*) FROM {name}").fetchall() == [(count,)], name


def test_it_is_whole(earlier: Earlier) -> None:
    verification = Verification(earlier.warehouse)
    assert list(verification.find_problems()) == []
    assert verification.parquet_count > 0
    assert check_schema(earlier.warehouse).startswith("15 of 15 table partitions are of an older schema version")


def test_its_scores_are_made_again_and_its_tables_stay(earlier: Earlier) -> None:
    restating, scores = earlier.restating, earlier.restating.scores.layout
    assert list(find_stale_days(restating.index, scores).stale) == DAYS

    daily = restating.restate(restating.find_affected(DAYS[0], DAYS[-1]))
    windows = restating.make_windows(DAYS)

    assert (daily.done, daily.problems, windows.done, windows.problems) == (DAYS, [], DAYS, [])
    restating.index.refresh()
    assert not find_stale_days(restating.index, scores).stale
    now = hash_files(Path(earlier.warehouse.uri))
    kept = ("tables/", "rejects/", "raw/")
    assert {path: digest for path, digest in now.items() if path.startswith(kept)} == {
        path: digest for path, digest in earlier.found.items() if path.startswith(kept)
    }
    for key in (*scores.daily, *scores.windowed):
        for day in DAYS:
            with earlier.warehouse.open_parquet(earlier.warehouse.table_path(key, day)) as file:
                assert Footer.of(file).schema_version == SCHEMA_VERSION, (key, day)
    statuses = pq.read_table(Path(earlier.warehouse.uri) / earlier.warehouse.table_path(("scores", "answer"), DAYS[0]))
    assert statuses["scoring_status"].null_count == 0
    assert list(Verification(earlier.warehouse).find_problems()) == []
