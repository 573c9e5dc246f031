"""The cells of the scorecard's tables: how a figure and an interval are written, and what a column sorts by."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.about import About


@dataclass(frozen=True)
class Heading:
    """A column of a table; what is `aside` gives way where a page is narrow."""

    label: str
    words: str
    is_text: bool = False
    is_aside: bool = False

    @property
    def style(self) -> str:
        """The classes of its cells in the styles of the page."""
        return f"{'text' if self.is_text else ''}{' aside' if self.is_aside else ''}"


@dataclass(frozen=True)
class Cell:
    """A cell: what is read, what is written small below line by line, and what it sorts by (empty: last).

    `href` is where its text leads, a web address or one made here.
    """

    text: str
    order: str
    note: str = ""
    href: str = ""


@dataclass(frozen=True)
class Row:
    """A row; one that `is_unsure` is written in quiet ink.

    It is filtered by what it is about: `agent` (the pid), `team` and `channel`, each None where it is about no one.
    """

    cells: tuple[Cell, ...]
    team: str | None = None
    is_unsure: bool = False
    agent: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class Table:
    """A table that sorts by a click on a heading; its rows come in the order that serves best."""

    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]

    def has(self, label: str) -> bool:
        """Whether there is a column of that label."""
        return any(heading.label == label for heading in self.headings)

    def without(self, label: str) -> "Table":
        """The table without the columns of that label."""
        return self._keep([index for index, heading in enumerate(self.headings) if heading.label != label])

    def without_empty(self) -> "Table":
        """The table without the columns that say nothing in any row; one without rows as it is."""
        texts = [{row.cells[index].text for row in self.rows} for index in range(len(self.headings))]
        return self._keep([index for index, said in enumerate(texts) if said != {"-"}])

    def _keep(self, columns: Sequence[int]) -> "Table":
        rows = (replace(row, cells=tuple(row.cells[index] for index in columns)) for row in self.rows)
        return Table(tuple(self.headings[index] for index in columns), tuple(rows))


def write_words(text: str, note: str = "") -> Cell:
    """A cell of text."""
    return Cell(text, text.lower(), note)


def write_link(row: Mapping[Any, Any]) -> Cell:
    """What opens the engagement of a row by its `link`; its id where that is no web address: it could be a script."""
    link = text_of(row["link"])
    if is_web_address(link):
        return Cell("open", "", href=link)
    return write_words(text_of(row["engagement_pid"]))


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


def write_percent(value: Any, digits: int = 0) -> str:
    """A share or a score from 0 to 1 in percent; a dash where there is none.

    >>> write_percent(0.744), write_percent(None)
    ('74%', '-')
    """
    return write(value, f"{{:.{digits}%}}") if is_number(value) else "-"


def write_minute(moment: datetime) -> str:
    """An instant by day and minute, in the zone that it has.

    >>> write_minute(datetime(2024, 1, 31, 9, 5, 59))
    '2024-01-31 09:05'
    """
    return f"{moment:%Y-%m-%d %H:%M}"


def write_percent_span(low: Any, high: Any) -> str:
    """An interval of scores from 0 to 1 in percent; nothing where a limit is not known.

    >>> write_percent_span(0.6, 0.815)
    '60 to 82%'
    """
    return f"{write_percent(low)[:-1]} to {write_percent(high)}" if is_number(low) and is_number(high) else ""


def write_points(value: Any) -> str:
    """A difference of scores from 0 to 1 in percentage points, with its sign; a dash where there is none.

    >>> write_points(-0.034), write_points(0.001)
    ('-3', '0')
    """
    if not is_number(value):
        return "-"
    text = f"{100 * value:+.0f}"
    return text if text.strip("+-0") else "0"


def write_points_span(low: Any, high: Any) -> str:
    """An interval of differences in percentage points; nothing where a limit is not known."""
    return f"{write_points(low)} to {write_points(high)}" if is_number(low) and is_number(high) else ""


def write_clock(milliseconds: Any) -> str:
    """A time in minutes and seconds; a dash where there is none.

    >>> write_clock(2_468_000.0)
    '41:08'
    """
    if not is_number(milliseconds):
        return "-"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}:{seconds:02}"


def about_agent(row: dict[Any, Any]) -> About:
    """What a row with an agent's pid, main team and main type of channel is about."""
    return About(*(text_of(row[name]) for name in ("agent_pid", "team", "channel_type")))


def is_web_address(text: str) -> bool:
    """Whether it is one that a page may link; another one could be a script."""
    return text.startswith(("https://", "http://"))


def is_number(value: Any) -> bool:
    """Whether it is one, and finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    return value is not None and not pd.isna(value) and math.isfinite(value)


def is_true(value: Any) -> bool:
    """Whether it is known to be true."""
    return value is not None and not pd.isna(value) and bool(value)


def text_of(value: Any) -> str:
    """The text, as a browser reads it: a NUL in a page becomes U+FFFD, and what it is compared with has to be the same.

    Nothing where it is null.
    """
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return "" if value is None or pd.isna(value) else str(value)
