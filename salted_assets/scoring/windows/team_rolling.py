"""The rows of `scores/team_rolling`: teams' windows of 7, 28 and 91 days; teams are not ranked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from salted_assets.schemas.rolling_measures import RollingMeasure
from salted_assets.schemas.scores.rolling import WINDOWS, TeamRolling
from salted_assets.scoring.day_rows import DayRows
from salted_assets.scoring.sql import framed
from salted_assets.scoring.stats import DaySums, Dependence, Floats, Indices, divide, estimate_dependence
from salted_assets.scoring.windows.agent_sums import AgentSums, Sums, WindowSums, sum_agents
from salted_assets.scoring.windows.agent_windows import machines
from salted_assets.scoring.windows.day_buckets import buckets_of
from salted_assets.scoring.windows.limits import Sample, size_effect_of
from salted_assets.scoring.windows.measure_columns import (
    MEASURES_ALIKE,
    build_columns_alike,
    build_table,
    join_indexes,
    label_column,
)
from salted_assets.scoring.windows.segments import (
    Assignments,
    find_assignments,
)


@dataclass(frozen=True)
class _Window:
    """One window's teams, each of people or machines; `owner` and `previous_owner` are each agent's, -1 for none."""

    days: int
    team: Indices
    is_bot: npt.NDArray[np.bool_]
    owner: Indices
    previous_owner: Indices
    agent_count: Indices


def _sample(
    sums: AgentSums, windows: Sequence[_Window], measures: Sequence[RollingMeasure], *, is_previous: bool
) -> Sample:
    """The measures over the agents of each team, one after the other, of each window in turn, or of the ones before.

    A team's design effect of days is the mean of its agents', each counted as often as the agent has values: it is
    their days that are alike. Degrees of freedom are those of all people, or machines.
    """
    times = len(measures)
    kind = machines(sums.bots)
    of_agents = sums.join_windows_of(measures, {each.days: slice(None) for each in windows}, is_previous=is_previous)
    owners = [window.previous_owner if is_previous else window.owner for window in windows]
    owner = join_indexes(owners, [window.team.size for window in windows], times)
    teams = times * sum(window.team.size for window in windows)
    kinds = join_indexes([kind] * len(windows), [2] * len(windows), times)
    effect, freedom, correlation = estimate_dependence(*of_agents.units, of_agents.days, kinds)
    values, units = (Sums(*(add_up(part, owner, teams) for part in each)) for each in of_agents[:2])
    days = DaySums(*(add_up(part, owner, teams) for part in of_agents.days))
    firsts = [
        np.array([np.flatnonzero(kind == each)[0] for each in window.is_bot.astype(int)], np.int64)
        for window in windows
    ]
    first = join_indexes(firsts, [kind.size] * len(windows), times)
    summed = divide(add_up(effect * of_agents.units.counts, owner, teams), units.counts)
    team = WindowSums(values, units, days, add_up(of_agents.squared_sizes, owner, teams))
    of_days = np.nan_to_num(summed, nan=1.0)
    return Sample(team, Dependence(of_days * size_effect_of(team), freedom[first], correlation[first]))


def add_up(values: Floats, owner: Indices, owners: int) -> Floats:
    """The values of agents added up to their owners."""
    is_owned = owner >= 0
    return np.bincount(owner[is_owned], weights=values[is_owned], minlength=owners).astype(np.float64)


def score_teams_rolling(agent_daily: DayRows, agent_segment_daily: DayRows, end_date: date) -> pd.DataFrame:
    """One row per window, team with an engagement in it, people or machines, and measure that anybody has in it.

    Takes rows of `scores/agent_daily` of the 182 days to `end_date` with at least `ROLLING_DAILY_COLUMNS`, and of
    `scores/agent_segment_daily` of these days with `ROLLING_LABEL_COLUMNS`, in any order. Gives
    the columns of `TeamRolling`, sorted by window, measure and team, the unknown team last; no engagement gives no row.

    A team is the agents who had most of their engagements of the window in it, with all their engagements: its counts
    are the sums of those in `scores/agent_rolling`. The window before has the team of that window. Intervals are about
    these agents' work, not about a team made of other people.

    Two agents of one team, who have 3 and 1 engagements:

    >>> from salted_assets.schemas.base import arrow_schema
    >>> from salted_assets.schemas.scores import AgentSegmentDaily, AgentDaily
    >>> day = date(2024, 1, 31)
    >>> rows = [{"start_date": day, "agent_pid": f"a{n}", "team": "North", "engagement_count": n, "empathy_count": n,
    ...          "empathy_sum": n * n, "empathy_sum_of_squares": n**3} for n in (3, 1)]
    >>> segments = pa.Table.from_pylist(rows, schema=arrow_schema(AgentSegmentDaily))
    >>> daily = segments.select(arrow_schema(AgentDaily).names)
    >>> team = score_teams_rolling(daily, segments, day).iloc[0]
    >>> team["team"], int(team["agent_count"]), int(team["measure_count"]), float(team["mean"])
    ('North', 2, 4, 2.5)
    """
    (table,) = score_team_windows(agent_daily, agent_segment_daily, [end_date])
    return framed(table, TeamRolling)


def score_team_windows(
    agent_daily: DayRows, agent_segment_daily: DayRows, end_dates: Sequence[date]
) -> Iterator[pa.Table]:
    """The rows that `score_teams_rolling` has of each end date, in order; rows of days are gone through once.

    Takes the rows of all these windows. What an end date has does not depend on which others there are.
    """
    assigned = find_assignments(agent_segment_daily, end_dates)
    for end_date, sums, assignments in zip(end_dates, sum_agents(agent_daily, end_dates), assigned, strict=True):
        yield _score_windows(end_date, sums, assignments.of(sums.agent_pids))


def _score_windows(end_date: date, sums: AgentSums, assignments: Assignments) -> pa.Table:
    windows = [_build_window(sums, assignments, days) for days in WINDOWS]
    return pa.concat_tables(
        build_table(TeamRolling, _describe_teams(end_date, sums, assignments, window), scored)
        for window, scored in zip(windows, _score(sums, windows), strict=True)
    )


def _build_window(sums: AgentSums, assignments: Assignments, days: int) -> _Window:
    is_bot = machines(sums.bots)
    unknown = len(assignments.teams)

    def kinds(*, is_previous: bool) -> Indices:
        team = assignments.main_teams(days, is_previous=is_previous)
        kind = np.where(team < 0, unknown, team) * 2 + is_bot
        worked = sums.worked[buckets_of(days, is_previous=is_previous)].sum(axis=0)
        return np.where(worked > 0, kind, -1)

    kind = kinds(is_previous=False)
    present = np.unique(kind[kind >= 0])
    owner, previous_owner = (
        np.where(np.isin(kinds, present), np.searchsorted(present, kinds), -1)
        for kinds in (kind, kinds(is_previous=True))
    )
    agent_count = np.bincount(owner[owner >= 0], minlength=present.size)
    team = present // 2
    return _Window(
        days=days,
        team=np.where(team == unknown, -1, team),
        is_bot=present % 2 == 1,
        owner=owner,
        previous_owner=previous_owner,
        agent_count=agent_count,
    )


def _score(sums: AgentSums, windows: Sequence[_Window]) -> list[dict[RollingMeasure, dict[str, Floats]]]:
    """For each window the measures' columns for each of its teams."""
    scored: list[dict[RollingMeasure, dict[str, Floats]]] = [{} for _ in windows]
    is_bot = [window.is_bot.astype(np.int64) for window in windows]
    for measures in MEASURES_ALIKE:
        now, before = (_sample(sums, windows, measures, is_previous=is_previous) for is_previous in (False, True))
        group = join_indexes(is_bot, [2] * len(windows), len(measures))
        found = build_columns_alike(measures, now, before, group, [window.team.size for window in windows])
        for columns, more in zip(scored, found, strict=True):
            columns.update(more)
    return scored


def _describe_teams(end_date: date, sums: AgentSums, assignments: Assignments, window: _Window) -> dict[str, pa.Array]:
    teams = window.team.size
    engagements = add_up(sums.engagements[buckets_of(window.days)].sum(axis=0), window.owner, teams)
    return {
        "end_date": pa.repeat(pa.scalar(end_date, pa.date32()), teams),
        "window_days": pa.repeat(window.days, teams),
        "days_present_count": pa.repeat(sums.days_present(window.days), teams),
        "team": label_column(assignments.teams, window.team),
        "is_bot": pa.array(window.is_bot),
        "agent_count": pa.array(window.agent_count),
        "engagement_count": pa.array(engagements),
    }
