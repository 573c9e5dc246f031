"""The shrunk mean: what a person's mean is worth beside the peers', by empirical Bayes shrinkage.

The model is normal-normal with unequal counts: a person's mean of n values varies around the person's true value with
the variance V = within / n, and true values vary around the peers' mean with the variance `between`. The within
variance is pooled over the group; the prior (peers' mean and between variance) is estimated from the other people
alone, so that the person cannot pull it. All of it comes from sums less the person's own part.
"""

from collections.abc import Sequence
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
)

FEWEST_PEERS = 5
"""With fewer people than this beside the person, nothing is said of what is usual among them."""

_NODES = (np.arange(9) + 0.5) / 9
_LEAST_PROBABILITY = 1e-300


class Shrunk(NamedTuple):
    """Each person's estimate after a look at the peers; all but `peer_count` are NaN where nothing can be said."""

    value: Floats
    low: Floats
    high: Floats
    standard_deviation: Floats
    reliability: Floats
    peer_count: Indices
    peer_mean: Floats
    within_variance: Floats
    between_variance: Floats


class _Between(NamedTuple):
    """Variance between people as estimated (it may be negative), and the estimate's standard error."""

    raw: Floats
    error: Floats

    @property
    def value(self) -> Floats:
        return np.maximum(self.raw, 0)


class _Prior(NamedTuple):
    """What the others say: their mean, whose variance is between * `per_between` + within * `per_within`."""

    within: Floats
    between: _Between
    mean: Floats
    per_between: Floats
    per_within: Floats


def shrink(
    count: npt.ArrayLike,
    total: npt.ArrayLike,
    sum_of_squares: npt.ArrayLike,
    group: Indices,
    *,
    min_count: float = 2,
    confidence: float = 0.95,
) -> Shrunk:
    """Pull each person's mean towards the mean of the peers in the same group, the more the less is known of it.

    value = mean + (peer mean - mean) * V / (V + between): the posterior mean with estimated prior (Efron and Morris
    1975, JASA 70; Morris 1983, JASA 78). Peers are the others of the group with at least `min_count` values; with
    fewer than five everything is NaN. Where the others do not differ beyond chance (between at or below 0) the value is
    the peer mean.

    - within: pooled over the group (`pooled_variance`).
    - between: the method of moments, (Q - (k - 1)) / (S1 - S2 / S1) with weights n / within (DerSimonian and Laird
      1986, Controlled Clinical Trials 7; with one within variance it is the analysis-of-variance estimator of Searle,
      Casella and McCulloch 1992, Variance Components, chapter 3), over the others alone.
    - peer mean: of the others, with weights 1 / (between + within / n), in which between is that of the whole group.
    - interval: value +- t(peers - 1) * standard deviation. Its square is the mean squared error of the value over what
      `between` may be, a normal around its estimate cut at 0, and holds the error of the peer mean (the idea of Kass
      and Steffey 1989, JASA 84; the variance of the estimate as in Biggerstaff and Tweedie 1997, Statistics in Medicine
      16). So it has a width also where `between` came out as 0. It is rather too wide than too narrow for few peers.
    - reliability = between / (between + V): signal over signal plus noise, 0..1.

    A person without a value has neither value nor reliability. Six people of two values each, true values apart:

    >>> means = np.array([1.0, 2, 3, 4, 5, 6])
    >>> shrunk = shrink([2] * 6, 2 * means, 2 * means**2 + 2, np.zeros(6, int))
    >>> [round(float(part[0]), 3) for part in (shrunk.peer_mean, shrunk.between_variance, shrunk.reliability)]
    [4.0, 1.5, 0.6]
    >>> round(float(shrunk.value[0]), 3)  # 1 + (4 - 1) * 0.4
    2.2
    """
    counts, mean = as_floats(count), sample_mean(count, total)
    within, freedom = pooled_variance(count, total, sum_of_squares, group)
    # Deviations from the group's mean instead of means: squares of large numbers would cost digits.
    centre = divide(group_totals(total, group), group_totals(counts, group))
    deviation = np.where(counts > 0, mean - centre, 0.0)
    deviation = np.where(np.abs(deviation) > ROUNDING * np.abs(centre), deviation, 0.0)
    peers = np.where((counts >= min_count) & (counts > 0), counts, 0.0)
    prior = _prior_of_others(peers, deviation, within, freedom, group)
    noise = divide(within, counts)
    reliability = _reliability(prior.between.value, noise)
    shrunk = _shrunk(deviation, prior.mean, reliability)
    error = np.sqrt(_mean_squared_error(deviation, shrunk, noise, prior))
    peer_count = np.rint(_others(peers > 0, group)).astype(np.int64)
    half = student_quantile(peer_count - 1, confidence) * error
    has_peers = np.where(peer_count >= FEWEST_PEERS, 1.0, np.nan)
    is_known = has_peers + 0 * error
    return Shrunk(
        value=is_known * (centre + shrunk),
        low=is_known * (centre + shrunk - half),
        high=is_known * (centre + shrunk + half),
        standard_deviation=is_known * error,
        reliability=is_known * reliability,
        peer_count=peer_count,
        peer_mean=has_peers * (centre + prior.mean),
        within_variance=within,
        between_variance=has_peers * prior.between.value,
    )


def _others(values: npt.ArrayLike, group: Indices) -> Floats:
    return group_totals(values, group) - as_floats(values)


def _prior_of_others(peers: Floats, deviation: Floats, within: Floats, freedom: Floats, group: Indices) -> _Prior:
    moments = (peers > 0, peers, peers**2, peers**3, peers * deviation, peers * deviation**2)
    between = _between([_others(moment, group) for moment in moments], within, freedom)
    of_all = _between([group_totals(moment, group) for moment in moments], within, freedom).value
    scale = within + peers * of_all
    # Where there is no spread at all, neither within nor between, any weights give the same mean.
    weight = divide(peers, np.where(scale > 0, scale, 1.0))
    squared = _others(weight, group) ** 2
    return _Prior(
        within=within,
        between=between,
        mean=divide(_others(weight * deviation, group), _others(weight, group)),
        per_between=divide(_others(weight**2, group), squared),
        per_within=divide(_others(np.nan_to_num(divide(weight**2, peers)), group), squared),
    )


def _between(moments: Sequence[Floats], within: Floats, freedom: Floats) -> _Between:
    """By moments, from sums over people of 1, n, n^2, n^3, n * deviation and n * deviation^2."""
    people, first, second, third, summed, squared = moments
    scale = first - divide(second, first)
    scattered = squared - divide(summed**2, first)
    scattered = np.where(scattered > ROUNDING * squared, scattered, 0.0)
    raw = divide(scattered - (people - 1) * within, scale)
    usual = np.maximum(raw, 0)
    variance = (
        2 * (people - 1) * within**2
        + 4 * scale * within * usual
        + 2 * (second - 2 * divide(third, first) + divide(second, first) ** 2) * usual**2
        + 2 * (people - 1) ** 2 * divide(within**2, freedom)
    )
    return _Between(raw, divide(np.sqrt(np.maximum(variance, 0)), scale))


def _reliability(between: Floats, noise: Floats) -> Floats:
    return np.where(between > 0, divide(between, between + noise), 0.0 * noise)


def _shrunk(deviation: Floats, prior_mean: Floats, reliability: Floats) -> Floats:
    return prior_mean + reliability * (deviation - prior_mean)


def _mean_squared_error(deviation: Floats, shrunk: Floats, noise: Floats, prior: _Prior) -> Floats:
    """Mean over nine equally likely between variances of: posterior variance + (posterior mean - shrunk)^2."""
    squared = np.zeros_like(shrunk)
    raw, error = prior.between
    above_zero = np.maximum(scipy.special.ndtr(divide(raw, error)), _LEAST_PROBABILITY)
    for node in _NODES:
        drawn = np.where(
            error > 0, np.maximum(raw - error * scipy.special.ndtri(above_zero * node), 0), np.maximum(raw, 0)
        )
        reliability = _reliability(drawn, noise)
        of_prior = (1 - reliability) ** 2 * (drawn * prior.per_between + prior.within * prior.per_within)
        off_value = _shrunk(deviation, prior.mean, reliability) - shrunk
        squared += reliability * noise + of_prior + off_value**2
    return squared / len(_NODES)
