"""The rows of `scores/answer`: what each answer of a review is worth, and whether it scores the agent."""

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.measures import REVIEW_SOURCES
from salted_assets.schemas.scores import Answer
from salted_assets.schemas.turn import Turn
from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.counted_engagements import copy_columns, create_counted
from salted_assets.scoring.sql import (
    EVALUATION,
    IS_ON_SCALE,
    REVIEW_SOURCE,
    SHARE_OF_SCALE,
    START_DATE,
    framed,
    is_refused,
    register,
)

REVIEWED_ENGAGEMENT_COLUMNS = (
    *("pid", "type", "status", "start_time", "end_time", "agent_pid", "agent_name", "team", "channel_type", "queue"),
    *("language", "refused_columns"),
)
"""The engagement columns that answers read."""

REVIEWED_TURN_COLUMNS = ("pid", "engagement_pid", "participant")
"""The turn columns that answers read, of the turns that reviews name."""

_COMPARED = ("pid", "type", "status", "start_time", "end_time", "agent_pid", "refused_columns")
_OF_ENGAGEMENT = ("agent_pid", "agent_name", "team", "channel_type", "queue", "language")

_OF_REVIEW = (
    *("pid", "engagement_pid", "kind", "reviewer_pid", "reviewer_name", "question_pid", "question_name", "form_id"),
    *("review_time", "answer_name", "answer_reason", "answer_score", "worst_score", "best_score"),
)

REVIEW_COLUMNS = (
    *(*_OF_REVIEW, "turn_pid", "review_session_id", "type", "status", "sampling", "verified"),
    "refused_columns",
)
"""The review columns that answers read."""

_PLANNED = pa.schema([START_DATE, ("engagement_pid", pa.string())])
_DAY_MICROSECONDS = 86_400e6

# Texts that are only copied stay out of the query, and so does the order: to move wide rows takes half of its time.
_SCORED_ANSWERS = f"""
    WITH worded AS (
        SELECT
            review_number, start_date, pid, engagement_pid::VARCHAR AS engagement_pid, question_pid, review_time,
            answer_score, worst_score, best_score,
            nullif(trim(turn_pid), '') AS turn_pid,
            {REVIEW_SOURCE} AS source,
            nullif(lower(trim(status)), '') AS status,
            nullif(lower(trim(sampling)), '') AS sampling,
            nullif(lower(trim(verified)), '') AS verified,
            {EVALUATION} AS evaluation,
            ({IS_ON_SCALE}) AS is_on_scale,
            {is_refused("answer_score", "worst_score", "best_score")} AS is_unreadable
        FROM review
    ),
    reviewed_turn AS (
        SELECT turn.start_date, turn.pid AS reviewed_pid, nullif(lower(trim(turn.participant)), '') AS participant
        FROM turn SEMI JOIN worded ON turn.pid = worded.turn_pid AND turn.start_date = worded.start_date
    ),
    valued AS (
        SELECT *, CASE WHEN is_on_scale THEN {SHARE_OF_SCALE} END AS score
        FROM worded
    ),
    auto AS (
        SELECT
            start_date AS auto_day, engagement_pid AS auto_engagement, question_pid AS auto_question,
            turn_pid AS auto_turn, favg(score ORDER BY score) AS auto_score
        FROM valued
        WHERE source = 'auto' AND status = 'completed' AND score IS NOT NULL
            AND engagement_pid IN (SELECT engagement_pid FROM worded WHERE source = 'reviewer')
        GROUP BY ALL
    ),
    scaled AS (
        SELECT
            valued.*,
            CASE
                WHEN turn_pid IS NULL THEN 'engagement'
                WHEN participant IS NULL THEN 'unknown turn'
                WHEN participant IN ('agent', 'customer') THEN participant || ' turn'
                ELSE 'other turn'
            END AS target,
            coalesce(source = 'auto' AND list_contains($found_only::VARCHAR[], question_pid), false) AS is_found_only
        FROM valued LEFT JOIN reviewed_turn
            ON valued.turn_pid = reviewed_turn.reviewed_pid AND valued.start_date = reviewed_turn.start_date
    ),
    classified AS (
        SELECT
            scaled.*,
            CASE
                WHEN status IS DISTINCT FROM 'completed' THEN 'not completed'
                WHEN source IS NULL OR source NOT IN {tuple(REVIEW_SOURCES)} THEN 'unknown source'
                WHEN source = 'auto' AND verified = 'incorrect' THEN 'incorrect'
                WHEN target = 'customer turn' THEN 'customer turn'
                WHEN is_found_only THEN 'found'
                WHEN target = 'unknown turn' AND $exclude_unknown_turns THEN 'unknown turn'
                WHEN is_unreadable THEN 'unreadable'
                WHEN score IS NULL THEN 'unscored'
                WHEN verified = 'unclear' AND $exclude_unclear THEN 'unclear'
                WHEN verified = 'disputed' AND $exclude_disputed THEN 'disputed'
                ELSE 'scored'
            END AS scoring_status
        FROM scaled
    )
    SELECT
        review_number, counted.number AS engagement_number,
        counted.start_date, turn_pid, target, is_bot, source, status, sampling, verified, evaluation,
        CASE WHEN NOT {is_refused("end_time")}
            THEN (epoch_us(review_time) - epoch_us(coalesce(end_time, start_time))) / {_DAY_MICROSECONDS}
        END AS days_to_review,
        score, auto_score, coalesce(weight, 1.0) AS weight,
        scoring_status, scoring_status = 'scored' AS is_scored, score = 0 AS is_worst,
        coalesce(sampling IN ('random', 'all'), false) OR planned_pid IS NOT NULL AS is_random_or_all,
        CASE WHEN len($critical::VARCHAR[]) > 0 THEN
            coalesce(list_contains($critical::VARCHAR[], question_pid) AND answer_score = worst_score, false)
        END AS is_critical_failure,
        is_found_only
    FROM classified
    JOIN (SELECT * EXCLUDE (type, status) FROM counted) AS counted
        ON counted.pid = classified.engagement_pid AND counted.start_date = classified.start_date
    LEFT JOIN auto ON classified.source = 'reviewer' AND auto_day = classified.start_date
        AND auto_engagement = classified.engagement_pid AND auto_question = classified.question_pid
        AND auto_turn IS NOT DISTINCT FROM classified.turn_pid
    LEFT JOIN (SELECT start_date AS planned_date, engagement_pid AS planned_pid FROM planned) AS drawn
        ON classified.source = 'reviewer' AND planned_date = classified.start_date
        AND planned_pid = classified.engagement_pid
    LEFT JOIN question_weight ON question_weight.weight_of = classified.question_pid
"""  # noqa: S608 - constants of ours


def score_answers(
    engagement: pa.Table,
    turn: pa.Table | None,
    review: pa.Table,
    agent: pa.Table | None,
    choices: ScoringChoices,
    *,
    planned: pa.Table | None = None,
) -> pd.DataFrame:
    """One row per review, of any status, of an engagement that counts, in the columns of `Answer`.

    Takes the newest versions, one row per `start_date` and pid, of the engagements that started on one day or on
    several, of their reviews, and of their turns that reviews name (more do no harm), with at least
    `REVIEWED_ENGAGEMENT_COLUMNS`, `REVIEW_COLUMNS`, `REVIEWED_TURN_COLUMNS` and `AGENT_COLUMNS`; a day's rows concern
    that day alone. Sorted by start day, source, agent, engagement and review; reviews of engagements that do not count
    are left out, and no review gives no row. Without turns, reviewed turns are unknown. `planned` has `start_date` and
    `engagement_pid` of the engagements that a review plan drew, each once: what people answer about them counts as
    sampled at random, whatever the vendor's sampling says.

    An answer's score is (answer - worst) / (best - worst), which also holds for inverted scales. The rules of its
    `scoring_status`, with their sources: only status Completed may be reported (vendor's review metrics); an Auto row
    verified Incorrect is dropped, Unclear and Disputed are not settled: kept unless a setting excludes them (vendor's
    verification page); a review of a customer's turn says nothing of the agent (vendor's agent profile lists such
    reviews); of an answer with a refused score it is not known what it would have been, so it is counted as unreadable.
    Raises nothing for odd values.

    >>> from datetime import date
    >>> from salted_assets.schemas.engagement import Engagement
    >>> from salted_assets.schemas.review import Review
    >>> rows = {"pid": "e1", "type": "AGENT", "status": "Completed", "agent_pid": "a1"}
    >>> answers = {"pid": "r1", "engagement_pid": "e1", "type": "Reviewer", "status": "Completed",
    ...            "answer_score": 2.5, "worst_score": 10.0, "best_score": 0.0}
    >>> days = [[date(2024, 1, 31)]]
    >>> engagements = pa.Table.from_pylist([rows], schema=arrow_schema(Engagement)).append_column("start_date", days)
    >>> reviews = pa.Table.from_pylist([answers], schema=arrow_schema(Review)).append_column("start_date", days)
    >>> answer = score_answers(engagements, None, reviews, None, ScoringChoices()).iloc[0]
    >>> float(answer["score"]), answer["scoring_status"], answer["evaluation"]
    (0.75, 'scored', 'answer r1')
    """
    with duckdb.connect() as connection:
        create_counted(connection, engagement, agent, _COMPARED, choices)
        numbered = review.select([*REVIEW_COLUMNS, START_DATE.name]).append_column(
            "review_number", pa.array(np.arange(review.num_rows))
        )
        connection.register("review", numbered)
        register(connection, "turn", turn, Turn, REVIEWED_TURN_COLUMNS)
        connection.register("question_weight", _weights(choices))
        connection.register("planned", _PLANNED.empty_table() if planned is None else planned)
        classified = connection.sql(
            _SCORED_ANSWERS,
            params={
                "found_only": list(choices.found_only_questions),
                "critical": list(choices.critical_questions),
                "exclude_unclear": choices.exclude_unclear,
                "exclude_disputed": choices.exclude_disputed,
                "exclude_unknown_turns": choices.exclude_unknown_turns,
            },
        ).to_arrow_table()
    order = _find_order(classified, engagement, review)
    numbers = classified.select(["engagement_number", "review_number"]).take(order)
    names = arrow_schema(Answer).names
    columns = {
        **copy_columns(
            classified, [name for name in names if name in classified.column_names], pa.chunked_array([order])
        ),
        **copy_columns(review, _OF_REVIEW, numbers["review_number"]),
        **copy_columns(engagement, _OF_ENGAGEMENT, numbers["engagement_number"]),
    }
    return framed(pa.table({name: columns[name] for name in names}), Answer)


def _find_order(classified: pa.Table, engagement: pa.Table, review: pa.Table) -> pa.Array:
    """By start day, source, agent, engagement and review, as numbers as far as may be: texts take long to compare."""
    agents = engagement.select(["agent_pid", "pid"])
    of_agents = pc.sort_indices(agents, [("agent_pid", "ascending"), ("pid", "ascending")])
    place = np.empty(len(of_agents), np.int64)
    place[of_agents.to_numpy()] = np.arange(len(of_agents))
    keys = {
        "start_date": classified["start_date"],
        "source": classified["source"],
        "engagement": pa.array(place[classified["engagement_number"].to_numpy()]),
        **copy_columns(review, ["pid"], classified["review_number"]),
    }
    return pc.sort_indices(pa.table(keys), [(name, "ascending") for name in keys])


def _weights(choices: ScoringChoices) -> pa.Table:
    return pa.table(
        {
            "weight_of": pa.array(list(choices.question_weights), pa.string()),
            "weight": pa.array(list(choices.question_weights.values()), pa.float64()),
        }
    )
