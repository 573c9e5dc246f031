"""A part of the benchmark: what it measured as tables, and the figures that have a goal."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.accuracy.goals import Figure

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first is the header."""

    caption: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Section:
    """One subject: what was simulated and how it was measured in words, its figures and its tables."""

    title: str
    text: str
    figures: Sequence[Figure]
    tables: Sequence[Table]


def digits(value: float, places: int = 3) -> str:
    """A cell, empty for NaN; a share that is not quite 1 or 0 is not shown as such."""
    return "" if value != value else f"{value:.{places}f}"  # noqa: PLR0124 - NaN
