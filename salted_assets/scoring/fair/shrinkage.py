"""Shrunk fair means: limited empirical Bayes shrinkage of levels whose errors hang together.

The same estimate as `shrink_means` has for independent errors, with the matrix of covariances in place of variances.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.covariance import Covariance, Inverse
from salted_assets.scoring.stats import FEWEST_PEOPLE, Floats, ShrinkOutcome
from salted_assets.scoring.stats.intervals import student_quantile
from salted_assets.scoring.stats.samples import ROUNDING, divide
from salted_assets.scoring.stats.shrinkage import (
    FARTHEST,
    ROUNDS,
    bring_near,
    find_share_kept,
    list_betweens,
)

_CONFIDENCE = 0.95


class Prior(NamedTuple):
    """What the members say of all: how many they are, the variance between them, their mean and its weights.

    `raw` is the variance as estimated, which may be negative, `raw_error` its standard error; `noise` is what a mean
    usually varies by.
    """

    people: int
    between: float
    raw: float
    raw_error: float
    noise: float
    mean: float
    weights: Floats


class ShrunkLevels(NamedTuple):
    """Each agent's estimate; NaN where the outcome is another than SHRUNK.

    `error` is the standard error beside the others, without what all have in common; the limits hold that, too.
    """

    value: Floats
    low: Floats
    high: Floats
    error: Floats
    reliability: Floats
    weight: Floats
    outcome: ShrinkOutcome
    prior: Prior | None


def shrink_levels(
    mean: Floats, covariance: Covariance, is_member: npt.NDArray[np.bool_], *, freedom: float
) -> ShrunkLevels:
    """Shrink fair means y with the covariance S of their errors, once.

    A = S + tau^2 I; tau^2 = max(0, (y'Py - tr PS) / tr P) by moments with P = S^-1 - S^-1 1 (1'S^-1 1)^-1 1'S^-1 over
    the J members, of whom those who are far off are brought near (`bring_near`); mu by generalised least squares with
    A^-1. V = S_ii - c, c the mean of S_ij over i != j: the error that all have in common. V is no less than the part of
    S_ii that no facet brings: who shares less error than two usual agents do has that of the own. pull = (J - 3) /
    (J - 1) S A^-1 (y - mu), cut to +- (J - 3) / (J - 1) 1.36 V / sqrt(V + tau^2); estimate = y - pull. The error is
    that of `shrink_means` with the matrix posterior. Who is no member gets the prior of the members, with V of the own.
    `freedom` are the degrees of freedom on which S rests.

    With a diagonal S this is `shrink_means`.
    """
    outcome = _find_outcome(covariance.own[is_member])
    if outcome != ShrinkOutcome.SHRUNK:
        nothing = np.full(mean.shape, np.nan)
        return ShrunkLevels(nothing, nothing, nothing, nothing, nothing, nothing, outcome, None)
    centre = mean[is_member].mean()
    deviation = mean - centre
    deviation = np.where(np.abs(deviation) <= ROUNDING * np.abs(centre), 0.0, deviation)
    members = covariance.take(np.flatnonzero(is_member))
    common = members.common
    prior = estimate_prior(deviation[is_member], members, freedom)
    variance = own_variance(covariance, common)
    usual = np.sqrt(variance + prior.between)
    gap = deviation - prior.mean
    gap = np.where(np.abs(gap) <= ROUNDING * usual, 0.0, gap)
    factor = (prior.people - 3) / (prior.people - 1)
    most = factor * FARTHEST * variance / usual
    pull = factor * variance / (variance + prior.between) * gap
    pull[is_member] = factor * members.invert(prior.between, common).noise_share(gap[is_member])
    pull = np.clip(pull, -most, most)
    error = np.sqrt(_mean_squared_error(gap, pull, variance, members, is_member, prior))
    half = student_quantile(prior.people - 2, _CONFIDENCE) * np.sqrt(np.maximum(error**2 + common, 0))
    value = centre + deviation - pull
    return ShrunkLevels(
        value=value,
        low=value - half,
        high=value + half,
        error=error,
        reliability=prior.between / (prior.between + variance),
        weight=np.clip(1 - divide(np.abs(pull), np.abs(gap)), 0, 1),
        outcome=outcome,
        prior=prior._replace(mean=centre + prior.mean),
    )


def estimate_prior(deviation: Floats, covariance: Covariance, freedom: float) -> Prior:
    """Variance between members by moments, and their mean, given as deviation from the same centre."""
    people, variance = deviation.size, own_variance(covariance, covariance.common)
    inverse = covariance.invert()
    total = inverse.times(np.ones(people))
    summed = total.sum()
    scale = inverse.trace - total @ total / summed
    scale_of_square = (
        inverse.trace_of_square - 2 * total @ inverse.times(total) / summed + (total @ total / summed) ** 2
    )
    near, kept, share_kept = deviation, 1.0, find_share_kept(people).item()
    for _ in range(ROUNDS):
        scattered = near @ inverse.times(near) - (total @ near) ** 2 / summed
        raw = float((scattered / kept - (people - 1)) / scale)
        between = max(raw, 0.0)
        mean = np.average(deviation, weights=1 / (between + variance))
        near, kept = bring_near(deviation, mean, variance, between), share_kept
    variance_of_scattered = (
        2 * (people - 1) + 4 * scale * between + 2 * scale_of_square * between**2 + 2 * (people - 1) ** 2 / freedom
    )
    weights = covariance.invert(between).times(np.ones(people))
    weights /= weights.sum()
    error = float(np.sqrt(max(variance_of_scattered, 0.0)) / scale)
    return Prior(people, between, raw, error, (people - 1) / scale, float(weights @ deviation), weights)


def own_variance(covariance: Covariance, common: float) -> Floats:
    """Each agent's variance without what all have in common, but with all that no facet brings."""
    return np.maximum(covariance.diagonal - common, covariance.own)


def _find_outcome(own: Floats) -> ShrinkOutcome:
    if own.size < FEWEST_PEOPLE:
        return ShrinkOutcome.TOO_FEW_PEOPLE
    return ShrinkOutcome.SHRUNK if (own > 0).all() else ShrinkOutcome.NO_SPREAD


def _mean_squared_error(  # noqa: PLR0917 - what is known of each agent, and of all
    gap: Floats,
    pull: Floats,
    variance: Floats,
    members: Covariance,
    is_member: npt.NDArray[np.bool_],
    prior: Prior,
) -> Floats:
    """Mean over equally likely between variances of: posterior variance + (posterior mean - estimate)^2."""
    weights_squared, common = float(prior.weights @ prior.weights), members.common
    at_zero = max(float(prior.weights @ members.times(prior.weights)) - common, 0.0)
    between = list_betweens(prior.raw, prior.raw_error, prior.noise)[:, None]
    of_mean = between * weights_squared + at_zero
    noise = variance / (variance + between)
    squared = (1 - noise) * variance + noise**2 * of_mean + (pull - noise * gap) ** 2
    inverse = members.invert(between, common)
    squared[:, is_member] = _of_members(gap[is_member], pull[is_member], inverse, of_mean)
    return np.asarray(squared.mean(axis=0))


def _of_members(gap: Floats, pull: Floats, inverse: Inverse, variance_of_mean: Floats) -> Floats:
    """Of each variance between members (rows) that the inverse is of."""
    of_mean = inverse.noise_share(np.ones(gap.size)) ** 2 * variance_of_mean
    return inverse.posterior_variance + of_mean + (pull - inverse.noise_share(gap)) ** 2
