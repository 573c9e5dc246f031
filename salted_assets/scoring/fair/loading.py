"""How chosen engagements follow the agent's level: a choice of low ones shows less between agents than there is."""

from typing import NamedTuple

import numpy as np
import scipy

from salted_assets.scoring.stats import Floats

_PRIOR_MEAN, _PRIOR_DEVIATION = 1.0, 0.5
_FEWEST_AGENTS = 3
_LOADING_BOUNDS = (-1.0, 3.0)
_LOG_BOUNDS = (np.log(1e-8), np.log(1e2))


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
    both = np.isfinite(level) & np.isfinite(chosen)
    if both.sum() < _FEWEST_AGENTS:
        return PARALLEL
    alone = np.isfinite(level) & ~both
    others = np.isfinite(chosen) & ~both
    scale = max(float(np.var(level[both], ddof=1)), float(np.mean(variance[both])))
    parts = (
        (level[both], chosen[both], variance[both] / scale, chosen_variance[both] / scale),
        (level[alone], variance[alone] / scale),
        (chosen[others], chosen_variance[others] / scale),
    )

    def negative_log_posterior(at: Floats) -> float:
        slope, between, own = at[0], np.exp(at[1]), np.exp(at[2])
        return _fit_means(parts, scale, slope, between, own) + float((slope - _PRIOR_MEAN) / _PRIOR_DEVIATION) ** 2 / 2

    found = scipy.optimize.minimize(
        negative_log_posterior,
        np.array([_PRIOR_MEAN, np.log(0.5), np.log(0.1)]),
        method="L-BFGS-B",
        bounds=[_LOADING_BOUNDS, _LOG_BOUNDS, _LOG_BOUNDS],
    )
    return Loading(float(found.x[0]), float(np.exp(found.x[2])) * scale)


def _fit_means(parts: tuple[tuple[Floats, ...], ...], scale: float, slope: float, between: float, own: float) -> float:
    """-log likelihood with both means integrated out, for variances in units of `scale`."""
    (level, chosen, variance, chosen_variance), (alone, alone_variance), (others, others_variance) = parts
    first, second = between + variance, slope**2 * between + own + chosen_variance
    crossed = slope * between
    determinant = first * second - crossed**2
    weights = (
        np.array([[second, -crossed * np.ones_like(first)], [-crossed * np.ones_like(first), first]]) / determinant
    )
    values = np.array([level, chosen])
    information = weights.sum(axis=2)
    summed = np.einsum("abi,bi->a", weights, values)
    squares = np.einsum("ai,abi,bi->", values, weights, values)
    log_determinant = np.log(determinant).sum()
    for index, (each, spread) in enumerate(
        [(alone, between + alone_variance), (others, slope**2 * between + own + others_variance)]
    ):
        information[index, index] += (1 / spread).sum()
        summed[index] += (each / spread).sum()
        squares += (each**2 / spread).sum()
        log_determinant += np.log(spread).sum()
    left = (squares - summed @ np.linalg.solve(information, summed)) / scale
    return float(log_determinant + np.linalg.slogdet(information)[1] + left) / 2
