"""Where a person stands among peers, and how sure that is: percentiles of shrunk means."""

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from salted_assets.scoring.stats.samples import Floats, Indices

DRAWS = 200
SEED = 20_240_131
_STEPS = 1024
_EDGE = 1e-3
_QUARTILES_APART = 1.35

_Draws: TypeAlias = npt.NDArray[np.float32]
"""One row per person, one column per draw."""

_Values: TypeAlias = npt.NDArray[np.float32]


class Percentiles(NamedTuple):
    """Share of peers below each person, 0..1, with limits, and the probability to be above the peers' median."""

    value: Floats
    low: Floats
    high: Floats
    above_median_probability: Floats


def percentile_ranks(
    value: npt.ArrayLike,
    standard_deviation: npt.ArrayLike,
    group: Indices,
    *,
    person: Indices,
    is_peer: npt.NDArray[np.bool_],
    confidence: float = 0.95,
) -> Percentiles:
    """Percentile of each person among the peers of the group, by drawing everybody's true value many times.

    Ranks of estimates are unsure even where estimates look apart, so a rank goes with its interval (Goldstein and
    Spiegelhalter 1996, JRSS A 159). In each of 200 draws from normals with `value` and `standard_deviation` (the
    posteriors of `shrink`), a person's percentile is the share of the other peers below, those level counting half.
    `value` is its mean over the draws, the limits are its quantiles, and `above_median_probability` is the share of
    draws in which it exceeds one half.

    The seed is fixed, and a person (`person`, an index) has the same quantiles drawn in every group (common random
    numbers), so that figures move with the data alone. Each person's draws are the 200 equally likely parts of the
    normal in random order (Latin hypercube, McKay et al. 1979, Technometrics 21). Draws are compared in 1,024 steps.
    A high value ranks high, be it good or not. NaN where the value is, or where no other
    peer has one.

    >>> alike = np.zeros(3, int)
    >>> ranks = percentile_ranks([1.0, 2, 3], [0.1] * 3, alike, person=np.arange(3), is_peer=np.ones(3, bool))
    >>> ranks.value.tolist(), ranks.above_median_probability.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.0, 1.0])
    """
    values, spreads = np.asarray(value, np.float32), np.asarray(standard_deviation, np.float32)
    quantiles = _draw_quantiles(int(person.max(initial=-1)) + 1)
    result = np.full((4, values.size), np.nan)
    is_drawn = np.isfinite(values) & np.isfinite(spreads)
    order = np.flatnonzero(is_drawn)[np.argsort(group[is_drawn], kind="stable")]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    for members in np.split(order, starts[1:]) if order.size else ():
        cells = _draw_cells(values[members], spreads[members], quantiles[person[members]])
        result[:, members] = _summarize(_shares_below(cells, is_peer[members]), confidence)
    return Percentiles(*result)


@lru_cache(maxsize=4)
def _draw_quantiles(people: int) -> _Draws:
    parts = scipy.special.ndtri((np.arange(DRAWS) + 0.5) / DRAWS).astype(np.float32)
    return np.random.default_rng(SEED).permuted(np.broadcast_to(parts, (people, DRAWS)), axis=1)


def _draw_cells(values: _Values, spreads: _Values, drawn: _Draws) -> Indices:
    """What is drawn for each person, as steps 0 to 1023 in the order of what is drawn, 1,024 more in each next draw.

    Steps are finest where most of what is drawn lies, so that no outlier blurs it. Works in place of `drawn`, the
    quantiles: this is where the time goes.
    """
    some = drawn[:, :: DRAWS // 10] * spreads[:, None] + values[:, None]
    low, middle, high = np.percentile(some, [25, 50, 75])
    scale = np.float32((high - low) / _QUARTILES_APART if high > low else 1)
    drawn *= spreads[:, None] / scale
    drawn += (values[:, None] - np.float32(middle)) / scale
    drawn /= 1 + np.abs(drawn)
    drawn += 1
    drawn *= np.float32(_STEPS / 2 - _EDGE)
    cells: Indices = drawn.astype(np.int64)
    cells += np.arange(DRAWS) * _STEPS
    return cells


def _shares_below(cells: Indices, is_peer: npt.NDArray[np.bool_]) -> _Draws:
    """In each draw (column) the share of the other peers below each person, those level counting half."""
    level = np.bincount((cells if is_peer.all() else cells[is_peer]).ravel(), minlength=DRAWS * _STEPS)
    twice_below = level.reshape(DRAWS, _STEPS).cumsum(axis=1).ravel()
    twice_below *= 2
    twice_below -= level
    others = (is_peer.sum() - is_peer).astype(np.float32)[:, None]
    shares: _Draws = twice_below.astype(np.float32)[cells]
    shares -= is_peer[:, None]
    shares /= np.where(others > 0, 2 * others, np.float32(np.nan))
    return shares


def _summarize(shares: _Draws, confidence: float) -> npt.NDArray[np.float32]:
    """Mean, quantiles, and the share of draws above one half; the quantiles are elements of the sorted draws."""
    above = np.count_nonzero(shares > 0.5, axis=1) / DRAWS  # noqa: PLR2004 - the median
    above = np.where(np.isnan(shares[:, 0]), np.nan, above)
    value = shares.mean(axis=1)
    shares.sort(axis=1)
    tail = round(DRAWS * (1 - confidence) / 2)
    return np.stack([value, shares[:, tail], shares[:, DRAWS - 1 - tail], above]).astype(np.float32)
