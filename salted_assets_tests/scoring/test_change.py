"""The cumulative sums of change against one agent at a time in plain Python, and what an alarm must not depend on."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring import change
from salted_assets.scoring.change import DAYS_BEFORE, FEWEST_EVALUATIONS, LEVEL_DAYS, find_changes
from salted_assets.scoring.change_thresholds import (
    BETTER_THRESHOLDS,
    RATES,
    REFERENCES,
    STANDARD_ERRORS,
    WORSE_THRESHOLDS,
)
from salted_assets.scoring.stats import Floats
from salted_assets_tests.support.plain_change import State, watch

pytestmark = pytest.mark.slow

DEVIATION = 0.17


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
    expected = [watch(*pair, DEVIATION) for pair in zip(counts.tolist(), totals.tolist(), strict=True)]
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
