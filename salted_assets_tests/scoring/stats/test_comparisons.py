"""Agreement and funnels against plain Python and simulated truth."""

import math

import numpy as np
import pytest

from salted_assets.scoring.stats import fit_funnel, weighted_kappa


def test_kappas_are_told_for_each_group_with_twenty_pairs() -> None:
    first = [0.0, 1.0] * 10 + [0.0, 1.0] * 9 + [0.0, 1.0] * 10 + [math.nan]
    second = [0.0, 1.0] * 10 + [0.0, 1.0] * 9 + [1.0, 0.0] * 10 + [1.0]
    group = np.array([0] * 20 + [1] * 18 + [3] * 21)
    found = weighted_kappa(first, second, group, group_count=5)
    assert found.pair_count.tolist() == [20, 18, 0, 20, 0]
    np.testing.assert_allclose(found.kappa, [1, np.nan, np.nan, -1, np.nan])


def test_a_rater_who_is_always_stricter_does_not_agree() -> None:
    lenient = np.tile([0.4, 0.6, 0.8, 1.0], 10)
    assert weighted_kappa(lenient, lenient).kappa[0] == 1
    assert weighted_kappa(lenient, lenient - 0.4).kappa[0] < 0.5


def test_funnel_limits_are_those_of_chance_where_people_do_not_differ() -> None:
    random = np.random.default_rng(2)
    count = random.integers(4, 100, 500)
    funnel = fit_funnel(count, 0.7 + 0.2 / np.sqrt(count) * random.standard_normal(500), 0.04)
    assert funnel.target == pytest.approx(0.7, abs=0.01)
    assert funnel.overdispersion == pytest.approx(1, abs=0.15)
    (_, low, high), _ = funnel.limits([4, 100])
    np.testing.assert_allclose(high - low, 2 * 1.96 * 0.2 / np.sqrt([4, 100]), rtol=0.15)


def test_funnel_limits_allow_for_the_usual_difference_but_not_for_the_odd_one_out() -> None:
    random = np.random.default_rng(2)
    count = random.integers(4, 100, 500)
    mean = 0.7 + np.hypot(0.1, 0.2 / np.sqrt(count)) * random.standard_normal(500)
    usual = fit_funnel(count, mean, 0.04)
    assert math.sqrt(usual.between_variance) == pytest.approx(0.1, abs=0.02)
    mean[:5] = -5.0
    odd = fit_funnel(count, mean, 0.04)
    assert odd.between_variance < 1.5 * usual.between_variance
    outside = [np.mean((mean[5:] < low[5:]) | (mean[5:] > high[5:])) for _, low, high in odd.limits(count)]
    assert outside[0] == pytest.approx(0.05, abs=0.04)
    assert outside[1] < 0.015


@pytest.mark.parametrize(("count", "mean", "within"), [([], [], 0.04), ([0], [np.nan], 0.04), ([3, 4], [0, 1], 0.0)])
def test_a_funnel_of_nothing_has_no_limits(count: list[int], mean: list[float], within: float) -> None:
    funnel = fit_funnel(count, mean, within)
    assert all(np.isnan(limits.low).all() for limits in funnel.limits([1, 10]))
