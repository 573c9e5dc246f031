"""What an agent did on a day, added up from engagement scores alone. Not here: longer windows, peers, ranks."""

import duckdb
import pandas as pd
import pyarrow as pa

from salted_assets.scoring.sql import framed, mean_of, summed_up
from salted_assets.tables.base import arrow_schema
from salted_assets.tables.measures import (
    GROUPED_MEASURES,
    REVIEW_COUNTERS,
    REVIEW_SOURCES,
    TURN_COUNTERS,
    VALUE_MEASURES,
    Measure,
)
from salted_assets.tables.scores import AgentDaily, EngagementScore

_KEY = "start_date, agent_pid"

_SERVICE_LEVELS = """
    CREATE TEMP TABLE service_level_fact AS
    WITH level AS (
        SELECT start_date, agent_pid, lower(trim(service_level)) AS level, count(*) AS engagements
        FROM score WHERE trim(service_level) <> '' GROUP BY ALL
    )
    SELECT
        start_date, agent_pid,
        '{' || string_agg(to_json(level)::VARCHAR || ': ' || engagements, ', ' ORDER BY level) || '}'
            AS service_level_counts
    FROM level GROUP BY start_date, agent_pid
"""


def score_agents_daily(engagement_scores: pa.Table | pd.DataFrame) -> pd.DataFrame:
    """One row per agent and start day with at least one counted engagement, in the columns of `AgentDaily`.

    Takes rows of `EngagementScore`, of one day or of several, in any order; none gives no row. Every measure comes as
    count, sum and sum of squares, which add up over days, and as the mean sum / count, null where the count is 0. The
    name is the one on the latest of the day's engagements that has a name (of several at that instant the last in
    alphabetical order). Coverage = engagements with a scored evaluation / engagements.

    >>> from datetime import date
    >>> rows = [{"engagement_pid": f"e{ms}", "start_date": date(2024, 1, 31), "agent_pid": "a1", "handle_time_ms": ms}
    ...         for ms in (60_000, 90_000)]
    >>> scores = pa.Table.from_pylist(rows, schema=arrow_schema(EngagementScore))
    >>> daily = score_agents_daily(scores).iloc[0]
    >>> int(daily["engagement_count"]), int(daily["handle_time_ms_sum"]), float(daily["handle_time_ms_mean"])
    (2, 150000, 75000.0)
    """
    schema = arrow_schema(EngagementScore)
    scores = engagement_scores
    if isinstance(scores, pd.DataFrame):
        scores = pa.Table.from_pandas(scores, schema=schema, preserve_index=False)
    with duckdb.connect() as connection:
        connection.register("score", scores)
        connection.execute(_SERVICE_LEVELS)
        expressions = [
            *_facts(),
            *(expression for measure in VALUE_MEASURES for expression in _value_sums(measure)),
            *(expression for measure in GROUPED_MEASURES for expression in _grouped_sums(measure)),
            *(f"sum({counter.name})::BIGINT AS {counter.name}" for counter in (*TURN_COUNTERS, *REVIEW_COUNTERS)),
        ]
        connection.table("score").aggregate(", ".join(expressions), _KEY).create("agent_sum")
        joined = connection.sql("SELECT * FROM agent_sum LEFT JOIN service_level_fact USING (start_date, agent_pid)")
        derived = [
            "* REPLACE (coalesce(service_level_counts, '{}') AS service_level_counts)",
            *(mean_of(measure.name) for measure in (*VALUE_MEASURES, *GROUPED_MEASURES)),
            *(
                f"evaluation_{source}_engagement_count / engagement_count AS evaluation_{source}_coverage_ratio"
                for source in REVIEW_SOURCES
            ),
            "answer_auto_found_engagement_count / engagement_count AS answer_auto_found_ratio",
            "service_level_met_count / nullif(service_level_judged_count, 0) AS service_level_met_ratio",
        ]
        return framed(joined.project(", ".join(derived)).order(_KEY), AgentDaily)


def _facts() -> list[str]:
    return [
        *("start_date", "agent_pid"),
        "max_by(agent_name, (start_time, agent_name)) FILTER (WHERE trim(agent_name) <> '') AS agent_name",
        "bool_or(is_bot) AS is_bot",
        "count(*) AS engagement_count",
        "count(*) - count(handle_time_ms) AS handle_time_missing_count",
        *(
            _unless_absent(
                f"evaluation_{source}_count",
                f"count(*) FILTER (WHERE evaluation_{source}_count > 0)",
                f"evaluation_{source}_engagement_count",
            )
            for source in REVIEW_SOURCES
        ),
        _unless_absent(
            "answer_auto_found_count",
            "count(*) FILTER (WHERE answer_auto_found_count > 0)",
            "answer_auto_found_engagement_count",
        ),
        "count(is_service_level_met) AS service_level_judged_count",
        "count(*) FILTER (WHERE is_service_level_met) AS service_level_met_count",
    ]


def _unless_absent(evidence: str, expression: str, name: str) -> str:
    """Null where `evidence` is null on every row: the dataset, or the setting, that it needs is not there."""
    return f"CASE WHEN count({evidence}) > 0 THEN {expression} END AS {name}"


def _value_sums(measure: Measure) -> list[str]:
    name = measure.name
    if not measure.is_whole:
        return summed_up(name, name)
    sums = {
        f"{name}_count": f"count({name})",
        f"{name}_sum": f"try_cast(coalesce(sum({name}), 0) AS BIGINT)",
        f"{name}_sum_of_squares": f"coalesce(fsum({name}::DOUBLE * {name}::DOUBLE), 0.0)",
    }
    if any(source.startswith("tables/turn.") for source in measure.sources):
        return [_unless_absent("turn_count", expression, column) for column, expression in sums.items()]
    return [f"{expression} AS {column}" for column, expression in sums.items()]


def _grouped_sums(measure: Measure) -> list[str]:
    name = measure.name
    return [
        f"sum({name}_count)::BIGINT AS {name}_count",
        f"fsum({name}_sum) AS {name}_sum",
        f"fsum({name}_sum_of_squares) AS {name}_sum_of_squares",
    ]
