"""Agreement and intervals against statsmodels on the same numbers. It loads slowly, so this is not in `quick/`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa  # type: ignore[import-untyped]  # it has no stubs
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint  # type: ignore[import-untyped]  # it has no stubs
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW  # type: ignore[import-untyped]  # it has no stubs

from salted_assets.scoring.stats import difference_of_intervals, difference_of_means, measure_agreement, wilson_interval
from salted_assets_tests.scoring.stats.test_intervals import CONFIDENCE, VALUES, as_tuple, sums

pytestmark = pytest.mark.slow

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
PAIRS = st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(STEPS)), min_size=20, max_size=60)


@given(pairs=PAIRS)
def test_kappa_is_that_of_statsmodels(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = measure_agreement(first, second, np.zeros(len(pairs), int), group_count=1).kappa
    table = np.zeros((5, 5))
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()
        return
    for a, b in pairs:
        table[STEPS.index(a), STEPS.index(b)] += 1
    expected = cohens_kappa(table, weights=np.arange(5), wt="quadratic")
    assert found.value[0] == pytest.approx(expected.kappa, abs=1e-9)


def test_the_limits_of_kappa_are_nearly_those_of_the_large_sample() -> None:
    random = np.random.default_rng(3)
    first = random.integers(0, 5, 2000)
    second = np.clip(first + random.integers(-1, 2, 2000), 0, 4)
    table = np.zeros((5, 5))
    np.add.at(table, (first, second), 1)
    found = measure_agreement(first / 4, second / 4, first * 0, group_count=1).kappa
    expected = cohens_kappa(table, weights=np.arange(5), wt="quadratic")
    assert (found.low[0], found.high[0]) == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=2e-4)


@given(count=st.integers(1, 500), data=st.data(), confidence=CONFIDENCE)
def test_a_share_has_the_wilson_interval_of_statsmodels(count: int, data: st.DataObject, confidence: float) -> None:
    successes = data.draw(st.integers(0, count))
    value, low, high = as_tuple(wilson_interval(successes, count, confidence))
    expected = proportion_confint(successes, count, alpha=1 - confidence, method="wilson")
    assert (low, high) == pytest.approx(expected, abs=1e-9)
    assert 0 <= low <= value <= high <= 1


@given(first=VALUES, second=VALUES)
def test_a_difference_of_means_is_that_of_welch(first: list[float], second: list[float]) -> None:
    value, low, high = as_tuple(difference_of_means(sums(first), sums(second)))
    assert value == pytest.approx(np.mean(first) - np.mean(second), abs=1e-9)
    if len(set(first)) == 1 and len(set(second)) == 1:
        assert np.isnan([low, high]).all()
        return
    compared = CompareMeans(DescrStatsW(first), DescrStatsW(second))
    assert (low, high) == pytest.approx(compared.tconfint_diff(usevar="unequal"), rel=1e-5, abs=1e-5)


@given(data=st.data(), counts=st.tuples(st.integers(1, 200), st.integers(1, 200)))
def test_a_difference_of_shares_is_that_of_newcombe(data: st.DataObject, counts: tuple[int, int]) -> None:
    successes = [data.draw(st.integers(0, count)) for count in counts]
    intervals = [wilson_interval(k, n) for k, n in zip(successes, counts, strict=True)]
    _, low, high = as_tuple(difference_of_intervals(*intervals))
    expected = confint_proportions_2indep(successes[0], counts[0], successes[1], counts[1], method="newcomb")
    assert (low, high) == pytest.approx(expected, abs=1e-9)
