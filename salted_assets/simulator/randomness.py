"""Chance that depends on names only: the same parts give the same numbers in every process. Not here: what is drawn."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


def number_of(*parts: str | int) -> int:
    """A 64-bit number that belongs to `parts`."""
    return int.from_bytes(blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "big")


def keyed_random(*parts: str | int) -> Random:
    """A random stream that belongs to `parts`; nothing global is read or moved."""
    return Random(number_of(*parts))  # noqa: S311 - simulated data, nothing is kept secret by it


@lru_cache(maxsize=65_536)
def pid_of(*parts: str | int) -> str:
    """The permanent identifier, a UUID, that belongs to `parts`."""
    return child_pid(number_of(*parts), 0)


def child_pid(key: int, index: int) -> str:
    """The UUID of the `index`-th child of the thing whose 64-bit number is `key`; cheap enough for every turn."""
    low = (key * 6364136223846793005 + (index + 1) * 1442695040888963407) & _MASK
    digits = f"{key:016x}{low ^ (low >> 29):016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def happens(random: Random, probability: float) -> bool:
    """True with `probability`."""
    return random.random() < probability


def pick(random: Random, things: Sequence[T]) -> T:
    """One of `things`, all alike; cheaper than `Random.choice`."""
    return things[int(random.random() * len(things))]


def clamp(value: float, low: float, high: float) -> float:
    """`value`, or the end of `low`..`high` that it lies beyond."""
    return max(low, min(high, value))
