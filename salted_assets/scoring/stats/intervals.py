"""How sure a mean, a share or a difference is: 95 % intervals."""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from salted_assets.scoring.stats.samples import (
    Floats,
    Indices,
    as_floats,
    divide,
    group_totals,
    pooled_variance,
    sample_mean,
    sample_variance,
)

_MAX_COUNT = 1e9
_PRIOR_SQUARES = 0.25


class Interval(NamedTuple):
    """An estimate with its limits, arrays of one shape. The limits are NaN where the data do not tell them."""

    value: Floats
    low: Floats
    high: Floats


@cache
def normal_quantile(confidence: float) -> float:
    """How many standard deviations a two-sided interval of this confidence reaches to each side: 1.96 for 0.95."""
    return float(scipy.special.ndtri(0.5 + confidence / 2))


def student_quantile(freedom: npt.ArrayLike, confidence: float) -> Floats:
    """The same by Student's t with this many degrees of freedom; NaN for none."""
    degrees, index = np.unique(as_floats(freedom), return_inverse=True)
    quantiles = scipy.special.stdtrit(np.where(degrees > 0, degrees, np.nan), 0.5 + confidence / 2)
    return as_floats(quantiles[index])


def mean_interval(
    count: npt.ArrayLike,
    total: npt.ArrayLike,
    sum_of_squares: npt.ArrayLike,
    confidence: float = 0.95,
    *,
    design_effect: npt.ArrayLike = 1.0,
) -> Interval:
    """Mean and Student's t interval of samples of `count` units (Student 1908, Biometrika 6).

    mean +- t(n - 1) * s * sqrt(design effect / n); the design effect is 1 where units are independent, else that of
    `estimate_dependence`. The mean is NaN for no value. The limits are NaN for fewer than two values, and for
    values that are all equal: they tell nothing about their own spread, and an interval of no width would be a lie.

    >>> value, low, high = mean_interval(4, 10.0, 30.0)  # of 1, 2, 3, 4
    >>> float(value), round(float(low), 3), round(float(high), 3)
    (2.5, 0.446, 4.554)
    """
    mean = sample_mean(count, total)
    variance = sample_variance(count, total, sum_of_squares)
    spread = np.where(variance > 0, variance, np.nan)
    error = np.sqrt(divide(as_floats(design_effect) * spread, count))
    half = student_quantile(as_floats(count) - 1, confidence) * error
    return Interval(mean, mean - half, mean + half)


def geometric_mean_interval(
    count: npt.ArrayLike,
    log_total: npt.ArrayLike,
    log_sum_of_squares: npt.ArrayLike,
    confidence: float = 0.95,
    *,
    design_effect: npt.ArrayLike = 1.0,
) -> Interval:
    """Geometric mean and its interval, from sums of natural logarithms: exp of the t interval of the logarithms.

    For durations, which are skewed: on the log scale they are nearly normal, and one long call does not move the whole
    mean (Bland and Altman 1996, BMJ 312: transformations, means and confidence intervals). Limits are NaN as in
    `mean_interval`.

    >>> logs = np.log([60_000, 120_000, 240_000])
    >>> value, low, high = geometric_mean_interval(3, logs.sum(), (logs**2).sum())
    >>> round(float(value)), round(float(low)), round(float(high))
    (120000, 21448, 671400)
    """
    logs = mean_interval(count, log_total, log_sum_of_squares, confidence, design_effect=design_effect)
    with np.errstate(over="ignore"):
        return Interval(*(np.exp(part) for part in logs))


def wilson_interval(
    successes: npt.ArrayLike, count: npt.ArrayLike, confidence: float = 0.95, *, design_effect: npt.ArrayLike = 1.0
) -> Interval:
    """Share and its score interval (Wilson 1927, JASA 22), which stays within 0..1 and holds for few or extreme counts.

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), n being the count / design effect. NaN for no unit.

    >>> value, low, high = wilson_interval(9, 10)
    >>> float(value), round(float(low), 3), round(float(high), 3)
    (0.9, 0.596, 0.982)
    """
    per_unit = divide(normal_quantile(confidence) ** 2 * as_floats(design_effect), count)
    return _score_interval(divide(successes, count), per_unit)


def bounded_mean_interval(
    count: npt.ArrayLike,
    total: npt.ArrayLike,
    sum_of_squares: npt.ArrayLike,
    group: Indices,
    confidence: float = 0.95,
    *,
    centre: npt.ArrayLike | None = None,
    design_effect: npt.ArrayLike = 1.0,
    freedom: npt.ArrayLike | None = None,
) -> Interval:
    """Mean of values in 0..1 with a score interval, from one value on; `group` is each sample's group, as its channel.

    Wilson's formula (1927, JASA 22) with z^2 replaced by t(d)^2 * c * design effect: c is the spread of the group's
    values beside that of shares with the same means (pooled dispersion, McCullagh and Nelder 1989, Generalized Linear
    Models, section 4.5). Unlike mean +- t * s / sqrt(n), it stays within 0..1, has a width where all values of a sample
    are equal, and reaches farther to the side on which values can still lie.

    c = (S + 1/4) / (sum of (n - 1) [m (1 - m) + within / n] + 1/4), at most 1, with sums over the group, S the squared
    deviations from each sample's own mean and within = S / sum of (n - 1). The quarters keep a single imperfect value
    from deciding. d is `freedom`, that of `Dependence`, or the sum of n - 1. With the t of the sum of n - 1, t^2 * c is
    z^2 at most: no value in 0..1 varies more than yes and no of the same mean. Where the group has no spread within
    samples, or no sample of two values, nothing tells c: c = 1 and z instead of t, as for shares.

    `centre` is the mean to be shown, where it is another than total / count, such as one of several values a unit. NaN
    for no value.

    >>> value, low, high = bounded_mean_interval([3, 3], [3.0, 2.4], [3.0, 1.94], np.zeros(2, int))
    >>> value.round(3).tolist(), low.round(3).tolist(), high.round(3).tolist()
    ([1.0, 0.8], [0.454, 0.298], [1.0, 0.974])
    """
    counts, mean = as_floats(count), sample_mean(count, total)
    within, free = pooled_variance(counts, total, sum_of_squares, group)
    of_shares = np.maximum(counts - 1, 0) * np.nan_to_num(mean * (1 - mean) + divide(within, counts))
    dispersion = (within * free + _PRIOR_SQUARES) / (group_totals(of_shares, group) + _PRIOR_SQUARES)
    most, quantile = normal_quantile(confidence) ** 2, student_quantile(free, confidence)
    by_days = quantile if freedom is None else student_quantile(np.broadcast_to(freedom, counts.shape), confidence)
    factor = np.minimum(quantile**2 * np.minimum(dispersion, 1), most) * divide(by_days, quantile) ** 2
    has_spread = (within > 0) & np.isfinite(by_days)
    per_unit = divide(np.where(has_spread, factor, most) * as_floats(design_effect), counts)
    return _score_interval(mean if centre is None else as_floats(centre), per_unit)


def _score_interval(mean: Floats, per_unit: Floats) -> Interval:
    """Limits of a mean in 0..1 by Wilson's formula; `per_unit` is what stands for z^2 / n."""
    spread = np.maximum(mean * (1 - mean), 0)
    half = np.sqrt(per_unit * spread + per_unit**2 / 4)
    low, high = (mean + per_unit / 2 - half) / (1 + per_unit), (mean + per_unit / 2 + half) / (1 + per_unit)
    return Interval(mean, np.clip(low, 0, mean), np.clip(high, mean, 1))


def difference_of_means(
    first: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    second: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    confidence: float = 0.95,
    *,
    design_effects: tuple[npt.ArrayLike, npt.ArrayLike] = (1.0, 1.0),
) -> Interval:
    """Mean of the first sample minus that of the second, each given as count, sum, sum of squares, with its interval.

    Welch 1947 (Biometrika 34): variances need not be equal. Each error is multiplied by the root of its design effect
    (`estimate_dependence`). Limits are NaN where a sample has fewer than two values, or
    where neither has any spread.

    >>> value, low, high = difference_of_means((4, 10.0, 30.0), (3, 3.0, 5.0))  # 1, 2, 3, 4 and 0, 1, 2
    >>> float(value), round(float(low), 3), round(float(high), 3)
    (1.5, -0.732, 3.732)
    """
    samples = zip((first, second), design_effects, strict=True)
    errors = [divide(as_floats(effect) * sample_variance(*sample), sample[0]) for sample, effect in samples]
    freedoms = [as_floats(sample[0]) - 1 for sample in (first, second)]
    error = errors[0] + errors[1]
    freedom = divide(error**2, divide(errors[0] ** 2, freedoms[0]) + divide(errors[1] ** 2, freedoms[1]))
    half = student_quantile(freedom, confidence) * np.sqrt(error)
    value = sample_mean(*first[:2]) - sample_mean(*second[:2])
    return Interval(value, value - half, value + half)


def difference_of_intervals(first: Interval, second: Interval) -> Interval:
    """The first estimate minus the second, with limits recovered from the two intervals, which need not be symmetric.

    Zou and Donner 2008 (Statistics in Medicine 27); with Wilson intervals this is the hybrid score interval of Newcombe
    1998 (Statistics in Medicine 17, method 10).

    >>> value, low, high = difference_of_intervals(wilson_interval(56, 70), wilson_interval(48, 80))
    >>> round(float(value), 4), round(float(low), 4), round(float(high), 4)  # Newcombe's example
    (0.2, 0.0524, 0.3339)
    """
    value = first.value - second.value
    down = np.hypot(first.value - first.low, second.high - second.value)
    up = np.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, value - down, value + up)


def count_needed(standard_deviation: npt.ArrayLike, half_width: float = 0.05, confidence: float = 0.95) -> Floats:
    """The smallest number of values, two or more, whose t interval reaches at most `half_width` to each side.

    Smallest n with t(n - 1) * s / sqrt(n) <= half width: the normal answer, then upwards until t agrees. NaN for an
    unknown spread; counts beyond a thousand million are infinite.

    >>> count_needed([0.2, 0.1]).tolist()
    [64.0, 18.0]
    """
    spread = as_floats(standard_deviation)
    count = np.maximum(np.ceil((normal_quantile(confidence) * spread / half_width) ** 2), 2)
    count = np.where(count > _MAX_COUNT, np.inf, count)
    while np.any(is_wide := student_quantile(count - 1, confidence) * spread > half_width * np.sqrt(count)):
        count = np.where(is_wide, count + 1, count)
    return count
