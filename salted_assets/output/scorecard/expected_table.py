"""The scorecard's table of AI scores in which an agent stands out, beside what the agent's cases let expect."""

from collections.abc import Iterator

from salted_assets.output.scorecard.comparison import describe_side
from salted_assets.output.scorecard.records import Records, keep_known, order_records
from salted_assets.output.scorecard.table_cells import Heading, Row, Table, text_of, write_number, write_span
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
_KNOWN = ("expected_mean", *(f"{_DIFFERENCE}{end}" for end in ("", "_low", "_high")))


def tabulate_ai_scores(people: Records) -> tuple[Table, int, int]:
    """A row for each agent and AI score in which the agent stands out, the surest `ROWS_MAX`, the surest first.

    And how many stand out, and how many were looked at.

    Takes rows of one window, `with_sides`.
    """
    scores = keep_known((row for row in people if row["measure"] in AI_SCORES), _KNOWN)
    apart = [
        row | {"sureness": abs(row[_DIFFERENCE]) / (row[f"{_DIFFERENCE}_high"] - row[f"{_DIFFERENCE}_low"])}
        for row in scores
        if row["side"] and (row[f"{_DIFFERENCE}_low"] > 0 or row[f"{_DIFFERENCE}_high"] < 0)
    ]
    surest_first = order_records(apart, "-sureness", "agent_name", "measure")
    return Table(_HEADINGS, tuple(_build_rows(surest_first[:ROWS_MAX]))), len(apart), len(scores)


def _build_rows(rows: Records) -> Iterator[Row]:
    for row in rows:
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
