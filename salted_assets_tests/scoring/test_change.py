"""The cumulative sums of change against one agent at a time in plain Python, and what an alarm must not depend on."""

import doctest
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring import change
from salted_assets.scoring.change import DAYS_BEFORE, FEWEST_EVALUATIONS, GAP_DAYS, LEVEL_DAYS, find_changes
from salted_assets.scoring.change_thresholds import (
    BETTER_THRESHOLDS,
    RATES,
    REFERENCES,
    STANDARD_ERRORS,
    WORSE_THRESHOLDS,
)
from salted_assets.scoring.stats import Floats

pytestmark = pytest.mark.slow

DEVIATION = 0.17


@dataclass(frozen=True)
class State:
    """What is said of one agent."""

    direction: int
    since: int
    statistic: float
    alarms: int


def threshold(reference: float, rate: float, error: float, *, is_better: bool) -> float:
    """Between the cases that were simulated, one axis after the other."""

    def place(grid: tuple[float, ...], value: float) -> tuple[int, float]:
        value = min(max(value, grid[0]), grid[-1])
        below = max(index for index in range(len(grid) - 1) if grid[index] <= value)
        return below, (value - grid[below]) / (grid[below + 1] - grid[below])

    first, share = place(REFERENCES, reference)
    second, rate_share = place(tuple(map(math.log, RATES)), math.log(max(rate, RATES[0])))
    third, error_share = place(STANDARD_ERRORS, error)
    total, table = 0.0, BETTER_THRESHOLDS if is_better else WORSE_THRESHOLDS
    for i, j, k in np.ndindex(2, 2, 2):
        weight = (share if i else 1 - share) * (rate_share if j else 1 - rate_share)
        total += weight * (error_share if k else 1 - error_share) * table[first + i][second + j][third + k]
    return total


def watch(counts: list[float], totals: list[float]) -> State:
    """One agent, day by day."""
    reference = 0.05 / DEVIATION
    days = len(counts)
    first = next((day for day in range(days) if counts[day]), days)
    level = up_limit = down_limit = math.nan
    up = down = 0.0
    up_since = down_since = -1
    direction, since, alarms = 0, -1, 0
    must_begin = True
    for day in range(DAYS_BEFORE, days):
        if must_begin or math.isnan(level):
            span = range(day - DAYS_BEFORE, day - GAP_DAYS)
            number = sum(counts[each] for each in span)
            level = sum(totals[each] for each in span) / number if number >= FEWEST_EVALUATIONS else math.nan
            if not math.isnan(level):
                seen = min(max(day - GAP_DAYS - max(first, day - DAYS_BEFORE), GAP_DAYS), LEVEL_DAYS)
                case = reference, number / seen, 1 / math.sqrt(number)
                up_limit, down_limit = (threshold(*case, is_better=is_better) for is_better in (True, False))
            up, down, up_since, down_since = 0.0, 0.0, day, day
            must_begin = False
        if math.isnan(level):
            continue
        deviation = (totals[day] - counts[day] * level) / DEVIATION
        up = max(0.0, up + deviation - counts[day] * reference)
        down = max(0.0, down - deviation - counts[day] * reference)
        up_since = day + 1 if up == 0 else up_since
        down_since = day + 1 if down == 0 else down_since
        if up >= up_limit or down >= down_limit:
            found, begun = (1, up_since) if up / up_limit >= down / down_limit else (-1, down_since)
            since = since if found == direction else begun
            direction, alarms, must_begin = found, alarms + 1, True
    up, down = up / up_limit, down / down_limit
    return State(direction, since, math.nan if math.isnan(level) else up if up >= down else -down, alarms)


def states(counts: Floats, totals: Floats) -> list[State]:
    found = find_changes(counts, totals, DEVIATION)
    parts = (found.direction, found.since, found.statistic, found.alarm_count)
    return [State(*row) for row in zip(*(part.tolist() for part in parts), strict=True)]


def is_same(found: State, expected: State) -> bool:
    same = (found.direction, found.since, found.alarms) == (expected.direction, expected.since, expected.alarms)
    return same and found.statistic == pytest.approx(expected.statistic, nan_ok=True, abs=1e-9)


def simulate(seed: int, agents: int, days: int, rate: float) -> tuple[Floats, Floats]:
    """Agents of whom some change in the quarter and some come late."""
    random = np.random.default_rng(seed)
    counts = random.poisson(rate, (agents, DAYS_BEFORE + days)).astype(float)
    late = random.integers(0, DAYS_BEFORE, agents) * (random.random(agents) < 0.4)
    counts[np.arange(counts.shape[1]) < late[:, None]] = 0
    level = 0.75 + random.choice([-0.3, 0, 0.3], agents)[:, None] * (
        np.arange(counts.shape[1]) >= random.integers(DAYS_BEFORE, DAYS_BEFORE + days + 1, agents)[:, None]
    )
    return counts, counts * level + random.normal(0, 0.17, counts.shape) * np.sqrt(counts)


@given(seed=st.integers(0, 10**6), days=st.integers(1, 92), rate=st.sampled_from([0.05, 0.4, 1.0, 4.0]))
def test_every_agent_is_what_a_count_of_their_own_days_says(seed: int, days: int, rate: float) -> None:
    counts, totals = simulate(seed, 6, days, rate)
    found = states(counts, totals)
    expected = [watch(*pair) for pair in zip(counts.tolist(), totals.tolist(), strict=True)]
    assert all(map(is_same, found, expected)), (found, expected)


def test_an_alarm_stays_when_days_are_added() -> None:
    counts, totals = simulate(7, 40, 92, 1.0)
    given_before = np.zeros(40, bool)
    alarms_before = np.zeros(40, int)
    for end in range(DAYS_BEFORE + 1, counts.shape[1] + 1):
        found = find_changes(counts[:, :end], totals[:, :end], DEVIATION)
        assert (found.alarm_count >= alarms_before).all()
        assert (found.direction[given_before] != 0).all()
        given_before, alarms_before = found.direction != 0, found.alarm_count
    assert 5 < given_before.sum() < 40


def test_other_agents_and_their_order_change_nothing() -> None:
    counts, totals = simulate(3, 20, 60, 1.0)
    order = np.random.default_rng(1).permutation(20)
    both, shuffled, alone = (states(counts[rows], totals[rows]) for rows in (np.arange(20), order, np.arange(5)))
    assert all(is_same(found, both[agent]) for found, agent in zip(shuffled, order, strict=True))
    assert all(map(is_same, alone, both[:5]))


def test_rows_that_come_late_are_held_against_the_level_of_before() -> None:
    counts, totals = np.ones((1, DAYS_BEFORE + 20)), np.full((1, DAYS_BEFORE + 20), 0.75)
    late_counts, late_totals = counts.copy(), totals.copy()
    late_counts[0, -30:-20], late_totals[0, -30:-20] = 5, 0.0
    assert states(late_counts, late_totals) == states(counts, totals)


def test_a_fall_is_found_and_dated() -> None:
    random = np.random.default_rng(11)
    counts = np.ones((200, DAYS_BEFORE + 60))
    totals = 0.75 + random.normal(0, DEVIATION, counts.shape)
    totals[:, DAYS_BEFORE + 20 :] -= 0.15
    found = find_changes(counts, totals, DEVIATION)
    is_found = found.direction < 0
    assert is_found.mean() > 0.9
    assert abs(np.median(found.since[is_found]) - DAYS_BEFORE - 20) <= 3


def test_few_evaluations_have_no_level_and_nothing_is_said() -> None:
    counts = np.zeros((1, DAYS_BEFORE + 10))
    counts[0, : FEWEST_EVALUATIONS - 1] = 1
    counts[0, -5:] = 1
    assert is_same(states(counts, counts * 0.2)[0], State(0, -1, math.nan, 0))


def test_agents_who_never_change_have_about_one_alarm_a_year() -> None:
    random = np.random.default_rng(21)
    for rate in (0.4, 1.0):
        counts = random.poisson(rate, (3_000, DAYS_BEFORE + LEVEL_DAYS)).astype(float)
        totals = counts * 0.75 + random.normal(0, DEVIATION, counts.shape) * np.sqrt(counts)
        found = find_changes(counts, totals, DEVIATION)
        falls = found.alarm_count[found.direction < 0].sum()
        years = 3_000 * LEVEL_DAYS / 365
        assert 0.8 <= falls / years <= 1.2, rate
        assert 0.8 <= found.alarm_count.sum() / years <= 1.4, rate


def test_the_tables_have_a_threshold_for_each_case_and_ask_more_of_unsure_levels() -> None:
    tables = np.array([BETTER_THRESHOLDS, WORSE_THRESHOLDS])
    assert tables.shape == (2, len(REFERENCES), len(RATES), len(STANDARD_ERRORS))
    assert (np.diff(tables, axis=3) > -0.1).all()
    assert (np.diff(tables, axis=2) > -0.1).all()
    assert (tables[0] > tables[1]).all()


def test_worked_numbers_hold() -> None:
    result = doctest.testmod(change)
    assert result.attempted > 0
    assert result.failed == 0
