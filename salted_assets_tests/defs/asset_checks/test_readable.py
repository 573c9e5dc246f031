"""How many values that a score reads were refused, reserved or impossible: on the score's day, and in one line."""

import csv
import io
from collections.abc import Iterator

import dagster as dg
import pyarrow as pa
import pytest

from salted_assets.defs.asset_checks.failing import list_failing_checks
from salted_assets.defs.asset_checks.readable import READABLE_CHECK, UnreadableValues, find_unreadable
from salted_assets.defs.asset_keys import score_key
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

CLEAN, DAMAGED = "2024-01-09", "2024-01-10"
RAW_AND_TABLES = 'key:"raw/export" or group:tables'


def with_cells(data: bytes, started: str, column: str, *texts: str) -> bytes:
    """The file with other texts in a column of the first rows of agents that are of the damaged day."""
    rows, coming = list(csv.DictReader(io.StringIO(data.decode(), newline=""))), list(texts)
    for row in rows:
        is_counted = row["type"].upper() == "AGENT" or "engagement_pid" in row
        if coming and row[started].startswith(DAMAGED) and is_counted:
            row[column] = coming.pop(0)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A clean day, and one with a refused, a reserved and an impossible duration, a refused end and answer score."""
    with running_platform(tmp_path_factory.mktemp("readable")) as platform:
        assert platform.materialize_range(CLEAN, DAMAGED, 'key:"raw/export"').success
        durations = ("start_time", "engagement_time", "1h", "-2147483648", "-5")
        platform.edit_landed(DAMAGED, "engagements.csv", lambda data: with_cells(data, *durations))
        end = ("start_time", "end_time", "late")
        platform.edit_landed(DAMAGED, "engagements.csv", lambda data: with_cells(data, *end))
        points = ("engagement_start_time", "answer_score", "good")
        platform.edit_landed(DAMAGED, "reviews.csv", lambda data: with_cells(data, *points))
        assert platform.materialize_range(CLEAN, DAMAGED, "group:tables").success
        yield platform


@pytest.mark.parametrize("ranged", [True, False])
def test_a_score_says_how_many_values_it_could_not_use(platform: Platform, ranged: bool) -> None:
    if ranged:
        runs = [platform.materialize_range(CLEAN, DAMAGED, "group:scores")]
    else:
        runs = [platform.materialize(day, "group:scores") for day in (CLEAN, DAMAGED)]
    assert all(run.success for run in runs)
    for name in ("engagement", "answer"):
        assert platform.evaluation_of(score_key(name), READABLE_CHECK, CLEAN).passed
        evaluation = platform.evaluation_of(score_key(name), READABLE_CHECK, DAMAGED)
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert "rejects/<dataset>" in str(evaluation.metadata["what_to_do"].value)
    found = list_failing_checks(platform.instance, [run.run_id for run in runs])
    counted = "values refused, reserved or impossible"
    assert [str(each) for each in found] == [
        f"{DAMAGED} scores/answer readable: 2 {counted}: engagement end_time 1, review answer_score 1",
        f"{DAMAGED} scores/engagement readable: 3 {counted}: engagement engagement_time 3",
    ]
    shown = platform.metadata(score_key("engagement"), DAMAGED)
    clean = platform.metadata(score_key("engagement"), CLEAN)
    assert shown["handle_time_missing_count"] >= 3
    assert (shown["answer_unreadable_count"], clean["answer_unreadable_count"]) == (1, 0)


@pytest.fixture
def rows() -> pa.Table:
    return pa.table(
        {
            "pid": ["a", "b", "c", "d"],
            "cost": pa.array([None, 1.0, None, None]),
            "refused_columns": pa.array([["cost", "other"], None, ["cost"], []], pa.list_(pa.string())),
        }
    )


def test_values_are_counted_by_column_with_the_first_keys_and_of_columns_that_are_read_alone(rows: pa.Table) -> None:
    assert find_unreadable({"engagement": rows}) == [UnreadableValues("engagement", "cost", 2, ["a", "c"])]
    without_keys = pa.concat_tables([rows, rows]).drop_columns(["pid"])
    assert find_unreadable({"turn": without_keys}) == [UnreadableValues("turn", "cost", 4, [])]


def test_rows_of_before_there_was_the_column_have_none(rows: pa.Table) -> None:
    older = rows.set_column(2, "refused_columns", pa.nulls(4, pa.list_(pa.string())))
    assert find_unreadable({"turn": None, "agent": rows.drop_columns(["refused_columns"]), "review": older}) == []
    assert find_unreadable({"review": rows.slice(0, 0)}) == []
