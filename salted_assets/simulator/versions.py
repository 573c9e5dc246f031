"""Rows as they change over time, and what an export sees of them. Not here: which changes happen, or why."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Cell = str | int | float | None
Row = Mapping[str, Cell]


class Change(NamedTuple):
    """From `at_ms` on, the columns of `cells` hold these values."""

    at_ms: int
    cells: dict[str, Cell]


class Window(NamedTuple):
    """An export of `[start_ms, end_ms)`, seen as the account stood at `as_of_ms`."""

    start_ms: int
    end_ms: int
    as_of_ms: int

    def is_within(self, moment_ms: int) -> bool:
        """Whether the half-open window holds the moment."""
        return self.start_ms <= moment_ms < self.end_ms

    def is_past(self, moment_ms: int) -> bool:
        """Whether the moment can be known: it is not after the as-of time."""
        return moment_ms <= self.as_of_ms


class Version(NamedTuple):
    """A row as of a time, and when it last changed before then."""

    cells: dict[str, Cell]
    updated_ms: int


def version_in(window: Window, changes: Sequence[Change], *, linked_start_ms: int | None = None) -> Version | None:
    """The version of a row that an export of `window` holds; None when it does not hold the row.

    The vendor's newer page: a row is exported when the engagement it is linked to (`linked_start_ms`) started inside
    the window or the row itself was last updated inside it, both half-open. `changes` are in order of time.
    """
    known = [change for change in changes if window.is_past(change.at_ms)]
    if not known:
        return None
    updated_ms = known[-1].at_ms
    started = linked_start_ms is not None and window.is_within(linked_start_ms)
    if not started and not window.is_within(updated_ms):
        return None
    return Version(merged(known), updated_ms)


def merged(changes: Sequence[Change]) -> dict[str, Cell]:
    """The cells that hold after all of `changes`."""
    cells: dict[str, Cell] = {}
    for change in changes:
        cells.update(change.cells)
    return cells
