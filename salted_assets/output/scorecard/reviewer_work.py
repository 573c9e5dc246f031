"""What each reviewer has done beside the account's goal, and what is pending, was rejected or timed out."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.table_cells import Cell, Heading, Row, Table, text_of, write_number
from salted_assets.output.scorecard.table_cells import write_words as words

WEEKS = 4
"""Weeks of the window."""

READ_WORK = """
    WITH sitting AS (
        SELECT
            end_date, window_start, week_start, reviewer_pid, max(reviewer_name) AS reviewer_name, status, NULL AS form,
            max(coalesce(review_time::DATE, start_date)) AS day
        FROM person_answer JOIN card ON start_date BETWEEN trend_start AND end_date
        GROUP BY end_date, window_start, week_start, reviewer_pid, status, engagement_pid, evaluation
        UNION ALL
        SELECT end_date, window_start, week_start, reviewer_pid, reviewer_name, 'scored', form, updated_on
        FROM evaluation JOIN card ON start_date BETWEEN trend_start AND end_date
    )
    SELECT
        end_date, reviewer_pid, max(reviewer_name) AS reviewer_name,
        count(*) FILTER (WHERE form AND day BETWEEN week_start AND end_date)::DOUBLE AS week_form_count,
        count(*) FILTER (WHERE form AND day BETWEEN window_start AND end_date)::DOUBLE AS form_count,
        count(*) FILTER (WHERE NOT form AND day BETWEEN window_start AND end_date)::DOUBLE AS single_count,
        count(*) FILTER (WHERE status = 'pending')::DOUBLE AS pending_count,
        min(day) FILTER (WHERE status = 'pending') AS pending_since,
        count(*) FILTER (WHERE status = 'rejected' AND day BETWEEN window_start AND end_date)::DOUBLE AS rejected_count,
        count(*) FILTER (WHERE status = 'timeout' AND day BETWEEN window_start AND end_date)::DOUBLE AS timeout_count
    FROM sitting
    GROUP BY end_date, reviewer_pid
    ORDER BY end_date, reviewer_name, reviewer_pid
"""
"""Of each card by reviewer the scored evaluations as in the tiles, and sittings of the other statuses.

Each is of the day of its last update; pending ones are of whatever day."""


def tabulate_work(work: pd.DataFrame, weekly_goal: int | None) -> Table:
    """A row for each reviewer with a review, in alphabetical order, from rows of `READ_WORK`.

    Those who are farthest behind a goal come first where there is one.
    """
    goal = "what is done of the goal of a week, and of four" if weekly_goal else "no goal is set"
    headings = (
        Heading("Reviewer", "Who reviews.", is_text=True),
        Heading("Last 7 days", f"Forms of two or more scored answers, completed in the last 7 days; {goal}."),
        Heading("28 days", f"Forms of two or more scored answers, completed in 28 days; {goal}."),
        Heading("Single answers", "Evaluations of one scored answer, completed in 28 days."),
        Heading("Pending", "Reviews that are open now, and since when the oldest is."),
        Heading("Rejected", "Reviews that the reviewer declined in 28 days."),
        Heading("Timed out", "Reviews that were not done in time in 28 days."),
    )
    ordered = work.sort_values("form_count", kind="stable") if weekly_goal else work
    return Table(headings, tuple(_build_rows(ordered, weekly_goal)))


def _build_rows(work: pd.DataFrame, goal: int | None) -> Iterator[Row]:
    for row in list_records(work):
        pending_since = row["pending_since"]
        yield Row(
            (
                words(text_of(row["reviewer_name"]) or text_of(row["reviewer_pid"]) or "nobody is named"),
                _done(row["week_form_count"], goal),
                _done(row["form_count"], goal and goal * WEEKS),
                write_number(row["single_count"], "{:,.0f}"),
                write_number(
                    row["pending_count"], "{:,.0f}", "" if pd.isna(pending_since) else f"since {pending_since:%Y-%m-%d}"
                ),
                write_number(row["rejected_count"], "{:,.0f}"),
                write_number(row["timeout_count"], "{:,.0f}"),
            )
        )


def _done(count: Any, goal: int | None) -> Cell:
    if not goal:
        return write_number(count, "{:,.0f}")
    missing = goal - count
    return write_number(count, f"{{:,.0f}} of {goal:,}", "goal reached" if missing <= 0 else f"{missing:,.0f} to go")
