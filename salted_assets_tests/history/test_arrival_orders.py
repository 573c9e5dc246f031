"""Whatever the order in which exports become tables, the newest rows, of which scores are made, are the same."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from salted_assets.history import HistoryReader
from salted_assets.history.affected_dates import parse_affected_dates
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import EngagementScore
from salted_assets.scoring import ScoringChoices
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support import scoring_oracle as oracle
from salted_assets_tests.support.export_scenarios import DAYS, Scenario, in_force, night_after, orders, scenarios
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, engagement, review, turn, write
from salted_assets_tests.support.scoring_runs import listed, score_rows

pytestmark = pytest.mark.slow

NEXT = DAY + timedelta(days=1)
COLUMNS = {name: arrow_schema(DATASET_MODELS[name]).names for name in ("engagement", "turn", "review", "agent")}


@pytest.fixture(autouse=True, scope="module")
def _files_are_not_flushed() -> Iterator[None]:
    """Hundreds of small files are written here, and none has to outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salted_assets.warehouse.folder._flush", lambda _: None)
        yield


def materialize(warehouse: Warehouse, exports: Iterable[oracle.Export]) -> None:
    for day, requested_at, tables in exports:
        for dataset in COLUMNS:
            write(warehouse, dataset, day, requested_at, tables.get(dataset, []))


def read(warehouse: Warehouse, day: date) -> dict[str, list[Row]]:
    """The newest rows of the day, in order of their ids."""
    reader = HistoryReader(warehouse, "UTC")
    found = {dataset: reader.newest(dataset, day, names).to_pylist() for dataset, names in COLUMNS.items()}
    return {dataset: sorted(rows, key=lambda row: str(row["pid"])) for dataset, rows in found.items()}


def scores_of(rows: dict[str, list[Row]], day: date) -> list[Row]:
    ordered = (rows["engagement"], rows["turn"], rows["review"], rows["agent"])
    return listed(score_rows(ordered, ScoringChoices(), day).engagements, EngagementScore)


def expected_rows(exports: list[oracle.Export], day: date) -> dict[str, list[Row]]:
    """The newest rows in plain Python, in order of their ids."""
    agents = [agent()] if day in {export[0] for export in exports} else []
    newest = {name: oracle.newest_of_day(exports, name, day, "UTC") for name in ("engagement", "turn", "review")}
    return {name: [rows[pid] for pid in sorted(rows)] for name, rows in newest.items()} | {"agent": agents}


@settings(max_examples=8, deadline=None)
@given(scenario=scenarios(), ordered=orders())
def test_tables_in_any_order_and_twice_give_the_rows_of_one_ordered_pass(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario, ordered: list[tuple[date, datetime]]
) -> None:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("lake")))
    materialize(warehouse, (scenario.export(day, requested_at) for day, requested_at in ordered))
    for day in DAYS:
        assert read(warehouse, day) == expected_rows(in_force(scenario, ordered), day), day


@settings(max_examples=20, deadline=None)
@given(scenario=scenarios(), ordered=orders())
def test_what_a_day_is_made_of_changes_only_by_a_table_that_says_so(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario, ordered: list[tuple[date, datetime]]
) -> None:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("lake")))
    seen = {day: expected_rows([], day) for day in DAYS}
    for count, (day, requested_at) in enumerate(ordered, start=1):
        before = affected_dates_of(warehouse, day)
        materialize(warehouse, [scenario.export(day, requested_at)])
        asked = before | affected_dates_of(warehouse, day) | {day}
        for start_day in DAYS:
            rows = expected_rows(in_force(scenario, ordered[:count]), start_day)
            assert start_day in asked or rows == seen[start_day], start_day
            seen[start_day] = rows


def affected_dates_of(warehouse: Warehouse, day: date) -> set[date]:
    """The days that the partitions of the day say they touch."""
    found: set[date] = set()
    for dataset in ("engagement", "turn", "review"):
        path = Path(warehouse.uri) / warehouse.table_path(("tables", dataset), day)
        if path.exists():
            note = pq.read_metadata(path).metadata[b"salted.touches"].decode()
            found |= parse_affected_dates(note, "UTC") or set(DAYS)
    return found


def scored(warehouse: Warehouse, day: date = DAY) -> Row:
    (row,) = scores_of(read(warehouse, day), day)
    return row


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path))


@pytest.fixture
def later(warehouse: Warehouse) -> Any:
    """Writes a day with one engagement and what belongs to it; then, by calling it, a later export's rows."""
    rows = {"engagement": [engagement(empathy=2.0)], "turn": [turn()], "review": [review(), review("r2", type="Auto")]}
    materialize(warehouse, [(DAY, night_after(DAY), rows)])
    week_later = DAY + timedelta(days=7)
    return lambda **tables: materialize(warehouse, [(week_later, night_after(week_later), tables)])


def test_a_review_that_is_deleted_later_does_not_count(warehouse: Warehouse, later: Any) -> None:
    assert scored(warehouse)["answer_reviewer_count"] == 1
    later(review=[review(status="Deleted")])
    assert (scored(warehouse)["answer_reviewer_count"], scored(warehouse)["answer_auto_count"]) == (0, 1)


def test_a_survey_that_comes_days_later_counts_on_the_day_of_its_engagement(warehouse: Warehouse, later: Any) -> None:
    assert scored(warehouse)["evaluation_customer_count"] == 0
    later(review=[review("r3", type="Customer", answer_score=10.0)])
    assert scored(warehouse)["evaluation_customer_mean"] == 1.0


def test_a_review_that_is_verified_incorrect_later_is_dropped(warehouse: Warehouse, later: Any) -> None:
    assert scored(warehouse)["answer_auto_mean"] == 0.5
    later(review=[review("r2", type="Auto", verified="Incorrect")])
    assert (scored(warehouse)["answer_auto_count"], scored(warehouse)["answer_auto_incorrect_count"]) == (0, 1)


def test_an_ai_score_that_is_corrected_later_replaces_the_old_one(warehouse: Warehouse, later: Any) -> None:
    assert scored(warehouse)["empathy"] == 2.0
    later(engagement=[engagement(empathy=4.0)])
    assert scored(warehouse)["empathy"] == 4.0


def test_an_engagement_that_is_completed_later_counts_then(warehouse: Warehouse) -> None:
    materialize(warehouse, [(DAY, night_after(DAY), {"engagement": [engagement(status="In Progress")]})])
    assert scores_of(read(warehouse, DAY), DAY) == []
    materialize(warehouse, [(NEXT, night_after(NEXT), {"engagement": [engagement(status="Completed")]})])
    assert scored(warehouse)["engagement_pid"] == "e1"
