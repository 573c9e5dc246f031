"""Evaluations by people out of `scores/answer`: whole forms, and single answers apart from them.

One yes/no answer is no evaluation of an engagement, so the two are never averaged together.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from salted_assets.history.score_files import open_score_window
from salted_assets.warehouse import Warehouse

FORM, SINGLE = "form_evaluation", "single_answer"
"""An evaluation of several scored answers, and one of a single scored answer."""

SUMMED = tuple(f"{name}_{part}" for name in (FORM, SINGLE) for part in ("count", "sum", "sum_of_squares"))
"""Columns of `Evaluations.sums` beside its key."""

_ANSWER_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "is_bot", "source", "evaluation", "is_scored", "score", "weight"),
    *("question_name", "answer_name"),
)
_ENGAGEMENT_COLUMNS = ("engagement_pid", "start_time", "link", "agent_name", "team")
_IS_FORM = "answer_count > 1"
_EVALUATIONS = """
    CREATE TEMP TABLE evaluation AS
    SELECT
        start_date, agent_pid, engagement_pid, evaluation, count(*) AS answer_count,
        least(fsum(weight * score) / fsum(weight), 1) AS score,
        any_value(question_name) AS question_name, any_value(answer_name) AS answer_name
    FROM reviewer_answer
    GROUP BY start_date, agent_pid, engagement_pid, evaluation
    HAVING fsum(weight) > 0
"""


@dataclass(frozen=True)
class Evaluations:
    """Relations on people's evaluations: sums by `start_date` and `agent_pid`, and the low ones of a window.

    `low_forms` and `low_singles` have a row for each evaluation below the threshold, newest first, with the engagement
    and its link; the latter with the question and the answer that was chosen.
    """

    sums: duckdb.DuckDBPyRelation
    low_forms: duckdb.DuckDBPyRelation
    low_singles: duckdb.DuckDBPyRelation


def open_evaluations(  # noqa: PLR0917 - where to read with, where from, and what: each has its own type
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    start: date,
    window_start: date,
    end: date,
    low_threshold: float,
) -> Evaluations:
    """Evaluations of people from `start` to `end`; the low ones from `window_start` on."""
    answers = open_score_window(connection, warehouse, "answer", start, end, _ANSWER_COLUMNS)
    answers.filter("source = 'reviewer' AND is_scored AND score IS NOT NULL AND is_bot IS NOT TRUE").create_view(
        "reviewer_answer"
    )
    connection.execute(_EVALUATIONS)
    evaluations = connection.table("evaluation")
    parts = [
        f"{what} FILTER (WHERE {condition})::DOUBLE AS {name}_{part}"
        for name, condition in ((FORM, _IS_FORM), (SINGLE, f"NOT ({_IS_FORM})"))
        for part, what in (("count", "count(*)"), ("sum", "fsum(score)"), ("sum_of_squares", "fsum(score * score)"))
    ]
    key = "start_date, agent_pid"
    engagements = open_score_window(connection, warehouse, "engagement", window_start, end, _ENGAGEMENT_COLUMNS)
    low = evaluations.filter(f"start_date >= DATE '{window_start}' AND score < {low_threshold:f}")
    low = low.join(engagements, "engagement_pid").order("start_time DESC, engagement_pid, evaluation")
    return Evaluations(
        sums=evaluations.aggregate(f"{key}, {', '.join(parts)}", key),
        low_forms=low.filter(_IS_FORM),
        low_singles=low.filter(f"NOT ({_IS_FORM})"),
    )
