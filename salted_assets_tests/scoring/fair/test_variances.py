"""Variances of random effects and the loading against the maxima that a search of the likelihood finds."""

import numpy as np
import pytest
import scipy

from salted_assets.scoring.fair.loading import _evaluate, _Pairs, fit_loading
from salted_assets.scoring.fair.newton import Curve, find_minima_by_roots
from salted_assets.scoring.fair.normal_equations import Blocks, Eliminated
from salted_assets.scoring.fair.random_effects import RandomEffects, stack_up
from salted_assets.scoring.fair.variances import fit_random_variances
from salted_assets.scoring.stats import Floats, Indices


def draw_model(seed: int, kinds: int, spread: float, fine_spread: float) -> RandomEffects:
    """Values of 12 agents (fixed) by kinds of work and twice as many finer kinds (random)."""
    rng = np.random.default_rng(seed)
    agent, fine = rng.integers(0, 12, 600), rng.integers(0, 2 * kinds, 600)
    value = (
        rng.normal(0, spread, kinds)[fine // 2] + rng.normal(0, fine_spread, 2 * kinds)[fine] + rng.normal(0, 1, 600)
    )
    facets = np.hstack([np.eye(kinds)[fine // 2], np.eye(2 * kinds)[fine]])
    cells = np.eye(12)[agent]
    left = np.eye(600) - cells @ np.linalg.inv(cells.T @ cells) @ cells.T
    own = Eliminated(facets.T @ left @ facets, facets.T @ left @ value, float(value @ left @ value))
    return RandomEffects(own, Blocks(0, (slice(0, kinds), slice(kinds, 3 * kinds))), 600 - 12)


MODELS = [
    draw_model(1, 4, 0.5, 0.3),
    draw_model(7, 5, 0.5, 0.3),
    draw_model(2, 9, 0.0, 0.4),
    draw_model(3, 6, 0.4, 0.0),
    draw_model(4, 2, 0.1, 0.1),
]


def likelihood(model: RandomEffects, variances: Floats) -> float:
    return float(stack_up([model]).evaluate(variances[None]).curve.value[0])


@pytest.mark.parametrize("model", MODELS)
def test_no_other_variances_are_likelier(model: RandomEffects) -> None:
    (found,) = fit_random_variances([model])
    assert found is not None
    grid = np.concatenate([[1e-8], np.geomspace(1e-4, 10, 14)])
    others = np.array([[one, other] for one in grid for other in grid])
    values = stack_up([model] * len(others)).evaluate(others).curve.value
    assert likelihood(model, found.random) <= values.min() + 1e-9


def test_models_together_have_the_variances_that_each_has_alone() -> None:
    together = fit_random_variances([*MODELS, draw_model(5, 3, 0.2, 0.2)._replace(freedom=0)])
    assert together[-1] is None
    for model, found in zip(MODELS, together, strict=False):
        (alone,) = fit_random_variances([model])
        assert found is not None
        assert alone is not None
        np.testing.assert_allclose(np.sqrt(found.random), np.sqrt(alone.random), rtol=1e-9)
        assert found.error == pytest.approx(alone.error, rel=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_values_alone_are_those_of_the_curves(model: RandomEffects) -> None:
    stack, variances = stack_up([model] * 3), np.array([[1e-8, 0.2], [0.5, 1e-8], [3.0, 0.01]])
    np.testing.assert_allclose(stack.find_values(variances), stack.evaluate(variances).curve.value, rtol=1e-12)


def test_derivatives_are_those_of_the_likelihood() -> None:
    def log_likelihood(log: Floats) -> float:
        return likelihood(MODELS[0], np.exp(log))

    at = np.log(np.array([0.3, 0.05]))
    curve = stack_up(MODELS[:1]).evaluate(np.exp(at[None])).curve
    gradient = scipy.optimize.approx_fprime(at, log_likelihood, 1e-6)
    np.testing.assert_allclose(curve.gradient[0], gradient, atol=1e-3)
    columns = [
        (stack_up(MODELS[:1]).evaluate(np.exp((at + step)[None])).curve.gradient[0] - curve.gradient[0]) / 1e-6
        for step in 1e-6 * np.eye(2)
    ]
    np.testing.assert_allclose(curve.hessian[0], columns, atol=1e-4)


def test_of_two_minima_the_lower_one_near_no_variance_is_found() -> None:
    def evaluate(at: Floats, _: Indices) -> Curve:
        """Falls from a hill at 0.15 to both sides: to a hollow at 0.3, and to a deeper one near nothing."""
        root = np.exp(at / 2)
        value = (root - 0.3) ** 2 - 0.2 * np.exp(-((root / 0.1) ** 2))
        slope = 2 * (root - 0.3) + 40 * root * np.exp(-((root / 0.1) ** 2)) * 0.1
        bent = 2 + 4 * np.exp(-((root / 0.1) ** 2)) * (1 - 2 * (root / 0.1) ** 2)
        return Curve(value[:, 0], slope * root / 2, (bent * root**2 / 4 + slope * root / 4)[:, :, None])

    bounds = np.array([[np.log(1e-8), 0.0]])
    found = find_minima_by_roots(evaluate, np.array([[2 * np.log(0.5)]]), bounds, np.array([False]))
    assert np.exp(found[0, 0] / 2) == pytest.approx(0.0158, abs=1e-4)


def draw_levels(seed: int, own: float) -> tuple[Floats, Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    level = rng.normal(0.7, 0.1, 20)
    variance, chosen_variance = rng.uniform(1e-3, 1e-2, (2, 20))
    chosen = 0.2 + 0.6 * level + rng.normal(0, own, 20) + rng.normal(0, chosen_variance**0.5)
    level = level + rng.normal(0, variance**0.5)
    level[:3], chosen[5:9] = np.nan, np.nan
    return level, variance, chosen, chosen_variance


def negative_log_posterior(levels: tuple[Floats, Floats, Floats, Floats], at: Floats) -> float:
    """By whole matrices: both levels of all agents are normal, their two means are fixed effects."""
    slope, between, own = at[0], *np.exp(at[1:])
    level, variance, chosen, chosen_variance = levels
    both = np.isfinite(level) & np.isfinite(chosen)
    scale = max(float(np.var(level[both], ddof=1)), float(np.mean(variance[both])))
    covariance = np.kron([[between, slope * between], [slope * between, slope**2 * between + own]], np.eye(20))
    covariance += np.diag(np.concatenate([variance, chosen_variance]) / scale)
    values, means = np.concatenate([level, chosen]), np.kron(np.eye(2), np.ones((20, 1)))
    known = np.isfinite(values)
    values, means, inverse = values[known], means[known], np.linalg.inv(covariance[np.ix_(known, known)])
    information = means.T @ inverse @ means
    off = values - means @ np.linalg.solve(information, means.T @ inverse @ values)
    determinants = np.linalg.slogdet(information)[1] - np.linalg.slogdet(inverse)[1]
    return float((determinants + off @ inverse @ off / scale) / 2 + ((slope - 1) / 0.5) ** 2 / 2)


@pytest.mark.parametrize("own", [0.0, 0.1])
def test_no_other_loading_is_likelier(own: float) -> None:
    levels = draw_levels(1, own)
    found = fit_loading(*levels)
    level, variance, chosen, _ = levels
    both = np.isfinite(level) & np.isfinite(chosen)
    scale = max(float(np.var(level[both], ddof=1)), float(np.mean(variance[both])))

    def of_between(between: Floats) -> float:
        return negative_log_posterior(levels, np.array([found.slope, between[0], np.log(found.own / scale)]))

    best = scipy.optimize.minimize(of_between, np.array([-0.5]), tol=1e-12)
    at = np.array([found.slope, best.x[0], np.log(found.own / scale)])
    for row in np.eye(3):
        for step in (-0.02, 0.02):
            assert negative_log_posterior(levels, at + step * row) > best.fun - 1e-9


def test_the_gradient_of_the_loading_is_exact() -> None:
    levels = draw_levels(2, 0.05)
    level, variance, chosen, chosen_variance = levels
    has_level, has_chosen = np.isfinite(level), np.isfinite(chosen)
    both = has_level & has_chosen
    scale = max(float(np.var(level[both], ddof=1)), float(np.mean(variance[both])))
    pairs = _Pairs(
        np.nan_to_num(level),
        np.nan_to_num(chosen),
        variance / scale,
        chosen_variance / scale,
        has_level,
        has_chosen,
        scale,
    )
    at = np.array([0.7, -0.3, -2.0])
    value, gradient = _evaluate(pairs, at[None])
    assert value[0] == pytest.approx(negative_log_posterior(levels, at), abs=1e-9)
    steps = 1e-6 * np.eye(3)
    numeric = [(negative_log_posterior(levels, at + s) - negative_log_posterior(levels, at - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(gradient[0], numeric, atol=1e-6)
