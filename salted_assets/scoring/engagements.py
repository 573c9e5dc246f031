"""The score of one engagement. Not here: sums over agents and days, or which version of a row is the newest."""

from datetime import date

import duckdb
import pandas as pd
import pyarrow as pa

from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.reviews import REVIEW_COLUMNS, create_review_facts
from salted_assets.scoring.sql import framed, mean_of, text_list
from salted_assets.scoring.turns import TURN_COLUMNS, create_turn_facts
from salted_assets.tables.agent import Agent
from salted_assets.tables.base import DatasetTable, arrow_schema
from salted_assets.tables.engagement import AI_SCORES, Engagement
from salted_assets.tables.measures import (
    GROUPED_MEASURES,
    REVIEW_COUNTERS,
    REVIEW_MEASURES,
    SENTIMENT_MEASURES,
    TIMES,
    TURN_COUNTERS,
)
from salted_assets.tables.review import Review
from salted_assets.tables.scores import EngagementScore
from salted_assets.tables.turn import Turn

_LABELS = ("team", "department", "queue", "channel_type", "channel", "direction", "language", "service_level")
_COPIED = ("conversation_id", "link", "start_time", "agent_pid", "agent_name", *_LABELS)

ENGAGEMENT_COLUMNS = ("pid", "type", "status", *_COPIED, *TIMES, "cost", *AI_SCORES)
"""The engagement columns that the scores read."""

AGENT_COLUMNS = ("pid", "type")
"""The agent columns that the scores read."""

_COUNTED = """
    CREATE TEMP TABLE counted AS
    SELECT * FROM engagement
    WHERE lower(trim(type)) = 'agent' AND lower(trim(status)) = 'completed' AND trim(agent_pid) <> ''
"""

_JOINED = """
    SELECT
        * EXCLUDE (engagement_pid),
        counted.pid AS engagement_pid,
        list_contains($bots::VARCHAR[], nullif(lower(trim(agent_type.type)), '')) AS is_bot,
        CASE
            WHEN len($met::VARCHAR[]) = 0 THEN NULL
            WHEN list_contains($ignored::VARCHAR[], nullif(lower(trim(service_level)), '')) THEN NULL
            ELSE list_contains($met::VARCHAR[], nullif(lower(trim(service_level)), ''))
        END AS is_service_level_met,
        CASE WHEN coalesce(preparation_time, engagement_time, wrap_up_time) IS NOT NULL THEN
            try_cast(coalesce(preparation_time, 0)::HUGEINT + coalesce(engagement_time, 0) + coalesce(wrap_up_time, 0)
                AS BIGINT)
        END AS handle_time_ms
    FROM counted
    LEFT JOIN (SELECT pid AS type_of, type FROM agent) AS agent_type ON agent_type.type_of = counted.agent_pid
    LEFT JOIN turn_fact ON turn_fact.engagement_number = counted.rowid
    LEFT JOIN first_response ON first_response.engagement_number = counted.rowid
    LEFT JOIN answer_fact ON answer_fact.engagement_pid = counted.pid
    LEFT JOIN evaluation_fact ON evaluation_fact.engagement_pid = counted.pid
"""


def score_engagements(  # noqa: PLR0917 - four tables, their day and the readings: each has its own type
    engagement: pa.Table,
    turn: pa.Table | None,
    review: pa.Table | None,
    agent: pa.Table | None,
    day: date,
    choices: ScoringChoices,
) -> pd.DataFrame:
    """One row per engagement that counts: type Agent, status Completed, with an agent (vendor's model tips).

    Takes the newest versions, one row per pid, of the engagements that started on `day` and of all their turns and
    reviews, with at least `ENGAGEMENT_COLUMNS`, `TURN_COLUMNS`, `REVIEW_COLUMNS` and `AGENT_COLUMNS`. Gives the columns
    of `EngagementScore` sorted by start; no counted engagement gives no row. A dataset that is None is not there: what
    comes from it is null. One that is there and silent on an engagement gives counts of 0 and null means.

    Handle time = preparation + engagement + wrap-up (vendor's metrics overview), null parts being 0 and all three null
    being null. An answer's score is (answer - worst) / (best - worst), which also holds for inverted scales; an
    evaluation's is the (weighted) mean over its scored answers. First response time runs from the customer's first turn
    to the agent's first turn at or after it. Raises nothing for odd values: what cannot be scored is counted.

    >>> from datetime import UTC, datetime
    >>> rows = {"pid": "e1", "type": "AGENT", "status": "Completed", "agent_pid": "a1", "engagement_time": 60_000,
    ...         "wrap_up_time": 5_000, "start_time": datetime(2024, 1, 31, 9, tzinfo=UTC)}
    >>> table = pa.Table.from_pylist([rows], schema=arrow_schema(Engagement))
    >>> answers = [{"pid": f"r{points}", "engagement_pid": "e1", "type": "Reviewer", "status": "Completed",
    ...             "review_session_id": "s1", "answer_score": points, "worst_score": 10.0, "best_score": 0.0}
    ...            for points in (0.0, 5.0)]
    >>> reviews = pa.Table.from_pylist(answers, schema=arrow_schema(Review))
    >>> score = score_engagements(table, None, reviews, None, date(2024, 1, 31), ScoringChoices()).iloc[0]
    >>> int(score["handle_time_ms"]), float(score["evaluation_reviewer_mean"])
    (65000, 0.75)
    """
    with duckdb.connect() as connection:
        connection.register("engagement", _selected(engagement, Engagement, ENGAGEMENT_COLUMNS))
        connection.register("turn", _selected(turn, Turn, TURN_COLUMNS))
        connection.register("review", _selected(review, Review, REVIEW_COLUMNS))
        connection.register("agent", _selected(agent, Agent, AGENT_COLUMNS))
        connection.execute(_COUNTED)
        create_turn_facts(connection)
        create_review_facts(connection, choices)
        joined = connection.sql(
            _JOINED,
            params={
                "bots": text_list(choices.bot_agent_types),
                "met": text_list(choices.service_level_met_values),
                "ignored": text_list(choices.service_level_ignored_values),
            },
        )
        expressions = [
            f"DATE '{day.isoformat()}' AS start_date",
            *("engagement_pid", *_COPIED, "is_bot", "is_service_level_met", "handle_time_ms"),
            *(f"{time} AS {time}_ms" for time in TIMES),
            *(f"CASE WHEN isfinite({name}) THEN {name} END AS {name}" for name in ("cost", *AI_SCORES)),
            "first_response_time_ms",
            *_counters(choices, has_turns=turn is not None, has_reviews=review is not None),
            *_grouped_measures(has_turns=turn is not None, has_reviews=review is not None),
        ]
        scored = joined.project(", ".join(expressions)).order("start_time, engagement_pid")
        return framed(scored, EngagementScore)


def _selected(table: pa.Table | None, model: type[DatasetTable], columns: tuple[str, ...]) -> pa.Table:
    if table is not None:
        return table.select(columns)
    schema = arrow_schema(model)
    return pa.schema([schema.field(column) for column in columns]).empty_table()


def _counters(choices: ScoringChoices, *, has_turns: bool, has_reviews: bool) -> list[str]:
    unset = set()
    if not choices.found_only_questions:
        unset.add("answer_auto_found_count")
    if not choices.critical_questions:
        unset |= {counter.name for counter in REVIEW_COUNTERS if counter.name.endswith("_failed_critical_count")}
    names = [(counter.name, has_turns) for counter in TURN_COUNTERS]
    names += [(counter.name, has_reviews and counter.name not in unset) for counter in REVIEW_COUNTERS]
    return [f"coalesce({name}, 0) AS {name}" if is_known else f"NULL::BIGINT AS {name}" for name, is_known in names]


def _grouped_measures(*, has_turns: bool, has_reviews: bool) -> list[str]:
    expressions = []
    for measure in GROUPED_MEASURES:
        is_known = (measure in SENTIMENT_MEASURES and has_turns) or (measure in REVIEW_MEASURES and has_reviews)
        for part in ("count", "sum", "sum_of_squares"):
            name = f"{measure.name}_{part}"
            expressions.append(f"coalesce({name}, 0) AS {name}" if is_known else f"NULL::DOUBLE AS {name}")
        expressions.append(mean_of(measure.name) if is_known else f"NULL::DOUBLE AS {measure.name}_mean")
    return expressions
