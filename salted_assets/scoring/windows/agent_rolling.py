"""The rows of `scores/agent_rolling`: agents' windows of 7, 28 and 91 days, and what their means are worth."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from salted_assets.schemas.rolling_measures import ROLLING_MEASURES, RollingMeasure, Scale
from salted_assets.schemas.scores.rolling import WINDOWS, AgentRolling
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.reviewer_leniency import Corrections
from salted_assets.scoring.sql import Rows, framed
from salted_assets.scoring.stats import (
    FEWEST_PEOPLE,
    Floats,
    Indices,
    ShrinkOutcome,
    Shrunk,
    count_needed,
    percentile_ranks,
    shrink,
)
from salted_assets.scoring.windows.agent_sums import AgentSums, sum_agents
from salted_assets.scoring.windows.day_buckets import buckets_of
from salted_assets.scoring.windows.measure_columns import (
    build_expected_columns,
    build_mean_columns,
    build_table,
    cut,
    label_column,
    unscale,
)
from salted_assets.scoring.windows.segments import (
    CASE_MIX_MEASURES,
    Assignments,
    SegmentRows,
    SegmentSums,
    sum_segments,
)

HALF_WIDTH = 0.05
"""The half width of an interval that `evaluations_needed_count` is about."""

CORRECTED_MEASURE = "evaluation_reviewer"
"""The measure that is corrected for its reviewers' leniency."""


@dataclass(frozen=True)
class _Window:
    """One window's agents: `present` are their indexes among all; other arrays are of them alone."""

    days: int
    present: Indices
    is_bot: list[bool | None]
    team: Indices
    channel: Indices
    expected: Floats
    corrections: Floats | None

    @property
    def peers(self) -> Indices:
        """An index for people or machines of one channel, who are each other's peers."""
        return (self.channel + 1) * 2 + machines(self.is_bot)


def score_agents_rolling(
    agent_daily: Rows, agent_segment_daily: SegmentRows, answers: Rows | None, end_date: date, choices: RollingChoices
) -> pd.DataFrame:
    """One row per window, agent with an engagement in it, and measure that anybody has in it.

    Takes rows of `scores/agent_daily` of the 182 days to `end_date` with at least `ROLLING_DAILY_COLUMNS`, of
    `scores/agent_segment_daily` and `scores/answer` of the 91 days with `ROLLING_SEGMENT_COLUMNS` and
    `LENIENCY_COLUMNS`, in any order; answers are None where reviews are not exported. Gives the columns of
    `AgentRolling`, sorted by window, measure and agent; no engagement gives no row.

    Means and trends are those of `build_mean_columns`. An agent's group are the agents of the same main channel,
    machines and people apart, who have enough engagements or evaluations (`choices`), the agent among them; see
    `shrink` for what it is good for, `CaseMix` for the case mix, `percentile_ranks` for ranks, `Corrections` for
    leniency. Handle times are shrunk and ranked on the log scale. A figure is reliable where there is enough of it, the
    group has six people, and its reliability reaches the choice.

    Six agents with 25 engagements each, who differ by more than chance:

    >>> from salted_assets.schemas.base import arrow_schema
    >>> from salted_assets.schemas.scores import AgentSegmentDaily, AgentDaily
    >>> day = date(2024, 1, 31)
    >>> rows = [{"start_date": day, "agent_pid": f"a{agent}", "engagement_count": 25, "empathy_count": 25,
    ...          "empathy_sum": 25.0 * agent, "empathy_sum_of_squares": 25.0 * agent**2 + 24} for agent in range(6)]
    >>> segments = pa.Table.from_pylist(rows, schema=arrow_schema(AgentSegmentDaily))
    >>> daily = segments.select(arrow_schema(AgentDaily).names)
    >>> frame = score_agents_rolling(daily, segments, None, day, RollingChoices())
    >>> best = frame[(frame["measure"] == "empathy") & (frame["window_days"] == 7)].iloc[5]
    >>> [round(float(best[name]), 2) for name in ("mean", "mean_low", "shrunk_mean", "reliability_ratio", "peer_mean")]
    [5.0, 4.59, 4.98, 0.99, 2.5]
    >>> bool(best["is_reliable"]), round(float(best["above_median_probability"]), 2)
    (True, 1.0)
    """
    sums = sum_agents(agent_daily, end_date)
    segments = sum_segments(agent_segment_daily, end_date, sums.agent_pids)
    corrections = Corrections(answers, end_date, sums.agent_pids) if answers is not None else None

    # One after the other, for each takes much memory.
    windows = [_build_window(sums, segments, corrections, days) for days in WINDOWS]

    def score(window: _Window) -> pa.Table:
        agents = _describe_agents(end_date, sums, segments.assignments, window)
        scored = {measure: _score(measure, sums, window, choices) for measure in ROLLING_MEASURES}
        return build_table(AgentRolling, agents, scored)

    # numpy leaves the interpreter to others while it computes.
    with ThreadPoolExecutor() as pool:
        return framed(pa.concat_tables(pool.map(score, windows)), AgentRolling)


def machines(is_bot: Sequence[bool | None]) -> Indices:
    """1 for machines, 0 for people, among whom are those of whom it is not known."""
    return np.array([bool(each) for each in is_bot], np.int64)


def _build_window(sums: AgentSums, segments: SegmentSums, corrections: Corrections | None, days: int) -> _Window:
    worked = sums.worked[buckets_of(days)].sum(axis=0)
    present = np.flatnonzero(worked > 0)
    agents = len(sums.agent_pids)
    expected = segments.expected_means(days, np.arange(agents), agents, machines(sums.bots))
    return _Window(
        days=days,
        present=present,
        is_bot=[sums.bots[agent] for agent in present],
        team=segments.assignments.main_teams(days)[present],
        channel=segments.assignments.main_channels(days)[present],
        expected=expected[present],
        corrections=corrections.of_window(days)[present] if corrections else None,
    )


def _score(
    measure: RollingMeasure, sums: AgentSums, window: _Window, choices: RollingChoices
) -> dict[str, npt.NDArray[Any]]:
    """The measure's columns for each of the window's agents."""
    now = sums.sums_of(measure, window.days).at(window.present)
    before = sums.sums_of(measure, window.days, is_previous=True).at(window.present)
    columns: dict[str, npt.NDArray[Any]] = dict(build_mean_columns(measure, now, before))
    min_units = choices.min_units_of(measure)
    shrunk = shrink(*now, window.peers, min_count=min_units)
    columns |= _peer_columns(measure, shrunk, now.counts >= min_units)
    if measure in CASE_MIX_MEASURES:
        expected = window.expected[:, CASE_MIX_MEASURES.index(measure)]
        columns |= build_expected_columns(measure, columns["mean"], expected)
    if measure.is_ranked:
        ranks = percentile_ranks(
            shrunk.value,
            shrunk.error,
            window.peers,
            is_peer=now.counts >= min_units,
        )
        columns |= {
            "percentile": ranks.value,
            "percentile_low": ranks.low,
            "percentile_high": ranks.high,
            "above_median_probability": ranks.above_median_probability,
        }
    if measure.per == "evaluation" and measure.scale is Scale.PLAIN:
        columns["evaluations_needed_count"] = _count_evaluations_needed(shrunk.within_variance)
    if measure.name == CORRECTED_MEASURE and window.corrections is not None:
        columns["leniency_corrected_mean"] = columns["mean"] - window.corrections
    reasons = _find_reasons(now.counts, min_units, shrunk, choices)
    columns["is_reliable"] = reasons == _RELIABLE
    columns["unreliable_reason"] = np.array(_describe_reasons(measure, choices), object)[reasons]
    return columns


def _peer_columns(
    measure: RollingMeasure, shrunk: Shrunk, is_member: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[Any]]:
    return {
        "shrunk_mean": unscale(measure, shrunk.value),
        "shrunk_low": cut(measure, unscale(measure, shrunk.low)),
        "shrunk_high": cut(measure, unscale(measure, shrunk.high)),
        "peer_count": shrunk.group_count - is_member,
        "peer_mean": unscale(measure, shrunk.group_mean),
        "reliability_ratio": shrunk.reliability,
    }


def _count_evaluations_needed(within_variance: Floats) -> Floats:
    """By the spread that is usual among the peers; NaN where there is none."""
    variances, index = np.unique(within_variance, return_inverse=True)
    needed = count_needed(np.sqrt(np.where(variances > 0, variances, np.nan)), HALF_WIDTH)
    return np.where(np.isfinite(needed), needed, np.nan)[index]


_RELIABLE, _NOTHING, _TOO_FEW, _NO_PEERS, _NO_SPREAD, _CHANCE = range(6)


def _find_reasons(counts: Floats, min_units: int, shrunk: Shrunk, choices: RollingChoices) -> Indices:
    reasons = [
        (counts <= 0, _NOTHING),
        (counts < min_units, _TOO_FEW),
        (shrunk.outcome == ShrinkOutcome.TOO_FEW_PEOPLE, _NO_PEERS),
        (shrunk.outcome == ShrinkOutcome.NO_SPREAD, _NO_SPREAD),
        (shrunk.reliability < choices.min_reliability, _CHANCE),
    ]
    conditions, indexes = zip(*reasons, strict=True)
    found: Indices = np.select(conditions, indexes, _RELIABLE).astype(np.int64)
    return found


def _describe_reasons(measure: RollingMeasure, choices: RollingChoices) -> list[str | None]:
    """What each reason says, by its index."""
    units, min_units = measure.unit_of_count, choices.min_units_of(measure)
    return [
        None,
        f"no {units} with it in the window",
        f"fewer than {min_units} {units}",
        f"fewer than {FEWEST_PEOPLE} agents of the channel with {min_units} {units}",
        "each agent of the channel has equal values alone: nothing tells how far a mean may be off",
        f"reliability under {choices.min_reliability:g}: agents of the channel differ in it mostly by chance",
    ]


def _describe_agents(end_date: date, sums: AgentSums, assignments: Assignments, window: _Window) -> dict[str, pa.Array]:
    """The columns that say who the window's agents are, one value each."""
    buckets = buckets_of(window.days)
    of_all = {
        "days_worked_count": sums.worked[buckets].sum(axis=0),
        "engagement_count": sums.engagements[buckets].sum(axis=0),
    }
    agents = len(window.present)
    return {
        "end_date": pa.repeat(pa.scalar(end_date, pa.date32()), agents),
        "window_days": pa.repeat(window.days, agents),
        "days_present_count": pa.repeat(sums.days_present(window.days), agents),
        "agent_pid": pa.array([sums.agent_pids[agent] for agent in window.present], pa.string()),
        "agent_name": pa.array([sums.names[agent] for agent in window.present], pa.string()),
        "is_bot": pa.array(window.is_bot, pa.bool_()),
        "team": label_column(assignments.teams, window.team),
        "channel_type": label_column(assignments.channels, window.channel),
        **{name: pa.array(values[window.present]) for name, values in of_all.items()},
    }
