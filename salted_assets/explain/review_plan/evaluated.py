"""The engagements that people have evaluated, out of `scores/answer`."""

from datetime import date

from salted_assets.history.score_files import write_score_scan
from salted_assets.scoring.sql import EVALUATION_SCORE
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Connection

_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "source", "evaluation", "is_scored", "is_random_or_all"),
    *("score", "weight"),
)
_EVALUATED = """
    CREATE TEMP TABLE evaluated AS
    SELECT engagement_pid, any_value(agent_pid) AS agent_pid, any_value(start_date) AS start_date,
        favg(score ORDER BY score) AS score, bool_or(is_random_or_all) AS is_random_or_all, count(*) AS evaluation_count
    FROM (
        SELECT engagement_pid, any_value(agent_pid) AS agent_pid, any_value(start_date) AS start_date,
            {score} AS score, bool_or(is_random_or_all) AS is_random_or_all
        FROM {answers}
        WHERE source = 'reviewer' AND is_scored AND score IS NOT NULL
        GROUP BY engagement_pid, evaluation HAVING fsum(weight) > 0
    )
    GROUP BY engagement_pid
"""


def create_evaluated(connection: Connection, warehouse: Warehouse, first: date, last: date) -> None:
    """Make the table `evaluated`: a row for each engagement of these days that a person has evaluated.

    `score` is the mean of its evaluations, each a weighted mean of its scored answers, 0..1.
    """
    answers = write_score_scan(connection, warehouse, "answer", first, last, _COLUMNS)
    connection.execute(_EVALUATED.format(answers=answers, score=EVALUATION_SCORE))
