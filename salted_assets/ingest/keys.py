"""What only the whole file can tell: keys that come twice, references that lead nowhere, clocks that disagree.

Keys are held as 64-bit hashes, 8 bytes a row. Equal keys have equal hashes, so none is missed; where hashes meet, the
rows are looked at again with their full keys (`Survey`), so none is made up. A reference is taken as found if its hash
is there: one wrong in 10 million million at 5 million rows, and only a flag hangs on it.
Not here: casting, checks that one row can answer (pandera's), dropping rows.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
_PIDS_KEPT_COUNT = 65_536

Losers = list[tuple[np.ndarray, np.ndarray]]
"""For each file the row numbers that lose, sorted, and why (`Loser`)."""


class Loser(IntEnum):
    """Why a row is left out of the table."""

    IDENTICAL = 0
    CONFLICTING = 1
    SUPERSEDED = 2


def hash_texts(texts: pa.Array) -> np.ndarray:
    """A 64-bit hash of each text without nulls; the same text has the same hash in any array."""
    texts = texts.cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    cells = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    lengths = np.diff(offsets)
    hashes = np.empty(len(texts), np.uint64)
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        words = np.zeros((places.size, -(-int(length) // 8) * 8), np.uint8)
        words[:, :length] = cells[offsets[places][:, None] + np.arange(length)]
        hashes[places] = _mixed(words.view(np.uint64), int(length))
    return hashes


def _mixed(words: np.ndarray, length: int) -> np.ndarray:
    first, second, third = _MULTIPLIERS
    mixed: np.ndarray = np.full(words.shape[0], length, np.uint64)
    for place in range(words.shape[1]):
        mixed = (mixed ^ words[:, place]) * first
        mixed ^= mixed >> np.uint64(32)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * second
    mixed = (mixed ^ (mixed >> np.uint64(27))) * third
    mixed ^= mixed >> np.uint64(31)
    return mixed


@dataclass
class Keys:
    """The hashes of all keys of a pass."""

    _hashes: list[np.ndarray] = field(default_factory=list)

    def add(self, hashes: np.ndarray) -> None:
        """Add a chunk's keys."""
        self._hashes.append(hashes)

    def sort(self) -> np.ndarray:
        """All hashes sorted; frees what was gathered."""
        everything = np.concatenate([*self._hashes, np.empty(0, np.uint64)])
        self._hashes.clear()
        everything.sort()
        return everything


def repeated(sorted_hashes: np.ndarray) -> np.ndarray:
    """The hashes that stand more than once in the sorted array, once each and sorted."""
    return np.unique(sorted_hashes[1:][sorted_hashes[1:] == sorted_hashes[:-1]])


def is_among(hashes: np.ndarray, sorted_hashes: np.ndarray) -> np.ndarray:
    """For each hash whether it is in the sorted array."""
    if not sorted_hashes.size:
        return np.zeros(hashes.size, bool)
    places = np.minimum(np.searchsorted(sorted_hashes, hashes), sorted_hashes.size - 1)
    return np.asarray(sorted_hashes[places] == hashes)


@dataclass
class Survey:
    """The rows whose keys may come twice, in the order of the files, compactly."""

    _rows: list[pd.DataFrame] = field(default_factory=list)

    def add(self, table: pa.Table, file_index: int, row_numbers: np.ndarray) -> None:
        """Add suspect rows of one file."""
        if not table.num_rows:
            return
        frame = table.to_pandas(types_mapper=pd.ArrowDtype)
        self._rows.append(
            pd.DataFrame(
                {
                    "pid": frame["pid"],
                    "updated": table["updated_at"].cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy(),
                    "digest": pd.util.hash_pandas_object(frame, index=False),
                    "file": file_index,
                    "row": row_numbers,
                }
            )
        )

    def losers(self, file_count: int) -> Losers:
        """For each file the row numbers that lose, sorted, and why (`Loser`).

        The last file that has a key keeps it; within that file the newest by `updated_at`, else the last row.
        """
        if not self._rows:
            return [_of_file(None, index) for index in range(file_count)]
        rows = pd.concat(self._rows, ignore_index=True)
        rows = rows.sort_values(["file", "updated", "row"], ascending=False, kind="stable")
        rows = rows[rows.duplicated("pid", keep=False)]
        last_file = rows.groupby("pid")["file"].transform("max")
        is_again = rows.duplicated(["pid", "file", "digest"])
        why = np.where(is_again, Loser.IDENTICAL, Loser.CONFLICTING)
        rows["why"] = np.where(rows["file"] < last_file, Loser.SUPERSEDED, why)
        losing = rows[rows.duplicated("pid")]
        return [_of_file(losing, index) for index in range(file_count)]


def _of_file(losing: pd.DataFrame | None, index: int) -> tuple[np.ndarray, np.ndarray]:
    if losing is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows = losing[losing["file"] == index].sort_values("row")
    return rows["row"].to_numpy(np.int64), rows["why"].to_numpy(np.int64)


@dataclass(frozen=True)
class OpenReferences:
    """References that lead to no row of their own chunk: places in the table and hashes of what they name."""

    places: np.ndarray
    hashes: np.ndarray


def find_open_references(references: pa.Array, key_hashes: np.ndarray) -> OpenReferences:
    """The references (null where there is none) that name no key among the hashes given."""
    places = np.flatnonzero(references.is_valid().to_numpy(zero_copy_only=False))
    hashes = hash_texts(references.drop_null())
    is_open = ~is_among(hashes, np.sort(key_hashes))
    return OpenReferences(places[is_open], hashes[is_open])


@dataclass
class References:
    """Open references of a pass, for the end, when all keys are known.

    Pids are kept for the first 65,536 alone: memory stays bounded where a file's order is random.
    """

    _hashes: list[np.ndarray] = field(default_factory=list)
    _rows: list[np.ndarray] = field(default_factory=list)
    _pids: list[pa.Array] = field(default_factory=list)
    _pid_count: int = 0

    def add(self, hashes: np.ndarray, row_numbers: np.ndarray, pids: pa.Array) -> None:
        """Add a chunk's open references with the rows that hold them."""
        kept = pids[: _PIDS_KEPT_COUNT - self._pid_count]
        self._pid_count += len(kept)
        self._hashes.append(hashes)
        self._rows.append(row_numbers)
        self._pids.append(kept)

    def resolve(self, sorted_keys: np.ndarray, case_count: int) -> tuple[int, list[tuple[str | None, int]]]:
        """How many lead nowhere, and the first of them as (pid, row number)."""
        if not self._hashes:
            return 0, []
        lost = np.flatnonzero(~is_among(np.concatenate(self._hashes), sorted_keys))
        rows = np.concatenate(self._rows)
        pids = pa.concat_arrays(self._pids)
        cases = [(pids[place].as_py() if place < len(pids) else None, int(rows[place])) for place in lost[:case_count]]
        return int(lost.size), cases


def find_starts(table: pa.Table) -> pd.DataFrame | None:
    """For each engagement of a turn table the earliest and latest start that its turns imply, in ms.

    Columns engagement (hash), low, high, place (of the turn that implies the latest); None if no turn implies any.
    """
    milliseconds = table["turn_time"].cast(pa.int64())
    starts = pc.subtract(pc.divide(milliseconds, 1000), table["turn_time_relative_ms"]).combine_chunks()
    has_start = starts.is_valid().to_numpy(zero_copy_only=False)
    if not has_start.any():
        return None
    frame = pd.DataFrame(
        {
            "engagement": hash_texts(table["engagement_pid"].combine_chunks())[has_start],
            "low": starts.drop_null().to_numpy(),
            "place": np.flatnonzero(has_start),
        }
    )
    frame["high"] = frame["low"]
    return reduce_starts(frame)


def reduce_starts(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per engagement: the lowest `low`, and the row of the highest `high` for all else."""
    frame = frame.sort_values("high", kind="stable")
    low = frame.groupby("engagement")["low"].min()
    frame = frame.drop_duplicates("engagement", keep="last")
    return frame.assign(low=low.loc[frame["engagement"]].to_numpy())
