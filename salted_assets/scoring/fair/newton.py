"""Minima of many small functions at once, by Newton's method within bounds."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats import Floats, Indices

_STEPS = 60
_SHORTENINGS = 12
_SETTLED = 1e-13
"""What a step is expected to bring at most at the last one; after it that is the square of as little."""
_ROUNDING = 1e-13
_FLAT = 1e-10
_TINY = np.finfo(np.float64).tiny

_LOG_REACH = 1.5
_ROOT_REACH = 0.75, 3.0
"""Down and up, beside the standard deviation. One step to 0 would end in a saddle, out of which the way is long."""
_SMALL_ROOT = 0.03
_AT_BOUND = 1e-6
_LOWER = 1e-8
"""From which on a step to 0 may be taken."""


class Curve(NamedTuple):
    """Of each function at its point the value, the gradient and the matrix of second derivatives."""

    value: Floats
    gradient: Floats
    hessian: Floats


Evaluate: TypeAlias = Callable[[Floats, Indices], Curve]
"""The curves at points, a row for each of the functions with these indexes."""

ValueOf: TypeAlias = Callable[[Floats, Indices], Floats]
"""The values alone."""

Reach: TypeAlias = Callable[[Floats], tuple[Floats, Floats]]
"""How far down and how far up a step from these points may go in each parameter."""


def find_minima(evaluate: Evaluate, start: Floats, low: Floats, high: Floats, reach: Reach) -> Floats:
    """A minimum of each function within the bounds, from its row of `start` downhill.

    Where a function is not convex the step goes along each direction as far as its curvature says, downhill, and in any
    case no farther than `reach`. A step that does not bring a function down is shortened.

    >>> def evaluate(at, which):
    ...     return Curve((at[:, 0] - 3) ** 4, 4 * (at - 3) ** 3, 12 * (at[:, :, None] - 3) ** 2)
    >>> found = find_minima(evaluate, np.array([[1.0], [9.0]]), np.zeros(1), np.full(1, 2.5), lambda at: (at, at))
    >>> found.tolist()
    [[2.5], [2.5]]
    """
    at = np.clip(start, low, high)
    left = np.arange(len(at))
    curve = evaluate(at, left)
    for _ in range(_STEPS):
        step, gain = _step(curve, at[left], low, high, reach)
        following = np.clip(at[left] + step, low, high)
        is_settled = gain <= _SETTLED
        at[left[is_settled]] = following[is_settled]
        if is_settled.all():
            break
        left, step = left[~is_settled], step[~is_settled]
        from_here = at[left]

        def curve_at(steps: Floats, which: Indices, left: Indices = left, start: Floats = from_here) -> Curve:
            return evaluate(np.clip(start[which] + steps, low, high), left[which])

        step, curve = _go(curve_at, step, curve.value[~is_settled])
        at[left] = np.clip(from_here + step, low, high)
    return at


def find_minima_by_roots(
    evaluate: Evaluate, start: Floats, bounds: Floats, is_plain: npt.NDArray[np.bool_], value_of: ValueOf | None = None
) -> Floats:
    """Minima of functions of logarithms of variances, and of plain parameters where `is_plain` says so.

    The way goes over standard deviations in place of logarithms of variances: on these it is flat towards 0. A function
    may have another minimum where a variance is at its lower bound, so from there it is looked for again if that is
    lower. `value_of` are the values of `evaluate` alone, where these cost less.
    """
    value_of = value_of or (lambda at, which: evaluate(at, which).value)
    found = _find_minima_by_roots(evaluate, start, bounds, is_plain)
    lowest = value_of(found, np.arange(len(found)))
    for parameter in np.flatnonzero(~is_plain):
        some = np.flatnonzero(found[:, parameter] > bounds[parameter, 0] + _AT_BOUND)
        if not some.size:
            continue
        others = found[some]
        others[:, parameter] = bounds[parameter, 0]
        is_lower = value_of(others, some) < lowest[some] - _LOWER
        some = some[is_lower]
        if some.size:
            found[some] = _find_minima_by_roots(_among(evaluate, some), others[is_lower], bounds, is_plain)
            lowest[some] = value_of(found[some], some)
    return found


def _among(evaluate: Evaluate, some: Indices) -> Evaluate:
    """Of these functions alone, by their indexes among them."""
    return lambda at, which: evaluate(at, some[which])


def _find_minima_by_roots(evaluate: Evaluate, start: Floats, bounds: Floats, is_plain: npt.NDArray[np.bool_]) -> Floats:
    def on_roots(roots: Floats, which: Indices) -> Curve:
        safe = np.where(is_plain, 1.0, roots)
        value, gradient, hessian = evaluate(np.where(is_plain, roots, 2 * np.log(safe)), which)
        slope = np.where(is_plain, 1.0, 2 / safe)
        bent = np.where(is_plain, 0.0, -gradient * slope / safe)
        hessian = hessian * slope[:, :, None] * slope[:, None, :] + bent[:, :, None] * np.eye(bent.shape[1])
        return Curve(value, gradient * slope, hessian)

    def reach(roots: Floats) -> tuple[Floats, Floats]:
        down, up = (share * roots for share in _ROOT_REACH)
        down = np.where(roots < _SMALL_ROOT, roots, down)
        return np.where(is_plain, _LOG_REACH, down), np.where(is_plain, _LOG_REACH, up)

    begin, low, high = (np.where(is_plain, each, np.exp(each / 2)) for each in (start, *bounds.T))
    roots = find_minima(on_roots, begin, low, high, reach)
    return np.where(is_plain, roots, 2 * np.log(np.where(is_plain, 1.0, roots)))


def _step(curve: Curve, at: Floats, low: Floats, high: Floats, reach: Reach) -> tuple[Floats, Floats]:
    """The steps, and what they are expected to bring; parameters at a bound that they would cross are left there."""
    is_free = ~((at <= low) & (curve.gradient > 0) | (at >= high) & (curve.gradient < 0))
    step, gain = _step_within(curve, is_free)
    # Downhill for one alone may be uphill with the others: what a step cannot move must not shorten it.
    is_crossing = (at <= low) & (step < 0) | (at >= high) & (step > 0)
    if is_crossing.any():
        step, gain = _step_within(curve, is_free & ~is_crossing)
    too_far = np.max(np.abs(step) / np.where(step < 0, *reach(at)), axis=1, initial=1.0)
    return step / too_far[:, None], gain


def _step_within(curve: Curve, is_free: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The whole steps in the free parameters, and what they are expected to bring."""
    gradient = np.where(is_free, curve.gradient, 0.0)
    both = is_free[:, :, None] & is_free[:, None, :]
    values, vectors = np.linalg.eigh(np.where(both, curve.hessian, np.eye(gradient.shape[1])))
    size = np.abs(values)
    size = np.maximum(size, np.maximum(_FLAT * size.max(axis=1, keepdims=True), _TINY))
    along = np.einsum("mij,mi->mj", vectors, gradient)
    return -np.einsum("mij,mj->mi", vectors, along / size), np.sum(along**2 / size, axis=1)


def _go(curve_at: Callable[[Floats, Indices], Curve], step: Floats, before: Floats) -> tuple[Floats, Curve]:
    """The steps, each as short as it has to be, and the curves where they lead to.

    `curve_at` gives the curves of functions, by their indexes here, at so many steps from where they were.
    """
    curve = curve_at(step, np.arange(len(step)))
    for _ in range(_SHORTENINGS):
        worse = np.flatnonzero(~(curve.value <= before + _ROUNDING * np.abs(before)))
        if not worse.size:
            break
        step[worse] /= 4
        for part, shorter in zip(curve, curve_at(step[worse], worse), strict=True):
            part[worse] = shorter
    return step, curve
