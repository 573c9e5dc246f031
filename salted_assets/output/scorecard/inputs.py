"""What a day's scorecard is made from: frames out of the score tables, summed up as far as SQL does it best."""

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.score_files import open_score_window, score_damage_named
from salted_assets.output.scorecard.evaluations import SUMMED as EVALUATION_SUMS
from salted_assets.output.scorecard.evaluations import open_evaluations
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.windows.measure_columns import label_column
from salted_assets.scoring.windows.segments import find_main_labels, labels_as_recorded
from salted_assets.warehouse import Warehouse

WINDOW_DAYS = 28
TREND_DAYS = 91
EVALUATION = "evaluation_reviewer"
HANDLE_TIME = "handle_time_geometric_ms"
_DAILY_SUMS = (
    "engagement_count",
    f"{EVALUATION}_engagement_count",
    *(f"handle_time_log_{part}" for part in ("count", "sum", "sum_of_squares")),
)
_SUMS = ", ".join(f"coalesce(sum({name}), 0)::DOUBLE AS {name}" for name in (*_DAILY_SUMS, *EVALUATION_SUMS))
_DAILY_COLUMNS = ("start_date", "agent_pid", "is_bot", *_DAILY_SUMS)
_SEGMENT_COLUMNS = ("start_date", "agent_pid", "team", "engagement_count")
_SCORES = (
    *("agent_daily", "answer", "engagement", "agent_rolling", "fair", "reviewer_calibration"),
    "agent_segment_daily",
)
_AGREEMENT = (
    *("count", "exact_ratio", "exact_low", "exact_high"),
    *("ac2", "ac2_low", "ac2_high", "kappa", "low", "high"),
)
CALIBRATION_COLUMNS = (
    *("source", "reviewer_pid", "reviewer_name", "question_pid", "question_name", "completed_count"),
    *(f"agreement_{whom}_{part}" for whom in ("reviewer", "auto") for part in _AGREEMENT),
    *(f"leniency{end}" for end in ("", "_low", "_high")),
    *(f"verified_{verification}_count" for verification in ("correct", "incorrect", "unclear")),
    *("precision_ratio", "precision_low", "precision_high"),
)
_PLAIN_COLUMNS = tuple(arrow_schema(SCORE_MODELS["agent_rolling"]).names)
_FAIR_KEY = ("window_days", "agent_pid", "measure")
_FAIR_COLUMNS = tuple(name for name in arrow_schema(SCORE_MODELS["fair"]).names if name not in _PLAIN_COLUMNS)
ROLLING_COLUMNS = (*_PLAIN_COLUMNS, *_FAIR_COLUMNS)


@dataclass(frozen=True)
class ScorecardInputs:
    """The frames behind one scorecard.

    `rolling` holds the rows of agent_rolling of the end day with what the fair score says of them; `centre` the sums of
    all people by day of the window, `weeks` by week over `TREND_DAYS`, the last one ending on the end day, `team_weeks`
    the same by team with the number of its people, `by_agent` by agent over the window; `low_forms` and `low_singles`
    the evaluations of the window below the threshold, newest first; `calibration` the rows of reviewer_calibration of
    the end day, `leniency` a row per reviewer out of them.

    In a week a person's team is the one with most of the person's engagements, as in team_rolling, so the last week is
    its window of 7 days. Weeks are added up from days, not read from its earlier partitions: days are always restated.
    Sums of evaluations are of whole forms and of single answers apart, see `evaluations`.
    """

    end_date: date
    days_present: int
    rolling: pd.DataFrame
    centre: pd.DataFrame
    weeks: pd.DataFrame
    team_weeks: pd.DataFrame
    by_agent: pd.DataFrame
    low_forms: pd.DataFrame
    low_singles: pd.DataFrame
    calibration: pd.DataFrame
    leniency: pd.DataFrame


def read_inputs(warehouse: Warehouse, end_date: date, *, low_threshold: float) -> ScorecardInputs:
    """Read what the scorecard of `end_date` needs; scores that are not there give frames without rows.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    first = end_date - timedelta(days=WINDOW_DAYS - 1)
    start = end_date - timedelta(days=TREND_DAYS - 1)
    with duckdb.connect() as connection, score_damage_named(warehouse, _SCORES, start, end_date):
        connection.execute("SET TimeZone = 'UTC'")
        daily = open_score_window(connection, warehouse, "agent_daily", start, end_date, _DAILY_COLUMNS)
        evaluations = open_evaluations(connection, warehouse, start, first, end_date, low_threshold)
        daily.filter("is_bot IS NOT TRUE").join(evaluations.sums, "start_date, agent_pid", "left").create("agent_daily")
        rolling = open_score_window(connection, warehouse, "agent_rolling", end_date, end_date, _PLAIN_COLUMNS)
        fair = open_score_window(connection, warehouse, "fair", end_date, end_date, (*_FAIR_KEY, *_FAIR_COLUMNS))
        calibration = open_score_window(
            connection, warehouse, "reviewer_calibration", end_date, end_date, CALIBRATION_COLUMNS
        )
        in_window = connection.table("agent_daily").filter(f"start_date >= DATE '{first}'")
        week = f"DATE '{end_date}' - ((DATE '{end_date}' - start_date) // 7 * 7)::INTEGER AS last_day"
        centre = _framed(in_window.aggregate(f"start_date, {_SUMS}", "start_date").order("start_date"))
        weeks = connection.table("agent_daily").project(f"*, {week}")
        segments = open_score_window(connection, warehouse, "agent_segment_daily", start, end_date, _SEGMENT_COLUMNS)
        connection.register("week_team", _find_teams(segments.project(f"*, {week}")))
        team_weeks = weeks.join(connection.table("week_team"), "last_day, agent_pid").aggregate(
            f"last_day, team, count(DISTINCT agent_pid) AS agent_count, {_SUMS}", "last_day, team"
        )
        return ScorecardInputs(
            end_date=end_date,
            days_present=len(centre),
            rolling=_framed(rolling).merge(_framed(fair), how="left", on=list(_FAIR_KEY)),
            centre=centre,
            weeks=_framed(weeks.aggregate(f"last_day, {_SUMS}", "last_day").order("last_day")),
            team_weeks=_framed(team_weeks.order("team, last_day")),
            by_agent=_framed(in_window.aggregate(f"agent_pid, {_SUMS}", "agent_pid").order("agent_pid")),
            low_forms=_framed(evaluations.low_forms),
            low_singles=_framed(evaluations.low_singles),
            calibration=_framed(calibration.order("source, reviewer_pid, question_pid")),
            leniency=_framed(_list_leniency(calibration)),
        )


def _find_teams(segments: duckdb.DuckDBPyRelation) -> pa.Table:
    """The main team of each agent's week, by `last_day` and `agent_pid`; those without a known one are left out."""
    week = "dense_rank() OVER (ORDER BY last_day, agent_pid) - 1 AS week"
    key = "last_day, agent_pid, team"
    counts = segments.aggregate(f"{key}, sum(engagement_count)::DOUBLE AS engagements", key)
    table = counts.project(f"*, {week}").order(key).to_arrow_table()
    weeks = table["week"].to_numpy().astype(np.int64)
    labels = labels_as_recorded()
    teams, team = labels.sort(labels.index(table["team"]))
    different, first = np.unique(weeks, return_index=True)
    main = find_main_labels(weeks, team, table["engagements"].to_numpy(), owner_count=different.size)
    of_week = table.take(first).select(["last_day", "agent_pid"])
    return of_week.append_column("team", label_column(teams, main)).filter(pc.is_valid(label_column(teams, main)))


def _list_leniency(calibration: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """One row per reviewer whose leniency is known."""
    known = calibration.filter("source = 'reviewer' AND leniency_low IS NOT NULL")
    # alike in every row of a reviewer
    shown = [f"max(leniency{end}) AS leniency{end}" for end in ("", "_low", "_high")]
    name = "coalesce(max(reviewer_name), reviewer_pid) AS reviewer_name"
    return known.aggregate(", ".join(["reviewer_pid", name, *shown]), "reviewer_pid").order("leniency, reviewer_pid")


def _framed(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """The relation's rows by way of Arrow: DuckDB's own way to pandas calls what pandas has deprecated."""
    frame: pd.DataFrame = relation.to_arrow_table().to_pandas()
    return frame
