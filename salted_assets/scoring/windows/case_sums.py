"""Rows of `scores/agent_segment_daily` added up to stretches of days while they are read, in little memory.

Here: how pieces of rows become sums by agent, labels and stretch. Not here: labels as codes (`text_codes`), which
labels, what the sums are for (`rolling_cases`), stretches (`rolling_sums`).

A quarter of a large contact centre is millions of rows and a million groups, each with some 25 sums: to group them in
DuckDB takes gigabytes, for every thread keeps its own. Here each group is a place in plain arrays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.stats import Codes, Floats

_LARGEST_GRID = 1 << 25
_BITS = 32


class Pairs:
    """Pairs of codes that come in pieces, each pair with a place.

    Looked up in a grid of all pairs that there can be, which is quickest; where that would be too large, by hash.

    >>> pairs = Pairs()
    >>> pairs.place(np.array([7, 0, 7]), np.array([2, -1, 2])).tolist(), pairs.place(np.array([0]), np.array([-1]))
    ([1, 0, 1], array([0]))
    >>> [codes.tolist() for codes in pairs.pairs()]
    [[0, 7], [-1, 2]]
    """

    def __init__(self, largest_grid: int = _LARGEST_GRID) -> None:
        """`largest_grid` is the number of pairs up to which a grid is kept."""
        self._largest_grid = largest_grid
        self._grid: npt.NDArray[np.int32] | None = np.empty((0, 0), np.int32)
        self._keys = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def place(self, first: Codes, second: Codes) -> Codes:
        """For each row the place of its pair; codes are from -1 to 2 billion."""
        if not first.size:
            return first
        if self._grid is not None:
            self._grid = self._grown(self._grid, int(first.max()) + 2, int(second.max()) + 2)
        if self._grid is None:
            return self._place_by_hash(((first + 1) << _BITS) | (second + 1))
        return self._place_in_grid(self._grid.reshape(-1), self._grid.shape[1], first + 1, second + 1)

    def pairs(self) -> tuple[Codes, Codes]:
        """Both codes of each place's pair."""
        return (self._keys >> _BITS) - 1, (self._keys & ((1 << _BITS) - 1)) - 1

    def _place_in_grid(self, grid: npt.NDArray[np.int32], width: int, row: Codes, column: Codes) -> Codes:
        cell = row * width + column
        new = cell[grid[cell] < 0]
        # Of equal ones the last is kept: the grid itself tells which that is.
        order = np.arange(new.size)
        grid[new] = order
        new = new[grid[new] == order]
        grid[new] = self._know((new // width << _BITS) | new % width)
        places: Codes = grid[cell].astype(np.int64)
        return places

    def _place_by_hash(self, keys: Codes) -> Codes:
        encoded = pa.array(keys).dictionary_encode()
        known = pc.index_in(encoded.dictionary, value_set=pa.array(self._keys))
        places: Codes = pc.fill_null(known, -1).to_numpy().astype(np.int64)
        places[places < 0] = self._know(encoded.dictionary.to_numpy()[places < 0])
        found: Codes = places[encoded.indices.to_numpy()]
        return found

    def _know(self, keys: Codes) -> Codes:
        """Places for keys that have none."""
        places = np.arange(len(self), len(self) + keys.size)
        self._keys = np.concatenate([self._keys, keys])
        return places

    def _grown(self, grid: npt.NDArray[np.int32], height: int, width: int) -> npt.NDArray[np.int32] | None:
        """The grid with room for so many codes, and for some more of the second ones; None where it is too large."""
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
    """What rows add up to: one place in each array for an agent and labels.

    `labels` are the codes of each label. `sums` has an array for each stretch and in it for each summed column, 0 where
    there is nothing.
    """

    agent: Codes
    labels: list[Codes]
    sums: list[list[Floats]]

    def sum_of(self, index: int, stretches: slice) -> Floats:
        """The sums of one column over some of the stretches."""
        total: Floats = np.sum([columns[index] for columns in self.sums[stretches]], axis=0)
        return total


class GroupSums:
    """Sums of columns by agent, labels and stretch, which grow as rows come."""

    def __init__(self, label_count: int, stretch_count: int, sum_count: int) -> None:
        self._cells = [Pairs() for _ in range(label_count - 1)]
        self._groups = Pairs()
        self._sums = [[np.empty(0) for _ in range(sum_count)] for _ in range(stretch_count)]

    def add(self, agent: Codes, stretch: Codes, labels: Sequence[Codes], columns: Iterable[Floats]) -> None:
        """Add rows; all arrays have a value for each of them, of `columns` there is one for each sum."""
        cell = labels[0]
        for pairs, label in zip(self._cells, labels[1:], strict=True):
            cell = pairs.place(cell, label)
        group = self._groups.place(agent, cell)
        # Rows that come by day are all of one stretch: the others' sums are not touched, however groups grow.
        masks = [(each, stretch == each) for each in np.unique(stretch).tolist()]
        for index, column in enumerate(columns):
            for each, is_of_it in masks:
                sums = self._sums[each][index] = _with_room(self._sums[each][index], len(self._groups))
                if len(masks) == 1:
                    np.add.at(sums, group, column)
                else:
                    np.add.at(sums, group[is_of_it], column[is_of_it])

    def take(self) -> Groups:
        """All sums so far."""
        agent, cell = self._groups.pairs()
        labels: list[Codes] = []
        for pairs in reversed(self._cells):
            before, label = pairs.pairs()
            labels.append(label[cell])
            cell = before[cell]
        sums = [[_with_room(column, agent.size)[: agent.size] for column in columns] for columns in self._sums]
        return Groups(agent, [cell, *reversed(labels)], sums)


def _with_room(sums: Floats, size: int) -> Floats:
    """The sums with room for so many places, and for more to come: what is unused takes no memory."""
    if size <= sums.size:
        return sums
    grown = np.zeros(4 * size)
    grown[: sums.size] = sums
    return grown
