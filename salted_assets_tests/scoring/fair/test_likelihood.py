"""The restricted likelihood of human answers: its derivatives are those of its values, and its values of whole rows."""

import numpy as np
import pytest
import scipy

from salted_assets.scoring.fair.answer_rows import build_rows, sort_answers
from salted_assets.scoring.fair.answer_sums import add_up_answers
from salted_assets.scoring.fair.likelihood import RestrictedLikelihood
from salted_assets.scoring.fair.newton import Curve, find_minima
from salted_assets.scoring.stats import Floats, Indices
from salted_assets_tests.support.dense_fair_model import build_dense
from salted_assets_tests.support.fair_worlds import Recipe, draw_world

RECIPE = Recipe(agents=6, evaluations=3, questions=4, yes_no=2, kinds_of_work=3, work_spread=0.15, reviewer_spread=0.15)
WORLD = draw_world(RECIPE)
AT = [np.array([0.7, -1.0, -2.0, -3.0]), np.array([-0.4, -18.0, -5.0, -1.0])]


def build_likelihood() -> RestrictedLikelihood:
    own = build_rows(sort_answers(WORLD.answers))
    sums, _ = add_up_answers(own.rows, cells=2 * own.agents.size, facets=own.reviewers_at.stop, parts=3)
    independent = np.arange(own.blocks.fixed)[1:]
    columns, blocks = own.blocks.take(independent, range(2))
    return RestrictedLikelihood(sums.take(columns), blocks)


@pytest.mark.parametrize("at", AT)
def test_derivatives_are_those_of_the_values(at: Floats) -> None:
    likelihood = build_likelihood()
    curve = likelihood.evaluate(at)
    steps = 1e-5 * np.eye(at.size)
    slopes = [(likelihood.find_value(at + step) - likelihood.find_value(at - step)) / 2e-5 for step in steps]
    bends = [
        (likelihood.evaluate(at + step).gradient[0] - likelihood.evaluate(at - step).gradient[0]) / 2e-5
        for step in steps
    ]
    assert curve.value[0] == pytest.approx(likelihood.find_value(at), abs=1e-12)
    np.testing.assert_allclose(curve.gradient[0], slopes, atol=2e-7)
    np.testing.assert_allclose(curve.hessian[0], bends, atol=2e-7)


def test_values_differ_as_those_of_whole_matrices_do() -> None:
    likelihood, dense = build_likelihood(), build_dense(sort_answers(WORLD.answers), RECIPE.yes_no)

    def of_rows(at: Floats) -> float:
        error = likelihood.find_error(at)
        variances = error * np.array([1.0, np.exp(-at[0]), *np.exp(at[1:])])
        return -2 * dense.restricted_log_likelihood(variances)

    first, second = AT
    found = likelihood.find_value(first) - likelihood.find_value(second)
    assert found == pytest.approx(of_rows(first) - of_rows(second), abs=1e-8)


def test_error_is_the_likeliest_one() -> None:
    likelihood, dense = build_likelihood(), build_dense(sort_answers(WORLD.answers), RECIPE.yes_no)
    at = AT[0]

    def of_error(error: float) -> float:
        return -dense.restricted_log_likelihood(error * np.array([1.0, np.exp(-at[0]), *np.exp(at[1:])]))

    best = scipy.optimize.minimize_scalar(of_error, bounds=(1e-4, 1.0), method="bounded", options={"xatol": 1e-9})
    assert likelihood.find_error(at) == pytest.approx(best.x, rel=1e-5)


def test_a_parameter_that_cannot_move_does_not_shorten_the_step_of_others() -> None:
    hessian = np.array([[2.0, 1.9], [1.9, 2.0]])
    steps = []

    def evaluate(at: Floats, which: Indices) -> Curve:
        """Lowest at (0, 1.05), but the way to (-1, 2), the lowest point without bounds, starts upwards in the first."""
        steps.append(at[0])
        off = at - np.array([-1.0, 2.0])
        slope = off @ hessian
        return Curve(np.einsum("mi,mi->m", off, slope) / 2, slope, np.tile(hessian, (len(which), 1, 1)))

    low, high = np.array([0.0, 0.0]), np.array([10.0, 10.0])
    found = find_minima(
        evaluate, np.array([[0.0, 0.5]]), low, high, lambda at: (np.maximum(at, 1e-4), np.full_like(at, 10.0))
    )
    assert found[0].tolist() == pytest.approx([0.0, 1.05])
    assert len(steps) <= 4
