"""The rows of `scores/agent_daily` and `scores/agent_segment_daily`: what an agent did on a day."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from salted_assets.schemas.measures import (
    ENGAGEMENT_SENTIMENT_MEASURES,
    GROUPED_MEASURES,
    REVIEW_COUNTERS,
    TURN_COUNTERS,
    VALUE_MEASURES,
)
from salted_assets.schemas.scores import AGENT_KEY, SEGMENT_KEY, AgentDaily, AgentSegmentDaily, EngagementScore
from salted_assets.scoring.engagement_sums import (
    ENGAGEMENT_COUNTS,
    SHARES_OF_LABELS,
    coverage_ratios,
    covered_counts,
    engagement_mean_sums,
    means_of,
    sums_of,
    unless_absent,
)
from salted_assets.scoring.sql import Rows, framed, related

_MEASURES = (*VALUE_MEASURES, *ENGAGEMENT_SENTIMENT_MEASURES, *GROUPED_MEASURES)


def score_agents_daily(engagement_scores: Rows) -> pd.DataFrame:
    """One row per agent and start day with at least one counted engagement, in the columns of `AgentDaily`.

    Takes rows of `EngagementScore`, of one day or of several, in any order; none gives no row. Every measure comes as
    count, sum and sum of squares, which add up over days, and as the mean sum / count, null where the count is 0;
    evaluations also by engagement, as sums of the engagements' own means. The name is the one on the latest of the
    day's engagements that has a name (of several at that instant the last in alphabetical order). Coverage =
    engagements with a scored evaluation / engagements.

    >>> from datetime import date
    >>> import pyarrow as pa
    >>> from salted_assets.schemas.base import arrow_schema
    >>> rows = [{"engagement_pid": f"e{ms}", "start_date": date(2024, 1, 31), "agent_pid": "a1", "handle_time_ms": ms}
    ...         for ms in (60_000, 90_000)]
    >>> scores = pa.Table.from_pylist(rows, schema=arrow_schema(EngagementScore))
    >>> daily = score_agents_daily(scores).iloc[0]
    >>> int(daily["engagement_count"]), int(daily["handle_time_ms_sum"]), float(daily["handle_time_ms_mean"])
    (2, 150000, 75000.0)
    """
    with related(engagement_scores, EngagementScore) as scores:
        return framed(_added_up(scores, AGENT_KEY), AgentDaily)


def score_agent_segments_daily(engagement_scores: Rows) -> pd.DataFrame:
    """One row per agent, team, channel type, queue, language and start day, in the columns of `AgentSegmentDaily`.

    The same sums as `score_agents_daily`, which they add up to. What is null is a kind of its own; texts differ
    as they are written.
    """
    with related(engagement_scores, EngagementScore) as scores:
        return framed(_added_up(scores, SEGMENT_KEY), AgentSegmentDaily)


def _added_up(scores: duckdb.DuckDBPyRelation, key: Sequence[str]) -> duckdb.DuckDBPyRelation:
    expressions = [
        *key,
        "max_by(agent_name, (start_time, agent_name)) FILTER (WHERE trim(agent_name) <> '') AS agent_name",
        "bool_or(is_bot) AS is_bot",
        *ENGAGEMENT_COUNTS,
        *covered_counts(),
        *engagement_mean_sums(),
        unless_absent(
            "answer_auto_found_count",
            "count(*) FILTER (WHERE answer_auto_found_count > 0)",
            "answer_auto_found_engagement_count",
        ),
        *sums_of(_MEASURES),
        *(f"sum({counter.name})::BIGINT AS {counter.name}" for counter in (*TURN_COUNTERS, *REVIEW_COUNTERS)),
    ]
    derived = [
        "*",
        *SHARES_OF_LABELS,
        *means_of(_MEASURES),
        *coverage_ratios(),
        "answer_auto_found_engagement_count / engagement_count AS answer_auto_found_ratio",
    ]
    summed = scores.aggregate(", ".join(expressions), ", ".join(key))
    return summed.project(", ".join(derived)).order(", ".join(key))
