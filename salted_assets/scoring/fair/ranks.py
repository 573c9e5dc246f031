"""Percentiles among others when levels hang together: by joint draws, facets first, then agents given the facets."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.levels import Levels
from salted_assets.scoring.fair.shrinkage import ShrunkLevels
from salted_assets.scoring.stats import Floats

DRAWS = 4_000
_TAIL = 0.025
_FACETS_SEED = 20_240_131

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
    drawn = np.array([_stream(pid) for pid in pids])
    drawn *= alone.astype(np.float32)[:, None]
    drawn += (shrunk.value - prior.mean).astype(np.float32)[:, None]
    streams = np.random.default_rng(_FACETS_SEED).standard_normal((shared.shape[1], DRAWS), dtype=np.float32)
    drawn += shared.astype(np.float32) @ streams
    return _summarize(_shares_below(drawn, is_member))


@lru_cache(maxsize=4_096)
def _stream(pid: str) -> _Draws:
    seed = int.from_bytes(blake2b(pid.encode(), digest_size=16).digest())
    return np.random.default_rng(seed).standard_normal(DRAWS, dtype=np.float32)


def _shares_below(drawn: _Draws, is_member: npt.NDArray[np.bool_]) -> _Draws:
    """In each draw (column) the share of the other members who are below."""
    order = np.argsort(drawn, axis=0)
    ranks = np.arange(1, is_member.size + 1, dtype=np.float32)[:, None]
    below = ranks if is_member.all() else np.cumsum(is_member[order], axis=0, dtype=np.float32)
    shares = np.empty_like(drawn)
    np.put_along_axis(shares, order, below, axis=0)
    shares -= is_member[:, None]
    shares /= (is_member.sum() - is_member).astype(np.float32)[:, None]
    return shares


def _summarize(shares: _Draws) -> DrawnRanks:
    above = np.count_nonzero(shares > 0.5, axis=1) / DRAWS  # noqa: PLR2004 - the median
    half = np.count_nonzero(shares == 0.5, axis=1) / DRAWS  # noqa: PLR2004 - the median
    value = shares.mean(axis=1, dtype=np.float64)
    tail = round(DRAWS * _TAIL)
    shares.partition((tail, DRAWS - 1 - tail), axis=1)
    low, high = (shares[:, index].astype(np.float64) for index in (tail, DRAWS - 1 - tail))
    # Where nearly all draws agree, the mean is beyond them.
    return DrawnRanks(value, np.minimum(low, value), np.maximum(high, value), above + half / 2)
