"""Windows that end on several days are made of rows that are gone through once: each is what it is alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import TypeAlias

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring import score_question_windows
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.questions import QUESTION_DAYS
from salted_assets.scoring.windows.agent_rolling import score_agent_windows
from salted_assets.scoring.windows.day_buckets import DAYS_READ
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS
from salted_assets.scoring.windows.fair_scores import NEWER_ANSWER_COLUMNS, score_fair_windows
from salted_assets.scoring.windows.team_rolling import score_team_windows
from salted_assets_tests.support.rolling_rows import (
    END,
    Engagements,
    Given,
    build_answers,
    build_daily,
    build_segments,
)

pytestmark = pytest.mark.slow

Score: TypeAlias = Callable[[pa.Table, pa.Table, Sequence[date]], Iterator[pa.Table]]

SCORES = st.sampled_from([0.0, 0.1, 1 / 3, 0.7, 1.0])
WORK = st.builds(
    Engagements,
    days_ago=st.one_of(st.integers(0, 12), st.integers(0, 200)),
    agent=st.sampled_from([f"a{index}" for index in range(9)]),
    name=st.sampled_from(["Ada", "Ann", "", None]),
    times=st.integers(1, 7),
    is_bot=st.sampled_from([False, True, None]),
    team=st.sampled_from(["North", "South", None]),
    channel=st.sampled_from(["CHAT", "EMAIL", None]),
    queue=st.sampled_from(["Sales", "Care", None]),
    handle_time=st.integers(1, 600_000),
    empathy=st.one_of(st.none(), st.floats(0, 5)),
    is_met=st.sampled_from([None, True, False]),
    evaluations=st.lists(SCORES, max_size=3).map(tuple),
)
GROUPS = st.lists(WORK, min_size=10, max_size=100)
END_DATES = st.sets(st.one_of(st.integers(0, 9), st.integers(0, 220)), min_size=1, max_size=4).map(
    lambda ages: [END - timedelta(days=age) for age in sorted(ages, reverse=True)]
)


def within(rows: pa.Table, end: date, days: int = DAYS_READ) -> pa.Table:
    """The rows of so many days that end on the day."""
    day = rows["start_date"]
    return rows.filter(pc.and_(pc.greater(day, end - timedelta(days=days)), pc.less_equal(day, end)))


def evaluated() -> list[Engagements]:
    """Eight agents who are evaluated on every second day of 200, no two alike."""
    return [
        Engagements(age, f"a{agent}", evaluations=((agent * 7 + age * 3) % 11 / 10,), empathy=(agent + age) % 7 / 2)
        for agent in range(8)
        for age in range(agent % 2, 200, 2)
    ]


def answers_of(groups: Sequence[Engagements]) -> list[Given]:
    """An answer for each evaluation, by three reviewers to two questions."""
    return [
        Given(
            score,
            f"r{(number + len(group.agent) + group.days_ago) % 3}",
            group.agent,
            f"q{number % 2}",
            f"{group.agent} {group.days_ago} {number}",
            days_ago=group.days_ago,
        )
        for number, group in enumerate(groups)
        for score in group.evaluations
    ]


@pytest.mark.parametrize("score", [score_agent_windows, score_team_windows])
@given(groups=GROUPS, end_dates=END_DATES)
@example(
    groups=[Engagements(190, name="Ada", is_bot=True), Engagements(3, name=None, is_bot=None), Engagements(3, "a1")],
    end_dates=[END - timedelta(days=100), END],
)
@hypothesis_settings(deadline=None, max_examples=6)
def test_windows_of_a_range_are_those_of_each_day_alone_to_the_last_bit(
    score: Score, groups: list[Engagements], end_dates: list[date]
) -> None:
    daily, segments = build_daily(groups), build_segments(groups)
    found = list(score(daily, segments, end_dates))
    assert len(found) == len(end_dates)
    for end, rows in zip(end_dates, found, strict=True):
        (alone,) = score(within(daily, end), within(segments, end), [end])
        assert rows.equals(alone)


@given(groups=GROUPS, end_dates=END_DATES)
@example(
    groups=[*evaluated(), Engagements(100, "a3", channel="EMAIL", evaluations=(0.0,))],
    end_dates=[END - timedelta(days=3), END],
)
@hypothesis_settings(deadline=None, max_examples=4)
def test_fair_scores_of_a_range_are_those_of_each_day_alone_to_the_last_bit(
    groups: list[Engagements], end_dates: list[date]
) -> None:
    daily, segments, answers = build_daily(groups), build_segments(groups), build_answers(answers_of(groups))
    found = list(score_fair_windows(daily, segments, answers, end_dates, RollingChoices(2, 2, 0.5)))
    for end, rows in zip(end_dates, found, strict=True):
        own = within(daily, end, 91), within(segments, end, 91), within(answers, end, CHANGE_DAYS)
        (alone,) = score_fair_windows(*own, [end], RollingChoices(2, 2, 0.5))
        assert rows.equals(alone)
    read = score_fair_windows(daily, segments, as_read(answers, end_dates[0]), end_dates, RollingChoices(2, 2, 0.5))
    assert all(rows.equals(each) for rows, each in zip(read, found, strict=True))


def as_read(answers: pa.Table, first_end: date) -> Iterator[pa.Table]:
    """The answers of each day, those before the 91 days to the first end date without the columns of these."""
    for day in sorted(set(answers["start_date"].to_pylist())):
        rows = answers.filter(pc.equal(answers["start_date"], day))
        yield rows if (first_end - day).days < max(WINDOWS) else rows.drop_columns(list(NEWER_ANSWER_COLUMNS))


@given(groups=GROUPS, end_dates=END_DATES, random=st.randoms(use_true_random=False))
@hypothesis_settings(deadline=None, max_examples=6)
def test_questions_of_a_range_are_those_of_each_day_alone_to_the_last_bit(
    groups: list[Engagements], end_dates: list[date], random: Random
) -> None:
    daily, answers = build_daily(groups), build_answers(answers_of(groups))
    reasons = pa.array([random.choice(["rude", "late", None]) for _ in range(len(answers))], pa.string())
    answers = answers.set_column(answers.column_names.index("answer_reason"), "answer_reason", reasons)
    worst = pc.equal(answers["score"], 0.0)
    answers = answers.set_column(answers.column_names.index("is_worst"), "is_worst", worst)
    days = sorted(set(answers["start_date"].to_pylist()))
    found = list(score_question_windows(answers, daily, end_dates, days))
    for end, rows in zip(end_dates, found, strict=True):
        own = within(answers, end, QUESTION_DAYS), within(daily, end, QUESTION_DAYS)
        present = sorted(set(own[0]["start_date"].to_pylist()))
        (alone,) = score_question_windows(*own, [end], present)
        assert rows.equals(alone)
        assert len(rows) > 0 or not present


@pytest.mark.parametrize("score", [score_agent_windows, score_team_windows])
@given(groups=GROUPS, end_dates=END_DATES, which=st.integers(0, 99))
@hypothesis_settings(deadline=None, max_examples=4)
def test_a_day_that_was_scored_again_changes_only_windows_that_take_it(
    score: Score, groups: list[Engagements], end_dates: list[date], which: int
) -> None:
    changed = groups[which % len(groups)]
    again = [replace(group, times=group.times + 1) if group.day == changed.day else group for group in groups]
    before, after = (score(build_daily(each), build_segments(each), end_dates) for each in (groups, again))
    for end, old, new in zip(end_dates, before, after, strict=True):
        takes_it = 0 <= (end - changed.day).days < DAYS_READ
        is_in_a_window = 0 <= (end - changed.day).days < DAYS_READ // 2
        assert old.equals(new) or takes_it
        assert not (is_in_a_window and old.equals(new))


def test_days_read_one_by_one_are_the_rows_in_memory() -> None:
    groups = [Engagements(days_ago=age, agent=f"a{age % 5}", empathy=age / 7) for age in range(0, 60, 3)]
    daily, segments = build_daily(groups), build_segments(groups)

    def by_day(rows: pa.Table) -> Iterator[pa.Table]:
        for day in sorted(set(rows["start_date"].to_pylist())):
            yield rows.filter(pc.equal(rows["start_date"], day))

    ends = [END - timedelta(days=age) for age in (9, 4, 0)]
    read = list(score_agent_windows(by_day(daily), by_day(segments), ends))
    assert [
        rows.equals(other) for rows, other in zip(read, score_agent_windows(daily, segments, ends), strict=True)
    ] == [True] * 3
    assert [len(rows) > 0 for rows in read] == [True] * 3
