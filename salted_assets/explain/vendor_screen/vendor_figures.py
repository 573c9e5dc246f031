"""The file of figures that a person typed from the vendor's application: template, lines, and what is wrong in them."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from salted_assets.explain.vendor_screen.measures import Measure, find_measure
from salted_assets.explain.vendor_screen.typed_values import TypedValue, ValueRefused, parse_value

EVERYBODY = "all"
COLUMNS = ("day", "measure", "agent", "value")
_LONGEST_HEADER = 10_000
TEMPLATE = """\
day,measure,agent,value
# One figure a line, as the vendor's screen shows it for one day. Lines that begin with # are not read.
# measure: a word of the screen (Agent Engagements, AHT, QA score, CSAT, surveys) or one of our columns.
# agent: all, or the name or the ID of one. value: 1,234 or 12:34 (minutes and seconds) or 87 % or 0.87
2024-01-31,Agent Engagements,all,
2024-01-31,AHT,all,
2024-01-31,QA score,all,
"""

_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


class FileRefused(ValueError):  # noqa: N818 - it says what happened
    """The file as a whole cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class VendorFigure:
    """One figure of the vendor's screen; `agent` is a name or an ID, None for all. `line` counts from 1."""

    line: int
    day: date
    measure: Measure
    agent: str | None
    typed: TypedValue
    text: str


def read_figures(data: bytes) -> tuple[list[VendorFigure], list[str]]:
    """The figures of a file, and what is wrong with the other lines, each named by its number.

    The first line names the columns, in any order; commas, semicolons or tabs separate them. Raises FileRefused for a
    file that is no text, lacks a column or has no figure.
    """
    lines = _decode(data).splitlines()
    head = next((number for number, line in enumerate(lines) if line.strip()), None)
    if head is None:
        raise FileRefused("the file is empty; `salted reconcile --template` prints one to fill in")
    if len(lines[head]) > _LONGEST_HEADER:
        raise FileRefused(f"line {head + 1} names no columns: it is longer than {_LONGEST_HEADER} characters")
    delimiter = max(",;\t", key=lines[head].count)
    names = [name.strip().lower() for name in next(csv.reader([lines[head]], delimiter=delimiter))]
    if missing := [name for name in COLUMNS if name not in names]:
        raise FileRefused(
            f"line {head + 1} names the columns, and {', '.join(missing)} is missing; it should be {','.join(COLUMNS)}"
        )
    figures, wrong = [], []
    for number, line in enumerate(lines[head + 1 :], start=head + 2):
        if not line.strip(f" {delimiter}") or line.lstrip().startswith("#"):
            continue
        try:
            figures.append(_read_line(number, next(csv.reader([line], delimiter=delimiter)), names, delimiter))
        except (ValueRefused, csv.Error) as error:
            wrong.append(f"line {number}: {error}")
    if not figures and not wrong:
        raise FileRefused("no line has a figure; `salted reconcile --template` prints a file to fill in")
    return figures, wrong


def _read_line(number: int, cells: Sequence[str], names: Sequence[str], delimiter: str) -> VendorFigure:
    fields = list(cells)
    if names[-1] == "value" and delimiter == "," and len(fields) > len(names):
        # a number with a comma that nobody put into quotes
        fields = [*fields[: len(names) - 1], ",".join(fields[len(names) - 1 :])]
    if len(fields) != len(names):
        raise ValueRefused(f"there are {len(fields)} fields where the first line names {len(names)}")
    of = dict(zip(names, (field.strip() for field in fields), strict=True))
    measure = find_measure(of["measure"])
    if measure is None:
        raise ValueRefused(f"{of['measure']!r} is no measure known here; docs/reconciling.md lists them")
    agent = of["agent"] or EVERYBODY
    return VendorFigure(
        number,
        _parse_day(of["day"]),
        measure,
        None if agent.lower() == EVERYBODY else agent,
        parse_value(of["value"], measure.kind),
        of["value"],
    )


def _parse_day(text: str) -> date:
    try:
        if german := _GERMAN_DAY.fullmatch(text):
            return date(int(german[3]), int(german[2]), int(german[1]))
        return date.fromisoformat(text)
    except ValueError:
        raise ValueRefused(f"{text!r} is no day; write 2024-01-31 or 31.1.2024") from None


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused("the file is neither UTF-8 nor UTF-16; save it as CSV in UTF-8") from None
