"""How answers become evaluations, and both become an engagement's figures."""

from collections.abc import Iterator

import duckdb

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
    SELECT counted.rowid AS engagement_number, answer.*
    FROM answer JOIN counted ON answer.engagement_pid = counted.pid AND answer.start_date = counted.start_date
"""

_EVALUATIONS = """
    CREATE TEMP TABLE evaluation AS
    WITH averaged AS (
        SELECT
            engagement_number, source,
            fsum(weight * score) FILTER (WHERE is_scored) / fsum(weight) FILTER (WHERE is_scored) AS score,
            fsum(weight * score) FILTER (WHERE is_scored AND is_random_or_all)
                / fsum(weight) FILTER (WHERE is_scored AND is_random_or_all) AS score_random_or_all,
            coalesce(bool_or(is_critical_failure) FILTER (WHERE is_scored), false) AS is_failed_critical,
            bool_or(NOT is_scored) AS is_unreadable
        FROM (
            SELECT *, scoring_status = 'scored' AS is_scored FROM numbered_answer
            WHERE scoring_status IN ('scored', 'unreadable')
        )
        GROUP BY engagement_number, source, evaluation
    )
    -- A weighted mean of ones can come out a rounding error above one.
    SELECT * REPLACE (
        CASE WHEN score > 1 THEN 1 ELSE score END AS score,
        CASE WHEN score_random_or_all > 1 THEN 1 ELSE score_random_or_all END AS score_random_or_all
    )
    FROM averaged
"""


def create_review_facts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Make a view for answers and one for evaluations of each source, one row per counted engagement that has such.

    Gives their names. Each has an `engagement_number`, and its other columns by the names that engagement scores have.
    Reads `counted`, and `answer`, rows of `scores/answer` with `ANSWER_COLUMNS`. One evaluation is one session,
    engagement and source, an answer without a session is its own (vendor's review model: the session groups one
    sitting); its score is the weighted mean over its scored answers. One of whose answers the score could not be read
    counts as unreadable beside, and has no score where there is no other scored answer.
    """
    connection.execute(_NUMBERED)
    connection.execute(_EVALUATIONS)
    return [
        view
        for table, kind, expressions in (
            ("numbered_answer", "answer", _answer_expressions()),
            ("evaluation", "evaluation", _evaluation_expressions()),
        )
        for view in _sum_up(connection, table, kind, expressions)
    ]


def _sum_up(connection: duckdb.DuckDBPyConnection, table: str, kind: str, expressions: list[str]) -> Iterator[str]:
    """Sums by engagement and source, and a view for each source: all in one row would take four times the room."""
    key = "engagement_number, source"
    connection.query(f"FROM {table}").aggregate(f"{key}, {', '.join(expressions)}", key).create(f"{kind}_sum")
    names = [name for name in connection.table(f"{kind}_sum").columns if name not in key]
    for source in REVIEW_SOURCES:
        columns = [f"{name} AS {kind}_{source}{name.removeprefix(kind)}" for name in names]
        own = connection.table(f"{kind}_sum").filter(f"source = '{source}'")
        own.project(", ".join(["engagement_number", *columns])).create_view(f"{kind}_{source}")
        yield f"{kind}_{source}"


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
