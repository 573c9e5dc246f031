"""The rows of `scores/team_rolling`: teams' windows of 7, 28 and 91 days; teams are not ranked."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from salted_assets.schemas.rolling_measures import ROLLING_MEASURES, RollingMeasure
from salted_assets.schemas.scores.rolling import WINDOWS, TeamRolling
from salted_assets.scoring.sql import Rows, framed
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.windows.agent_rolling import machines
from salted_assets.scoring.windows.agent_sums import AgentSums, Sums, sum_agents
from salted_assets.scoring.windows.day_buckets import buckets_of
from salted_assets.scoring.windows.measure_columns import (
    build_expected_columns,
    build_mean_columns,
    build_table,
    label_column,
)
from salted_assets.scoring.windows.segments import (
    CASE_MIX_MEASURES,
    Assignments,
    SegmentRows,
    SegmentSums,
    find_assignments,
    sum_segments,
)

FEWEST_AGENTS = 5
"""A team of fewer agents is shown and compared with nothing but its own past: its figures are single people's."""


@dataclass(frozen=True)
class _Window:
    """One window's teams, each of people or machines; `owner` and `previous_owner` are each agent's, -1 for none."""

    days: int
    team: Indices
    is_bot: npt.NDArray[np.bool_]
    owner: Indices
    previous_owner: Indices
    agent_count: Indices
    expected: Floats

    def sums_of(self, sums: AgentSums, measure: RollingMeasure, *, is_previous: bool = False) -> Sums:
        """The measure's sums over the agents of each team, in the window or in the one before it."""
        of_agents = sums.sums_of(measure, self.days, is_previous=is_previous)
        owner = self.previous_owner if is_previous else self.owner
        return Sums(*(self.add_up(part, owner) for part in of_agents))

    def add_up(self, values: Floats, owner: Indices) -> Floats:
        """The values of agents added up to their owners."""
        is_owned = owner >= 0
        return np.bincount(owner[is_owned], weights=values[is_owned], minlength=self.team.size).astype(np.float64)


def score_teams_rolling(
    agent_daily: Rows, agent_labels: SegmentRows, agent_segment_daily: SegmentRows, end_date: date
) -> pd.DataFrame:
    """One row per window, team with an engagement in it, people or machines, and measure that anybody has in it.

    Takes rows of `scores/agent_daily` of the 182 days to `end_date` with at least `ROLLING_DAILY_COLUMNS`, and of
    `scores/agent_segment_daily` twice: of the 182 days with `ROLLING_LABEL_COLUMNS`, and of the last 91 with
    `ROLLING_SEGMENT_COLUMNS`. Gives the columns of `TeamRolling`, sorted by window, measure and team, the unknown team
    last; no engagement gives no row.

    A team is the agents who had most of their engagements of the window in it, with all their engagements: its counts
    are the sums of those in `scores/agent_rolling`. The window before has the team of that window. Intervals are about
    these agents' work, not about a team made of other people. What is expected of a team's cases comes from agents of
    other teams, for teams of five agents or more.

    Two agents of one team, who have 3 and 1 engagements:

    >>> from salted_assets.schemas.base import arrow_schema
    >>> from salted_assets.schemas.scores import AgentSegmentDaily, AgentDaily
    >>> day = date(2024, 1, 31)
    >>> rows = [{"start_date": day, "agent_pid": f"a{n}", "team": "North", "engagement_count": n, "empathy_count": n,
    ...          "empathy_sum": n * n, "empathy_sum_of_squares": n**3} for n in (3, 1)]
    >>> segments = pa.Table.from_pylist(rows, schema=arrow_schema(AgentSegmentDaily))
    >>> daily = segments.select(arrow_schema(AgentDaily).names)
    >>> team = score_teams_rolling(daily, segments, segments, day).iloc[0]
    >>> team["team"], int(team["agent_count"]), int(team["measure_count"]), float(team["mean"])
    ('North', 2, 4, 2.5)
    """
    sums = sum_agents(agent_daily, end_date)
    assignments = find_assignments(agent_labels, end_date, sums.agent_pids)
    segments = sum_segments(agent_segment_daily, end_date, sums.agent_pids)

    def score(days: int) -> pa.Table:
        window = _build_window(sums, assignments, segments, days)
        teams = _describe_teams(end_date, sums, assignments, window)
        return build_table(TeamRolling, teams, {measure: _score(measure, sums, window) for measure in ROLLING_MEASURES})

    # numpy leaves the interpreter to others while it computes.
    with ThreadPoolExecutor() as pool:
        return framed(pa.concat_tables(pool.map(score, WINDOWS)), TeamRolling)


def _build_window(sums: AgentSums, assignments: Assignments, segments: SegmentSums, days: int) -> _Window:
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
    expected = segments.expected_means(days, owner, present.size, is_bot)
    team = present // 2
    return _Window(
        days=days,
        team=np.where(team == unknown, -1, team),
        is_bot=present % 2 == 1,
        owner=owner,
        previous_owner=previous_owner,
        agent_count=agent_count,
        expected=np.where((agent_count >= FEWEST_AGENTS)[:, None], expected, np.nan),
    )


def _score(measure: RollingMeasure, sums: AgentSums, window: _Window) -> dict[str, npt.NDArray[Any]]:
    now, before = window.sums_of(sums, measure), window.sums_of(sums, measure, is_previous=True)
    columns: dict[str, npt.NDArray[Any]] = dict(build_mean_columns(measure, now, before))
    if measure in CASE_MIX_MEASURES:
        expected = window.expected[:, CASE_MIX_MEASURES.index(measure)]
        columns |= build_expected_columns(measure, columns["mean"], expected)
    return columns


def _describe_teams(end_date: date, sums: AgentSums, assignments: Assignments, window: _Window) -> dict[str, pa.Array]:
    teams = window.team.size
    engagements = window.add_up(sums.engagements[buckets_of(window.days)].sum(axis=0), window.owner)
    return {
        "end_date": pa.repeat(pa.scalar(end_date, pa.date32()), teams),
        "window_days": pa.repeat(window.days, teams),
        "days_present_count": pa.repeat(sums.days_present(window.days), teams),
        "team": label_column(assignments.teams, window.team),
        "is_bot": pa.array(window.is_bot),
        "agent_count": pa.array(window.agent_count),
        "engagement_count": pa.array(engagements),
    }
