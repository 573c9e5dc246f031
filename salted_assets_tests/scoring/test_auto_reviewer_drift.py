"""Drift of the auto reviewer against plain Python, and what an alarm must not depend on."""

import doctest
import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.docs.pages import render_scores
from salted_assets.schemas.scores import AutoReviewerDrift
from salted_assets.scoring import auto_differences
from salted_assets.scoring.auto_reviewer_drift import DRIFT_DAYS, watch_auto_reviewer
from salted_assets.scoring.change import look_up_thresholds
from salted_assets_tests.support.drifting_auto import Rows, answer, build_table, draw_answers, expect_states

FIRST, SINCE, LAST = date(2024, 3, 4), date(2024, 7, 20), date(2024, 9, 10)
DAYS = (LAST - FIRST).days + 1


def look(rows: Rows, *ends: date, **more: Any) -> list[pa.Table]:
    return list(watch_auto_reviewer([build_table(rows)], list(ends), **more))


def row_of(table: pa.Table, question: str, language: str | None = None, queue: str | None = None) -> dict[str, Any]:
    row: dict[str, Any]
    (row,) = (
        row
        for row in table.to_pylist()
        if (row["question_pid"], row["language"], row["queue"]) == (question, language, queue)
    )
    return row


@pytest.mark.parametrize(
    ("seed", "rate", "shift", "end"),
    [(1, 1.5, 0.25, LAST), (2, 1.5, 0.0, date(2024, 7, 1)), (3, 0.35, -0.4, LAST), (4, 8.0, 0.1, date(2024, 8, 3))],
)
def test_every_row_is_what_a_count_of_single_answers_says(seed: int, rate: float, shift: float, end: date) -> None:
    rows = draw_answers(seed, FIRST, DAYS, rate=rate, shift=shift, since=SINCE)
    (found,) = look([row for row in rows if row["start_date"] <= end], end)
    expected = expect_states(rows, end)
    first = date(2024, 7, 1) - timedelta(days=119)
    assert found.schema == arrow_schema(AutoReviewerDrift)
    assert {(row["question_pid"], row["language"], row["queue"]) for row in found.to_pylist()} == set(expected)
    for row in found.to_pylist():
        state, deviation = expected[row["question_pid"], row["language"], row["queue"]]
        direction = {None: 0, "higher": 1, "lower": -1}[row["change_direction"]]
        since = (row["change_since"] - first).days if direction else -1
        assert (direction, since, row["alarm_count"]) == (state.direction, state.since, state.alarms), row
        statistic = math.nan if row["change_statistic"] is None else row["change_statistic"]
        assert statistic == pytest.approx(state.statistic, nan_ok=True, abs=1e-9), row
        assert row["standard_deviation"] is None or row["standard_deviation"] == pytest.approx(deviation)


def test_a_question_that_comes_later_is_watched_as_soon_as_it_has_a_level() -> None:
    first = date(2024, 6, 1)
    rows = draw_answers(11, first, (LAST - first).days + 1, shift=0.3, since=date(2024, 8, 1))
    early, found = look(rows, date(2024, 7, 2), LAST)
    state, deviation = expect_states(rows, LAST)["q1", None, None]
    row = row_of(found, "q1")
    assert row_of(early, "q1")["change_statistic"] is None
    assert (row["alarm_count"], row["change_direction"]) == (state.alarms, "higher")
    assert row["standard_deviation"] == pytest.approx(deviation)


def test_a_single_language_or_queue_has_no_row_of_its_own() -> None:
    rows = [row | {"language": "de"} for row in draw_answers(13, FIRST, 60)]
    (found,) = look(rows, FIRST + timedelta(days=60))
    assert set(found["language"].to_pylist()) == {None}
    assert set(found["queue"].to_pylist()) == {None, "Billing", "Returns"}


def test_a_drift_is_found_dated_and_measured() -> None:
    rows = draw_answers(5, FIRST, DAYS, rate=3, shift=0.2, since=SINCE)
    (found,) = look(rows, LAST)
    row = row_of(found, "q1")
    assert (row["change_direction"], row_of(found, "q2")["change_direction"]) == ("higher", None)
    assert abs((row["change_since"] - SINCE).days) <= 4
    assert SINCE < row["first_alarm_date"] <= SINCE + timedelta(days=14)
    assert row["shift"] == pytest.approx(0.2, abs=0.04)
    assert row["shift"] == pytest.approx(row["auto_less_people_mean"] - row["level_mean"])
    assert (row["main_language"], row["main_queue"]) == (None, None)


def test_a_drift_of_one_language_is_located_there() -> None:
    rows = draw_answers(6, FIRST, DAYS, rate=4, shift=0.3, since=SINCE, language="de")
    (found,) = look(rows, LAST)
    assert row_of(found, "q1")["main_language"] == "de"
    assert [row_of(found, "q1", language)["change_direction"] for language in ("cs", "de", "en")] == [
        None,
        "higher",
        None,
    ]
    assert row_of(found, "q1", "de")["false_alarms_a_year"] == pytest.approx(0.5 / 3)


def test_an_alarm_stays_when_days_are_added_and_a_range_has_what_each_day_has() -> None:
    rows = draw_answers(7, FIRST, DAYS, rate=1.5, shift=0.2, since=SINCE)
    ends = [date(2024, 6, 28), *(SINCE + timedelta(days=ahead) for ahead in range(-14, 45, 11))]
    shared = look(rows, *ends)
    given: dict[tuple[Any, ...], int] = {}
    for end, table in zip(ends, shared, strict=True):
        (alone,) = look([row for row in rows if row["start_date"] <= end], end)
        assert table.equals(alone), end
        for row in table.to_pylist() if end >= date(2024, 7, 1) else []:
            key = row["question_pid"], row["language"], row["queue"]
            assert row["alarm_count"] >= given.get(key, 0)
            assert (row["change_direction"] is None) == (row["alarm_count"] == 0)
            given[key] = row["alarm_count"]
    assert sum(given.values()) > 2


def test_answers_of_days_before_those_that_a_day_reads_change_no_bit() -> None:
    """A range reads them all at once; a day that is scored again alone must come out as it was."""
    late = date(2024, 8, 20)
    rows = draw_answers(8, FIRST - timedelta(days=60), (late - FIRST).days + 61, rate=4)
    # somebody who answers in the days before alone puts all who come later in another place
    rows = [
        row | {"reviewer_pid": "r9"} if row["start_date"] < FIRST and row["reviewer_pid"] == "r0" else row
        for row in rows
    ]
    read = [row for row in rows if 0 <= (late - row["start_date"]).days < DRIFT_DAYS]
    assert len(read) < len(rows)
    assert look(rows, late)[0].equals(look(read, late)[0])


def test_other_questions_the_order_of_rows_and_earlier_days_change_nothing() -> None:
    rows = draw_answers(8, FIRST - timedelta(days=30), DAYS + 30, shift=0.2, since=SINCE)
    both = look(rows, LAST)[0]
    alone = look([row for row in rows if row["question_pid"] == "q1"], LAST)[0]
    assert alone.equals(both.slice(0, alone.num_rows))
    for row, turned in zip(both.to_pylist(), look(rows[::-1], LAST)[0].to_pylist(), strict=True):
        assert {name: pytest.approx(each) if isinstance(each, float) else each for name, each in row.items()} == turned
    read = [row for row in rows if row["start_date"] > LAST - timedelta(days=DRIFT_DAYS)]
    assert len(read) < len(rows)
    assert look(read, LAST)[0].equals(both)


def unlike_before(**more: Any) -> Rows:
    """Answers after the change that are off by much, but do not count."""
    return [
        answer(SINCE + timedelta(days=ahead), f"other-{ahead}", "q1", 0.0, 1.0, **more) for ahead in range(0, 40, 2)
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"is_random_or_all": False},
        {"target": "agent turn"},
        {"is_scored": False},
        {"source": "auto"},
        {"auto_score": None},
        {"question_pid": None},
    ],
)
def test_what_does_not_count_changes_nothing(more: dict[str, Any]) -> None:
    rows = draw_answers(9, FIRST, DAYS)
    assert look(rows + unlike_before(**more), LAST)[0].equals(look(rows, LAST)[0])
    assert not look(rows + unlike_before(), LAST)[0].equals(look(rows, LAST)[0])


def test_answers_to_a_drawn_engagement_all_count() -> None:
    pair = [answer(LAST, "e1", "q1", 0.5, 0.7), answer(LAST, "e1", "q1", 0.1, 0.7, is_random_or_all=False)]
    (found,) = look(pair, LAST)
    assert row_of(found, "q1")["auto_less_people_mean"] == pytest.approx(0.4)
    assert row_of(found, "q1")["engagement_count"] == 1


def test_questions_that_are_answered_only_where_something_is_found_are_left_out() -> None:
    rows = draw_answers(10, FIRST, 20)
    (found,) = look(rows, FIRST + timedelta(days=20), found_only=["q2"])
    assert set(found["question_pid"].to_pylist()) == {"q1"}


def test_too_few_engagements_have_no_level_and_the_reason_has_their_number() -> None:
    rows = [answer(date(2024, 4, 1) + timedelta(days=day), f"e{day}", "q1", 0.5, 0.6) for day in range(19)]
    rows.append(answer(LAST, "now", "q1", 0.0, 1.0))
    (found,) = look(rows, LAST)
    row = row_of(found, "q1")
    assert (row["change_direction"], row["change_statistic"], row["level_mean"]) == (None, None, None)
    assert "about 19 drawn engagements from 2024-05-14" not in row["not_known_reason"]
    (early,) = look(rows, date(2024, 7, 1))
    assert "about 19 drawn engagements from 2024-03-04 to 2024-06-02" in row_of(early, "q1")["not_known_reason"]


def test_no_question_in_common_gives_no_row() -> None:
    assert [table.num_rows for table in look([], LAST, LAST + timedelta(days=1))] == [0, 0]


def test_a_reviewer_who_leaves_is_no_drift() -> None:
    """Half of the answers are by one who gives 0.3 more; then the other one is alone."""

    def reviewers(is_both: bool, number: int) -> tuple[str, float]:
        return ("generous", 0.3) if is_both and number % 2 else ("usual", 0.0)

    rows: Rows = []
    for ahead in range(DAYS):
        day = FIRST + timedelta(days=ahead)
        for number in range(4):
            who, more = reviewers(day < SINCE, number)
            noise = 0.1 * math.sin(37 * ahead + 11 * number)
            rows.append(answer(day, f"{day}-{number}", "q1", 0.5 + more + noise, 0.5, reviewer=who))
    (found,) = look(rows, LAST)
    assert row_of(found, "q1")["alarm_count"] == 0


def test_worked_numbers_hold() -> None:
    found: Sequence[int] = doctest.testmod(auto_differences)
    assert found[1] > 0
    assert found[0] == 0


def test_the_worked_example_of_the_page_holds() -> None:
    """Every figure of it once more, from its own rows."""
    page = " ".join(render_scores().split())
    example = page[page.index("In the 91 days 60 engagements") : page.index("**Limits.** It says that the two")]
    apart = 0.16 * math.sqrt(59 / 60)
    before = [date(2023, 9, 4) + timedelta(days=number) for number in range(60)]
    rows = [answer(day, f"before-{day}", "q1", 0.5, 0.52 + apart * (-1) ** day.toordinal()) for day in before]
    later = [date(2024, 3, 12) + timedelta(days=number) for number in range(10)]
    rows += [answer(day, f"{day}-{number}", "q1", 0.5, 0.67) for day in later for number in range(2)]
    found = [row_of(table, "q1") for table in look(rows, *later)]
    row = next(row for row in found if row["change_direction"])
    deviation = 0.16 * (1 + 1 / math.sqrt(2 * 59))
    reference, error = 0.05 / deviation, 1 / math.sqrt(60)
    threshold = float(look_up_thresholds(reference, np.array([60 / 91]), np.array([error]), 0.5)[0, 0])
    added = 2 * (0.15 / deviation - reference)
    days = math.ceil(threshold / added)
    assert (row["level_mean"], row["shift"]) == (pytest.approx(0.02), pytest.approx(0.15))
    assert row["standard_deviation"] == pytest.approx(deviation)
    assert row["change_statistic"] == pytest.approx(days * added / threshold)
    assert (days, row["change_since"], row["first_alarm_date"]) == (7, later[0], later[6])
    for figure in (
        f"= {deviation:.3f}.",
        f"k = 0.05 / {deviation:.3f} = {reference:.3f}",
        f"60 / 91 = {60 / 91:.2f}",
        f"1 / sqrt(60) = {error:.3f}",
        f"the threshold is {threshold:.2f}",
        f"2 x (0.15 / {deviation:.3f} - {reference:.3f}) = {added:.3f} to S",
        f"which is {days * added:.2f} on the seventh day: an alarm on 18 March, since 12 March, by 0.15",
    ):
        assert figure in example, figure
