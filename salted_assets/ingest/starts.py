"""Whether the turns of an engagement agree on when it started, over the whole file and in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.keys import hash_texts

CLOCK_COLUMNS = {"turn_time", "turn_time_relative_ms", "engagement_pid"}
_TOLERANCE_MS = 60_000
_HELD_COUNT = 500_000
_PIDS_KEPT_COUNT = 65_536
_BUCKET_COUNT = 8


def find_starts(table: pa.Table) -> pd.DataFrame | None:
    """For each engagement of a turn table the earliest and latest start that its turns imply, in ms.

    Columns engagement (hash), low, high, index (of the last turn that implies the latest); None if no turn implies any.
    """
    milliseconds = pc.divide(table["turn_time"].cast(pa.int64()), 1000)
    starts = pc.subtract(milliseconds, table["turn_time_relative_ms"]).combine_chunks()
    indices = np.flatnonzero(starts.is_valid().to_numpy(zero_copy_only=False))
    if not indices.size:
        return None
    values = starts.drop_null().to_numpy()
    engagements = table["engagement_pid"].combine_chunks().take(pa.array(indices)).dictionary_encode()
    engagement_indices = engagements.indices.to_numpy()
    low = np.full(len(engagements.dictionary), np.iinfo(np.int64).max)
    high = np.full(len(engagements.dictionary), np.iinfo(np.int64).min)
    np.minimum.at(low, engagement_indices, values)
    np.maximum.at(high, engagement_indices, values)
    is_latest = values == high[engagement_indices]
    latest = np.empty(len(engagements.dictionary), np.int64)
    latest[engagement_indices[is_latest]] = indices[is_latest]
    return pd.DataFrame({"engagement": hash_texts(engagements.dictionary), "low": low, "high": high, "index": latest})


def _reduced(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per engagement: the lowest `low`, and the row of the highest `high` for all else."""
    frame = frame.sort_values("high", kind="stable")
    low = frame.groupby("engagement")["low"].min()
    frame = frame.drop_duplicates("engagement", keep="last")
    return frame.assign(low=low.loc[frame["engagement"]].to_numpy())


def _apart(frame: pd.DataFrame) -> pd.DataFrame:
    starts = _reduced(frame)
    return starts[starts["high"] - starts["low"] > _TOLERANCE_MS]


@dataclass
class Starts:
    """The starts of all engagements of a pass: 32 bytes for each.

    Pids are kept for the first 65,536 alone, so that memory stays bounded.
    """

    _frames: list[pd.DataFrame] = field(default_factory=list)
    _pid_count: int = 0

    def add(self, starts: pd.DataFrame, row_numbers: np.ndarray, pids: pa.Array) -> None:
        """Add a chunk's starts with its rows' numbers and pids."""
        indices = starts["index"].to_numpy()
        kept = pids.take(pa.array(indices)) if self._pid_count < _PIDS_KEPT_COUNT else pa.nulls(len(indices), pids.type)
        self._pid_count += len(indices)
        named = starts.drop(columns="index").assign(row=row_numbers[indices], pid=pd.arrays.ArrowExtensionArray(kept))
        self._frames.append(named)
        if sum(map(len, self._frames)) > _HELD_COUNT + 2 * len(self._frames[0]):
            self._frames = [_reduced(pd.concat(self._frames))]

    def _buckets(self) -> Iterator[pd.DataFrame]:
        """All rows, an eighth of the engagements at a time: what is reduced is copied several times on the way."""
        for bucket in range(_BUCKET_COUNT):
            yield pd.concat([frame[frame["engagement"] % _BUCKET_COUNT == bucket] for frame in self._frames])

    def resolve(self, case_count: int) -> tuple[int, list[tuple[str | None, int]]]:
        """How many engagements' turns are more than a minute apart, and the first of them as (pid, row number)."""
        if not self._frames:
            return 0, []
        apart = pd.concat(map(_apart, self._buckets())).sort_values("row")
        first = apart.head(case_count)
        pids = [None if pid is pd.NA else pid for pid in first["pid"]]
        return len(apart), list(zip(pids, first["row"].tolist(), strict=True))
