"""A part of the benchmark: what it measured as tables, and the figures that have a goal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.accuracy.goals import Figure
from benchmarks.accuracy.measures import correlation, measure
from benchmarks.accuracy.references import Estimate, stack
from salted_assets.scoring.stats import Floats

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
    """A cell, empty for NaN."""
    return "" if value != value else f"{value:.{places}f}"  # noqa: PLR0124 - NaN


def tabulate_methods(worlds: Sequence[Mapping[str, Estimate]], truth: Floats) -> list[Row]:
    """A row for each method: what its estimates of all worlds, a row of `truth` each, are worth."""
    rows: list[Row] = [("method", "correlation with truth", "RMSE", "coverage", "width")]
    for name in worlds[0]:
        estimate = stack(each[name] for each in worlds)
        accuracy = measure(estimate, truth)
        cells = (correlation(estimate.value, truth), accuracy.rmse, accuracy.coverage, accuracy.width)
        rows.append((name, *map(digits, cells)))
    return rows
