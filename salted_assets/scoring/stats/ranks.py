"""Where a person stands among peers, and how sure that is: percentiles of true values known with an error."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from salted_assets.scoring.stats.samples import Floats, Indices, as_floats

MOST_PEERS_EXACT = 64
"""Up to so many peers the distribution of the rank is that of every single count; beyond, a refined normal one."""

_NODES = np.linspace(-5.0, 5.0, 64)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()
_GRID = 512
_PEAK = np.float32(1 / np.sqrt(2 * np.pi))
_LEAST_VARIANCE = 0.02
_LEAST_VARIANCE_OF_SERIES = 1.0


class Percentiles(NamedTuple):
    """Share of peers below each person, 0..1, with limits, and the probability to be above the peers' median."""

    value: Floats
    low: Floats
    high: Floats
    above_median_probability: Floats


class _Counts(NamedTuple):
    """How many peers are below each of some persons: at most, and the probability of at most c, given for each."""

    most: Floats
    at_most: Callable[[Floats], Floats]


def percentile_ranks(
    value: npt.ArrayLike,
    error: npt.ArrayLike,
    group: Indices,
    *,
    is_peer: npt.ArrayLike = True,
    confidence: float = 0.95,
) -> Percentiles:
    """Percentile of each person among the peers of the group, where true values are normal around `value` with `error`.

    Ranks of estimates are unsure even where estimates look apart, so a rank goes with its interval (Goldstein and
    Spiegelhalter 1996, JRSS A 159). Errors are those of `shrink`, taken as independent. Nothing is drawn at random:

    - value: mean over the other peers of the probability to be above, Phi((a - b) / sqrt(error_a^2 + error_b^2)).
    - low, high: quantiles of the share below. Given the person's true value, the number of peers below is the sum of
      independent yes and no with unequal probabilities (Poisson-binomial, Wang 1993, Statistica Sinica 3), which is
      added up count by count, and averaged over the person's true value at 64 nodes. They hold the value.
    - above_median_probability: that of a share above one half, and half that of exactly one half.

    For more than 64 peers the count has the normal distribution refined by skewness and kurtosis (Edgeworth's series
    on whole numbers; Kolassa 2006, Series Approximation Methods in Statistics, chapter 3): probabilities are within
    0.001, limits within one rank of the exact ones.

    A high value ranks high, be it good or not. NaN where a value is not known or has no error, or where no other peer
    has one. Peers are compared with other peers, one who is no peer with all of them.

    >>> ranks = percentile_ranks([1.0, 2, 3], [0.1, 0.1, 0.1], np.zeros(3, int))
    >>> ranks.value.round(3).tolist(), ranks.above_median_probability.round(3).tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.5, 1.0])
    """
    values, errors = np.broadcast_arrays(as_floats(value), as_floats(error))
    peers = np.broadcast_to(np.asarray(is_peer, bool), values.shape)
    result = np.full((4, values.size), np.nan)
    is_known = np.isfinite(values) & (errors > 0)
    order = np.flatnonzero(is_known)[np.argsort(group[is_known], kind="stable")]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    for members in np.split(order, starts[1:]) if order.size else ():
        result[:, members] = _rank(values[members], errors[members], peers[members], confidence)
    return Percentiles(*result)


def _rank(value: Floats, error: Floats, is_peer: npt.NDArray[np.bool_], confidence: float) -> Floats:
    """The four figures of each person of one group."""
    others = is_peer.sum() - is_peer
    if not others.any():
        return np.full((4, value.size), np.nan)
    build = _count_exactly if is_peer.sum() <= MOST_PEERS_EXACT else _count_by_moments
    counts = build(value, error, is_peer)
    tail = (1 - confidence) / 2
    median = (counts.at_most(others // 2) + counts.at_most((others - 1) // 2)) / 2
    mean = _count_on_average(value, error, is_peer)
    # Where hardly anything is open, the mean is beyond the quantiles.
    low, high = np.minimum(_quantile(counts, tail), mean), np.maximum(_quantile(counts, 1 - tail), mean)
    ranks = np.stack([mean, low, high, others * (1 - median)])
    with np.errstate(invalid="ignore"):
        return as_floats(np.clip(ranks / others, 0, 1))


def _count_on_average(value: Floats, error: Floats, is_peer: npt.NDArray[np.bool_]) -> Floats:
    gap = value[:, None] - value[is_peer]
    gap /= np.sqrt(error[:, None] ** 2 + error[is_peer] ** 2)
    above = scipy.special.ndtr(gap.astype(np.float32))
    return as_floats(above.sum(axis=1, dtype=np.float64) - is_peer / 2)


def _quantile(counts: _Counts, probability: float) -> Floats:
    """For each person the smallest count that is not exceeded with this probability, by halving."""
    low, high = np.zeros(counts.most.shape), counts.most
    while (low < high).any():
        middle = (low + high) // 2
        is_enough = counts.at_most(middle) >= probability
        low, high = np.where(is_enough, low, np.minimum(middle + 1, high)), np.where(is_enough, middle, high)
    return low


def _count_exactly(value: Floats, error: Floats, is_peer: npt.NDArray[np.bool_]) -> _Counts:
    """Each peer in turn is below or not: the distribution after one more is that before, moved up or kept."""
    true_value = value[:, None] + error[:, None] * _NODES
    below = (true_value[..., None] - value[is_peer]) / error[is_peer]
    below = scipy.special.ndtr(below)
    below[np.flatnonzero(is_peer), :, np.arange(is_peer.sum())] = 0  # nobody is compared with themselves
    shares = np.zeros((*true_value.shape, is_peer.sum() + 1))
    shares[..., 0] = 1
    for peer in range(int(is_peer.sum())):
        chance = below[..., peer, None]
        moved = shares[..., : peer + 1] * chance
        shares[..., : peer + 1] -= moved
        shares[..., 1 : peer + 2] += moved
    cumulated = np.cumsum(np.einsum("k,ikc->ic", _WEIGHTS, shares), axis=1)
    person = np.arange(value.size)

    def at_most(count: Floats) -> Floats:
        return as_floats(cumulated[person, count.astype(np.int64)])

    return _Counts(as_floats(is_peer.sum() - is_peer), at_most)


def _count_by_moments(value: Floats, error: Floats, is_peer: npt.NDArray[np.bool_]) -> _Counts:
    """By the cumulants of the count at each node, looked up among 512 true values that lie where most nodes do.

    Cumulants add up over peers, so those of everybody serve for all, less one's own part, which is the same for each.
    """
    true_value = value[:, None] + error[:, None] * _NODES
    grid = np.quantile(true_value, np.linspace(0, 1, _GRID))
    of_all = _cumulants(scipy.special.ndtr((grid[:, None] - value[is_peer]) / error[is_peer]))
    own = _cumulants(scipy.special.ndtr(_NODES)[:, None])
    mean, variance, third, fourth = (
        np.interp(true_value, grid, every) - is_peer[:, None] * one for every, one in zip(of_all, own, strict=True)
    )
    variance = np.maximum(variance, _LEAST_VARIANCE)
    deviation = np.sqrt(variance)
    skewness = third / (variance * deviation)
    # Where hardly anybody's place is open, the later terms of the series are no longer small.
    is_open = variance >= _LEAST_VARIANCE_OF_SERIES
    squared_skewness = np.where(is_open, skewness**2 / 72, 0.0)
    kurtosis = np.where(is_open, fourth / variance**2 / 24, 0.0)
    of_steps = np.where(is_open, 1 / (24 * variance), 0.0)
    most = as_floats(is_peer.sum() - is_peer)
    # Six digits are more than the series gives, and the halving takes half the time.
    centre, scale, by_skewness, by_its_square, by_kurtosis, by_steps = (
        each.astype(np.float32) for each in (mean, deviation, skewness / 6, squared_skewness, kurtosis, of_steps)
    )

    def at_most(count: Floats) -> Floats:
        score = (count[:, None].astype(np.float32) + np.float32(0.5) - centre) / scale
        square = score**2
        correction = (
            by_skewness * (square - 1)
            + score * (by_kurtosis * (square - 3) - by_steps)
            + by_its_square * score * ((square - 10) * square + 15)
        )
        shares = scipy.special.ndtr(score) - np.exp(square / -2) * (correction * _PEAK)
        return np.where(count >= most, 1.0, np.clip(shares, 0, 1) @ _WEIGHTS)

    return _Counts(most, at_most)


def _cumulants(chance: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The first four cumulants of the number of successes, by row."""
    variance = chance * (1 - chance)
    third, fourth = variance * (1 - 2 * chance), variance * (1 - 6 * variance)
    return chance.sum(axis=1), variance.sum(axis=1), third.sum(axis=1), fourth.sum(axis=1)
