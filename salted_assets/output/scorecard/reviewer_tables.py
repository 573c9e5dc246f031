"""The scorecard's tables of reviewers, people and auto: do they agree, is what Auto says confirmed."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    text_of,
    write_number,
    write_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.scoring.stats.agreement import FEWEST_PAIRS

ROWS_MAX = 60
"""The rows that are shown of each of the two tables: the worst ones."""

_WITH = ("reviewer", "auto")

_AGREEMENT_HEADINGS = (
    Heading("Reviewer", "Who reviewed.", is_text=True),
    Heading("Question", "What was asked.", is_text=True),
    Heading("With others", "Agreement with other human reviewers (weighted kappa), its 95 % interval and its pairs."),
    Heading("With Auto", "Agreement with the auto reviewers (weighted kappa), its 95 % interval and its pairs."),
    Heading(
        "Scores higher by", "Leniency on this question, in score points, and its 95 % interval; below 0: stricter."
    ),
)

_PRECISION_HEADINGS = (
    Heading("Question", "What the auto reviewer answered.", is_text=True),
    Heading("Auto reviewer", "Which service answered.", is_text=True, is_aside=True),
    Heading("Correct", "Share Correct of those verified Correct or Incorrect, with its 95 % interval."),
    Heading("Verified", "Auto reviews verified Correct or Incorrect, and how many there are in all."),
    Heading("Unclear", "Auto reviews verified Unclear: in neither count."),
)


def tabulate_agreement(calibration: pd.DataFrame) -> tuple[Table, int]:
    """A row for each human reviewer and question with an agreement that is known; and how many have none.

    Those that surely agree least come first: by the upper limit of the interval with other reviewers, then with Auto.
    The point would put those with the fewest pairs at the ends.
    """
    people = calibration[calibration["source"] == "reviewer"]
    is_known = people[[f"agreement_{whom}_kappa" for whom in _WITH]].notna().any(axis=1)
    order = [*(f"agreement_{whom}_{end}" for whom in _WITH for end in ("high", "kappa"))]
    known = people[is_known].sort_values([*order, "reviewer_name", "question_name"], kind="stable").head(ROWS_MAX)
    return Table(_AGREEMENT_HEADINGS, tuple(_agreement_rows(known))), int((~is_known).sum())


def tabulate_precision(calibration: pd.DataFrame) -> Table:
    """A row for each auto reviewer and question of which somebody verified an answer, the surely worst first."""
    verified = calibration[(calibration["source"] == "auto") & calibration["precision_ratio"].notna()]
    order = ["precision_high", "precision_ratio", "question_name", "reviewer_name"]
    return Table(_PRECISION_HEADINGS, tuple(_precision_rows(verified.sort_values(order, kind="stable").head(ROWS_MAX))))


def _agreement_rows(rows: pd.DataFrame) -> Iterator[Row]:
    for row in rows.to_dict("records"):
        span = write_span(row["leniency_low"], row["leniency_high"], "{:+.2f}")
        yield Row(
            (
                words(text_of(row["reviewer_name"]) or text_of(row["reviewer_pid"])),
                words(_question(row)),
                *(_agreement(row, whom) for whom in _WITH),
                write_number(row["leniency"], "{:+.2f}", span),
            )
        )


def _agreement(row: dict[Any, Any], whom: str) -> Cell:
    kappa, pairs = row[f"agreement_{whom}_kappa"], int(row[f"agreement_{whom}_count"])
    if is_number(kappa):
        span = write_span(row[f"agreement_{whom}_low"], row[f"agreement_{whom}_high"], "{:.2f}")
        return write_number(kappa, "{:.2f}", f"{span}\n{pairs:,} pairs")
    if not pairs:
        return Cell("-", "", "no pairs")
    if pairs >= FEWEST_PAIRS:
        return Cell("all alike", "", f"{pairs:,} pairs")
    return Cell("too few", "", f"{pairs} of {FEWEST_PAIRS} pairs")


def _precision_rows(rows: pd.DataFrame) -> Iterator[Row]:
    for row in rows.to_dict("records"):
        verified = row["verified_correct_count"] + row["verified_incorrect_count"]
        span = write_span(row["precision_low"], row["precision_high"], "{:.0%}")
        yield Row(
            (
                words(_question(row)),
                words(text_of(row["reviewer_name"]) or text_of(row["reviewer_pid"]) or "-"),
                write_number(row["precision_ratio"], "{:.0%}", span),
                write_number(verified, "{:,.0f}", f"of {row['completed_count']:,.0f}"),
                write_number(row["verified_unclear_count"], "{:,.0f}"),
            )
        )


def _question(row: dict[Any, Any]) -> str:
    return text_of(row["question_name"]) or text_of(row["question_pid"]) or "-"
