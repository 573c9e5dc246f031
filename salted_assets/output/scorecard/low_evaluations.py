"""The scorecard's lists of low evaluations by reviewers: whole forms, and single answers apart from them."""

from collections.abc import Iterator
from typing import Any

from salted_assets.output.scorecard.engagement_rows import OPENED, STARTED, WHOSE, build_engagement_row, write_start
from salted_assets.output.scorecard.records import Records
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    is_true,
    text_of,
    write_number,
)
from salted_assets.output.scorecard.table_cells import write_words as words

ROWS_MAX = 50
"""The rows that are shown of each list: the newest."""

_WHO = (*WHOSE, STARTED)
_AFTER = (Heading("Reviewer", "Who reviewed.", is_text=True), OPENED)
_REASON = Heading("Reason", "The reason that the reviewer gave.", is_text=True)
_FORM_HEADINGS = (
    *_WHO,
    Heading("QA score", "Plain QA score of the evaluation; whether a critical question failed it (auto-fail)."),
    Heading("Lowest answer", "Question with the lowest answer, the answer, and how many more are worst.", is_text=True),
    _REASON,
    *_AFTER,
)
_SINGLE_HEADINGS = (
    *_WHO,
    Heading("Question", "What was asked.", is_text=True),
    Heading("Answer", "What was answered.", is_text=True),
    _REASON,
    *_AFTER,
)


def tabulate_low_forms(rows: Records) -> Table:
    """The newest of the evaluations with several answers, each with its score and its lowest answer."""
    return Table(_FORM_HEADINGS, tuple(_build_rows(rows, is_single=False)))


def tabulate_low_singles(rows: Records) -> Table:
    """The newest of the single answers, each as what it is: a question and an answer, no score of an engagement."""
    return Table(_SINGLE_HEADINGS, tuple(_build_rows(rows, is_single=True)))


def _build_rows(rows: Records, *, is_single: bool) -> Iterator[Row]:
    for row in rows[:ROWS_MAX]:
        yield build_engagement_row(
            row,
            write_start(row),
            *(_single_cells(row) if is_single else _form_cells(row)),
            words(text_of(row["answer_reason"]) or "-"),
            words(text_of(row["reviewer_name"]) or "-"),
        )


def _single_cells(row: dict[Any, Any]) -> tuple[Cell, Cell]:
    return words(text_of(row["question_name"]) or "-"), words(text_of(row["answer_name"]) or "-", _auto_fail(row))


def _form_cells(row: dict[Any, Any]) -> tuple[Cell, Cell]:
    further = int(row["worst_count"]) - 1 if is_number(row["worst_count"]) else 0
    more = f"and {further} more worst {'answer' if further == 1 else 'answers'}" if further > 0 else ""
    note = "\n".join(filter(None, (text_of(row["answer_name"]), more)))
    return write_number(row["score"], "{:.0%}", _auto_fail(row)), words(text_of(row["question_name"]) or "-", note)


def _auto_fail(row: dict[Any, Any]) -> str:
    return "auto-fail" if is_true(row["is_failed_critical"]) else ""
