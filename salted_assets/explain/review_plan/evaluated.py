"""The engagements that people have evaluated, out of `scores/answer`."""

from datetime import date

from salted_assets.history.score_files import write_score_scan
from salted_assets.scoring.sql import EVALUATION_SCORE
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Connection

EVALUATED_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "source", "evaluation", "is_scored", "is_random_or_all"),
    *("score", "weight"),
)
"""The columns of `scores/answer` that `write_evaluated_query` reads."""

_EVALUATED = """
    SELECT engagement_pid, any_value(agent_pid) AS agent_pid, any_value(start_date) AS start_date,
        favg(score ORDER BY score) AS score, bool_or(is_random_or_all) AS is_random_or_all
    FROM (
        SELECT engagement_pid, any_value(agent_pid) AS agent_pid, any_value(start_date) AS start_date,
            {score} AS score, bool_or(is_random_or_all) AS is_random_or_all
        FROM {answers}
        WHERE source = 'reviewer' AND is_scored AND score IS NOT NULL
        GROUP BY engagement_pid, evaluation HAVING fsum(weight) > 0
    )
    GROUP BY engagement_pid
"""


def write_evaluated_query(answers: str) -> str:
    """The query of a row for each engagement that a person has evaluated, out of rows of `scores/answer`.

    `score` is the mean of its evaluations, each a weighted mean of its scored answers, 0..1.
    """
    return _EVALUATED.format(answers=answers, score=EVALUATION_SCORE)


def create_evaluated(connection: Connection, warehouse: Warehouse, first: date, last: date) -> None:
    """Make the table `evaluated` of the engagements of these days, by `write_evaluated_query`."""
    answers = write_score_scan(connection, warehouse, "answer", first, last, EVALUATED_COLUMNS)
    connection.execute(f"CREATE TEMP TABLE evaluated AS {write_evaluated_query(answers)}")
