"""The shrunk mean: the best estimate of a person's true mean, by limited empirical Bayes shrinkage within a group.

The model is normal-normal with unequal variances: a person's mean varies around the true value with the variance V, and
true values vary around the group's mean with the variance `between`. The person is one of the group: a prior that
leaves the person out takes an agent who is far off for chance, and the others for alike.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from salted_assets.scoring.stats.intervals import student_quantile
from salted_assets.scoring.stats.samples import (
    ROUNDING,
    Floats,
    Indices,
    as_floats,
    divide,
    group_totals,
    pooled_variance,
    sample_mean,
    zero_unknown,
)

FEWEST_PEOPLE = 6
"""With fewer people than this in a group, nobody of it is compared: the interval would be wider than the plain one."""

FARTHEST = 1.36
"""How many usual distances from the group's mean a mean is pulled by at most (limited translation)."""

ROUNDS = 4
"""How often the variance between people is estimated; after the first time those who are far off are brought near."""

_OUTSIDE = 2.5
_NODES = (np.arange(9, 0, -1) - 0.5) / 9
_LEAST_PROBABILITY = 1e-300
_LEAST_SCATTER = 1e-3


class ShrinkOutcome(IntEnum):
    """Whether a person has a shrunk mean, or why not; the first two reasons are of the whole group."""

    SHRUNK = 0
    TOO_FEW_PEOPLE = 1
    NO_SPREAD = 2
    NO_VALUE = 3


class Shrunk(NamedTuple):
    """Each person's estimate, arrays of one shape; all but counts and outcome are NaN where nothing can be said.

    `low` and `high` are the 95 % limits. `error` is the standard error around `value`: with the two a person's true
    mean is drawn or ranked. `reliability` is the share of signal in the mean, and `weight` the mean's share of the
    estimate, which is more where the pull was limited. `group_count` are the people out of whom the prior is made.
    `within_variance` is NaN where variances of means were given.
    """

    value: Floats
    low: Floats
    high: Floats
    error: Floats
    reliability: Floats
    weight: Floats
    group_count: Indices
    group_mean: Floats
    within_variance: Floats
    between_variance: Floats
    outcome: Indices


class _Group(NamedTuple):
    """What is known of each person's group. Means are deviations from the group's centre."""

    people: Floats
    between: Floats
    between_raw: Floats
    between_error: Floats
    noise: Floats
    mean: Floats
    mean_variance_per_between: Floats
    mean_variance_at_zero: Floats


def shrink(
    count: npt.ArrayLike,
    total: npt.ArrayLike,
    sum_of_squares: npt.ArrayLike,
    group: Indices,
    *,
    min_count: float = 2,
    is_member: npt.ArrayLike = True,
    centre: npt.ArrayLike | None = None,
    design_effect: npt.ArrayLike = 1.0,
    confidence: float = 0.95,
) -> Shrunk:
    """Shrink each person's mean of `count` values: `shrink_means` with V = design effect * within / n.

    `within` is pooled over the people of the group with at least `min_count` values who are members
    (`pooled_variance`); these alone make the prior. The others get the same prior without being part of it. `centre` is
    the mean to be shrunk, where it is another than total / count, as in `bounded_mean_interval`.

    Six people of two values each, true values apart:

    >>> means = np.array([1.0, 2, 3, 4, 5, 6])
    >>> shrunk = shrink([2] * 6, 2 * means, 2 * means**2 + 2, np.zeros(6, int))
    >>> [round(float(part[0]), 3) for part in (shrunk.group_mean, shrunk.between_variance, shrunk.reliability)]
    [3.5, 2.5, 0.714]
    >>> round(float(shrunk.value[0]), 3)  # 1 + 3 / 5 * (1 - 0.714) * (3.5 - 1)
    1.429
    """
    counts = as_floats(count)
    has_enough = np.asarray(is_member, bool) & (counts >= min_count) & (counts > 0)
    of_members = (np.where(has_enough, part, 0.0) for part in (counts, as_floats(total), as_floats(sum_of_squares)))
    member_count, member_total, member_squares = of_members
    within, freedom = pooled_variance(member_count, member_total, member_squares, group)
    variance = divide(as_floats(design_effect) * zero_unknown(within), counts)
    mean = sample_mean(counts, total) if centre is None else as_floats(centre)
    shrunk = shrink_means(mean, variance, group, is_member=has_enough, freedom=freedom, confidence=confidence)
    return shrunk._replace(within_variance=within)


def shrink_means(
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    group: Indices,
    *,
    is_member: npt.ArrayLike = True,
    freedom: npt.ArrayLike = np.inf,
    confidence: float = 0.95,
) -> Shrunk:
    """Pull each mean, whose sampling variance is V, towards the mean of its group, the more the less is known of it.

    estimate = m - B * clip(m - mu, +-1.36 sqrt(V + between)), with B = (J - 3) / (J - 1) * V / (V + between) and J
    people in the group. The first factor makes up for the estimated prior (Morris 1983, JASA 78; Efron and Morris
    1975, JASA 70). The limit keeps a person who is far off from being pulled into the crowd (Efron and Morris 1972,
    JASA 67, limited translation).

    - between: the method of moments over the J, cut at 0 (DerSimonian and Laird 1986, Controlled Clinical Trials 7), in
      which a mean counts as at most 2.5 sqrt(V + between) away from mu (Huber 1964, Annals of Mathematical Statistics
      35, proposal 2): one who is far off says little of how much the others differ. The scatter that chance alone loses
      by that is made up for (`find_share_kept`).
    - mu: the mean with weights 1 / (V + between).
    - limits: estimate +- t(J - 2) * error. The square of the error is the mean squared error of the estimate over nine
      equally likely values of `between` (`list_betweens`): it holds the posterior variance, the error of mu and how far
      the limit keeps the estimate from the posterior mean (the idea of Kass and Steffey 1989, JASA 84). So there is a
      width also where `between` came out as 0. `freedom` are the degrees of freedom on which the Vs rest.
    - reliability = between / (between + V), 0..1.
    - weight = 1 - |estimate - m| / |m - mu|, NaN where m = mu.

    Who is no member gets the group's prior without being part of it. With fewer than six members, or where a member's V
    is 0, nobody of the group has an estimate.

    >>> shrunk = shrink_means([0.5] + [0.75] * 7, [0.15**2 / 20] * 8, np.zeros(8, int))
    >>> [round(float(part[0]), 3) for part in (shrunk.value, shrunk.low, shrunk.high, shrunk.weight)]
    [0.512, 0.415, 0.609, 0.943]
    """
    means, variances = np.broadcast_arrays(as_floats(mean), as_floats(variance))
    is_one = np.asarray(is_member, bool) & np.isfinite(means) & (variances >= 0)
    people = group_totals(is_one, group)
    has_spread = group_totals(is_one & (variances == 0), group) == 0
    variances = np.where(has_spread, variances, np.nan)
    # Deviations from the group's centre instead of means: squares of large numbers would cost digits.
    centre = divide(group_totals(np.where(is_one, means, 0.0), group), people)
    deviation = means - centre
    deviation = np.where(np.abs(deviation) <= ROUNDING * np.abs(centre), 0.0, deviation)
    found = _describe_group(deviation, variances, is_one, as_floats(freedom), group)
    pull = divide(people - 3, people - 1) * variances / (variances + found.between)
    usual = np.sqrt(variances + found.between)
    gap = deviation - found.mean
    gap = np.where(np.abs(gap) <= ROUNDING * usual, 0.0, gap)
    farthest = FARTHEST * usual
    estimate = deviation - pull * np.clip(gap, -farthest, farthest)
    error = np.sqrt(_mean_squared_error(gap, estimate - found.mean, variances, found))
    half = student_quantile(people - 2, confidence) * error
    outcome = _find_outcome(people, has_spread, estimate)
    is_known = np.where(outcome == ShrinkOutcome.SHRUNK, 1.0, np.nan)
    of_group = np.where((people >= FEWEST_PEOPLE) & has_spread, 1.0, np.nan)
    return Shrunk(
        value=is_known * (centre + estimate),
        low=is_known * (centre + estimate - half),
        high=is_known * (centre + estimate + half),
        error=is_known * error,
        reliability=is_known * found.between / (found.between + variances),
        weight=is_known * (1 - pull * np.minimum(divide(farthest, np.abs(gap)), 1)),
        group_count=np.rint(people).astype(np.int64),
        group_mean=of_group * (centre + found.mean),
        within_variance=np.full(means.shape, np.nan),
        between_variance=of_group * found.between,
        outcome=outcome,
    )


def list_betweens(raw: npt.ArrayLike, error: npt.ArrayLike, noise: npt.ArrayLike) -> Floats:
    """Nine equally likely values (rows) of a variance between people, of which `raw`, maybe negative, is the estimate.

    The scatter of means is a chi-square times noise + between, `noise` being what a mean usually varies by; f, its
    degrees of freedom, are those that the standard error of the estimate tells, 2 (noise + between)^2 / error^2
    (Biggerstaff and Tweedie 1997, Statistics in Medicine 16; Satterthwaite 1946, Biometrics Bulletin 2). So between may
    be far more than its estimate rather than far less. Values under 0 are left out.

    >>> list_betweens(1.0, 1.0, 1.0).round(2).tolist()
    [0.18, 0.46, 0.7, 0.95, 1.24, 1.59, 2.07, 2.83, 4.73]
    """
    estimate, spread, usual = as_floats(raw), as_floats(error), as_floats(noise)
    half_freedom = divide((usual + np.maximum(estimate, 0)) ** 2, spread**2)
    # Means that are all but equal are so by chance: their scatter tells that between is small, not that it is nothing.
    scatter = half_freedom * np.maximum(usual + estimate, _LEAST_SCATTER * usual)
    # Of a group once, not of each of its people: quantiles cost more than all else.
    distinct, index = np.unique(half_freedom + 1j * divide(scatter, usual), return_inverse=True)
    above_zero = np.maximum(scipy.special.gammainc(distinct.real, distinct.imag), _LEAST_PROBABILITY)
    quantiles = scipy.special.gammaincinv(distinct.real, above_zero * _NODES[:, None])[:, index]
    return np.maximum(divide(scatter, quantiles.reshape(_NODES.size, *estimate.shape)) - usual, 0)


def bring_near(deviation: Floats, mean: Floats | float, variance: Floats, between: Floats | float) -> Floats:
    """Deviations, those of people who are far off as near as 2.5 usual distances from the mean of all."""
    farthest = _OUTSIDE * np.sqrt(variance + between)
    return np.clip(deviation, mean - farthest, mean + farthest)


def find_share_kept(people: npt.ArrayLike) -> Floats:
    """What `bring_near` leaves of the scatter of so many means that vary by chance alone, 0..1.

    The square of a deviation over that of the usual one is (J - 1)^2 / J times a Beta(1/2, (J - 2) / 2) (Thompson 1935,
    Annals of Mathematical Statistics 6): among eight people nobody can be 2.5 usual distances off.

    >>> find_share_kept([8, 30, 1_000_000]).round(4).tolist()
    [1.0, 0.9882, 0.9776]
    """
    sizes, index = np.unique(np.maximum(as_floats(people), 3), return_inverse=True)
    end = np.minimum(_OUTSIDE**2 * sizes / (sizes - 1) ** 2, 1)
    inside = scipy.special.betainc(1.5, sizes / 2 - 1, end)
    outside = scipy.special.betaincc(0.5, sizes / 2 - 1, end)
    return as_floats((inside + outside * _OUTSIDE**2 * sizes / (sizes - 1))[index])


def _find_outcome(people: Floats, has_spread: npt.NDArray[np.bool_], estimate: Floats) -> Indices:
    conditions = [people < FEWEST_PEOPLE, ~has_spread, np.isnan(estimate)]
    reasons = [ShrinkOutcome.TOO_FEW_PEOPLE, ShrinkOutcome.NO_SPREAD, ShrinkOutcome.NO_VALUE]
    return np.select(conditions, reasons, ShrinkOutcome.SHRUNK).astype(np.int64)


def _describe_group(
    deviation: Floats, variance: Floats, is_member: npt.NDArray[np.bool_], freedom: Floats, group: Indices
) -> _Group:
    def add_up(values: Floats) -> Floats:
        return group_totals(np.where(is_member, values, 0.0), group)

    people = add_up(np.ones(deviation.shape))
    precision = divide(1, variance)
    first, second, third = (add_up(precision**power) for power in (1, 2, 3))
    scale = first - divide(second, first)
    near, kept, share_kept = deviation, np.ones(people.shape), find_share_kept(people)
    for _ in range(ROUNDS):
        scattered = add_up(precision * (near - divide(add_up(precision * near), first)) ** 2)
        raw = divide(scattered / kept - (people - 1), scale)
        between = np.maximum(raw, 0)
        weight = divide(1, between + variance)
        summed = add_up(weight)
        mean = divide(add_up(weight * deviation), summed)
        near, kept = bring_near(deviation, mean, variance, between), share_kept
    variance_of_scattered = (
        2 * (people - 1)
        + 4 * scale * between
        + 2 * (second - 2 * divide(third, first) + divide(second, first) ** 2) * between**2
        + 2 * divide((people - 1) ** 2, freedom)
    )
    return _Group(
        people=people,
        between=between,
        between_raw=raw,
        between_error=divide(np.sqrt(np.maximum(variance_of_scattered, 0)), scale),
        noise=divide(people - 1, scale),
        mean=mean,
        mean_variance_per_between=divide(add_up(weight**2), summed**2),
        mean_variance_at_zero=divide(add_up(weight**2 * variance), summed**2),
    )


def _mean_squared_error(gap: Floats, estimate: Floats, variance: Floats, group: _Group) -> Floats:
    """Mean over equally likely between variances of: posterior variance + (posterior mean - estimate)^2.

    `gap` and `estimate` are taken from the group's mean.
    """
    between = list_betweens(group.between_raw, group.between_error, group.noise)
    pull = variance / (variance + between)
    of_mean = between * group.mean_variance_per_between + group.mean_variance_at_zero
    squared = (1 - pull) * variance + pull**2 * of_mean + ((1 - pull) * gap - estimate) ** 2
    return as_floats(squared.sum(axis=0) / len(_NODES))
