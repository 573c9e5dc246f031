"""Variance components by restricted maximum likelihood (REML)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from salted_assets.scoring.fair.newton import Curve, find_minima_by_roots
from salted_assets.scoring.fair.normal_equations import (
    Blocks,
    Eliminated,
    Errors,
    Solution,
    Sums,
    differentiate,
    eliminate_cells,
    log_determinant_of_cells,
)
from salted_assets.scoring.fair.random_effects import Evaluated, RandomEffects, RandomStack, shape_of, stack_up
from salted_assets.scoring.stats import Floats

_LOG_BOUNDS = (np.log(1e-8), np.log(1e4))
"""Of a variance beside the error's."""

NEGLIGIBLE = 1e-6
"""A random effect's variance beside the error's that is as good as none."""

_START = np.log(0.1)
_STEP = 1e-4
_NEAR = 0.003
_NO_INFORMATION = 1e-9


class Variances(NamedTuple):
    """What REML gives: the variance of the first kind's errors, and all else relative to that.

    `parameters` are those of `Errors`, `random` are the variances of the random blocks.
    """

    error: float
    parameters: Floats
    random: Floats


def fit_variances(errors: Errors, blocks: Blocks) -> Variances | None:
    """The variances that maximise the restricted likelihood; None where no row is left to tell the error's.

    Patterson and Thompson 1971 (Biometrika 58): the likelihood of what is left of the values when all fixed effects are
    fitted. The error's variance has a closed form given the ratios of the others to it; the ratios are found by
    Newton's method on standard deviations, with the exact gradient. A ratio is kept within 1e-8 and 1e4, so that none
    is 0.
    """
    likelihood = _RestrictedLikelihood(errors, blocks)
    if likelihood.freedom <= 0:
        return None
    bounds = np.array([*errors.bounds, *(_LOG_BOUNDS for _ in blocks.random)]).reshape(-1, 2)
    is_weight = np.arange(len(bounds)) < errors.weights
    at = np.where(is_weight, 0.0, _START)
    if at.size and likelihood.find_error(at) > 0:
        at = find_minima_by_roots(
            lambda points, _: likelihood.evaluate(points[0]),
            at[None],
            bounds,
            is_weight,
            lambda points, _: np.array([likelihood.find_value(points[0])]),
        )[0]
    count = len(errors.bounds)
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
    has_spread = np.flatnonzero(stack.errors(np.exp(at)) > 0)
    if has_spread.size and at.shape[1]:
        some = stack.take(has_spread)
        at[has_spread] = find_minima_by_roots(
            lambda points, which: some.take(which).evaluate(np.exp(points)).curve,
            at[has_spread],
            np.tile(_LOG_BOUNDS, (at.shape[1], 1)),
            np.zeros(at.shape[1], bool),
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


class _RestrictedLikelihood:
    """-2 log of the restricted likelihood, without constants, with the error's variance at its best."""

    def __init__(self, errors: Errors, blocks: Blocks) -> None:
        self._errors, self._blocks = errors, blocks
        self._sums_at: tuple[bytes, Sums, Eliminated] | None = None
        self._mixed_at: tuple[Floats, Floats] | None = None
        start = errors.sum_up(np.zeros(len(errors.bounds)))
        self.freedom = errors.count - int(np.count_nonzero(start.cells > 0)) - blocks.fixed

    def find_error(self, at: Floats) -> float:
        """The error's variance that goes best with these parameters; 0 where rounding alone made it other."""
        count = len(self._errors.bounds)
        own = self._sum_up(at[:count])[1]
        return float(stack_up([RandomEffects(own, self._blocks, self.freedom)]).errors(np.exp(at[None, count:]))[0])

    def evaluate(self, at: Floats) -> Curve:
        """The curve, as that of one function."""
        value, gradient, of_random = self._find_gradient(at)
        count = len(self._errors.bounds)
        hessian = np.zeros((at.size, at.size))
        hessian[count:, count:] = of_random
        if count:
            mixed = self._mix(at, gradient)
            hessian[:, :count], hessian[:count] = mixed, mixed.T
            hessian[:count, :count] = (mixed[:count] + mixed[:count].T) / 2
        return Curve(np.array([value]), gradient[None], hessian[None])

    def _mix(self, at: Floats, gradient: Floats) -> Floats:
        """How the gradient changes with each error parameter, computed again where any parameter has moved."""
        if self._mixed_at is None or np.abs(at - self._mixed_at[0]).max() > _NEAR:
            steps = _STEP * np.eye(at.size)[: len(self._errors.bounds)]
            columns = [(self._find_gradient(at + step)[1] - gradient) / _STEP for step in steps]
            self._mixed_at = at, np.stack(columns, axis=1)
        return self._mixed_at[1]

    def find_value(self, at: Floats) -> float:
        """The value alone."""
        return self._evaluate_random(at)[0]

    def _find_gradient(self, at: Floats) -> tuple[float, Floats, Floats]:
        """Value, gradient, and second derivatives by the random effects' variances."""
        parameters = at[: len(self._errors.bounds)]
        value, (curve, inverse, effects, left) = self._evaluate_random(at)
        solution = Solution(inverse[0], effects[0], float(left[0]))
        gradient = [
            self.freedom * change.left / solution.left + change.log_determinants
            for change in differentiate(self._sum_up(parameters)[0], solution, self._errors.differentiate(parameters))
        ]
        return value, np.array([*gradient, *curve.gradient[0]]), curve.hessian[0]

    def _evaluate_random(self, at: Floats) -> tuple[float, Evaluated]:
        """The value, and the curve by the random effects' variances."""
        count = len(self._errors.bounds)
        sums, own = self._sum_up(at[:count])
        evaluated = stack_up([RandomEffects(own, self._blocks, self.freedom)]).evaluate(np.exp(at[None, count:]))
        value = float(evaluated.curve.value[0]) + sums.log_determinant + log_determinant_of_cells(sums)
        return value, evaluated

    def _sum_up(self, parameters: Floats) -> tuple[Sums, Eliminated]:
        """The sums at these parameters, kept until there are others."""
        key = parameters.tobytes()
        if self._sums_at is None or self._sums_at[0] != key:
            sums = self._errors.sum_up(parameters)
            self._sums_at = key, sums, eliminate_cells(sums)
        return self._sums_at[1:]
