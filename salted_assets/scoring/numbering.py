"""Different whole numbers among millions, by a table of all that there may be: a tenth of the time of a sort."""

from typing import NamedTuple

import numpy as np

from salted_assets.scoring.stats import Indices

_ROOM = 4
"""How many times as many entries as there are values a table may have, beside `_LITTLE`."""

_LITTLE = 100_000


class Numbered(NamedTuple):
    """The different values in order, for each value its number among them, and of each the first place where it is."""

    different: Indices
    numbers: Indices
    firsts: Indices


def narrow(numbers: Indices, count: int) -> Indices:
    """The numbers, which are from -1 to `count`, in as little room as takes them and one more: there are millions.

    >>> [narrow(np.array([2, -1]), count).dtype.name for count in (126, 127, 32_766, 32_767, 2**31)]
    ['int8', 'int16', 'int16', 'int32', 'int64']
    """
    return numbers.astype(np.min_scalar_type(-count - 2), copy=False)


def number_values(values: Indices) -> Numbered:
    """What `np.unique` gives of whole numbers with indexes and inverse.

    >>> [part.tolist() for part in number_values(np.array([7, -1, 7, 3]))]
    [[-1, 3, 7], [2, 0, 2, 1], [1, 3, 0]]
    """
    lowest, size = _span(values)
    if size > _ROOM * values.size + _LITTLE:
        different, firsts, numbers = np.unique(values, return_index=True, return_inverse=True)
        return Numbered(different, numbers, firsts)
    at = values - lowest if lowest else values
    first = np.full(size, -1, np.int64)
    # Of equal ones the last is kept.
    first[at[::-1]] = np.arange(values.size - 1, -1, -1)
    there = np.flatnonzero(first >= 0)
    firsts = first[there]
    first[there] = np.arange(there.size)
    return Numbered((there + lowest).astype(values.dtype), first[at], firsts)


def look_up(known: Indices, value: Indices, asked: Indices) -> Indices:
    """For each asked number the value that goes with the first equal one among the known, -1 for one not there.

    >>> look_up(np.array([5, 2, 5]), np.array([10, 20, 30]), np.array([2, 5, 9, -1])).tolist()
    [20, 10, -1, -1]
    """
    lowest, size = _span(known)
    if size > _ROOM * (known.size + asked.size) + _LITTLE:
        different, _, firsts = number_values(known)
        at = np.minimum(np.searchsorted(different, asked), different.size - 1)
        return np.where(different[at] == asked, value[firsts][at], -1)
    table = np.full(size + 1, -1, np.int64)
    table[(known - lowest)[::-1]] = value[::-1]
    is_within = (asked >= lowest) & (asked < lowest + size)
    return table[np.where(is_within, asked - lowest, size)]


def _span(values: Indices) -> tuple[int, int]:
    """The lowest value, and how many whole numbers there are from it to the highest."""
    if not values.size:
        return 0, 0
    lowest = int(values.min())
    return lowest, int(values.max()) - lowest + 1
