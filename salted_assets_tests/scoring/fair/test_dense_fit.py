"""The model of human answers against dense fits of the same rows, in which nothing is absorbed or eliminated."""

from dataclasses import replace

import numpy as np
import pytest

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.answer_model import AnswerModel, equations_of, fit_model
from salted_assets.scoring.fair.answer_rows import build_rows, sort_answers
from salted_assets.scoring.fair.levels import describe_levels
from salted_assets.scoring.stats import Floats
from salted_assets_tests.support.dense_fair_model import (
    DenseFacets,
    DenseModel,
    build_dense,
    indicators,
    levels_at_mix,
    together,
    window_operator,
)
from salted_assets_tests.support.fair_worlds import Recipe, World, draw_world

pytestmark = pytest.mark.slow

RECIPES = {
    "one kind": Recipe(evaluations=4, reviewer_spread=0.15),
    "yes or no, and steps": Recipe(evaluations=3, questions=4, yes_no=2, reviewer_spread=0.15, engagement_spread=0.15),
    "kinds of work": Recipe(evaluations=4, kinds_of_work=5, work_spread=0.15, reviewer_spread=0.15),
}
WHOLE = slice(3)


def fit(world: World) -> AnswerModel:
    model = fit_model(build_rows(world.answers))
    assert model is not None
    return model


def variances_of(model: AnswerModel) -> Floats:
    """In the order of the dense model's parts."""
    found = model.variances
    kinds = np.exp(-found.parameters[:-1])
    return np.asarray(found.error * np.array([1.0, *kinds, np.exp(found.parameters[-1]), *found.random]))


def drawn(recipe: Recipe) -> World:
    world = draw_world(recipe)
    return replace(world, answers=sort_answers(world.answers))


def integrate_reviewers(dense: DenseModel, variances: Floats) -> float:
    """Posterior mean of the last variance, whose root has a half-normal prior with scale .08, given all others."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    deviation = 0.22 * (1 + nodes)
    density = np.array([dense.restricted_log_likelihood(np.append(variances[:-1], each**2)) for each in deviation])
    density = weights * np.exp(density - density.max() - deviation**2 / (2 * 0.08**2))
    return float(density @ deviation**2 / density.sum())


@pytest.mark.parametrize("name", RECIPES)
def test_variances_and_levels_are_those_of_restricted_maximum_likelihood(name: str) -> None:
    world = drawn(RECIPES[name])
    dense, model = build_dense(world.answers, RECIPES[name].yes_no), fit(world)
    variances = variances_of(model)
    at_maximum = variances.copy()
    for _ in range(4):
        at_maximum[-1] += dense.score_step(at_maximum)[-1]
    # At the maximum a step of scoring goes nowhere.
    np.testing.assert_allclose(dense.score_step(at_maximum), 0, atol=1e-9)
    best = dense.restricted_log_likelihood(at_maximum)
    for row in np.eye(variances.size):
        assert dense.restricted_log_likelihood(at_maximum * (1 + 0.05 * row)) < best
    assert variances[-1] == pytest.approx(integrate_reviewers(dense, variances), rel=1e-4)
    expected, covariance = levels_at_mix(world.answers, variances, dense)
    whole = equations_of(model.parts, WHOLE, model.loading, model.variances)
    found, errors = describe_levels(whole, model.facet_errors, np.arange(60))
    np.testing.assert_allclose(found + world.answers.score.mean(), expected, atol=1e-8)
    np.testing.assert_allclose(errors.diagonal, np.diag(covariance), atol=1e-8)
    off = errors.loadings @ errors.loadings.T + np.diag(errors.own) - covariance
    assert np.abs(off).max() < 2e-3 * errors.diagonal.min()


@pytest.mark.parametrize("window", [1, 2, 3])
def test_levels_of_a_window_and_their_covariance_are_those_of_the_dense_operator(window: int) -> None:
    world = drawn(Recipe(agents=40, evaluations=12, questions=2, chosen_share=0.4, chosen_slope=0.6, chosen_spread=0.1))
    answers, model = world.answers, fit(world)
    error, loading = model.variances.error, model.loading
    assert 0 < loading.slope < 1
    assert loading.own > 1e-4
    chosen = answers.is_chosen.astype(np.float64)
    errors = error * (np.eye(chosen.size) + np.exp(model.variances.parameters[-1]) * together(answers.engagement))
    errors += loading.own * together(answers.agent) * np.outer(chosen, chosen)
    reviewers = error * model.variances.random[0]
    second = answers.question.astype(np.float64)
    facets = DenseFacets(
        columns=np.column_stack([chosen, second, indicators(answers.reviewer)]),
        prior=np.append(np.zeros(2), np.full(len(answers.reviewer_pids), 1 / reviewers)),
        mix=np.append([0.0, second[~answers.is_chosen].mean()], np.zeros(len(answers.reviewer_pids))),
    )
    in_window = answers.age_days < WINDOWS[window - 1]
    people = np.unique(answers.agent[in_window])
    own = equations_of(model.parts, slice(window), loading, model.variances)
    level, covariance = describe_levels(own, model.facet_errors, people)
    loadings = np.where(answers.is_chosen, loading.slope, 1.0)
    operator = window_operator(answers.agent, loadings, in_window, errors, facets)
    centre = answers.score.mean()
    np.testing.assert_allclose(level, operator @ (answers.score - centre), atol=1e-8)
    spread = operator @ (errors + reviewers * together(answers.reviewer)) @ operator.T
    np.testing.assert_allclose(covariance.diagonal, np.diag(spread), atol=1e-9)
    found = covariance.loadings @ covariance.loadings.T + np.diag(covariance.own)
    # Of a part of the window only the diagonal is exact: two agents' errors correlate a little otherwise.
    correlations = (found - spread) / np.sqrt(np.outer(np.diag(spread), np.diag(spread)))
    assert np.abs(correlations).max() < (0.05 if window < len(WINDOWS) else 1e-3)
