"""Disputes of what reviewers answered: which are open, and how those that have ended came out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from salted_assets.output.scorecard.engagement_rows import OPENED, WHOSE, build_engagement_row
from salted_assets.output.scorecard.records import Records, is_null
from salted_assets.output.scorecard.table_cells import (
    Heading,
    Row,
    Table,
    text_of,
    write_number,
    write_percent,
    write_percent_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.scoring.stats import wilson_interval

ROWS_MAX = 25
"""Open disputes that are listed: the oldest."""

_SAME = 1e-9
ENDS = ("raised", "lowered", "kept", "removed", "unknown")
"""How a dispute can have ended: by the score since, or by the answer being no longer a completed one."""

READ_DISPUTES = """
    SELECT
        end_date, pid, agent_pid, engagement_pid, reviewer_pid, reviewer_name, question_name, answer_name, score,
        status = 'completed' AS is_completed, coalesce(verified = 'disputed', false) AS is_disputed,
        disputed_score, coalesce(disputed_since, review_time::DATE) AS disputed_since,
        start_time, link, agent_name, team, channel_type
    FROM person_answer JOIN card ON start_date BETWEEN trend_start AND end_date
        LEFT JOIN disputed_version USING (pid) LEFT JOIN reviewed_engagement USING (engagement_pid)
    WHERE verified = 'disputed' OR disputed_since IS NOT NULL
    ORDER BY end_date, disputed_since, pid
"""
"""Of each card reviewers' answers that are disputed, or were in an export, the longest disputed first."""

_OPEN_HEADINGS = (
    *WHOSE,
    Heading("Disputed since", "Day of the first export that brought it as disputed.", is_text=True),
    Heading("Question", "What was asked.", is_text=True),
    Heading("Answer", "What was answered, and its score in percent.", is_text=True),
    Heading("Reviewer", "Who reviewed.", is_text=True),
    OPENED,
)
_ENDED_HEADINGS = (
    Heading("Reviewer", "Who reviewed.", is_text=True),
    Heading("Open", "Answers that are disputed now."),
    Heading("Ended", "Answers that were disputed in an export and are not any more."),
    Heading("Changed", "Share of these whose score changed or that were removed, with its 95% interval."),
    Heading("Score raised", "The score is higher than it was when disputed."),
    Heading("Kept", "The score is the same."),
    Heading("Lowered", "The score is lower."),
    Heading("Removed", "The answer is no longer a completed review."),
)


@dataclass(frozen=True)
class Disputes:
    """The section: open disputes with how many there are, and each reviewer's; `absent` says why nothing is known."""

    open: Table
    open_count: int
    ended_count: int
    by_reviewer: Table
    absent: str


def find_end(row: Mapping[Any, Any]) -> str:
    """How the dispute of a row of `READ_DISPUTES` ended, one of `ENDS`; empty for one that is open."""
    if not row["is_completed"]:
        return "removed"
    if row["is_disputed"]:
        return ""
    if is_null(row["score"]) or is_null(row["disputed_score"]):
        return "unknown"
    change = row["score"] - row["disputed_score"]
    return "raised" if change > _SAME else "lowered" if change < -_SAME else "kept"


def build_disputes(disputes: Records | None) -> Disputes:
    """The section out of rows of `READ_DISPUTES`, None where they could not be read."""
    if disputes is None:
        empty = Table(_OPEN_HEADINGS, ())
        return Disputes(empty, 0, 0, empty, "A table of reviews cannot be read: `salted doctor --verify` names it.")
    ends = [find_end(row) for row in disputes]
    still_open = [row for row, end in zip(disputes, ends, strict=True) if not end]
    return Disputes(
        Table(_OPEN_HEADINGS, tuple(_open_rows(still_open[:ROWS_MAX]))),
        len(still_open),
        len(disputes) - len(still_open),
        Table(_ENDED_HEADINGS, tuple(_reviewer_rows(disputes, ends))),
        "" if disputes else "No answer of a reviewer about these 91 days is disputed, or was in any export.",
    )


def _open_rows(rows: Records) -> Iterator[Row]:
    for row in rows:
        yield build_engagement_row(
            row,
            words(f"{row['disputed_since']}"),
            words(text_of(row["question_name"]) or "-"),
            words(text_of(row["answer_name"]) or "-", write_percent(row["score"])),
            words(text_of(row["reviewer_name"]) or "-"),
        )


def _reviewer_rows(rows: Records, ends: Iterable[str]) -> Iterator[Row]:
    by_reviewer: dict[str, Counter[str]] = defaultdict(Counter)
    for row, end in zip(rows, ends, strict=True):
        named = (name for name in (row["reviewer_name"], row["reviewer_pid"]) if not is_null(name))
        by_reviewer[next(named, "nobody is named")][end] += 1
    for who, counts in sorted(by_reviewer.items()):
        ended = counts.total() - counts[""]
        known = ended - counts["unknown"]
        share, low, high = (float(part) for part in wilson_interval(known - counts["kept"], known))
        yield Row(
            (
                words(who),
                write_number(counts[""], "{:,.0f}"),
                write_number(ended, "{:,.0f}"),
                write_number(share, "{:.0%}", write_percent_span(low, high)),
                *(write_number(counts[end], "{:,.0f}") for end in ("raised", "kept", "lowered", "removed")),
            )
        )
