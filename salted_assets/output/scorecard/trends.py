"""Figures week by week, of all people and of each team, as points with intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd

from salted_assets.output.scorecard.evaluations import FORM
from salted_assets.output.scorecard.inputs import ScorecardInputs
from salted_assets.output.scorecard.trend_plots import TeamTrend, TrendPoint
from salted_assets.scoring.stats import Interval, geometric_mean_interval, mean_interval, wilson_interval

FEWEST_PEOPLE = 5
"""A week of a team of fewer people is not drawn beside others: it would be single people's figures."""

TEAMS_MAX = 12
"""The teams that a plot with a panel for each can show and still be read: those with the most engagements."""

_MS_PER_MINUTE = 60_000
_LARGE_RATIO = 2 / 3
_DAYS_OF_WEEK = 7
_LATE_RATIO = 0.8

Trend: TypeAlias = Callable[[pd.DataFrame], list[TrendPoint]]


@dataclass(frozen=True)
class TeamTrends:
    """The teams whose trend is drawn, in alphabetical order; the small ones with their people; those too many."""

    shown: tuple[TeamTrend, ...]
    small: tuple[str, ...]
    further: tuple[str, ...]


def trend_of_scores(weeks: pd.DataFrame) -> list[TrendPoint]:
    """The mean of the form evaluations of each week with more than one."""
    return trend_of_means(weeks, FORM)


def trend_of_means(weeks: pd.DataFrame, name: str) -> list[TrendPoint]:
    """The mean of a measure in each week with more than one value."""
    rows = weeks[weeks[f"{name}_count"] > 1]
    return _points(rows["last_day"], mean_interval(*sums_of(rows, name)))


def trend_of_shares(weeks: pd.DataFrame, part: str, whole: str) -> list[TrendPoint]:
    """The share that one column of counts has of another in each week that has any, with Wilson's interval."""
    rows = weeks[weeks[whole] > 0]
    return _points(rows["last_day"], wilson_interval(rows[part].to_numpy(float), rows[whole].to_numpy(float)))


def trend_of_minutes(weeks: pd.DataFrame) -> list[TrendPoint]:
    """The geometric mean of the handle time of each week with more than one, in minutes."""
    rows = weeks[weeks["handle_time_log_count"] > 1]
    minutes = [part / _MS_PER_MINUTE for part in geometric_mean_interval(*sums_of(rows, "handle_time_log"))]
    return _points(rows["last_day"], Interval(*minutes))


def find_incomplete_weeks(weeks: pd.DataFrame, late_count: str | None = None) -> dict[date, str]:
    """Weeks, by their last day, that more figures belong to than there are yet, and what is missing of each.

    Those without all days, and the last one where less than `_LATE_RATIO` of the usual number is there of what comes
    days after an engagement, by its column of counts.
    """
    days = pd.to_datetime(weeks["last_day"]).dt.date.tolist()
    found = {
        day: f"the week to {day.day} {day:%b} has {count:.0f} of 7 days"
        for day, count in zip(days, weeks["day_count"], strict=True)
        if count < _DAYS_OF_WEEK
    }
    counts = weeks[late_count].dropna() if late_count else pd.Series(dtype=float)
    is_last_known = len(counts) > 1 and counts.index[-1] == weeks.index[-1]
    if is_last_known and (last := counts.iloc[-1]) < _LATE_RATIO * (usual := float(np.median(counts.iloc[:-1]))):
        found[days[-1]] = (
            f"the last week has {last:,.0f} evaluations so far, where {usual:,.0f} are usual, for they come in over "
            "days"
        )
    return found


def trend_teams(inputs: ScorecardInputs, trend: Trend) -> TeamTrends:
    """The trend of each team over its last weeks with enough people, where these are two or more and most of its weeks.

    So no line is of single people, and none starts and stops: another team is named among the small ones.
    """
    weeks = inputs.team_weeks
    engagements = weeks.groupby("team")["engagement_count"].sum().sort_values(ascending=False, kind="stable")
    trends = {}
    for team, rows in weeks.groupby("team"):
        ordered = rows.sort_values("last_day", kind="stable")
        large = _find_large(ordered)
        points = trend(large)
        if len(points) > 1 and len(large) >= _LARGE_RATIO * len(ordered):
            people = int(large["agent_count"].iloc[-1])
            trends[str(team)] = TeamTrend(str(team), people, tuple(points))
    by_size = [str(team) for team in engagements.index]
    shown = [team for team in by_size if team in trends][:TEAMS_MAX]
    people_of = weeks.groupby("team")["agent_count"].agg(["min", "max"])
    return TeamTrends(
        shown=tuple(trends[team] for team in sorted(shown)),
        small=tuple(f"{team} ({_write_people(*people_of.loc[team])})" for team in sorted(set(by_size) - set(trends))),
        further=tuple(sorted(set(trends) - set(shown))),
    )


def _find_large(rows: pd.DataFrame) -> pd.DataFrame:
    """The last weeks of a team, as far back as it had enough people without a break."""
    is_small = rows["agent_count"].lt(FEWEST_PEOPLE)
    is_after_a_gap = pd.to_datetime(rows["last_day"]).diff().dt.days.gt(_DAYS_OF_WEEK)
    starts = [index + small for index, small in enumerate(is_small) if small or is_after_a_gap.iloc[index]]
    return rows.iloc[max(starts, default=0) :]


def _write_people(least: int, most: int) -> str:
    if least == most:
        return "1 person" if most == 1 else f"{most} people"
    return f"{least} to {most} people"


def sums_of(rows: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count, sum and sum of squares of a measure, row by row."""
    count, total, squares = (rows[f"{name}_{part}"].to_numpy(float) for part in ("count", "sum", "sum_of_squares"))
    return count, total, squares


def _points(days: pd.Series, interval: Interval) -> list[TrendPoint]:
    return [
        TrendPoint(day.date(), float(mean), float(low), float(high))
        for day, mean, low, high in zip(pd.to_datetime(days), *interval, strict=True)
    ]
