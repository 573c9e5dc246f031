"""Percentiles among others when levels hang together: by joint draws, facets first, then agents given the facets."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.levels import Levels
from salted_assets.scoring.fair.shrinkage import ShrunkLevels
from salted_assets.scoring.stats import Floats, Indices

DRAWS = 4_000
_TAIL = 0.025
_FACETS_SEED = 20_240_131
_AT_ONCE = 500
"""Draws that are ranked at once: so few that they stay near the processor."""

_FEWEST_PACKED, _MOST_PACKED = 100, 512
"""Columns between which rows are sorted packed."""

_Draws = npt.NDArray[np.float32]


class DrawnRanks(NamedTuple):
    """Share of the other members below each agent: mean over the draws, 95 % limits, how often it is above half."""

    percentile: Floats
    low: Floats
    high: Floats
    above_median_probability: Floats


def draw_ranks(
    shrunk: ShrunkLevels, levels: Levels, is_member: npt.NDArray[np.bool_], pids: Sequence[str]
) -> DrawnRanks:
    """Rank agents by draws of what all true levels may be, around the shrunk levels.

    First the facets' errors, which move all agents, less what they move the members' mean; then, given the facets, the
    rest of each agent's error, out of a stream that depends on nothing but the agent's pid. So an agent who joins or
    leaves hardly moves others.
    """
    prior = shrunk.prior
    if prior is None:
        nothing = np.full(shrunk.value.shape, np.nan)
        return DrawnRanks(nothing, nothing, nothing, nothing)
    loadings = levels.covariance.loadings
    signal = prior.between / (levels.covariance.own + prior.between)
    shared = signal[:, None] * (loadings - prior.weights @ loadings[is_member])
    alone = np.sqrt(np.maximum(shrunk.error**2 - np.sum(shared**2, axis=1), signal * levels.covariance.own))
    # Deviations from the mean, so that 32 bits are enough.
    centre, own_error, facets = (
        part.astype(np.float32) for part in (shrunk.value - prior.mean, alone[:, None], shared)
    )
    streams = _facet_streams(facets.shape[1])
    own = np.array([_stream(pid) for pid in pids])
    counts = np.zeros((len(pids), int(is_member.sum()) + 1), np.int64)
    for first in range(0, DRAWS, _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        drawn = own[:, part] * own_error + facets @ streams[:, part]
        counts += _count_below(np.ascontiguousarray(drawn.T) + centre, is_member)
    return _summarize(counts, is_member)


@lru_cache(maxsize=4_096)
def _stream(pid: str) -> _Draws:
    seed = int.from_bytes(blake2b(pid.encode(), digest_size=16).digest())
    return np.random.default_rng(seed).standard_normal(DRAWS, dtype=np.float32)


@lru_cache(maxsize=16)
def _facet_streams(count: int) -> _Draws:
    return np.random.default_rng(_FACETS_SEED).standard_normal((count, DRAWS), dtype=np.float32)


def _count_below(drawn: _Draws, is_member: npt.NDArray[np.bool_]) -> Indices:
    """For each agent (column of the draws) in how many draws so many other members are below: 0, 1, 2 and so on."""
    order = _order(drawn)
    width = int(is_member.sum()) + 1
    if is_member.all():
        below = np.arange(is_member.size)
    else:
        is_one = is_member[order]
        below = np.cumsum(is_one, axis=1) - is_one
    order *= width
    order += below
    return np.bincount(order.ravel(), minlength=is_member.size * width).reshape(-1, width)


def _order(drawn: _Draws) -> Indices:
    """What `np.argsort` gives of each row, in a quarter of its time where there are hundreds of columns.

    Numbers are sorted with their columns behind them as whole ones of 32 bits, which leaves 22 bits or more for the
    value; rows in which two are alike in these are sorted in the usual way.
    """
    columns = drawn.shape[1]
    bits = (columns - 1).bit_length()
    low, high = float(drawn.min()), float(drawn.max())
    if not _FEWEST_PACKED <= columns <= _MOST_PACKED or not low < high < np.inf:
        return np.argsort(drawn, axis=1)
    packed = ((drawn - np.float32(low)) * np.float32((2 ** (31 - bits) - 2**11) / (high - low))).astype(np.int32)
    packed <<= bits
    packed |= np.arange(columns, dtype=np.int32)
    packed.sort(axis=1)
    order: Indices = (packed & (2**bits - 1)).astype(np.int64)
    packed >>= bits
    alike = np.flatnonzero((packed[:, 1:] == packed[:, :-1]).any(axis=1))
    order[alike] = np.argsort(drawn[alike], axis=1)
    return order


def _summarize(counts: Indices, is_member: npt.NDArray[np.bool_]) -> DrawnRanks:
    others = is_member.sum() - is_member
    below = np.arange(counts.shape[1])
    value = counts @ below / DRAWS / others
    tail = round(DRAWS * _TAIL)
    summed = np.cumsum(counts, axis=1)
    low, high = ((summed <= place).sum(axis=1) / others for place in (tail, DRAWS - 1 - tail))
    twice = 2 * below - others[:, None]
    above = (counts * (twice > 0) + counts * (twice == 0) / 2).sum(axis=1) / DRAWS
    # Where nearly all draws agree, the mean is beyond them.
    return DrawnRanks(value, np.minimum(low, value), np.maximum(high, value), above)
