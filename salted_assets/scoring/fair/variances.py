"""Variance components by restricted maximum likelihood (REML)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from salted_assets.scoring.fair.answer_sums import AnswerSums
from salted_assets.scoring.fair.likelihood import RestrictedLikelihood
from salted_assets.scoring.fair.newton import find_minima_by_roots
from salted_assets.scoring.fair.normal_equations import Blocks
from salted_assets.scoring.fair.random_effects import RandomEffects, RandomStack, shape_of, stack_up
from salted_assets.scoring.stats import Floats

LOG_BOUNDS = (np.log(1e-8), np.log(1e4))
"""Of a variance beside the error's."""

NEGLIGIBLE = 1e-6
"""A random effect's variance beside the error's that is as good as none."""

_START = np.log(0.1)
_NO_INFORMATION = 1e-9


class Variances(NamedTuple):
    """What REML gives: the variance of the first kind's errors, and all else relative to that.

    `parameters` are those of `AnswerWeights`, `random` are the variances of the random blocks.
    """

    error: float
    parameters: Floats
    random: Floats


def fit_variances(sums: AnswerSums, blocks: Blocks) -> Variances | None:
    """The variances that maximise the restricted likelihood; None where no row is left to tell the error's.

    Patterson and Thompson 1971 (Biometrika 58): the likelihood of what is left of the values when all fixed effects are
    fitted. The error's variance has a closed form given the ratios of the others to it; the ratios are found by
    Newton's method on standard deviations, with exact derivatives. A ratio is kept within 1e-8 and 1e4, so that none is
    0.
    """
    likelihood = RestrictedLikelihood(sums, blocks)
    if likelihood.freedom <= 0:
        return None
    bounds = np.array([*sums.weights.bounds, *(LOG_BOUNDS for _ in blocks.random)]).reshape(-1, 2)
    is_weight = np.arange(len(bounds)) < sums.weights.kinds - 1
    at = np.where(is_weight, 0.0, _START)
    if at.size and likelihood.find_error(at) > 0:
        at = find_minima_by_roots(
            lambda points, _: likelihood.evaluate(points[0]),
            at[None],
            bounds,
            is_weight,
            lambda points, _: np.array([likelihood.find_value(points[0])]),
        )[0]
    count = len(sums.weights.bounds)
    return Variances(likelihood.find_error(at), at[:count], np.exp(at[count:]))


def fit_random_variances(effects: Sequence[RandomEffects]) -> list[Variances | None]:
    """What `fit_variances` gives of each of many models without error parameters, found together."""
    found: list[Variances | None] = [None] * len(effects)
    by_shape = defaultdict(list)
    for index, each in enumerate(effects):
        if each.freedom > 0:
            by_shape[shape_of(each)].append(index)
    for (width, _), indexes in by_shape.items():
        stack = stack_up([effects[index] for index in indexes], width)
        for index, variances in zip(indexes, _fit_stack(stack), strict=True):
            found[index] = variances
    return found


def _fit_stack(stack: RandomStack) -> Iterator[Variances]:
    at: Floats = np.full(stack.sizes.shape, _START)
    has_spread = np.flatnonzero(stack.have_errors(np.exp(at)))
    if has_spread.size and at.shape[1]:
        some = stack.take(has_spread)
        at[has_spread] = find_minima_by_roots(
            lambda points, which: some.take(which).evaluate(np.exp(points)).curve,
            at[has_spread],
            np.tile(LOG_BOUNDS, (at.shape[1], 1)),
            np.zeros(at.shape[1], bool),
            lambda points, which: some.take(which).find_values(np.exp(points)),
        )
    for variances, error in zip(np.exp(at), stack.errors(np.exp(at)), strict=True):
        yield Variances(float(error), np.zeros(0), variances)


def find_informed(facets: Floats, count: int, blocks: Blocks) -> list[int]:
    """The random blocks of whose variance `count` rows tell anything once all fixed effects are fitted.

    `facets` are the equations without the cells. Reviewers who each have agents of their own, or a single queue, tell
    nothing.
    """
    fixed = slice(0, blocks.fixed)
    inverse = np.linalg.pinv(facets[fixed, fixed], hermitian=True)
    informed = []
    for index, block in enumerate(blocks.random):
        crossed = facets[fixed, block]
        own = np.diag(facets[block, block]) - np.einsum("ij,ij->j", crossed, inverse @ crossed)
        if own.max(initial=0.0) > _NO_INFORMATION * count:
            informed.append(index)
    return informed
