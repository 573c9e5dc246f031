"""Whether the turns of an engagement agree on when it started, over the whole file and in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.keys import hash_texts

CLOCK_COLUMNS = {"turn_time", "turn_time_relative_ms", "engagement_pid"}
_TOLERANCE_MS = 60_000
_HELD_COUNT = 500_000
_PIDS_KEPT_COUNT = 65_536
_BUCKET_COUNT = 8


def find_starts(table: pa.Table) -> np.ndarray | None:
    """For each engagement of a turn table the earliest and latest start that its turns imply, in ms.

    One column of whole numbers for each: the hash of its key, the earliest, the latest, and the index of the last turn
    that implies the latest. None if no turn implies any.
    """
    times = pc.divide(_array(table["turn_time"]).cast(pa.int64()), 1000)
    starts = pc.subtract(times, _array(table["turn_time_relative_ms"]))
    engagements = _array(table["engagement_pid"])
    indices = np.arange(len(starts))
    if starts.null_count:
        is_known = starts.is_valid()
        indices = indices[is_known.to_numpy(zero_copy_only=False)]
        starts, engagements = starts.filter(is_known), engagements.filter(is_known)
    if not indices.size:
        return None
    values, encoded = starts.to_numpy(), engagements.dictionary_encode()
    engagement_indices = encoded.indices.to_numpy()
    low = np.full(len(encoded.dictionary), np.iinfo(np.int64).max)
    high = np.full(len(encoded.dictionary), np.iinfo(np.int64).min)
    np.minimum.at(low, engagement_indices, values)
    np.maximum.at(high, engagement_indices, values)
    is_latest = values == high[engagement_indices]
    latest = np.empty(len(encoded.dictionary), np.int64)
    latest[engagement_indices[is_latest]] = indices[is_latest]
    return np.stack([hash_texts(encoded.dictionary).view(np.int64), low, high, latest])


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _reduced(starts: np.ndarray) -> np.ndarray:
    """One column per engagement: the earliest and the latest start, and where the last stands that has the latest."""
    starts = starts[:, np.argsort(starts[0], kind="stable")]
    engagements, low, high = starts[:3]
    is_first = np.ones(engagements.size, bool)
    is_first[1:] = engagements[1:] != engagements[:-1]
    firsts = np.flatnonzero(is_first)
    latest = np.maximum.reduceat(high, firsts)
    has_latest = high == latest[np.cumsum(is_first) - 1]
    last = np.maximum.reduceat(np.where(has_latest, np.arange(high.size), -1), firsts)
    return np.stack([engagements[firsts], np.minimum.reduceat(low, firsts), latest, *starts[3:, last]])


@dataclass
class Starts:
    """The starts of all engagements of a pass: 40 bytes for each.

    Pids are kept for the first 65,536 alone, so that memory stays bounded.
    """

    _held: list[np.ndarray] = field(default_factory=list)
    """Columns as of `find_starts`, but for the row's number in place of its index, and which of all pids it has."""
    _pids: list[pa.Array] = field(default_factory=list)
    _pid_count: int = 0

    def add(self, starts: np.ndarray, row_numbers: np.ndarray, pids: pa.Array) -> None:
        """Add a chunk's starts with its rows' numbers and pids."""
        indices = starts[3]
        if self._pid_count < _PIDS_KEPT_COUNT:
            self._pids.append(pids.take(pa.array(indices)))
        which = np.arange(self._pid_count, self._pid_count + indices.size)
        self._pid_count += indices.size
        self._held.append(np.stack([*starts[:3], row_numbers[indices], which]))
        if sum(held.shape[1] for held in self._held) > _HELD_COUNT + 2 * self._held[0].shape[1]:
            self._held = [_reduced(np.concatenate(self._held, axis=1))]

    def resolve(self, case_count: int) -> tuple[int, list[tuple[str | None, int]]]:
        """How many engagements' turns are more than a minute apart, and the first of them as (pid, row number)."""
        if not self._held:
            return 0, []
        apart = np.concatenate([_apart(bucket) for bucket in self._buckets()], axis=1)
        rows, which = apart[3:, np.argsort(apart[3], kind="stable")[:case_count]].tolist()
        pids = pa.concat_arrays(self._pids)
        return apart.shape[1], [
            (pids[index].as_py() if index < len(pids) else None, row) for row, index in zip(rows, which, strict=True)
        ]

    def _buckets(self) -> Iterator[np.ndarray]:
        """All starts, an eighth of the engagements at a time: what is reduced is copied several times on the way."""
        self._held = [np.concatenate(self._held, axis=1)]
        buckets = self._held[0][0] % _BUCKET_COUNT
        for bucket in range(_BUCKET_COUNT):
            yield self._held[0][:, buckets == bucket]


def _apart(starts: np.ndarray) -> np.ndarray:
    starts = _reduced(starts) if starts.size else starts
    return starts[:, starts[2] - starts[1] > _TOLERANCE_MS]
