"""Randomness that depends on names only: the same names give the same numbers in every process.

Nothing is drawn in turn. A thing has a 64-bit key, a draw has a name, and the two decide: so a whole batch is drawn at
once, any part of it can be made again alone, and a draw that is added leaves the others as they were.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from random import Random
from statistics import NormalDist
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

T = TypeVar("T")

_MASK = (1 << 64) - 1
_PARENT_FACTOR, _CHILD_FACTOR = 6364136223846793005, 1442695040888963407
_NORMAL_BITS = 14


def number_of(*parts: str | int) -> int:
    """A 64-bit number that belongs to `parts`."""
    return int.from_bytes(blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "big")


def keyed_random(*parts: str | int) -> Random:
    """A random stream that belongs to `parts`; nothing global is read or moved."""
    return Random(number_of(*parts))  # noqa: S311 - simulated data, nothing is kept secret by it


@lru_cache(maxsize=65_536)
def pid_of(*parts: str | int) -> str:
    """The permanent identifier, a UUID, that belongs to `parts`."""
    high = number_of(*parts)
    low = (high * _PARENT_FACTOR + _CHILD_FACTOR) & _MASK
    digits = f"{high:016x}{low ^ (low >> 29):016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def keys_of(*parts: str | int, indices: Integers) -> Keys:
    """Keys of the things with these indices that belong to `parts`."""
    return child_keys(np.full(len(indices), number_of(*parts), np.uint64), indices)


def child_keys(parents: Keys, indices: Integers | int) -> Keys:
    """Keys of the children at these indices, one of each parent."""
    return _mixed(linked(parents, indices))


def linked(parents: Keys, indices: Integers | int) -> Keys:
    """Parents and indices in one number each, different for different pairs but not spread evenly."""
    if isinstance(indices, int):
        return parents * np.uint64(_PARENT_FACTOR) + np.uint64((indices + 1) * _CHILD_FACTOR & _MASK)
    shifted = indices.astype(np.uint64) + np.uint64(1)
    return parents * np.uint64(_PARENT_FACTOR) + shifted * np.uint64(_CHILD_FACTOR)


class Dice:
    """Draws for many things at once; a draw of the same name is the same draw."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def number(self, name: str) -> Keys:
        """64 bits for each."""
        return _mixed(self._keys ^ np.uint64(number_of_draw(name)))

    def uniform(self, name: str) -> Numbers:
        """From 0 to below 1."""
        return (self.number(name) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def happens(self, name: str, probability: float | Numbers) -> Flags:
        """True with `probability`."""
        return self.uniform(name) < probability

    def between(self, name: str, first: int | Integers, end: int | Integers) -> Integers:
        """A whole number from `first` to below `end`."""
        return first + (self.uniform(name) * (np.asarray(end) - first)).astype(np.int64)

    def normal(self, name: str) -> Numbers:
        """Standard normal, on a grid of quantiles that reaches to four deviations."""
        values: Numbers = _normal_quantiles()[self.number(name) >> np.uint64(64 - _NORMAL_BITS)]
        return values

    def lognormal(self, name: str, mean: float | Numbers, deviation: float) -> Numbers:
        """`mean` and `deviation` are those of the logarithm."""
        values: Numbers = np.exp(mean + deviation * self.normal(name))
        return values


@lru_cache(maxsize=1_024)
def number_of_draw(name: str) -> int:
    """What a draw's name adds to the keys."""
    return number_of("draw", name)


def pick(random: Random, things: Sequence[T]) -> T:
    """One of `things`, all alike; cheaper than `Random.choice`."""
    return things[int(random.random() * len(things))]


def _mixed(numbers: Keys) -> Keys:
    """Each number spread over all 64 bits, one to one."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@lru_cache(maxsize=1)
def _normal_quantiles() -> Numbers:
    count = 1 << _NORMAL_BITS
    normal = NormalDist()
    return np.array([normal.inv_cdf((index + 0.5) / count) for index in range(count)])
