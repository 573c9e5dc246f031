"""The rows of `scores/agent_rolling`: agents' plain means over windows of 7, 28 and 91 days, with limits and trends."""

from collections.abc import Iterator, Sequence
from datetime import date

import pandas as pd
import pyarrow as pa

from salted_assets.schemas.rolling_measures import RollingMeasure
from salted_assets.schemas.scores.rolling import WINDOWS, AgentRolling
from salted_assets.scoring.day_rows import DayRows
from salted_assets.scoring.sql import framed
from salted_assets.scoring.stats import Floats
from salted_assets.scoring.windows.agent_sums import AgentSums, sum_agents
from salted_assets.scoring.windows.agent_windows import AgentWindow, describe_agents, find_window
from salted_assets.scoring.windows.day_buckets import buckets_of
from salted_assets.scoring.windows.limits import take_sample
from salted_assets.scoring.windows.measure_columns import (
    MEASURES_ALIKE,
    build_columns_alike,
    build_table,
    join_indexes,
)
from salted_assets.scoring.windows.segments import Assignments, find_assignments


def score_agents_rolling(agent_daily: DayRows, agent_segment_daily: DayRows, end_date: date) -> pd.DataFrame:
    """One row per window, agent with an engagement in it, and measure that anybody has in it.

    Takes rows of `scores/agent_daily` of the 182 days to `end_date` with at least `ROLLING_DAILY_COLUMNS` and of
    `scores/agent_segment_daily` of the 91 days with `ROLLING_LABEL_COLUMNS`, in any order. Gives the columns of
    `AgentRolling`, sorted by window, measure and agent; no engagement gives no row. Means and trends are those of
    `build_mean_columns`, their limits allow for days that are alike (`estimate_dependence`). Spread and dependence are
    pooled over people, or machines, of one main channel.

    >>> from salted_assets.schemas.base import arrow_schema
    >>> from salted_assets.schemas.scores import AgentSegmentDaily, AgentDaily
    >>> day = date(2024, 1, 31)
    >>> rows = [{"start_date": day, "agent_pid": f"a{agent}", "engagement_count": 25, "empathy_count": 25,
    ...          "empathy_sum": 25.0 * agent, "empathy_sum_of_squares": 25.0 * agent**2 + 24} for agent in range(6)]
    >>> segments = pa.Table.from_pylist(rows, schema=arrow_schema(AgentSegmentDaily))
    >>> frame = score_agents_rolling(segments.select(arrow_schema(AgentDaily).names), segments, day)
    >>> best = frame[(frame["measure"] == "empathy") & (frame["window_days"] == 7)].iloc[5]
    >>> int(best["measure_count"]), float(best["mean"]), round(float(best["mean_low"]), 2)
    (25, 5.0, 4.59)
    """
    (table,) = score_agent_windows(agent_daily, agent_segment_daily, [end_date])
    return framed(table, AgentRolling)


def score_agent_windows(
    agent_daily: DayRows, agent_segment_daily: DayRows, end_dates: Sequence[date]
) -> Iterator[pa.Table]:
    """The rows that `score_agents_rolling` has of each end date, in order; rows of days are gone through once.

    Takes the rows of all these windows. What an end date has does not depend on which others there are.
    """
    buckets = buckets_of(max(WINDOWS)).stop
    assigned = find_assignments(agent_segment_daily, end_dates, bucket_count=buckets)
    for end_date, sums, assignments in zip(end_dates, sum_agents(agent_daily, end_dates), assigned, strict=True):
        yield _score_windows(end_date, sums, assignments.of(sums.agent_pids))


def _score_windows(end_date: date, sums: AgentSums, assignments: Assignments) -> pa.Table:
    windows = [find_window(sums, assignments, days) for days in WINDOWS]
    return pa.concat_tables(
        build_table(AgentRolling, describe_agents(end_date, sums, assignments, window), scored)
        for window, scored in zip(windows, _score(sums, windows), strict=True)
    )


def _score(sums: AgentSums, windows: Sequence[AgentWindow]) -> list[dict[RollingMeasure, dict[str, Floats]]]:
    """For each window the measures' columns for each of its agents."""
    scored: list[dict[RollingMeasure, dict[str, Floats]]] = [{} for _ in windows]
    groups = [window.group for window in windows]
    group_counts = [int(group.max(initial=-1)) + 1 for group in groups]
    present = {window.days: window.present for window in windows}
    for measures in MEASURES_ALIKE:
        group = join_indexes(groups, group_counts, len(measures))
        now, before = (
            take_sample(sums.join_windows_of(measures, present, is_previous=is_previous), group)
            for is_previous in (False, True)
        )
        found = build_columns_alike(measures, now, before, group, [len(agents) for agents in present.values()])
        for columns, more in zip(scored, found, strict=True):
            columns.update(more)
    return scored
