"""Sums by agent, labels and day bucket, which grow batch by batch while rows are read, in little memory.

A quarter of a large contact centre is millions of rows and a million groups, each with some 25 sums: to group them in
DuckDB takes gigabytes, for every thread keeps its own. Here each group is an index into plain arrays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import Floats, Indices

_LARGEST_GRID = 1 << 25
_BITS = 32


class PairIndex:
    """Gives each pair of indexes an index of its own, batch by batch.

    Looked up in a grid of all pairs that there can be, which is quickest; where that would be too large, by hash.

    >>> pairs = PairIndex()
    >>> pairs.index(np.array([7, 0, 7]), np.array([2, -1, 2])).tolist(), pairs.index(np.array([0]), np.array([-1]))
    ([1, 0, 1], array([0]))
    >>> [indexes.tolist() for indexes in pairs.pairs()]
    [[0, 7], [-1, 2]]
    """

    def __init__(self, largest_grid: int = _LARGEST_GRID) -> None:
        """`largest_grid` is the number of pairs up to which a grid is kept."""
        self._largest_grid = largest_grid
        self._grid: npt.NDArray[np.int32] | None = np.empty((0, 0), np.int32)
        self._keys = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def index(self, first: Indices, second: Indices) -> Indices:
        """For each row the index of its pair; those that make up a pair are from -1 to 2 billion."""
        if not first.size:
            return first
        if self._grid is not None:
            self._grid = self._grown(self._grid, int(first.max()) + 2, int(second.max()) + 2)
        if self._grid is None:
            return self._index_by_hash(((first + 1) << _BITS) | (second + 1))
        return self._index_in_grid(self._grid.reshape(-1), self._grid.shape[1], first + 1, second + 1)

    def pairs(self) -> tuple[Indices, Indices]:
        """Both parts of each pair, in the order of the pairs' indexes."""
        return (self._keys >> _BITS) - 1, (self._keys & ((1 << _BITS) - 1)) - 1

    def _index_in_grid(self, grid: npt.NDArray[np.int32], width: int, row: Indices, column: Indices) -> Indices:
        cell = row * width + column
        new = cell[grid[cell] < 0]
        # Of equal ones the last is kept: the grid itself tells which that is.
        order = np.arange(new.size)
        grid[new] = order
        new = new[grid[new] == order]
        grid[new] = self._add((new // width << _BITS) | new % width)
        indexes: Indices = grid[cell].astype(np.int64)
        return indexes

    def _index_by_hash(self, keys: Indices) -> Indices:
        encoded = pa.array(keys).dictionary_encode()
        known = pc.index_in(encoded.dictionary, value_set=pa.array(self._keys))
        indexes: Indices = pc.fill_null(known, -1).to_numpy().astype(np.int64)
        indexes[indexes < 0] = self._add(encoded.dictionary.to_numpy()[indexes < 0])
        found: Indices = indexes[encoded.indices.to_numpy()]
        return found

    def _add(self, keys: Indices) -> Indices:
        """Indexes for keys that have none."""
        indexes = np.arange(len(self), len(self) + keys.size)
        self._keys = np.concatenate([self._keys, keys])
        return indexes

    def _grown(self, grid: npt.NDArray[np.int32], height: int, width: int) -> npt.NDArray[np.int32] | None:
        """The grid with room for so many first parts, and some more second ones; None where it is too large."""
        rows, columns = grid.shape
        if height <= rows and width <= columns:
            return grid
        height, width = max(height, rows), max(width, columns)
        if height * width > self._largest_grid:
            return None
        if width > columns:
            width = max(width, min(2 * columns, self._largest_grid // height))
        grown = np.full((height, width), -1, np.int32)
        grown[:rows, :columns] = grid
        return grown


@dataclass(frozen=True)
class Groups:
    """What rows add up to: one element in each array for an agent and labels.

    `labels` are the indexes of each label. `sums` has an array for each bucket and in it for each summed column, 0
    where there is nothing.
    """

    agent: Indices
    labels: list[Indices]
    sums: list[list[Floats]]


class GroupSums:
    """Sums of columns by agent, labels and bucket, for several windows that take the same rows in other buckets."""

    def __init__(self, label_count: int, window_count: int, bucket_count: int, sum_count: int) -> None:
        self._cells = [PairIndex() for _ in range(label_count - 1)]
        self._groups = PairIndex()
        self._sums = [
            [[np.empty(0) for _ in range(sum_count)] for _ in range(bucket_count)] for _ in range(window_count)
        ]
        self._row_counts = [np.empty(0) for _ in range(window_count)]

    def add(
        self, agent: Indices, labels: Sequence[Indices], columns: Iterable[Floats], takers: Sequence[tuple[int, int]]
    ) -> None:
        """Add a day's rows to these buckets of windows; all arrays have a value for each row, `columns` one a sum.

        The rows of a group are added up first, so that a window gets the same sums alone as beside other windows.
        """
        cell = labels[0]
        for pairs, label in zip(self._cells, labels[1:], strict=True):
            cell = pairs.index(cell, label)
        group = self._groups.index(agent, cell)
        groups, index, _ = number_values(group)
        is_single = groups.size == group.size
        groups = group if is_single else groups
        size = len(self._groups)
        for window, _ in takers:
            self._row_counts[window] = _with_room(self._row_counts[window], size)
            self._row_counts[window][groups] += 1
        for number, column in enumerate(columns):
            summed = column if is_single else np.bincount(index, weights=column, minlength=groups.size)
            for window, bucket in takers:
                own = self._sums[window][bucket]
                own[number] = _with_room(own[number], size)
                own[number][groups] += summed

    def take(self, window: int) -> Groups:
        """What the window has so far, the groups of which it has rows; it is forgotten, for it takes room."""
        present = np.flatnonzero(self._row_counts[window])
        agent, cell = self._groups.pairs()
        labels: list[Indices] = []
        for pairs in reversed(self._cells):
            before, label = pairs.pairs()
            labels.append(label[cell])
            cell = before[cell]
        # One column after the other, so that but one is there twice.
        for columns in self._sums[window]:
            for number, column in enumerate(columns):
                columns[number] = _with_room(column, agent.size)[present]
        sums, self._row_counts[window], self._sums[window] = self._sums[window], np.empty(0), []
        return Groups(agent[present], [label[present] for label in (cell, *reversed(labels))], sums)


def _with_room(sums: Floats, size: int) -> Floats:
    """The sums with room for so many groups, and for more to come: what is unused takes no memory."""
    if size <= sums.size:
        return sums
    grown = np.zeros(4 * size)
    grown[: sums.size] = sums
    return grown
