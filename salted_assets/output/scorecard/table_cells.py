"""The cells of the scorecard's tables: how a figure and an interval are written, and what a column sorts by."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Heading:
    """A column of a table; what is `aside` gives way where a page is narrow."""

    label: str
    words: str
    is_text: bool = False
    is_aside: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell: what is read, what is written small below line by line, and what it sorts by (empty: last)."""

    text: str
    order: str
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A row; one that `is_unsure` is written in quiet ink. `team` is what it is filtered by, if at all."""

    cells: tuple[Cell, ...]
    team: str | None = None
    is_unsure: bool = False


@dataclass(frozen=True)
class Table:
    """A table that sorts by a click on a heading; its rows come in the order that serves best."""

    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]


def write_words(text: str, note: str = "") -> Cell:
    """A cell of text."""
    return Cell(text, text.lower(), note)


def write_number(value: Any, form: str, note: str = "") -> Cell:
    """A cell of a number; a dash that sorts last where there is none."""
    if not is_number(value):
        return Cell("-", "")
    return Cell(write(value, form), f"{float(value):.9g}", note)


def write_span(low: Any, high: Any, form: str) -> str:
    """An interval; nothing where a limit is not known."""
    return f"{write(low, form)} to {write(high, form)}" if is_number(low) and is_number(high) else ""


def write(value: Any, form: str) -> str:
    """The number, 0 never with a minus.

    >>> write(-0.001, "{:.2f}")
    '0.00'
    """
    text = form.format(value)
    return text if text.strip("-0.%") else form.format(0.0)


def is_number(value: Any) -> bool:
    """Whether it is one, and finite."""
    return value is not None and not pd.isna(value) and math.isfinite(value)


def is_true(value: Any) -> bool:
    """Whether it is known to be true."""
    return value is not None and not pd.isna(value) and bool(value)


def text_of(value: Any) -> str:
    """The text; nothing where it is null."""
    return "" if value is None or pd.isna(value) else str(value)


def list_records(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows as dictionaries: many times as quick as pandas makes them of a wide frame."""
    columns = [rows[name].tolist() for name in rows]
    return [dict(zip(rows.columns, values, strict=True)) for values in zip(*columns, strict=True)]
