"""How chosen engagements follow the agent's level: a choice of low ones shows less between agents than there is."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.newton import Curve, find_minima_by_roots
from salted_assets.scoring.stats import Floats

_PRIOR_MEAN, _PRIOR_DEVIATION = 1.0, 0.5
_FEWEST_AGENTS = 3
_LOADING_BOUNDS = (-1.0, 3.0)
_LOG_BOUNDS = (np.log(1e-8), np.log(1e2))
_STEP = 1e-5


class Loading(NamedTuple):
    """Chosen level = d + `slope` * the agent's level + a random part of the agent with the variance `own`."""

    slope: float
    own: float


PARALLEL = Loading(_PRIOR_MEAN, 0.0)
"""That of agents of whom nobody has both kinds of engagement."""


def fit_loading(level: Floats, variance: Floats, chosen: Floats, chosen_variance: Floats) -> Loading:
    """The loading that the levels of agents in representative and in chosen engagements go best with.

    Levels come with the variances of their errors, NaN where an agent has none of the kind; those with one kind alone
    count, too. Structural model with errors on both sides (Fuller 1987, Measurement Error Models, section 1.2): true
    levels are N(m, t^2), so that the noise of levels does not flatten the slope. Maximum likelihood with the prior
    N(1, 0.5^2) on the slope; both means are integrated out. With fewer than three agents of both kinds: slope 1.
    """
    has_level, has_chosen = np.isfinite(level), np.isfinite(chosen)
    both = has_level & has_chosen
    if both.sum() < _FEWEST_AGENTS:
        return PARALLEL
    scale = max(float(np.var(level[both], ddof=1)), float(np.mean(variance[both])))
    pairs = _Pairs(
        np.where(has_level, level, 0.0),
        np.where(has_chosen, chosen, 0.0),
        np.where(has_level, variance / scale, 1.0),
        np.where(has_chosen, chosen_variance / scale, 1.0),
        has_level,
        has_chosen,
        scale,
    )
    slope, _, own = find_minima_by_roots(
        lambda at, _: _curve(pairs, at[0]),
        np.array([[_PRIOR_MEAN, np.log(0.5), np.log(0.1)]]),
        np.array([_LOADING_BOUNDS, _LOG_BOUNDS, _LOG_BOUNDS]),
        np.array([True, False, False]),
    )[0]
    return Loading(float(slope), float(np.exp(own)) * scale)


class _Pairs(NamedTuple):
    """Of each agent both levels with the variances of their errors in units of `scale`, and which of them there are."""

    level: Floats
    chosen: Floats
    variance: Floats
    chosen_variance: Floats
    has_level: npt.NDArray[np.bool_]
    has_chosen: npt.NDArray[np.bool_]
    scale: float


def _curve(pairs: _Pairs, at: Floats) -> Curve:
    """The curve at one point: its second derivatives out of gradients at points beside it."""
    values, gradients = _evaluate(pairs, at + np.vstack([np.zeros(at.size), _STEP * np.eye(at.size)]))
    hessian = (gradients[1:] - gradients[0]) / _STEP
    return Curve(values[:1], gradients[:1], ((hessian + hessian.T) / 2)[None])


def _evaluate(pairs: _Pairs, points: Floats) -> tuple[Floats, Floats]:
    """-log posterior with both means integrated out, and its gradient, at each point: slope, log between, log own."""
    slope, between, own = points[:, :1], np.exp(points[:, 1:2]), np.exp(points[:, 2:])
    first, second = between + pairs.variance, slope**2 * between + own + pairs.chosen_variance
    crossed = np.where(pairs.has_level & pairs.has_chosen, slope * between, 0.0)
    determinant = first * second - crossed**2
    # The inverse of each agent's covariance, without rows and columns of levels that there are not.
    inverse = (
        np.where(pairs.has_level, second / determinant, 0.0),
        -crossed / determinant,
        np.where(pairs.has_chosen, first / determinant, 0.0),
    )
    log_determinants = np.log(np.where(pairs.has_level, first, 1.0) * np.where(pairs.has_chosen, second, 1.0))
    log_determinants += np.log1p(-(crossed**2) / (first * second))
    information = [part.sum(axis=1, keepdims=True) for part in inverse]
    of_all = information[0] * information[2] - information[1] ** 2
    means = _invert(information, of_all)
    summed = [part.sum(axis=1, keepdims=True) for part in _times(inverse, pairs.level, pairs.chosen)]
    left = [own - mean for own, mean in zip((pairs.level, pairs.chosen), _times(means, *summed), strict=True)]
    weighed = _times(inverse, *left)
    squares = np.sum(weighed[0] * left[0] + weighed[1] * left[1], axis=1)
    value = (log_determinants.sum(axis=1) + np.log(of_all[:, 0]) + squares / pairs.scale) / 2
    nothing = np.zeros_like(between)
    changes = (
        (nothing, between, 2 * slope * between),
        (between, slope * between, slope**2 * between),
        (nothing, nothing, own),
    )
    gradient = [
        np.sum(_trace(inverse, change) - _quadratic(weighed, change) / pairs.scale, axis=1)
        - _trace(means, [part.sum(axis=1, keepdims=True) for part in _sandwich(inverse, change)])[:, 0]
        for change in changes
    ]
    off = (points[:, 0] - _PRIOR_MEAN) / _PRIOR_DEVIATION
    of_prior = np.column_stack([2 * off / _PRIOR_DEVIATION, *[np.zeros(off.size)] * 2])
    return value + off**2 / 2, (np.stack(gradient, axis=1) + of_prior) / 2


_Symmetric: TypeAlias = Sequence[Floats]
"""Symmetric matrices of two rows: first element, the one off the diagonal, last."""


def _invert(matrix: _Symmetric, determinant: Floats) -> _Symmetric:
    return matrix[2] / determinant, -matrix[1] / determinant, matrix[0] / determinant


def _times(matrix: _Symmetric, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    return matrix[0] * first + matrix[1] * second, matrix[1] * first + matrix[2] * second


def _trace(one: _Symmetric, other: _Symmetric) -> Floats:
    """That of their product."""
    return one[0] * other[0] + 2 * one[1] * other[1] + one[2] * other[2]


def _quadratic(vector: tuple[Floats, Floats], matrix: _Symmetric) -> Floats:
    first, second = vector
    return first**2 * matrix[0] + 2 * first * second * matrix[1] + second**2 * matrix[2]


def _sandwich(outer: _Symmetric, inner: _Symmetric) -> _Symmetric:
    """Outer x inner x outer."""
    (a, b, c), (d, e, f) = outer, inner
    off_diagonal = a * b * d + (a * c + b * b) * e + b * c * f
    return a * a * d + 2 * a * b * e + b * b * f, off_diagonal, b * b * d + 2 * b * c * e + c * c * f
