"""What an export sees of rows that change over time. Not here: which changes happen, or why."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from salted_assets.simulator.data.randomness import Flags, Integers

Cell = str | int | float | None


class Window(NamedTuple):
    """An export of `[start_ms, end_ms)`, seen as the account stood at `as_of_ms`."""

    start_ms: int
    end_ms: int
    as_of_ms: int

    def holds(self, moments_ms: Integers) -> Flags:
        """Whether the half-open window holds each moment."""
        within: Flags = (self.start_ms <= moments_ms) & (moments_ms < self.end_ms)
        return within

    def selects(self, first_ms: Integers, updated_ms: Integers, *, linked_ms: Integers) -> Flags:
        """Which rows an export holds that are there from `first_ms` on and were last updated at `updated_ms`.

        The vendor's newer page: a row is exported when the engagement it is linked to (which started at `linked_ms`)
        started inside the window or the row itself was last updated inside it, both half-open. What came after the
        as-of time is not known: `updated_ms` is what `newest_of` gives.
        """
        return np.logical_and(first_ms <= self.as_of_ms, self.holds(linked_ms) | self.holds(updated_ms))

    def newest_of(self, moments_ms: Sequence[Integers]) -> Integers:
        """The latest of several moments of each row that can be known; 0 where none can."""
        newest: Integers = np.maximum.reduce([np.where(each <= self.as_of_ms, each, 0) for each in moments_ms])
        return newest
