"""The tables of a scorecard as CSV files, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from salted_assets.output.scorecard.scorecard import Scorecard
from salted_assets.output.scorecard.table_cells import Cell, Table
from salted_assets.schemas.spreadsheets import quote_cell

TABLES_OF_TEAMS = ("questions_everyone", "questions_teams", "pass_rates")
"""The tables of which all people and teams have rows."""

_NOTE = "more"
_NO_VALUE = "-"
_SIGNED = re.compile(r"\+(?=\d+(\.\d+)?$)")


def list_tables(card: Scorecard) -> dict[str, Table]:
    """Every table of the card by the name of its file: those of a section are named after it.

    Names: agents, news, restated, questions_everyone, questions_teams, questions_agents, pass_rates, far_apart, work,
    disputes_open, disputes_by_reviewer, ai_scores, agreement, precision, low_forms, low_singles, planned_agents,
    planned_left. Where single people are not shown these are `TABLES_OF_TEAMS` alone.
    """
    tables = dict(_walk(card, ""))
    return tables if card.shows_agents else {name: tables[name] for name in TABLES_OF_TEAMS}


def write_csv_table(table: Table) -> str:
    """The table as CSV: a line of headings, then a line a row; without rows the headings alone.

    What the page writes small below a figure is a column of its own, `<heading>: more`, where any row has it. A link is
    its address, and a dash for no value is an empty cell. A cell that a spreadsheet would calculate begins with an
    apostrophe.
    """
    has_note = [any(row.cells[index].note for row in table.rows) for index in range(len(table.headings))]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    labels = [heading.label.replace("\u00ad", "") for heading in table.headings]
    writer.writerow(
        name
        for label, noted in zip(labels, has_note, strict=True)
        for name in ([label, f"{label}: {_NOTE}"] if noted else [label])
    )
    for row in table.rows:
        cells = zip(row.cells, has_note, strict=True)
        writer.writerow(
            text
            for cell, noted in cells
            for text in ([_text_of(cell), _plain(cell.note)] if noted else [_text_of(cell)])
        )
    return file.getvalue()


def _walk(section: Any, name: str) -> Iterator[tuple[str, Table]]:
    for each in fields(section):
        value = getattr(section, each.name)
        own = name if name and each.name == "table" else "_".join(filter(None, [name, each.name]))
        if isinstance(value, Table):
            yield own, value
        elif is_dataclass(value) and not isinstance(value, type):
            yield from _walk(value, own)


def _text_of(cell: Cell) -> str:
    return _plain(cell.href if cell.href.startswith(("https://", "http://")) and cell.text == "open" else cell.text)


def _plain(text: str) -> str:
    shown = "; ".join(text.replace("\u00ad", "").splitlines())
    return "" if shown == _NO_VALUE else quote_cell(_SIGNED.sub("", shown))
