"""What the scorecard is made from: frames out of the score tables, summed up as far as SQL does it best.

Not here: which of it is shown and how (`content`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pandas as pd

from salted_assets.history.score_files import open_score_window
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse

WINDOW_DAYS = 28
TREND_DAYS = 91
EVALUATION = "evaluation_reviewer"
_SUMMED = (
    "engagement_count",
    f"{EVALUATION}_engagement_count",
    *(f"{name}_{part}" for name in (EVALUATION, "handle_time_log") for part in ("count", "sum", "sum_of_squares")),
)
_SUMS = ", ".join(f"sum({name})::DOUBLE AS {name}" for name in _SUMMED)
_DAILY_COLUMNS = ("start_date", "agent_pid", "is_bot", *_SUMMED)
_ENGAGEMENT_COLUMNS = (
    *("start_time", "engagement_pid", "link", "agent_pid", "agent_name", "is_bot", "team"),
    f"{EVALUATION}_mean",
)
_CASE_COLUMNS = ("start_date", "agent_pid", "team", "engagement_count")
CALIBRATION_COLUMNS = (
    *("source", "reviewer_pid", "reviewer_name", "question_pid", "question_name", "completed_count"),
    *(f"agreement_{whom}_{part}" for whom in ("reviewer", "auto") for part in ("count", "kappa", "low", "high")),
    *(f"leniency{part}{end}" for part in ("", "_overall") for end in ("", "_low", "_high")),
    *(f"verified_{verdict}_count" for verdict in ("correct", "incorrect", "unclear")),
    *("precision_ratio", "precision_low", "precision_high"),
)
_ROLLING_COLUMNS = arrow_schema(SCORE_MODELS["agent_rolling"]).names


@dataclass(frozen=True)
class Material:
    """The frames behind one scorecard.

    `rolling` holds the rows of agent_rolling of the end day; `centre` the sums of all people by day of the window,
    `weeks` by week over `TREND_DAYS`, the last one ending on the end day, `team_weeks` the same by team with the number
    of its people, `by_agent` by agent over the window; `low_evaluations` the engagements of the window below the
    threshold, newest first; `calibration` the rows of reviewer_calibration of the end day, `leniency` a row per
    reviewer out of them.

    In a week a person's team is the one with most of the person's engagements, as in team_rolling, so the last week is
    its window of 7 days. Weeks are added up from days, not read from its earlier partitions: days are always restated.
    """

    end_date: date
    days_present: int
    rolling: pd.DataFrame
    centre: pd.DataFrame
    weeks: pd.DataFrame
    team_weeks: pd.DataFrame
    by_agent: pd.DataFrame
    low_evaluations: pd.DataFrame
    calibration: pd.DataFrame
    leniency: pd.DataFrame


def gather(warehouse: Warehouse, end_date: date, *, low_threshold: float) -> Material:
    """Read what the scorecard of `end_date` needs; scores that are not there give frames without rows."""
    first = end_date - timedelta(days=WINDOW_DAYS - 1)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        start = end_date - timedelta(days=TREND_DAYS - 1)
        daily = open_score_window(connection, warehouse, "agent_daily", start, end_date, _DAILY_COLUMNS)
        daily.filter("is_bot IS NOT TRUE").create("agent_daily")
        low = open_score_window(connection, warehouse, "engagement", first, end_date, _ENGAGEMENT_COLUMNS)
        low = low.filter(f"is_bot IS NOT TRUE AND evaluation_reviewer_mean < {low_threshold:f}")
        rolling = open_score_window(connection, warehouse, "agent_rolling", end_date, end_date, list(_ROLLING_COLUMNS))
        calibration = open_score_window(
            connection, warehouse, "reviewer_calibration", end_date, end_date, CALIBRATION_COLUMNS
        )
        in_window = connection.table("agent_daily").filter(f"start_date >= DATE '{first}'")
        week = f"DATE '{end_date}' - ((DATE '{end_date}' - start_date) // 7 * 7)::INTEGER AS last_day"
        centre = _framed(in_window.aggregate(f"start_date, {_SUMS}", "start_date").order("start_date"))
        weeks = connection.table("agent_daily").project(f"*, {week}")
        cases = open_score_window(connection, warehouse, "agent_segment_daily", start, end_date, _CASE_COLUMNS)
        teams = _find_teams(cases.project(f"*, {week}"))
        team_weeks = weeks.join(teams, "last_day, agent_pid").aggregate(
            f"last_day, team, count(DISTINCT agent_pid) AS agent_count, {_SUMS}", "last_day, team"
        )
        return Material(
            end_date=end_date,
            days_present=len(centre),
            rolling=_framed(rolling),
            centre=centre,
            weeks=_framed(weeks.aggregate(f"last_day, {_SUMS}", "last_day").order("last_day")),
            team_weeks=_framed(team_weeks.order("team, last_day")),
            by_agent=_framed(in_window.aggregate(f"agent_pid, {_SUMS}", "agent_pid").order("agent_pid")),
            low_evaluations=_framed(low.order("start_time DESC, engagement_pid")),
            calibration=_framed(calibration.order("source, reviewer_pid, question_pid")),
            leniency=_framed(_list_leniency(calibration)),
        )


def _find_teams(cases: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The team of each agent's week: the known one with most engagements, of several the first."""
    known = cases.filter("trim(team) <> ''")
    counts = known.aggregate(
        "last_day, agent_pid, team, sum(engagement_count) AS engagements", "last_day, agent_pid, team"
    )
    return counts.aggregate("last_day, agent_pid, arg_min(team, (-engagements, team)) AS team", "last_day, agent_pid")


def _list_leniency(calibration: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """One row per reviewer whose leniency over all questions differs from the others' beyond chance."""
    known = calibration.filter("source = 'reviewer' AND leniency_overall_low IS NOT NULL")
    # alike in every row of a reviewer
    shown = [f"max(leniency_overall{end}) AS leniency{end}" for end in ("", "_low", "_high")]
    name = "coalesce(max(reviewer_name), reviewer_pid) AS reviewer_name"
    return known.aggregate(", ".join(["reviewer_pid", name, *shown]), "reviewer_pid").order("leniency, reviewer_pid")


def _framed(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """The relation's rows by way of Arrow: DuckDB's own way to pandas calls what pandas has deprecated."""
    frame: pd.DataFrame = relation.to_arrow_table().to_pandas()
    return frame
