"""Which rows point at nothing: counted apart for the day's own and for late ones, and never an error."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_checks.outcome import CheckOutcome
from salted_assets.defs.asset_checks.references import (
    MeasuredReference,
    check_references,
    count_named,
    measure_answers,
    measure_references,
)
from salted_assets.defs.asset_keys import table_key
from salted_assets.ingest import CheckFailure, Statistics
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.references import Reference
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform
from salted_assets_tests.support.spoiled_files import spoil

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAY = date(2024, 1, 31)
NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)
EVENING_BEFORE = datetime(2024, 1, 30, 23, 30, tzinfo=UTC)
"""Yesterday in UTC, today in Prague."""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path))


def put(warehouse: Warehouse, dataset: str, *rows: dict[str, object], rows_a_group: int = 2) -> None:
    schema = arrow_schema(DATASET_MODELS[dataset])
    with warehouse.create(warehouse.table_path(("tables", dataset), DAY)) as path:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, row_group_size=rows_a_group)


def turn(pid: str, engagement: str, start: datetime | None = NOON) -> dict[str, object]:
    return {"pid": pid, "engagement_pid": engagement, "turn_time": start, "turn_time_relative_ms": 0}


def measure(warehouse: Warehouse, dataset: str, zone: str = "UTC") -> dict[str, MeasuredReference]:
    return {one.reference.column: one for one in measure_references(warehouse, dataset, DAY, zone)}


def counts(one: MeasuredReference) -> tuple[int, int, int, int, list[str]]:
    return one.count, one.alone_count, one.own_count, one.own_alone_count, one.first_keys


def test_rows_of_the_day_itself_are_counted_apart_from_late_ones(warehouse: Warehouse) -> None:
    put(warehouse, "engagement", {"pid": "e1"}, {"pid": "e2"}, {"pid": "e3"})
    put(
        warehouse,
        "turn",
        turn("t1", "e1"),
        turn("t2", "gone"),
        turn("t3", "gone", EVENING_BEFORE),
        turn("t4", "gone", None),
        turn("t5", "e3", EVENING_BEFORE),
        turn("t6", "gone too"),
    )
    assert counts(measure(warehouse, "turn")["engagement_pid"]) == (6, 4, 3, 2, ["t2", "t6"])
    assert counts(measure(warehouse, "turn", "Europe/Prague")["engagement_pid"]) == (6, 4, 5, 3, ["t2", "t3", "t6"])


def test_every_reference_of_a_review_is_measured_where_it_names_something(warehouse: Warehouse) -> None:
    put(warehouse, "engagement", {"pid": "e1"})
    put(warehouse, "turn", turn("t1", "e1"))
    put(warehouse, "agent", {"pid": "a1"}, {"pid": "a2"}, {"pid": "a3"})
    of_engagement = {"engagement_pid": "e1", "engagement_start_time": NOON}
    put(
        warehouse,
        "review",
        {"pid": "r1", "turn_pid": None, "agent_pid": "a3", **of_engagement},
        {"pid": "r2", "turn_pid": "t1", "agent_pid": None, **of_engagement},
        {"pid": "r3", "turn_pid": "t2", "agent_pid": "a4", **of_engagement},
    )
    found = measure(warehouse, "review")
    assert {column: counts(one) for column, one in found.items()} == {
        "engagement_pid": (3, 0, 3, 0, []),
        "turn_pid": (2, 1, 2, 1, ["r3"]),
        "agent_pid": (2, 1, 2, 1, ["r3"]),
    }


def test_engagements_point_at_agents_and_contacts(warehouse: Warehouse) -> None:
    put(warehouse, "agent", {"pid": "a1"})
    put(warehouse, "customer")
    put(
        warehouse,
        "engagement",
        {"pid": "e1", "start_time": NOON, "agent_pid": "a1", "contact_pid": "c1"},
        {"pid": "e2", "start_time": NOON, "agent_pid": None, "contact_pid": None},
    )
    found = measure(warehouse, "engagement")
    assert counts(found["agent_pid"]) == (1, 0, 1, 0, [])
    assert counts(found["contact_pid"]) == (1, 1, 1, 1, ["e1"])
    assert [column for column, one in found.items() if not one.reference.is_certain] == ["contact_pid"]


@pytest.mark.parametrize("content", [None, b"no table", b""])
def test_a_table_that_is_not_there_is_not_measured(warehouse: Warehouse, content: bytes | None) -> None:
    put(warehouse, "turn", turn("t1", "e1"))
    if content is not None:
        warehouse.write_bytes(warehouse.table_path(("tables", "engagement"), DAY), content)
    one = measure(warehouse, "turn")["engagement_pid"]
    assert (one.is_measured, *counts(one)) == (False, 0, 0, 0, 0, [])
    (shown,) = check_references([one]).metadata["references"].records
    assert ("is not a whole Parquet file" in str(shown.data["note"])) == (content is not None)


def test_a_table_of_spoiled_pages_is_not_measured_and_named(warehouse: Warehouse) -> None:
    put(warehouse, "turn", turn("t1", "e1"))
    put(warehouse, "engagement", {"pid": "e1", "start_time": NOON})
    path = warehouse.table_path(("tables", "engagement"), DAY)
    spoil(warehouse, path)
    one = measure(warehouse, "turn")["engagement_pid"]
    assert not one.is_measured
    assert path in one.damage


@pytest.mark.parametrize("dataset", ["agent", "customer"])
def test_agents_and_customers_point_at_nothing(warehouse: Warehouse, dataset: str) -> None:
    assert measure_references(warehouse, dataset, DAY, "UTC") == []


def test_no_rows_have_no_references(warehouse: Warehouse) -> None:
    put(warehouse, "engagement")
    put(warehouse, "turn")
    assert counts(measure(warehouse, "turn")["engagement_pid"]) == (0, 0, 0, 0, [])


def test_only_the_first_keys_are_kept(warehouse: Warehouse) -> None:
    put(warehouse, "engagement")
    put(warehouse, "turn", *(turn(f"t{number}", "gone") for number in range(25)), rows_a_group=4)
    one = measure(warehouse, "turn")["engagement_pid"]
    assert (one.own_alone_count, one.first_keys) == (25, [f"t{number}" for number in range(10)])


@pytest.mark.parametrize("answers", [(), (None,), ("a", None, "b", None, None)])
def test_what_names_something_is_counted(warehouse: Warehouse, answers: tuple[str | None, ...]) -> None:
    put(warehouse, "turn", *(turn("t", "e") | {"response_to": answer} for answer in answers))
    with warehouse.open_parquet(warehouse.table_path(("tables", "turn"), DAY)) as file:
        assert count_named(file, "response_to") == sum(answer is not None for answer in answers)


def outcome_of(
    *references: MeasuredReference, alone: int = 0, answers: int | None = None, late: int = 0
) -> CheckOutcome:
    failures = [CheckFailure("names_a_row_of_the_file", "response_to", alone, [("t1", 1)])] if alone else []
    within_file = measure_answers("turn", Statistics(check_failures=failures), answers, late)
    outcome = check_references([*references, *within_file])
    assert outcome.severity is dg.AssetCheckSeverity.WARN
    return outcome


def measured(alone: int, own_alone: int, *, is_certain: bool = True) -> MeasuredReference:
    reference = Reference("engagement_pid", "engagement", is_certain)
    return MeasuredReference(reference, True, 100, alone, 20, own_alone, ["t1"] if own_alone else [])


@pytest.mark.parametrize(
    ("reference", "passed"),
    [
        (measured(0, 0), True),
        (measured(82, 2), True),
        (measured(3, 3), False),
        (measured(80, 20, is_certain=False), True),
        (MeasuredReference(Reference("engagement_pid", "engagement"), is_measured=False), True),
    ],
)
def test_only_many_of_the_days_own_rows_are_a_warning(reference: MeasuredReference, passed: bool) -> None:
    outcome = outcome_of(reference)
    assert outcome.passed == passed
    assert ("what_to_do" in outcome.metadata) == (not passed)


@pytest.mark.parametrize(("alone", "late", "passed"), [(10, 0, True), (11, 0, False), (30, 20, True), (31, 20, False)])
def test_late_rows_may_answer_what_came_with_another_export(alone: int, late: int, passed: bool) -> None:
    outcome = outcome_of(alone=alone, answers=100, late=late)
    assert outcome.passed == passed
    assert outcome.metadata["response_to_alone"] == alone
    assert outcome.metadata["response_to_found_ratio"] == 1 - alone / 100


def test_the_numbers_can_be_plotted_and_the_table_is_short() -> None:
    shown = outcome_of(measured(30, 3), answers=0).metadata
    assert (shown["rows_alone"], shown["engagement_pid_alone"], shown["engagement_pid_found_ratio"]) == (30, 30, 0.7)
    assert "response_to_found_ratio" not in shown
    rows = [record.data for record in shown["references"].records]
    assert rows[0] == {
        "column": "engagement_pid",
        "points_at": "tables/engagement",
        "rows": 100,
        "alone": 30,
        "of_the_day_itself": "3 of 20",
        "first_keys": "t1",
        "note": "",
    }
    assert (rows[1]["column"], rows[1]["points_at"]) == ("response_to", "the same file")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("references")) as platform:
        yield platform


def records_of(platform: Platform, dataset: str, day: str) -> dict[str, dict[str, object]]:
    table = platform.evaluation(dataset, "referential", day).metadata["references"]
    assert isinstance(table, dg.TableMetadataValue)
    return {str(record.data["column"]): dict(record.data) for record in table.records}


def test_in_a_run_of_all_tables_those_that_others_point_at_come_first(platform: Platform) -> None:
    day = "2024-01-09"
    assert platform.materialize(day, 'key:"raw/export" or group:tables').success
    for dataset, columns in (
        ("engagement", {"agent_pid", "contact_pid"}),
        ("turn", {"engagement_pid", "response_to"}),
        ("review", {"engagement_pid", "turn_pid", "agent_pid"}),
    ):
        found = records_of(platform, dataset, day)
        assert set(found) == columns
        assert not any(str(record["note"]).startswith("not measured") for record in found.values())
        assert all(str(record["of_the_day_itself"]).startswith("0 of ") for record in found.values())
        assert found["engagement_pid" if dataset != "engagement" else "agent_pid"]["rows"] != 0


def test_a_table_made_alone_says_what_it_could_not_be_measured_against(platform: Platform) -> None:
    day = "2024-01-10"
    assert platform.materialize(day, 'key:"raw/export" or key:"tables/turn"').success
    record = records_of(platform, "turn", day)["engagement_pid"]
    assert record["note"] == "not measured: tables/engagement of this day is not there"
    shown = platform.evaluation("turn", "referential", day).metadata
    assert "engagement_pid_found_ratio" not in shown
    assert day in platform.check_days("turn", "referential")["SUCCEEDED"]


def test_a_short_engagement_file_is_a_warning_of_what_points_at_it(platform: Platform) -> None:
    day = "2024-01-11"
    assert platform.materialize(day, 'key:"raw/export"').success
    platform.edit_landed(day, "engagements.csv", lambda data: data[: data.index(b"\n") + 1])
    assert platform.materialize(day, "group:tables").success
    for dataset in ("turn", "review"):
        assert day in platform.check_days(dataset, "referential")["FAILED"]
        evaluation = platform.evaluation(dataset, "referential", day)
        assert evaluation.severity is dg.AssetCheckSeverity.WARN
        assert "materialize raw/export with refresh set" in str(evaluation.metadata["what_to_do"].value)
        assert evaluation.metadata["engagement_pid_found_ratio"].value == 0.0
        rows = platform.metadata(table_key(dataset), day)["dagster/partition_row_count"]
        assert evaluation.metadata["engagement_pid_alone"].value == rows
        first_keys = str(records_of(platform, dataset, day)["engagement_pid"]["first_keys"]).split(", ")
        pids = pq.read_table(platform.table(table_key(dataset), day))["pid"].to_pylist()
        assert set(first_keys) < set(pids)
