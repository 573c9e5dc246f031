"""What only the whole file can show of keys: which come twice, which references lead nowhere.

Keys are held as 64-bit hashes, 8 bytes a row. Equal keys have equal hashes, so none is missed; where hashes meet, the
rows are compared by their full keys (`duplicates`), so none is made up. A reference is taken as found if its hash
is there: one wrong in 10 million million at 5 million rows, and only a flag hangs on it.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
_PIDS_KEPT_COUNT = 65_536
_RUN_MAX_COUNT = 1 << 20
_RANGE_COUNT = 8
_BLANK, _DELETE = b" \x7f"
_FIRST_OF_MANY_BYTES = 0xC2
_CATEGORIES_WITHOUT_GLYPHS = {"Cc", "Cf", "Mn", "Me"}
_FILLERS = frozenset(map(chr, (0x115F, 0x1160, 0x2065, 0x2800, 0x3164, 0xFFA0, *range(0xFFF0, 0xFFF9))))
"""Letters and symbols that are drawn as nothing, and characters that Unicode sets aside to be ignored."""


def hash_texts(texts: pa.Array) -> np.ndarray:
    """A 64-bit hash of each text without nulls; the same text has the same hash in any array."""
    offsets, cells = _split_buffers(texts)
    lengths = np.diff(offsets)
    hashes = np.empty(len(texts), np.uint64)
    for length in np.unique(lengths):
        indices = np.flatnonzero(lengths == length)
        words = np.zeros((indices.size, -(-int(length) // 8) * 8), np.uint8)
        if indices.size == len(texts):
            words[:, :length] = cells[offsets[0] : offsets[-1]].reshape(len(texts), length)
        else:
            words[:, :length] = cells[offsets[indices][:, None] + np.arange(length)]
        hashes[indices] = _mixed(words.view(np.uint64), int(length))
    return hashes


def _split_buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Where each text begins and the last one ends, and the bytes of all."""
    texts = texts.cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return offsets, np.frombuffer(texts.buffers()[2] or b"", np.uint8)


def _mixed(words: np.ndarray, length: int) -> np.ndarray:
    first, second, third = _MULTIPLIERS
    mixed: np.ndarray = np.full(words.shape[0], length + 1, np.uint64) * second
    for index in range(words.shape[1]):
        mixed = (mixed ^ words[:, index]) * first
        mixed ^= mixed >> np.uint64(32)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * second
    mixed = (mixed ^ (mixed >> np.uint64(27))) * third
    mixed ^= mixed >> np.uint64(31)
    return mixed


def find_blank(texts: pa.Array) -> np.ndarray:
    """The indices of texts in which nothing shows: white space, byte order marks and their like; nulls are none."""
    offsets, cells = _split_buffers(texts)
    filled = np.flatnonzero(np.diff(offsets))
    first = cells[offsets[filled]]
    suspicious = filled[(first <= _BLANK) | (first == _DELETE) | (first >= _FIRST_OF_MANY_BYTES)]
    is_blank = [all(map(_is_invisible, text)) for text in texts.take(pa.array(suspicious)).to_pylist()]
    return np.asarray(suspicious[np.array(is_blank, bool)])


def find_names(texts: pa.Array, names: Collection[str]) -> np.ndarray:
    """The indices of texts that are one of the names in lower case, whatever their case and the blanks around them."""
    offsets, cells = _split_buffers(texts)
    filled = np.flatnonzero(np.diff(offsets))
    if cells.max(initial=0) <= _DELETE:  # which has no characters whose lower case is longer or shorter
        # Ids are longer than names as a rule, and begin and end with what shows, so that few need a look.
        begins, ends = offsets[filled], offsets[filled + 1]
        is_short = ends - begins <= max(map(len, names))
        filled = filled[is_short | (cells[begins] <= _BLANK) | (cells[ends - 1] <= _BLANK)]
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(texts.take(pa.array(filled))))
    return np.asarray(filled[pc.is_in(plain, pa.array(names)).to_numpy(zero_copy_only=False)])


def _is_invisible(character: str) -> bool:
    """White space, controls, formats, fillers, and marks, which show only on what they combine with."""
    is_filler = character in _FILLERS or character.isspace()
    return is_filler or unicodedata.category(character) in _CATEGORIES_WITHOUT_GLYPHS


def hash_rows(table: pa.Table) -> np.ndarray:
    """A 64-bit hash of each row; rows of the same values have the same hash in any table of the same columns."""
    hashes = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        plain = _plain(column)
        of_cells = np.zeros(table.num_rows, np.uint64)
        of_cells[plain.is_valid().to_numpy()] = hash_texts(plain.drop_null().cast(pa.string()).combine_chunks())
        hashes = _mixed(np.column_stack([hashes, of_cells]), 1)
    return hashes


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in a type that casts to text fast, or at all."""
    if pa.types.is_list(column.type):
        return pc.binary_join(column, ",")
    return column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


class Keys:
    """The hashes of all keys of a pass in sorted runs: 8 bytes a row, and an eighth of that while repeats are sought.

    Neighbouring runs of a like length are merged, up to a million keys. `has_repeats` is true once that has shown
    a key to come twice: soon if many do, perhaps never if few do.
    """

    def __init__(self) -> None:
        self.has_repeats = False
        self._runs: list[np.ndarray] = []

    def add(self, hashes: np.ndarray) -> None:
        """Add a chunk's keys."""
        run = np.sort(hashes)
        while self._runs and self._runs[-1].size <= min(2 * run.size, _RUN_MAX_COUNT - run.size):
            run = _merged([self._runs.pop(), run])
        self.has_repeats = self.has_repeats or bool((run[1:] == run[:-1]).any())
        self._runs.append(run)

    def contain(self, hashes: np.ndarray) -> np.ndarray:
        """For each hash whether a key has it."""
        is_there = np.zeros(hashes.size, bool)
        for run in self._runs:
            is_there |= is_among(hashes, run)
        return is_there

    def repeats(self) -> np.ndarray:
        """The hash of every key that came before, sorted, as often as it came again."""
        bounds = np.arange(1, _RANGE_COUNT, dtype=np.uint64) * np.uint64(2**64 // _RANGE_COUNT)
        ranges = zip(*(np.split(run, np.searchsorted(run, bounds)) for run in self._runs), strict=True)
        merged = map(_merged, ranges)
        return np.concatenate([np.empty(0, np.uint64), *(one[1:][one[1:] == one[:-1]] for one in merged)])


def _merged(runs: Sequence[np.ndarray]) -> np.ndarray:
    merged = np.concatenate(runs)
    merged.sort(kind="stable")  # which takes linear time for what is sorted in runs
    return merged


def is_among(hashes: np.ndarray, sorted_hashes: np.ndarray) -> np.ndarray:
    """For each hash whether it is in the sorted array."""
    if not sorted_hashes.size:
        return np.zeros(hashes.size, bool)
    indices = np.minimum(np.searchsorted(sorted_hashes, hashes), sorted_hashes.size - 1)
    return np.asarray(sorted_hashes[indices] == hashes)


@dataclass(frozen=True)
class OpenReferences:
    """References that lead to no row of their own chunk: indices in the table and hashes of what they name."""

    indices: np.ndarray
    hashes: np.ndarray


def find_open_references(references: pa.Array, key_hashes: np.ndarray) -> OpenReferences:
    """The references (null where there is none) that name no key among the hashes given."""
    indices = np.flatnonzero(references.is_valid().to_numpy(zero_copy_only=False))
    hashes = hash_texts(references.drop_null())
    is_open = ~pc.is_in(pa.array(hashes), value_set=pa.array(key_hashes)).to_numpy(zero_copy_only=False)
    return OpenReferences(indices[is_open], hashes[is_open])


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

    def resolve(self, keys: Keys, case_count: int) -> tuple[int, list[tuple[str | None, int]]]:
        """How many lead nowhere, and the first of them as (pid, row number)."""
        if not self._hashes:
            return 0, []
        lost = np.flatnonzero(~keys.contain(np.concatenate(self._hashes)))
        rows = np.concatenate(self._rows)
        pids = pa.concat_arrays(self._pids)
        cases = [(pids[index].as_py() if index < len(pids) else None, int(rows[index])) for index in lost[:case_count]]
        return int(lost.size), cases
