"""Figures week by week, of all people and of each team, as points with intervals."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np

from salted_assets.output.scorecard.evaluations import FORM
from salted_assets.output.scorecard.records import Records, is_null, keep_known
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

Trend: TypeAlias = Callable[[Records], list[TrendPoint]]


@dataclass(frozen=True)
class TeamTrends:
    """The teams whose trend is drawn, in alphabetical order; the small ones with their people; those too many."""

    shown: tuple[TeamTrend, ...]
    small: tuple[str, ...]
    further: tuple[str, ...]


def trend_of_scores(weeks: Records) -> list[TrendPoint]:
    """The mean of the form evaluations of each week with more than one."""
    return trend_of_means(weeks, FORM)


def trend_of_means(weeks: Records, name: str) -> list[TrendPoint]:
    """The mean of a measure in each week with more than one value."""
    rows = [row for row in weeks if row[f"{name}_count"] > 1]
    return _points(rows, mean_interval(*sums_of(rows, name)))


def trend_of_shares(weeks: Records, part: str, whole: str) -> list[TrendPoint]:
    """The share that one column of counts has of another in each week that has any, with Wilson's interval."""
    rows = [row for row in weeks if row[whole] > 0]
    return _points(rows, wilson_interval([row[part] for row in rows], [row[whole] for row in rows]))


def trend_of_minutes(weeks: Records) -> list[TrendPoint]:
    """The geometric mean of the handle time of each week with more than one, in minutes."""
    rows = [row for row in weeks if row["handle_time_log_count"] > 1]
    minutes = [part / _MS_PER_MINUTE for part in geometric_mean_interval(*sums_of(rows, "handle_time_log"))]
    return _points(rows, Interval(*minutes))


def find_incomplete_weeks(weeks: Records, late_count: str | None = None) -> dict[date, str]:
    """Weeks, by their last day, that more figures belong to than there are yet, and what is missing of each.

    Those without all days, and the last one where less than `_LATE_RATIO` of the usual number is there of what comes
    days after an engagement, by its column of counts.
    """
    found = {
        row["last_day"]: f"the week to {row['last_day'].day} {row['last_day']:%b} has {row['day_count']:.0f} of 7 days"
        for row in weeks
        if row["day_count"] < _DAYS_OF_WEEK
    }
    counts = [row[late_count] for row in keep_known(weeks, [late_count])] if late_count else []
    is_last_known = len(counts) > 1 and not is_null(weeks[-1][late_count])
    if is_last_known and (last := counts[-1]) < _LATE_RATIO * (usual := float(np.median(counts[:-1]))):
        found[weeks[-1]["last_day"]] = (
            f"the last week has {last:,.0f} evaluations so far, where {usual:,.0f} are usual, for they come in over "
            "days"
        )
    return found


def trend_teams(team_weeks: Records, trend: Trend) -> TeamTrends:
    """The trend of each team over its last weeks with enough people, where these are two or more and most of its weeks.

    So no line is of single people, and none starts and stops: another team is named among the small ones. Takes the
    weeks of all teams in their order.
    """
    weeks_of: defaultdict[str, Records] = defaultdict(list)
    for row in team_weeks:
        weeks_of[row["team"]].append(row)
    trends = {}
    for team, weeks in weeks_of.items():
        large = _find_large(weeks)
        points = trend(large)
        if len(points) > 1 and len(large) >= _LARGE_RATIO * len(weeks):
            trends[team] = TeamTrend(team, int(large[-1]["agent_count"]), tuple(points))
    by_size = sorted(sorted(weeks_of), key=lambda team: -sum(row["engagement_count"] for row in weeks_of[team]))
    shown = [team for team in by_size if team in trends][:TEAMS_MAX]
    return TeamTrends(
        shown=tuple(trends[team] for team in sorted(shown)),
        small=tuple(f"{team} ({_write_people(weeks_of[team])})" for team in sorted(set(by_size) - set(trends))),
        further=tuple(sorted(set(trends) - set(shown))),
    )


def _find_large(weeks: Records) -> Records:
    """The last weeks of a team, as far back as it had enough people without a break."""
    start = 0
    for index, row in enumerate(weeks):
        if row["agent_count"] < FEWEST_PEOPLE:
            start = index + 1
        elif index and (row["last_day"] - weeks[index - 1]["last_day"]).days > _DAYS_OF_WEEK:
            start = index
    return weeks[start:]


def _write_people(weeks: Records) -> str:
    counts = [row["agent_count"] for row in weeks]
    least, most = min(counts), max(counts)
    if least == most:
        return "1 person" if most == 1 else f"{most} people"
    return f"{least} to {most} people"


def sums_of(rows: Records, name: str) -> tuple[list[float], list[float], list[float]]:
    """Count, sum and sum of squares of a measure, row by row."""
    count, total, squares = ([row[f"{name}_{part}"] for row in rows] for part in ("count", "sum", "sum_of_squares"))
    return count, total, squares


def _points(weeks: Records, interval: Interval) -> list[TrendPoint]:
    return [
        TrendPoint(week["last_day"], float(mean), float(low), float(high))
        for week, mean, low, high in zip(weeks, *interval, strict=True)
    ]
