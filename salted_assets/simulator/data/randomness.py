"""Randomness that depends on names only: the same names give the same numbers in every process.

Nothing is drawn in turn. A thing has a 64-bit key, a draw has a name, and the two decide: so a whole batch is drawn at
once, any part of it can be made again alone, and a draw that is added leaves the others as they were.
"""

from functools import lru_cache
from hashlib import blake2b
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_PARENT_FACTOR, _CHILD_FACTOR = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
_NORMAL_BITS = 14


@lru_cache(maxsize=65_536)
def number_of(*parts: str | int) -> int:
    """A 64-bit number that belongs to `parts`."""
    return int.from_bytes(blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "big")


def keys_of(*parts: str | int, indices: Integers) -> Keys:
    """Keys of the things with these indices that belong to `parts`."""
    return child_keys(np.full(len(indices), number_of(*parts), np.uint64), indices)


def child_keys(parents: Keys, indices: Integers | int) -> Keys:
    """Keys of the children at these indices, one of each parent."""
    return _mixed(linked(parents, indices))


def linked(parents: Keys, indices: Integers | int) -> Keys:
    """Parents and indices in one number each, different for different pairs but not spread evenly."""
    numbers = np.atleast_1d(indices).astype(np.uint64) + np.uint64(1)
    return parents * _PARENT_FACTOR + numbers * _CHILD_FACTOR


class Dice:
    """Draws for many things at once; a draw of the same name is the same draw."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def number(self, name: str) -> Keys:
        """64 bits for each."""
        return _mixed(self._keys ^ np.uint64(number_of("draw", name)))

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
