"""Levels shrunk with the covariance of their errors."""

import numpy as np
import pytest

from salted_assets.scoring.fair.covariance import Covariance
from salted_assets.scoring.fair.levels import Levels
from salted_assets.scoring.fair.ranks import _order, draw_ranks
from salted_assets.scoring.fair.shrinkage import shrink_levels
from salted_assets.scoring.stats import shrink_means


def test_limits_of_drawn_ranks_hold_the_percentile() -> None:
    everybody, mean = np.ones(8, bool), np.array([*np.linspace(0.2, 0.5, 7), 0.62])
    covariance = Covariance(np.full(8, 0.0015), np.zeros((8, 0)))
    shrunk = shrink_levels(mean, covariance, everybody, freedom=100)
    ranks = draw_ranks(shrunk, Levels(mean, covariance), everybody, [f"a{index}" for index in range(8)])
    assert 0.99 < ranks.percentile[-1] < 1
    assert (ranks.low <= ranks.percentile).all()
    assert (ranks.high >= ranks.percentile).all()


@pytest.mark.parametrize("far", [0.0, 0.4])
def test_independent_errors_are_shrunk_as_by_the_formula_of_plain_measures(far: float) -> None:
    random, everybody = np.random.default_rng(6), np.arange(20) < 18
    mean, variance = random.normal(0.75, 0.05, 20), random.uniform(0.0005, 0.005, 20)
    mean[3] -= far
    found = shrink_levels(mean, Covariance(variance, np.zeros((20, 0))), everybody, freedom=100)
    plain = shrink_means(mean, variance, np.zeros(20, int), is_member=everybody, freedom=100)
    for name in ("value", "low", "high", "error", "reliability", "weight"):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), rtol=1e-9)


@pytest.mark.parametrize("spread", [0.0, 0.001, 0.1])
def test_an_agent_who_shares_less_error_than_two_usual_ones_do_is_shrunk_and_ranked_all_the_same(spread: float) -> None:
    # One reviewer has evaluated nine of ten agents; the tenth has had four, who make up for each other.
    loadings = np.zeros((10, 4))
    loadings[:9, 0], loadings[9] = 0.06, 0.015
    covariance = Covariance(np.full(10, 0.001), loadings)
    assert covariance.diagonal[9] < covariance.common
    mean, everybody = 0.75 + spread * np.linspace(-1, 1, 10), np.ones(10, bool)

    shrunk = shrink_levels(mean, covariance, everybody, freedom=100)
    ranks = draw_ranks(shrunk, Levels(mean, covariance), everybody, [f"a{index}" for index in range(10)])

    assert np.isfinite([shrunk.value, shrunk.low, shrunk.high, shrunk.reliability, ranks.percentile]).all()
    assert (shrunk.low < shrunk.value).all()
    assert (shrunk.reliability < 1).all()
    assert abs(shrunk.value[9] - 0.75) <= abs(mean[9] - 0.75)


def test_an_agent_of_whom_nearly_all_is_known_has_limits() -> None:
    # A hundred thousand evaluations, whose facets are known nearly as well as the agent.
    own, loadings = np.array([1e-7, *[0.003] * 7]), np.full((8, 1), 0.03)
    loadings[0] = 0.0
    mean, everybody = np.array([0.5, *np.linspace(0.49, 0.89, 7)]), np.ones(8, bool)

    shrunk = shrink_levels(mean, Covariance(own, loadings), everybody, freedom=100_000)

    assert np.isfinite(shrunk.error).all()
    assert (shrunk.low < shrunk.value).all()


@pytest.mark.parametrize("columns", [120, 512])
def test_draws_are_ranked_as_they_are_where_some_are_nearly_alike(columns: int) -> None:
    drawn = np.random.default_rng(8).normal(0, 1, (40, columns)).astype(np.float32)
    drawn[::4, 3] = np.nextafter(drawn[::4, 70], np.float32(9))
    drawn[1, :2] = -1e4, 1e4
    np.testing.assert_array_equal(_order(drawn), np.argsort(drawn, axis=1))
