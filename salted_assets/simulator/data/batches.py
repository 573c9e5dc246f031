"""Many things at once: one array for each of their fields, and groups of different sizes laid end to end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from salted_assets.simulator.data.randomness import Flags, Integers, Numbers

NEVER = 1 << 62
"""A moment that does not come."""


@dataclass(frozen=True)
class Batch:
    """Things of one kind: every field is an array with one element for each thing."""

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.__dataclass_fields__))))

    def take(self, chosen: Integers | Flags) -> Self:
        """The things at these indices, in this order, or those for which a flag is set."""
        indices = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return type(self)(**{name: getattr(self, name).take(indices) for name in self.__dataclass_fields__})

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        """All things of the batches, one batch after the other. Raises ValueError without any batch."""
        return cls(
            **{name: np.concatenate([getattr(one, name) for one in batches]) for name in cls.__dataclass_fields__}
        )


class Groups:
    """Groups of different sizes, laid end to end: which indices belong to a group, and one of them by chance."""

    def __init__(self, sizes: Sequence[int] | Integers) -> None:
        self.sizes = np.asarray(sizes, np.int64)
        self.firsts = np.cumsum(self.sizes) - self.sizes

    def pick(self, groups: Integers, uniform: Numbers) -> Integers:
        """An index out of each group, all of a group alike."""
        return self.firsts[groups] + (uniform * self.sizes[groups]).astype(np.int64)

    def spread(self, groups: Integers) -> tuple[Integers, Integers]:
        """For all members of the groups one after the other: the position in `groups`, and the index."""
        sizes = self.sizes[groups]
        owners = np.repeat(np.arange(len(groups)), sizes)
        return owners, self.firsts[groups][owners] + indices_within(sizes)


def indices_within(sizes: Integers) -> Integers:
    """0, 1, 2... for the members of each group of these sizes, one group after the other."""
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def codes_of(values: Sequence[Any], known: Sequence[Any]) -> Integers:
    """The index of each value among the known ones."""
    indices = {value: index for index, value in enumerate(known)}
    return np.array([indices[value] for value in values], np.int64)
