"""How answers become evaluations, and both become an engagement's figures."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.measures import REPRESENTATIVE, REVIEW_SOURCES
from salted_assets.schemas.scores import SCORING_STATUSES_OF_AGENT
from salted_assets.scoring.sql import summed_up

ANSWER_COLUMNS = (
    *(
        "start_date",
        "engagement_pid",
        "target",
        "source",
        "sampling",
        "verified",
        "evaluation",
        "score",
        "weight",
        "scoring_status",
    ),
    *("is_random_or_all", "is_critical_failure"),
)
"""The columns of `scores/answer` that engagement scores read."""

_NUMBERED = """
    CREATE TEMP VIEW numbered_answer AS
    SELECT number, answer.*
    FROM answer JOIN counted ON answer.engagement_pid = counted.pid AND answer.start_date = counted.start_date
"""

_EVALUATIONS = """
    CREATE TEMP TABLE evaluation AS
    WITH averaged AS (
        SELECT
            number, source,
            fsum(weight * score) FILTER (WHERE is_scored) / fsum(weight) FILTER (WHERE is_scored) AS score,
            fsum(weight * score) FILTER (WHERE is_scored AND is_random_or_all)
                / fsum(weight) FILTER (WHERE is_scored AND is_random_or_all) AS score_random_or_all,
            coalesce(bool_or(is_critical_failure) FILTER (WHERE is_scored), false) AS is_failed_critical,
            bool_or(NOT is_scored) AS is_unreadable
        FROM (
            SELECT *, scoring_status = 'scored' AS is_scored FROM numbered_answer
            WHERE scoring_status IN ('scored', 'unreadable')
        )
        GROUP BY number, source, evaluation
    )
    -- A weighted mean of ones can come out a rounding error above one.
    SELECT * REPLACE (
        CASE WHEN score > 1 THEN 1 ELSE score END AS score,
        CASE WHEN score_random_or_all > 1 THEN 1 ELSE score_random_or_all END AS score_random_or_all
    )
    FROM averaged
"""


def read_review_sums(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """What answers and evaluations of each source add up to, one row per counted engagement that has such.

    Each table has the `number` of the engagement, and its other columns by the names that engagement scores have.
    Reads `counted`, and `answer`, rows of `scores/answer` with `ANSWER_COLUMNS`. One evaluation is one session,
    engagement and source, an answer without a session is its own (vendor's review model: the session groups one
    sitting); its score is the weighted mean over its scored answers. One of whose answers the score could not be read
    counts as unreadable beside, and has no score where there is no other scored answer.
    """
    connection.execute(_NUMBERED)
    connection.execute(_EVALUATIONS)
    for table, kind, expressions in (
        ("numbered_answer", "answer", _answer_expressions()),
        ("evaluation", "evaluation", _evaluation_expressions()),
    ):
        key = "number, source"
        sums = connection.query(f"FROM {table}").aggregate(f"{key}, {', '.join(expressions)}", key).to_arrow_table()
        for source in REVIEW_SOURCES:
            own = sums.filter(pc.equal(sums["source"], source)).drop_columns(["source"])
            yield own.rename_columns([name.replace(kind, f"{kind}_{source}", 1) for name in own.column_names])


def _count(name: str, condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition}) AS {name}"


def _answer_expressions() -> list[str]:
    scored = "scoring_status = 'scored'"
    on_scale = tuple(status for status in SCORING_STATUSES_OF_AGENT if status not in {"unscored", "unreadable"})
    return [
        *summed_up("answer", "score", scored),
        *summed_up(f"answer_{REPRESENTATIVE}", "score", f"{scored} AND is_random_or_all"),
        *(
            _count(f"answer_{sampling}_count", f"{scored} AND sampling = '{sampling}'")
            for sampling in ("focused", "selected")
        ),
        *(
            _count(f"answer_{verification}_count", f"scoring_status IN {on_scale} AND verified = '{verification}'")
            for verification in ("unclear", "disputed")
        ),
        _count(
            "answer_unknown_turn_count",
            f"target = 'unknown turn' AND scoring_status IN {(*SCORING_STATUSES_OF_AGENT, 'unknown turn')}",
        ),
        *(
            _count(f"answer_{status.replace(' ', '_')}_count", f"scoring_status = '{status}'")
            for status in ("unscored", "unreadable", "customer turn", "incorrect", "found")
        ),
    ]


def _evaluation_expressions() -> list[str]:
    return [
        *summed_up("evaluation", "score"),
        *summed_up(f"evaluation_{REPRESENTATIVE}", "score_random_or_all"),
        _count("evaluation_failed_critical_count", "is_failed_critical"),
        _count("evaluation_unreadable_count", "is_unreadable"),
    ]
