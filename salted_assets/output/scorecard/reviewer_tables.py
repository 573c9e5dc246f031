"""The scorecard's tables of reviewers, people and auto: do they agree, is what Auto says confirmed."""

from collections.abc import Iterator, Mapping
from typing import Any

from salted_assets.output.scorecard.records import Records, is_null, order_records
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    text_of,
    write,
    write_number,
    write_points,
    write_points_span,
    write_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.scoring.stats.agreement import FEWEST_PAIRS_TO_LIST

ROWS_MAX = 60
"""The rows that are shown of each of the two tables: the worst ones."""

_WITH = ("reviewer", "auto")
_LISTED = ("exact_ratio", "ac2", "ac2_high", "kappa")

_WHAT = "Share of equal scores, AC2 and weighted kappa, each with its 95% interval, and the pairs of scores."

_AGREEMENT_HEADINGS = (
    Heading("Reviewer", "Who reviewed.", is_text=True),
    Heading("Question", "What was asked.", is_text=True),
    Heading("Same as others", f"Agreement with other human reviewers. {_WHAT}"),
    Heading("Same as Auto", f"Agreement with the auto reviewers. {_WHAT}"),
    Heading(
        "Scores higher by",
        "Leniency on all questions, in percentage points of the QA score, and its 95% interval; below 0: stricter.",
    ),
)

_PRECISION_HEADINGS = (
    Heading("Question", "What the auto reviewer answered.", is_text=True),
    Heading("Auto reviewer", "Which service answered.", is_text=True, is_aside=True),
    Heading("Correct", "Share Correct of those verified Correct or Incorrect, with its 95% interval."),
    Heading("Verified", "Auto reviews verified Correct or Incorrect, and how many there are in all."),
    Heading("Unclear", "Auto reviews verified Unclear: in neither count."),
)


def tabulate_agreement(calibration: Records) -> tuple[Table, int]:
    """A row for each human reviewer and question with an agreement that can be listed; and how many have none.

    That takes `FEWEST_PAIRS_TO_LIST` pairs, and scores that vary on both sides. Those that surely agree least come
    first: by the upper limit of AC2 with other reviewers, then with Auto. The point would put those with the fewest
    pairs at the ends, and kappa those whose answers hardly vary.
    """
    people = [row for row in calibration if row["source"] == "reviewer"]
    known = [row | {f"{whom}_order": _order_of(row, whom) for whom in _WITH} for row in people]
    known = [row for row in known if not all(is_null(row[f"{whom}_order"]) for whom in _WITH)]
    order = (*(f"{whom}_order" for whom in _WITH), "reviewer_name", "question_name")
    rows = tuple(_agreement_rows(order_records(known, *order)[:ROWS_MAX]))
    return Table(_AGREEMENT_HEADINGS, rows), len(people) - len(known)


def _order_of(row: Mapping[Any, Any], whom: str) -> float | None:
    """By what an agreement is listed; None for one that cannot be."""
    is_listed = row[f"agreement_{whom}_count"] >= FEWEST_PAIRS_TO_LIST and not any(
        is_null(row[f"agreement_{whom}_{part}"]) for part in _LISTED
    )
    return float(row[f"agreement_{whom}_ac2_high"]) if is_listed else None


def tabulate_precision(calibration: Records) -> Table:
    """A row for each auto reviewer and question of which somebody verified an answer, the surely worst first."""
    verified = [row for row in calibration if row["source"] == "auto" and not is_null(row["precision_ratio"])]
    worst_first = order_records(verified, "precision_high", "precision_ratio", "question_name", "reviewer_name")
    return Table(_PRECISION_HEADINGS, tuple(_precision_rows(worst_first[:ROWS_MAX])))


def _agreement_rows(rows: Records) -> Iterator[Row]:
    for row in rows:
        yield Row(
            (
                words(text_of(row["reviewer_name"]) or text_of(row["reviewer_pid"])),
                words(_question(row)),
                *(_agreement(row, whom) for whom in _WITH),
                _leniency(row),
            )
        )


def _leniency(row: dict[Any, Any]) -> Cell:
    points = write_points(row["leniency"])
    order = f"{row['leniency']:.9g}" if is_number(row["leniency"]) else ""
    return Cell(points, order, write_points_span(row["leniency_low"], row["leniency_high"]))


def _agreement(row: dict[Any, Any], whom: str) -> Cell:
    pairs = int(row[f"agreement_{whom}_count"])
    count = f"{pairs:,} pairs"
    if not pairs:
        return Cell("-", "", "no pairs")
    if pairs < FEWEST_PAIRS_TO_LIST:
        return Cell("too few", "", f"{pairs} of {FEWEST_PAIRS_TO_LIST} pairs")
    if not is_number(row[f"agreement_{whom}_kappa"]):
        return Cell("never varies", "", count)
    exact = write_number(row[f"agreement_{whom}_exact_ratio"], "{:.0%}")
    span = _span(row, f"agreement_{whom}_exact", "{:.0%}")
    lines = [span, *(_coefficient(row, f"agreement_{whom}", name) for name in ("ac2", "kappa")), count]
    return Cell(exact.text, exact.order, "\n".join(line for line in lines if line))


def _coefficient(row: dict[Any, Any], prefix: str, name: str) -> str:
    # the limits of kappa are those of the agreement
    span = _span(row, prefix if name == "kappa" else f"{prefix}_{name}", "{:.2f}")
    said = f"{name if name == 'kappa' else name.upper()} {write(row[f'{prefix}_{name}'], '{:.2f}')}"
    return f"{said} ({span})" if span else said


def _span(row: dict[Any, Any], name: str, form: str) -> str:
    return write_span(row[f"{name}_low"], row[f"{name}_high"], form)


def _precision_rows(rows: Records) -> Iterator[Row]:
    for row in rows:
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
