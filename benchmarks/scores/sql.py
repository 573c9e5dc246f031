"""What an analyst writes who wants `scores/agent_daily` of a day and knows SQL: DuckDB over the tables' files.

It gives the columns that others rely on, no more, by the same rules: newest version of each row, engagements that
count, answers and evaluations by source, verifications, reviews of customers' turns. Two things make it cheaper than
ours: an engagement's start is taken to be never corrected, and no intermediate table is kept.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

AI_SCORES = (
    *("adaptability", "adherence", "clarity", "completeness", "customer_satisfaction", "empathy"),
    *("expressed_satisfaction", "language_skills", "persuasion", "severity", "understanding"),
)
SOURCES = ("reviewer", "auto", "customer", "agent")
PARTICIPANTS = ("agent", "customer")

_NEWEST = """
    CREATE TEMP TABLE {dataset} AS
    SELECT {columns}
    FROM read_parquet('{folder}/tables/{dataset}/date=*/part-0.parquet', hive_partitioning = true)
    WHERE date >= DATE '{day}'
        AND {start} >= TIMESTAMPTZ '{day} 00:00:00+00' AND {start} < TIMESTAMPTZ '{day} 00:00:00+00' + INTERVAL 1 DAY
    QUALIFY row_number() OVER (PARTITION BY pid ORDER BY updated_at DESC, date DESC) = 1
"""
_COLUMNS = {
    "engagement": ("start_time", f"""
        pid, agent_pid, agent_name, start_time, lower(type) AS type, lower(status) AS status,
        preparation_time, engagement_time, wrap_up_time, {", ".join(AI_SCORES)}
    """),
    "turn": ("turn_time - to_milliseconds(turn_time_relative_ms)", """
        pid, engagement_pid, lower(participant) AS participant, sentiment
    """),
    "review": ("engagement_start_time", """
        pid, engagement_pid, turn_pid, review_session_id, lower(type) AS source, lower(status) AS status,
        lower(verified) AS verified, answer_score, worst_score, best_score
    """),
}  # fmt: skip

_WORK = """
    CREATE TEMP TABLE work AS
    SELECT *, CASE WHEN coalesce(preparation_time, engagement_time, wrap_up_time) IS NOT NULL
        THEN coalesce(preparation_time, 0) + coalesce(engagement_time, 0) + coalesce(wrap_up_time, 0)
        END AS handle_time_ms
    FROM engagement WHERE type = 'agent' AND status = 'completed' AND agent_pid IS NOT NULL
"""
_ANSWERS = """
    CREATE TEMP TABLE answer AS
    SELECT work.agent_pid, review.engagement_pid, source, coalesce(review_session_id, review.pid) AS evaluation,
        (answer_score - worst_score) / (best_score - worst_score) AS score
    FROM review
    JOIN work ON work.pid = review.engagement_pid
    LEFT JOIN turn ON turn.pid = review.turn_pid
    WHERE review.status = 'completed' AND best_score <> worst_score
        AND answer_score BETWEEN least(worst_score, best_score) AND greatest(worst_score, best_score)
        AND NOT (source = 'auto' AND coalesce(verified, '') = 'incorrect')
        AND coalesce(turn.participant, '') <> 'customer'
"""


def score_days(folder: Path, target: Path, days: Sequence[date]) -> None:
    """Write the rows of each day, one per agent; tables that are not there give no values."""
    for day in days:
        file = target / f"scores/agent_daily/date={day}/part-0.parquet"
        file.parent.mkdir(parents=True)
        with duckdb.connect() as connection:
            for dataset, (start, columns) in _COLUMNS.items():
                _create_newest(connection, folder, dataset, day, start, columns)
            connection.execute(_WORK)
            connection.execute(_ANSWERS)
            connection.execute(f"COPY ({_agent_daily(day)}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")


def _create_newest(  # noqa: PLR0917 - the parts of one statement
    connection: duckdb.DuckDBPyConnection, folder: Path, dataset: str, day: date, start: str, columns: str
) -> None:
    is_there = any(date.fromisoformat(path.name[5:]) >= day for path in folder.glob(f"tables/{dataset}/date=*"))
    if is_there:
        connection.execute(_NEWEST.format(dataset=dataset, columns=columns, folder=folder, day=day, start=start))
    else:
        connection.execute("CREATE TEMP TABLE turn (pid TEXT, engagement_pid TEXT, participant TEXT, sentiment DOUBLE)")


def _agent_daily(day: date) -> str:
    scores = ", ".join(f"avg({name}) AS {name}_mean, count({name}) AS {name}_count" for name in AI_SCORES)
    answers, evaluations = (
        ", ".join(
            f"avg(score) FILTER (WHERE source = '{source}') AS {kind}_{source}_mean, "
            f"count(*) FILTER (WHERE source = '{source}') AS {kind}_{source}_count"
            for source in SOURCES
        )
        for kind in ("answer", "evaluation")
    )
    moods = ", ".join(
        f"avg(sentiment) FILTER (WHERE participant = '{who}') AS sentiment_{who}_mean, "
        f"count(sentiment) FILTER (WHERE participant = '{who}') AS sentiment_{who}_count"
        for who in PARTICIPANTS
    )
    counts = [f"{kind}_{source}_count" for kind in ("answer", "evaluation") for source in SOURCES]
    counts += [f"sentiment_{who}_count" for who in PARTICIPANTS]
    no_nulls = ", ".join(f"coalesce({name}, 0) AS {name}" for name in counts)
    return f"""
        WITH worked AS (
            SELECT agent_pid, max_by(agent_name, (start_time, agent_name)) AS agent_name, DATE '{day}' AS start_date,
                count(*) AS engagement_count, coalesce(sum(handle_time_ms), 0)::BIGINT AS handle_time_ms_sum,
                avg(handle_time_ms) AS handle_time_ms_mean, {scores}
            FROM work GROUP BY agent_pid
        ),
        answered AS (SELECT agent_pid, {answers} FROM answer GROUP BY agent_pid),
        evaluation AS (
            SELECT any_value(agent_pid) AS agent_pid, source, avg(score) AS score
            FROM answer GROUP BY engagement_pid, source, evaluation
        ),
        evaluated AS (SELECT agent_pid, {evaluations} FROM evaluation GROUP BY agent_pid),
        felt AS (
            SELECT work.agent_pid, {moods} FROM turn JOIN work ON work.pid = turn.engagement_pid GROUP BY work.agent_pid
        )
        SELECT * REPLACE ({no_nulls}) FROM worked
        LEFT JOIN answered USING (agent_pid) LEFT JOIN evaluated USING (agent_pid) LEFT JOIN felt USING (agent_pid)
        ORDER BY agent_pid
    """  # noqa: S608 - a script with names of our own columns
