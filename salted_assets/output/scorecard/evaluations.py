"""Evaluations by people out of `scores/answer`: whole forms, and single answers apart from them.

One yes/no answer is no evaluation of an engagement, so the two are never averaged together.
"""

from datetime import date

import duckdb

from salted_assets.history.score_files import write_score_scan
from salted_assets.scoring.sql import EVALUATION_SCORE, sum_in_order
from salted_assets.warehouse import Warehouse

FORM, SINGLE = "form_evaluation", "single_answer"
"""An evaluation of several scored answers, and one of a single scored answer."""

SUMMED = tuple(f"{name}_{part}" for name in (FORM, SINGLE) for part in ("count", "sum", "sum_of_squares"))
"""Sums of evaluations."""

_ANSWER_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "is_bot", "source", "evaluation", "is_scored", "score", "weight"),
    *("pid", "turn_pid", "question_pid", "question_name", "answer_name", "answer_reason", "is_worst"),
    *("reviewer_pid", "reviewer_name", "review_time", "status", "verified", "is_critical_failure", "is_random_or_all"),
)
_ENGAGEMENT_COLUMNS = ("engagement_pid", "start_time", "link", "agent_name", "team", "channel_type")
_PERSON_ANSWERS = """
    CREATE TEMP TABLE person_answer AS
    SELECT * EXCLUDE (source, is_bot) FROM {answers} WHERE source = 'reviewer' AND is_bot IS NOT TRUE
"""
_EVALUATIONS = f"""
    CREATE TEMP TABLE evaluation AS
    SELECT
        * EXCLUDE (lowest), lowest.question_name, lowest.answer_name, lowest.answer_reason
    FROM (
        SELECT
            start_date, agent_pid, engagement_pid, evaluation, count(*) > 1 AS form,
            {EVALUATION_SCORE} AS score,
            count(*) FILTER (WHERE is_worst) AS worst_count, bool_or(is_critical_failure) AS is_failed_critical,
            bool_and(is_random_or_all) AS is_random_or_all,
            max(reviewer_pid) AS reviewer_pid, max(reviewer_name) AS reviewer_name,
            max(coalesce(review_time::DATE, start_date)) AS updated_on,
            arg_min(
                struct_pack(question_name, answer_name, answer_reason),
                (score, answer_reason IS NULL, question_name, question_pid, answer_name, answer_reason)
            ) AS lowest
        FROM person_answer
        WHERE is_scored AND score IS NOT NULL
        GROUP BY start_date, agent_pid, engagement_pid, evaluation
        HAVING fsum(weight) > 0
    )
"""  # noqa: S608 - our own expression


def load_evaluations(  # noqa: PLR0917 - where to read with, where from, and what: each has its own type
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    start: date,
    window_start: date,
    end: date,
    low_threshold: float,
) -> None:
    """Make tables of the connection: what reviewers answered, their evaluations, the engagements, and the low ones.

    `person_answer` has what reviewers answered about people from `start` to `end`, of any status;
    `reviewed_engagement` these engagements, each with its link; `evaluation` their scored evaluations: whether it is of
    a `form`, whether of one that was not chosen on purpose, who gave it and the day of its last update (UTC,
    `updated_on`), and its lowest answer (question, what was chosen and the reason); `evaluation_day` the sums `SUMMED`
    of these days by `start_date` and `agent_pid`; `low_evaluation` the evaluations below the threshold from
    `window_start` on, with the engagement.
    """
    answers = write_score_scan(connection, warehouse, "answer", start, end, _ANSWER_COLUMNS)
    connection.execute(_PERSON_ANSWERS.format(answers=answers))
    connection.execute(_EVALUATIONS)
    parts = [
        f"{what} FILTER (WHERE {condition})::DOUBLE AS {name}_{part}"
        for name, condition in ((FORM, "form"), (SINGLE, "NOT form"))
        for part, what in (
            ("count", "count(*)"),
            ("sum", sum_in_order("score")),
            ("sum_of_squares", sum_in_order("score * score")),
        )
    ]
    connection.execute(
        f"CREATE TEMP TABLE evaluation_day AS SELECT start_date, agent_pid, {', '.join(parts)} "  # noqa: S608 - our own names
        "FROM evaluation GROUP BY start_date, agent_pid"
    )
    engagements = write_score_scan(connection, warehouse, "engagement", start, end, _ENGAGEMENT_COLUMNS)
    connection.execute(
        f"CREATE TEMP TABLE reviewed_engagement AS SELECT * FROM {engagements} "  # noqa: S608 - our own names
        "SEMI JOIN person_answer USING (engagement_pid)"
    )
    connection.execute(
        "CREATE TEMP TABLE low_evaluation AS "  # noqa: S608 - our own names
        "SELECT * FROM evaluation JOIN reviewed_engagement USING (engagement_pid) "
        f"WHERE start_date >= DATE '{window_start}' AND score < {low_threshold:f}"
    )
