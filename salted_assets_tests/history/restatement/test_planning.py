"""What is asked for when: ranges, limits, repetitions that end, and keys that tell one wish from another."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.history.restatement import Attempts, Limits, Request, StaleDay, plan_requests

FIRST = date(2024, 1, 1)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
ROOMY = Limits(days_per_run=7, max_days=28)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def wish(*numbers: int, inputs: str = "e", scores: str = "s") -> dict[date, StaleDay]:
    return {day(number): StaleDay(day(number), ("tables/review",), inputs, scores) for number in numbers}


def plan(
    wanted: dict[date, StaleDay],
    asked: dict[date, Attempts] | None = None,
    *,
    busy: Collection[int] = (),
    now: datetime = NOON,
    limits: Limits = ROOMY,
) -> tuple[list[Request], dict[date, Attempts]]:
    days = {day(number) for number in busy}
    return plan_requests("daily", wanted, asked or {}, busy=days, now=now, limits=limits)


def ranges(requests: list[Request]) -> list[tuple[int, int]]:
    return [((each.days[0] - FIRST).days, (each.days[-1] - FIRST).days) for each in requests]


@given(
    numbers=st.sets(st.integers(0, 40)),
    busy=st.sets(st.integers(0, 40)),
    per_run=st.integers(1, 9),
    at_most=st.integers(-2, 30),
)
def test_ranges_hold_exactly_the_newest_days_that_are_wanted_and_free(
    numbers: set[int], busy: set[int], per_run: int, at_most: int
) -> None:
    requests, asked = plan(wish(*numbers), busy=busy, limits=Limits(per_run, at_most))
    days = [each for request in requests for each in request.days]
    assert sorted(days) == sorted(map(day, sorted(numbers - busy, reverse=True)[: max(0, at_most)]))
    assert asked.keys() == set(days)
    for request in requests:
        assert len(request.days) <= per_run
        assert list(request.days) == [request.days[0] + timedelta(days=n) for n in range(len(request.days))]
    starts = [request.days[0] for request in requests]
    assert starts == sorted(starts, reverse=True)
    assert len({request.run_key for request in requests}) == len(requests)


def test_consecutive_days_are_one_run_up_to_its_length() -> None:
    assert ranges(plan(wish(0, 1, 2, 5, 9, 10))[0]) == [(9, 10), (5, 5), (0, 2)]
    assert ranges(plan(wish(*range(9)))[0]) == [(7, 8), (0, 6)]


def test_a_day_that_always_fails_is_asked_for_four_times_and_then_no_more() -> None:
    asked: dict[date, Attempts] = {}
    at: list[timedelta] = []
    keys = set()
    for minutes in range(0, 60 * 24 * 7, 5):
        requests, asked = plan(wish(3), asked, now=NOON + timedelta(minutes=minutes))
        at += [timedelta(minutes=minutes)] * len(requests)
        keys |= {request.run_key for request in requests}
    assert at == [
        timedelta(),
        timedelta(minutes=10),
        timedelta(hours=2, minutes=10),
        timedelta(days=1, hours=2, minutes=10),
    ]
    assert len(keys) == 4
    assert asked[day(3)].is_last


def test_newer_input_asks_again_at_once_and_counts_from_one() -> None:
    asked = {day(3): Attempts("old", 4, NOON)}
    requests, asked = plan(wish(3, inputs="new"), asked)
    assert ranges(requests) == [(3, 3)]
    assert asked == {day(3): Attempts("new", 1, NOON)}


def test_what_is_not_wanted_any_more_is_forgotten() -> None:
    assert plan(wish(1), {day(0): Attempts("e", 2, NOON), day(1): Attempts("e", 4, NOON)}) == (
        [],
        {day(1): Attempts("e", 4, NOON)},
    )


def test_a_busy_day_keeps_its_count() -> None:
    asked = {day(1): Attempts("e", 2, NOON)}
    later = NOON + timedelta(days=9)
    assert plan(wish(1), asked, busy=[1], now=later) == ([], asked)
    assert ranges(plan(wish(1), asked, now=later)[0]) == [(1, 1)]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (wish(1, 2), wish(1, 2), True),
        (wish(1, 2), wish(1, 2, inputs="newer"), False),
        (wish(1, 2), wish(1, 2, scores="put over by a slower writer"), False),
        (wish(1, 2), wish(1), False),
    ],
)
def test_a_run_key_is_the_same_for_the_same_wish_alone(
    first: dict[date, StaleDay], second: dict[date, StaleDay], is_same: bool
) -> None:
    (one,), (other,) = plan(first)[0], plan(second)[0]
    assert (one.run_key == other.run_key) == is_same
    assert one.run_key.startswith("daily 2024-01-02..")
