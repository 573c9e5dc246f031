"""The scorecard's tables as CSV: what stands in a cell, and that no cell of it is calculated by a spreadsheet."""

import csv
import io
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from salted_assets.output.scorecard import build_scorecard
from salted_assets.output.scorecard.csv_tables import list_tables, write_csv_table
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.output.scorecard.table_cells import Cell, Heading, Row, Table
from salted_assets_tests.support.scorecard_rows import agent_rows, build_inputs


def rows_of(table: Table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(write_csv_table(table))))


def test_notes_are_columns_links_are_addresses_and_no_value_is_empty() -> None:
    headings = (Heading("Agent", "", is_text=True), Heading("Engage\u00adments", ""), Heading("Change", ""))
    linked = Cell("open", "", href="https://desk.example.test/e/1")
    table = Table(
        (*headings, Heading("Engagement", "")),
        (
            Row((Cell("Ada, B.", "ada"), Cell("12", "12", "n = 3\nfew"), Cell("+3", "3"), linked)),
            Row((Cell("=HYPERLINK(1)", "x"), Cell("-", ""), Cell("-4", "-4"), Cell("e-2", "e-2"))),
        ),
    )
    assert rows_of(table) == [
        ["Agent", "Engagements", "Engagements: more", "Change", "Engagement"],
        ["Ada, B.", "12", "n = 3; few", "3", "https://desk.example.test/e/1"],
        ["'=HYPERLINK(1)", "", "", "-4", "e-2"],
    ]
    assert rows_of(Table(headings, ())) == [["Agent", "Engagements", "Change"]]


RISKY = st.text(alphabet="=+-@\t\r1.%Ea", max_size=6)


@given(texts=st.lists(st.tuples(RISKY, RISKY), max_size=6))
@example(texts=[("=1", "@a"), ("+1", "+a"), ("-1", "-a"), ("\t=1", "\r=1"), ("-1+1", "")])
def test_no_cell_begins_a_formula(texts: list[tuple[str, str]]) -> None:
    table = Table((Heading("A", ""),), tuple(Row((Cell(text, "", note),)) for text, note in texts))
    for cell in (cell for row in rows_of(table)[1:] for cell in row):
        assert not cell or cell[0] not in "=+@\t\r"
        assert not cell.startswith("-") or cell[1:2].isdigit()


def test_every_table_of_the_card_is_listed_under_a_name_of_its_own() -> None:
    card = build_scorecard(build_inputs(agent_rows(1)), PageOptions(0.5), is_simulated=True)

    def count(section: Any) -> int:
        values = [getattr(section, each.name) for each in fields(section)]
        return sum(1 if isinstance(value, Table) else count(value) if is_dataclass(value) else 0 for value in values)

    tables = list_tables(card)
    assert len(tables) == count(card) == 18
    assert {"agents", "news", "questions_teams", "disputes_open", "low_forms"} <= set(tables)
    assert all(len(rows_of(table)) == len(table.rows) + 1 for table in tables.values())
