"""An agent's 13 week ends: plots with bands, the same in figures, and what is missing of them."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.agent_page.reading import AgentInputs
from salted_assets.output.scorecard.inputs import CUSTOMER, EVALUATION, HANDLE_TIME, WINDOW_DAYS
from salted_assets.output.scorecard.plot_sections import PlotSection
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    is_number,
    write_clock,
    write_number,
    write_percent_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.output.scorecard.trend_plots import TrendPoint, plot_trend

_MS_PER_MINUTE = 60_000
_PERCENT = 100
_WEEK = timedelta(days=7)

_HEADINGS = (
    Heading("28 days to", "The last day of the window.", is_text=True),
    Heading("Days", "Days of the window that have scores of anybody.", is_aside=True),
    Heading("Engage\u00adments", "The agent's engagements that count: type Agent, status Completed."),
    Heading("Fair score", "With its 95% interval."),
    Heading("Plain score", "Plain mean of the evaluations, and their number."),
    Heading("Typical handle time (AHT)", "Geometric mean in minutes:seconds, with its 95% interval."),
    Heading("Customer rating (CSAT)", "Plain mean of the surveys, and their number."),
)


def plot_weeks(inputs: AgentInputs) -> Iterator[PlotSection]:
    """Fair and plain score, handle time and customer rating of the 28 days that end on each of the week ends."""
    incomplete = find_incomplete_windows(inputs)
    evaluation, handle_time, survey = (
        inputs.windows[inputs.windows["measure"] == name] for name in (EVALUATION, HANDLE_TIME, CUSTOMER)
    )
    fair, plain = _points(evaluation, "fair_mean", "fair", _PERCENT), _points(evaluation, "mean", "mean", _PERCENT)
    yield PlotSection(
        "Evaluations by reviewers (QA score)",
        "The line is the fair score, the band how far off it may be (95%). Dashed is the plain score, as "
        "reviewers gave it: where the two differ, hard questions, strict reviewers or chosen engagements are why.",
        plot_trend("score", "fair QA score (%)", fair, incomplete, plain) if len(fair) > 1 else None,
        "There are not two week ends with a fair score.",
    )
    minutes = _points(handle_time, "mean", "mean", 1 / _MS_PER_MINUTE)
    yield PlotSection(
        "Handle time (AHT)",
        "What is typical, with its band: few very long ones move it little. Longer is not worse: other cases take "
        "other times.",
        plot_trend("handle-time", "typical minutes (geometric mean)", minutes, incomplete)
        if len(minutes) > 1
        else None,
        "There are not two week ends with a handle time.",
    )
    ratings = _points(survey, "mean", "mean", _PERCENT)
    yield PlotSection(
        "Customer rating (CSAT)",
        "The plain mean of the surveys that customers answered, with its band. Few answer, and mostly those who are "
        "very content or not at all.",
        plot_trend("rating", "mean of the surveys (%)", ratings, incomplete) if len(ratings) > 1 else None,
        "There are not two week ends with surveys.",
    )


def tabulate_weeks(inputs: AgentInputs) -> Table:
    """The figures of the plots, the newest first, without week ends that have none."""
    by_key = {(row["end_date"], row["measure"]): row for row in list_records(inputs.windows)}
    rows = []
    for end in reversed(inputs.end_dates):
        evaluation, handle_time, survey = (by_key.get((end, name), {}) for name in (EVALUATION, HANDLE_TIME, CUSTOMER))
        known = next((row for row in (evaluation, handle_time, survey) if row), None)
        if known is None:
            continue
        rows.append(
            Row(
                (
                    words(f"{end}"),
                    write_number(known.get("days_present_count"), "{:.0f}"),
                    write_number(known.get("engagement_count"), "{:,.0f}"),
                    write_number(
                        evaluation.get("fair_mean"),
                        "{:.0%}",
                        write_percent_span(evaluation.get("fair_low"), evaluation.get("fair_high")),
                    ),
                    write_number(evaluation.get("mean"), "{:.0%}", _counted(evaluation)),
                    _write_time(handle_time),
                    write_number(survey.get("mean"), "{:.0%}", _counted(survey)),
                )
            )
        )
    return Table(_HEADINGS, tuple(rows))


def find_incomplete_windows(inputs: AgentInputs) -> dict[date, int]:
    """The week ends whose 28 days are not all there, with the number of those that are."""
    rows = inputs.windows.drop_duplicates("end_date")
    counts = dict(zip(rows["end_date"], rows["days_present_count"].astype(int), strict=True))
    return {day: count for day, count in counts.items() if count < WINDOW_DAYS}


def describe_gaps(inputs: AgentInputs) -> Iterator[str]:
    """Which week ends are missing from the plots, which are hollow and why, in sentences."""
    if inputs.missing:
        yield f"There are no scores of {_list_days(inputs.missing)}, so the lines have no points there."
    known = set(inputs.windows["end_date"])
    absent = [end for end in inputs.end_dates if end not in known and end not in inputs.missing]
    if absent:
        yield f"No engagement of the agent in the 28 days to {_list_days(absent)}."
    incomplete = find_incomplete_windows(inputs)
    if incomplete:
        counts = [f"{_short(day)} ({count})" for day, count in sorted(incomplete.items())]
        yield f"Hollow points stand on fewer than {WINDOW_DAYS} days, as many as in brackets: {', '.join(counts)}."


def _write_time(row: dict[Any, Any]) -> Cell:
    mean, low, high = (row.get(name) for name in ("mean", "mean_low", "mean_high"))
    span = f"{write_clock(low)} to {write_clock(high)}" if is_number(low) and is_number(high) else ""
    return Cell(write_clock(mean), f"{mean:.9g}", span) if is_number(mean) else Cell("-", "")


def _points(rows: pd.DataFrame, mean: str, limits: str, factor: float) -> list[TrendPoint]:
    known = rows.dropna(subset=[mean])
    return [
        TrendPoint(row["end_date"], *(float(row[name]) * factor for name in (mean, f"{limits}_low", f"{limits}_high")))
        for row in list_records(known)
    ]


def _counted(row: dict[str, object]) -> str:
    return f"n = {row['measure_count']:,.0f}" if row else ""


def _list_days(days: Sequence[date]) -> str:
    """Week ends for people, those in a row by the first and the last of them."""
    rows: list[list[date]] = []
    for day in days:
        if rows and day - rows[-1][-1] == _WEEK:
            rows[-1].append(day)
        else:
            rows.append([day])
    return ", ".join(_short(row[0]) if len(row) == 1 else f"{_short(row[0])} to {_short(row[-1])}" for row in rows)


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"
