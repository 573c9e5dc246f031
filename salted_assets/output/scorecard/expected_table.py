"""The scorecard's table of AI scores in which an agent stands out, beside what the agent's cases let expect."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.comparison import describe_side
from salted_assets.output.scorecard.table_cells import (
    Heading,
    Row,
    Table,
    list_records,
    text_of,
    write_number,
    write_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.schemas.engagement import AI_SCORES

ROWS_MAX = 40
"""The rows that are shown: the surest ones."""

_HEADINGS = (
    Heading("Agent", "Name as recorded on the engagements.", is_text=True),
    Heading("Team", "Team with most of the agent's engagements.", is_text=True, is_aside=True),
    Heading("AI score", "What the vendor's AI scores, on its scale.", is_text=True),
    Heading("Mean", "Plain mean, and the engagements that have it."),
    Heading("Expected", "What the colleagues would reach with the agent's own cases (channel, queue, language)."),
    Heading("Difference", "Mean less expected, with its 95% interval."),
    Heading("Stands out", "On which side of the colleagues.", is_text=True, is_aside=True),
)
_DIFFERENCE = "difference_to_expected"


def tabulate_ai_scores(people: pd.DataFrame) -> tuple[Table, int, int]:
    """A row for each agent and AI score in which the agent stands out, the surest `ROWS_MAX`, the surest first.

    And how many stand out, and how many were looked at.

    Takes rows of one window, `with_sides`.
    """
    scores = people[people["measure"].isin(AI_SCORES)]
    scores = scores.dropna(subset=["expected_mean", *(f"{_DIFFERENCE}{end}" for end in ("", "_low", "_high"))])
    apart = scores[(scores["side"] != 0) & ((scores[f"{_DIFFERENCE}_low"] > 0) | (scores[f"{_DIFFERENCE}_high"] < 0))]
    width = apart[f"{_DIFFERENCE}_high"] - apart[f"{_DIFFERENCE}_low"]
    apart = apart.assign(sureness=apart[_DIFFERENCE].abs() / width)
    order = apart.sort_values(["sureness", "agent_name", "measure"], ascending=[False, True, True], kind="stable")
    return Table(_HEADINGS, tuple(_build_rows(order.head(ROWS_MAX)))), len(apart), len(scores)


def _build_rows(rows: pd.DataFrame) -> Iterator[Row]:
    row: dict[Any, Any]
    for row in list_records(rows):
        span = write_span(row[f"{_DIFFERENCE}_low"], row[f"{_DIFFERENCE}_high"], "{:+.2f}")
        yield Row(
            (
                words(row["agent_name"]),
                words(text_of(row["team"])),
                words(row["measure"].replace("_", " ")),
                write_number(row["mean"], "{:.2f}", f"n = {row['measure_count']:,.0f}"),
                write_number(row["expected_mean"], "{:.2f}"),
                write_number(row[_DIFFERENCE], "{:+.2f}", span),
                words(describe_side(row["side"])),
            ),
            agent=row["agent_pid"],
            team=text_of(row["team"]),
            channel=text_of(row["channel_type"]),
        )
