"""Intervals against scipy on the same numbers, and what they say where the data say nothing."""

import doctest
import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from salted_assets.scoring.stats import (
    Interval,
    count_needed,
    geometric_mean_interval,
    mean_interval,
    pooled_variance,
    sample_variance,
    wilson_interval,
)

VALUES = st.lists(st.floats(-100, 100).map(lambda value: round(value, 3)), min_size=2, max_size=12)
CONFIDENCE = st.sampled_from([0.8, 0.95, 0.998])


def sums(values: list[float]) -> tuple[int, float, float]:
    return len(values), sum(values), sum(value * value for value in values)


def as_tuple(interval: Interval) -> tuple[float, float, float]:
    return float(interval.value), float(interval.low), float(interval.high)


@pytest.mark.parametrize(
    "module",
    ["samples", "intervals", "dependence", "shrinkage", "ranks", "agreement"],
)
def test_worked_numbers_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"salted_assets.scoring.stats.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


@given(values=VALUES, confidence=CONFIDENCE)
def test_a_mean_has_the_t_interval_of_scipy(values: list[float], confidence: float) -> None:
    value, low, high = as_tuple(mean_interval(*sums(values), confidence))
    assert value == pytest.approx(np.mean(values))
    if len(set(values)) == 1:
        assert np.isnan([low, high]).all()
        return
    expected = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
    assert (low, high) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(values=st.lists(st.floats(1, 1e7), min_size=2, max_size=12, unique=True))
def test_a_geometric_mean_has_the_t_interval_of_its_logarithms(values: list[float]) -> None:
    logs = [float(np.log(value)) for value in values]
    value, low, high = as_tuple(geometric_mean_interval(*sums(logs)))
    assert value == pytest.approx(stats.gmean(values))
    if np.var(logs) > 1e-6:
        expected = np.exp(stats.t.interval(0.95, len(logs) - 1, np.mean(logs), stats.sem(logs)))
        assert (low, high) == pytest.approx(tuple(expected), rel=1e-4)


@given(spread=st.floats(0.001, 3), half_width=st.sampled_from([0.02, 0.05, 0.3]))
def test_the_count_needed_is_the_first_that_is_narrow_enough(spread: float, half_width: float) -> None:
    def half(count: int) -> float:
        return float(stats.t.ppf(0.975, count - 1) * spread / np.sqrt(count))

    count = int(count_needed(spread, half_width))
    assert half(count) <= half_width
    assert count == 2 or half(count - 1) > half_width


def test_the_count_needed_is_unknown_infinite_or_two_where_the_spread_is() -> None:
    np.testing.assert_array_equal(count_needed([np.nan, 1e9, np.inf, 0.0]), [np.nan, np.inf, np.inf, 2])


@pytest.mark.parametrize("interval", [mean_interval, geometric_mean_interval])
def test_too_few_or_equal_values_give_no_limits(interval: type) -> None:
    value, low, high = interval([0, 1, 3], [0.0, 2.0, 0.3], [0.0, 4.0, 0.03])
    assert np.isnan(value).tolist() == [True, False, False]
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_a_share_of_nothing_is_unknown() -> None:
    assert np.isnan(as_tuple(wilson_interval(0, 0))).all()


def test_rounding_is_not_taken_for_spread() -> None:
    assert float(sample_variance(*sums([0.1] * 10))) == 0


def test_the_pooled_variance_is_the_within_mean_square_of_an_analysis_of_variance() -> None:
    people = [[1.0, 2.0, 4.0], [5.0], [0.0, 1.0]]
    totals = np.array([sums(values) for values in people])
    variance, freedom = pooled_variance(totals[:, 0], totals[:, 1], totals[:, 2], np.array([0, 0, 1]))
    assert variance == pytest.approx([np.var(people[0], ddof=1)] * 2 + [0.5])
    assert freedom.tolist() == [2, 2, 1]


def test_intervals_cover_as_often_as_they_say() -> None:
    random = np.random.default_rng(11)
    values = random.lognormal(11, 0.5, (4000, 8))
    logs = np.log(values)
    interval = geometric_mean_interval(8, logs.sum(axis=1), (logs**2).sum(axis=1))
    covered = np.mean((interval.low <= np.exp(11)) & (np.exp(11) <= interval.high))
    assert covered == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))
