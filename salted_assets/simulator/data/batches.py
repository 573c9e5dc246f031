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
    """Groups of different sizes, laid end to end; members are indices among the known things, else among all."""

    def __init__(self, groups: Sequence[Sequence[Any]], known: Sequence[Any] | None = None) -> None:
        things = [thing for group in groups for thing in group]
        self.sizes = np.array([len(group) for group in groups], np.int64)
        self.firsts = np.cumsum(self.sizes) - self.sizes
        members = range(len(things)) if known is None else [known.index(thing) for thing in things]
        self.members = np.array(members, np.int64)

    def pick(self, groups: Integers, uniform: Numbers) -> Integers:
        """A member of each group, all of a group alike; of an empty one any."""
        within = (uniform * self.sizes[groups]).astype(np.int64)
        return self.members.take(self.firsts[groups] + within, mode="clip")

    def spread(self, groups: Integers) -> tuple[Integers, Integers, Integers]:
        """For all members of the groups one after the other: positions in `groups` and in the group, and the member."""
        sizes = self.sizes[groups]
        owners, within = np.repeat(np.arange(len(groups)), sizes), indices_within(sizes)
        return owners, within, self.members[self.firsts[groups][owners] + within]


def indices_within(sizes: Integers) -> Integers:
    """0, 1, 2... for the members of each group of these sizes, one group after the other."""
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
