"""Variance components by restricted maximum likelihood (REML)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from salted_assets.scoring.fair.normal_equations import (
    Blocks,
    Eliminated,
    Errors,
    Sums,
    differentiate,
    eliminate_cells,
    log_determinant_of_cells,
    solve,
)
from salted_assets.scoring.stats import Floats

_LOG_BOUNDS = (np.log(1e-8), np.log(1e4))
"""Of a variance beside the error's."""

NEGLIGIBLE = 1e-6
"""A random effect's variance beside the error's that is as good as none."""

_START = np.log(0.1)
_NEWTON_STEPS = 4
_SETTLED = 1e-10
"""Gradient by degrees of freedom at which the maximum is reached."""
_STEP = 1e-4
_NO_INFORMATION = 1e-9
_ROUNDING = 1e-13


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
    fitted. The error's variance has a closed form given the ratios of the others to it; the ratios are found by L-BFGS
    with the exact gradient, then by Newton's method. A ratio is kept within 1e-8 and 1e4, so that none is 0.
    """
    likelihood = _RestrictedLikelihood(errors, blocks)
    if likelihood.freedom <= 0:
        return None
    bounds = np.array([*errors.bounds, *(_LOG_BOUNDS for _ in blocks.random)]).reshape(-1, 2)
    is_weight = np.arange(len(bounds)) < errors.weights
    at = np.where(is_weight, 0.0, _START)
    if at.size and likelihood.has_spread(at):
        at = _climb(likelihood, at, bounds, is_weight)
        at = _polish(likelihood, at, bounds)
    count = len(errors.bounds)
    return Variances(likelihood.error(at), at[:count], np.exp(at[count:]))


def find_informed(errors: Errors, blocks: Blocks) -> list[int]:
    """The random blocks of whose variance the rows tell anything once all fixed effects are fitted.

    Reviewers who each have agents of their own, or a single queue, tell nothing.
    """
    equations = eliminate_cells(errors.sum_up(np.zeros(len(errors.bounds)))).facets
    fixed = slice(0, blocks.fixed)
    inverse = np.linalg.pinv(equations[fixed, fixed], hermitian=True)
    informed = []
    for index, block in enumerate(blocks.random):
        crossed = equations[fixed, block]
        own = np.diag(equations[block, block]) - np.einsum("ij,ij->j", crossed, inverse @ crossed)
        if own.max(initial=0.0) > _NO_INFORMATION * errors.count:
            informed.append(index)
    return informed


class _RestrictedLikelihood:
    """-2 log of the restricted likelihood, without constants, with the error's variance at its best."""

    def __init__(self, errors: Errors, blocks: Blocks) -> None:
        self._errors, self._blocks = errors, blocks
        self._sums_at: tuple[bytes, Sums, Eliminated] | None = None
        start = errors.sum_up(np.zeros(len(errors.bounds)))
        self.freedom = errors.count - int(np.count_nonzero(start.cells > 0)) - blocks.fixed

    def has_spread(self, at: Floats) -> bool:
        """Whether values differ within what the fixed effects explain."""
        return self.error(at) > 0

    def error(self, at: Floats) -> float:
        """The error's variance that goes best with these parameters; 0 where rounding alone made it other."""
        count = len(self._errors.bounds)
        sums, own = self._sum_up(at[:count])
        left = solve(own, self._blocks.precisions(np.exp(at[count:]))).left
        return max(left, 0.0) / self.freedom if left > 1e-12 * sums.squares else 0.0

    def evaluate(self, at: Floats) -> tuple[float, Floats]:
        """The value and its gradient."""
        count = len(self._errors.bounds)
        parameters, variances = at[:count], np.exp(at[count:])
        sums, own = self._sum_up(parameters)
        solution = solve(own, self._blocks.precisions(variances))
        # Where effects explain all there is, rounding may leave less than nothing.
        solution = solution._replace(left=max(solution.left, _ROUNDING * sums.squares))
        inverse, log_determinant, effects, left = solution
        sizes = self._blocks.sizes
        value = (
            self.freedom * np.log(left)
            + sums.log_determinant
            + log_determinant_of_cells(sums)
            + log_determinant
            + sizes @ np.log(variances)
        )
        gradient = [
            self.freedom * change.left / left + change.log_determinants
            for change in differentiate(sums, solution, self._errors.differentiate(parameters))
        ]
        for block, size, variance in zip(self._blocks.random, sizes, variances, strict=True):
            spread = self.freedom / left * effects[block] @ effects[block] + np.trace(inverse[block, block])
            gradient.append(size - spread / variance)
        return float(value), np.array(gradient)

    def _sum_up(self, parameters: Floats) -> tuple[Sums, Eliminated]:
        """The sums at these parameters, kept until there are others."""
        key = parameters.tobytes()
        if self._sums_at is None or self._sums_at[0] != key:
            sums = self._errors.sum_up(parameters)
            self._sums_at = key, sums, eliminate_cells(sums)
        return self._sums_at[1:]


def _climb(likelihood: _RestrictedLikelihood, at: Floats, bounds: Floats, is_weight: npt.NDArray[np.bool_]) -> Floats:
    """L-BFGS on standard deviations in place of logarithms of variances: on these it is flat towards 0."""

    def evaluate(roots: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood.evaluate(np.where(is_weight, roots, 2 * np.log(np.where(is_weight, 1, roots))))
        return value, np.where(is_weight, gradient, 2 * gradient / np.where(is_weight, 1, roots))

    start, low, high = (np.where(is_weight, each, np.exp(each / 2)) for each in (at, *bounds.T))
    roots = scipy.optimize.minimize(
        evaluate,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=scipy.optimize.Bounds(low, high),
        options={"ftol": 1e-13, "gtol": 1e-6},
    ).x
    return np.where(is_weight, roots, 2 * np.log(np.where(is_weight, 1, roots)))


def _polish(likelihood: _RestrictedLikelihood, at: Floats, bounds: Floats) -> Floats:
    """Newton's method for parameters that are not at a bound, as long as it brings the gradient down."""
    free = (at > bounds[:, 0] + _STEP) & (at < bounds[:, 1] - _STEP)
    gradient = likelihood.evaluate(at)[1]
    for _ in range(_NEWTON_STEPS):
        if not free.any() or np.abs(gradient[free]).max() < _SETTLED * likelihood.freedom:
            break
        columns = [(likelihood.evaluate(at + _STEP * row)[1] - gradient)[free] / _STEP for row in np.eye(at.size)[free]]
        hessian = np.array(columns).reshape(free.sum(), free.sum())
        hessian = (hessian + hessian.T) / 2
        if np.linalg.eigvalsh(hessian).min() <= 0:
            break
        step = np.zeros_like(at)
        step[free] = -np.linalg.solve(hessian, gradient[free])
        following = np.clip(at + step, bounds[:, 0], bounds[:, 1])
        new_gradient = likelihood.evaluate(following)[1]
        if np.abs(new_gradient[free]).max() >= np.abs(gradient[free]).max():
            break
        at, gradient = following, new_gradient
    return at
