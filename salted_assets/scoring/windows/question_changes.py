"""Whether what agents were evaluated with changed within a window: another text, another scale, other questions."""

from collections.abc import Mapping
from datetime import date

import duckdb

from salted_assets.schemas.scores.answer import Answer
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.sql import Rows, related

QUESTION_COLUMNS = (
    *("start_date", "agent_pid", "source", "is_scored", "question_pid", "question_name", "form_id", "worst_score"),
    *("best_score", "engagement_pid", "evaluation"),
)
"""The columns of `scores/answer` that tell."""

_WITHOUT = 10
"""As many evaluations with a form without a question that half of the others have are no chance."""

_TOUCHED = """
    WITH own AS (
        SELECT *, engagement_pid || ' ' || evaluation AS sitting
        FROM answer
        WHERE source = 'reviewer' AND is_scored AND start_date BETWEEN DATE '{last}' - {days} + 1 AND DATE '{last}'
    ),
    changed_question AS (
        SELECT question_pid FROM own GROUP BY question_pid
        HAVING count(DISTINCT trim(question_name)) > 1 OR count(DISTINCT (worst_score, best_score)) > 1
    ),
    used AS (
        SELECT form_id, start_date, count(DISTINCT sitting) AS sittings
        FROM own WHERE form_id IS NOT NULL GROUP BY form_id, start_date
    ),
    asked AS (
        SELECT form_id, question_pid, min(start_date) AS first, max(start_date) AS last,
            count(DISTINCT sitting) AS sittings
        FROM own WHERE form_id IS NOT NULL GROUP BY form_id, question_pid
    ),
    changed_form AS (
        SELECT DISTINCT form_id
        FROM (
            SELECT
                form_id, any_value(asked.sittings) AS with_it,
                coalesce(sum(used.sittings) FILTER (WHERE start_date < first), 0) AS before,
                coalesce(sum(used.sittings) FILTER (WHERE start_date > last), 0) AS after,
                sum(used.sittings) FILTER (WHERE start_date BETWEEN first AND last) AS between_them
            FROM asked JOIN used USING (form_id)
            GROUP BY form_id, question_pid
        )
        WHERE greatest(before, after) >= {without} AND with_it >= {without} AND 2 * with_it >= between_them
    )
    SELECT DISTINCT agent_pid FROM own
    WHERE question_pid IN (FROM changed_question) OR form_id IN (FROM changed_form)
"""


def find_changed_questions(answers: Rows, end_date: date) -> Mapping[int, frozenset[str]]:
    """For each window the agents whom human reviewers evaluated with a question or a form that changed within it.

    Takes rows of `scores/answer` of the windows with at least `QUESTION_COLUMNS`. A question changed that has several
    texts or scales. A form changed where a question that half of its evaluations have, while it was asked, is missing
    in ten before or after that.
    """
    with related(answers, Answer) as rows:
        return {days: _find_touched(rows, end_date, days) for days in WINDOWS}


def _find_touched(answers: duckdb.DuckDBPyRelation, end_date: date, days: int) -> frozenset[str]:
    touched = answers.query("answer", _TOUCHED.format(last=end_date, days=days, without=_WITHOUT))
    return frozenset(pid for (pid,) in touched.fetchall()) if touched else frozenset()
