"""What is said of the auto reviewer's drift, out of rows of a day."""

import doctest
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.explain import auto_drift
from salted_assets.explain.auto_drift import find_drift, read_drift
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import AutoReviewerDrift
from salted_assets.warehouse import Warehouse

DAY = date(2024, 3, 20)


def row(question: str = "q1", direction: str | None = None, **more: Any) -> dict[str, Any]:
    alarm = {
        "change_direction": direction,
        "change_since": date(2024, 3, 12),
        "first_alarm_date": DAY,
        "last_alarm_date": DAY,
        "shift": 0.081 if direction == "higher" else -0.081,
    }
    blank = dict.fromkeys(arrow_schema(AutoReviewerDrift).names)
    counts = {"alarm_count": 0, "engagement_count": 0, "both_count": 0, "end_date": DAY}
    return blank | counts | {"question_pid": question} | (alarm if direction else {}) | more


def test_an_alarm_is_said_with_day_size_and_place() -> None:
    found = find_drift(
        DAY, [row("q1", "higher", question_name="Was it verified?", main_language="de", main_queue="VIP")]
    )
    assert found.sentence == (
        'Drift of the auto reviewer: since 12 March the auto reviewer scores "Was it verified?" higher beside people '
        "than before, by about 0.08 (of 1), above all in language de and queue VIP (last alarm on 20 March)."
    )


def test_an_alarm_of_a_part_is_said_where_the_question_has_none_like_it() -> None:
    german, billing = row("q1", "lower", language="de"), row("q1", "higher", queue="Billing")
    assert len(find_drift(DAY, [row("q1", "lower"), german, billing]).alarms) == 2
    (alarm,) = find_drift(DAY, [row("q1"), german]).alarms
    assert 'scores "q1" in language de lower beside people' in str(alarm)


def test_without_an_alarm_it_says_of_how_many_questions_that_is_known() -> None:
    few = row("q2", not_known_reason="only 3")
    assert find_drift(DAY, [row("q1"), few]).sentence == (
        "The auto reviewer scores beside people as before: no alarm on 1 question; of 1 more it is not known yet."
    )
    assert find_drift(DAY, [few]).sentence == 'Whether the auto reviewer drifts is not known yet: of "q2", only 3.'


def test_nothing_in_common_is_nothing_said() -> None:
    assert find_drift(DAY, []).sentence == ""


def test_many_alarms_are_counted() -> None:
    found = find_drift(DAY, [row(f"q{number}", "higher") for number in range(7)])
    assert found.sentence.endswith("; and 2 more.")
    assert found.sentence.count("since 12 March") == 5


def test_the_newest_partition_or_that_of_a_day_is_read(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    assert read_drift(warehouse).day is None
    for day, rows in ((DAY, [row("q1", "higher")]), (date(2024, 3, 21), [row("q1")])):
        path = tmp_path / warehouse.table_path(("scores", "auto_reviewer_drift"), day)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(AutoReviewerDrift)), path)
    assert (read_drift(warehouse).day, read_drift(warehouse).alarms) == (date(2024, 3, 21), [])
    assert len(read_drift(warehouse, DAY).alarms) == 1
    assert read_drift(warehouse, date(2024, 3, 19)).day is None


def test_worked_numbers_hold() -> None:
    result = doctest.testmod(auto_drift, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_the_size_is_without_a_sign(direction: str) -> None:
    (alarm,) = find_drift(DAY, [row("q1", direction)]).alarms
    assert f'"q1" {direction} beside people than before, by about 0.08' in str(alarm)
