"""How answers become scores and evaluations, and which of them say something of the agent. Not here: any trend."""

import duckdb
import pyarrow as pa

from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.sql import summed_up
from salted_assets.tables.measures import REPRESENTATIVE, REVIEW_SOURCES

REVIEW_COLUMNS = (
    "pid",
    "engagement_pid",
    "turn_pid",
    "question_pid",
    "review_session_id",
    "status",
    "sampling",
    "type",
    "answer_score",
    "worst_score",
    "best_score",
    "verified",
)
"""The review columns that the scores read."""

_ANSWERS = """
    CREATE TEMP TABLE answer AS
    WITH completed AS (
        SELECT
            review.engagement_pid::VARCHAR AS engagement_pid,
            lower(trim(review.type)) AS source,
            coalesce('session ' || nullif(trim(review.review_session_id), ''), 'answer ' || review.pid) AS evaluation,
            review.question_pid::VARCHAR AS question_pid,
            nullif(trim(review.turn_pid), '') AS turn_pid,
            coalesce(lower(trim(review.sampling)), '') AS sampling,
            coalesce(lower(trim(review.verified)), '') AS verdict,
            answer_score, worst_score, best_score,
            best_score <> worst_score
                AND isfinite(answer_score) AND isfinite(worst_score) AND isfinite(best_score)
                AND answer_score BETWEEN least(worst_score, best_score) AND greatest(worst_score, best_score)
                AS is_on_scale
        FROM review SEMI JOIN counted ON review.engagement_pid = counted.pid
        WHERE lower(trim(review.status)) = 'completed'
    ),
    reviewed_turn AS (
        SELECT turn.pid, lower(trim(turn.participant)) AS participant
        FROM turn SEMI JOIN completed ON turn.pid = completed.turn_pid
    ),
    sorted AS (
        SELECT
            completed.*,
            CASE WHEN is_on_scale THEN (answer_score - worst_score) / (best_score - worst_score) END AS score,
            completed.turn_pid IS NOT NULL AND reviewed_turn.participant IS NULL AS is_of_unknown_turn,
            CASE
                WHEN source = 'auto' AND verdict = 'incorrect' THEN 'incorrect'
                WHEN reviewed_turn.participant = 'customer' THEN 'customer turn'
                WHEN source = 'auto' AND list_contains($found_only::VARCHAR[], question_pid) THEN 'found'
                WHEN is_of_unknown_turn AND $exclude_unknown_turns THEN 'unknown turn'
                ELSE 'of the agent'
            END AS part
        FROM completed LEFT JOIN reviewed_turn ON completed.turn_pid = reviewed_turn.pid
    )
    SELECT
        sorted.*,
        part = 'of the agent' AND score IS NOT NULL AND NOT (verdict = 'unclear' AND $exclude_unclear)
            AND NOT (verdict = 'disputed' AND $exclude_disputed) AS is_scored,
        sampling IN ('random', 'all') AS is_random_or_all,
        coalesce(question_weight.weight, 1.0) AS weight,
        list_contains($critical::VARCHAR[], question_pid) AND answer_score = worst_score AS is_critical_failure
    FROM sorted LEFT JOIN question_weight USING (question_pid)
"""

_EVALUATIONS = """
    CREATE TEMP TABLE evaluation AS
    WITH averaged AS (
        SELECT
            engagement_pid, source, evaluation,
            fsum(weight * score) / fsum(weight) AS score,
            fsum(weight * score) FILTER (WHERE is_random_or_all)
                / fsum(weight) FILTER (WHERE is_random_or_all) AS score_random_or_all,
            coalesce(bool_or(is_critical_failure), false) AS is_failed_critical
        FROM answer WHERE is_scored
        GROUP BY engagement_pid, source, evaluation
    )
    -- A weighted mean of ones can come out a rounding error above one.
    SELECT * REPLACE (
        CASE WHEN score > 1 THEN 1 ELSE score END AS score,
        CASE WHEN score_random_or_all > 1 THEN 1 ELSE score_random_or_all END AS score_random_or_all
    )
    FROM averaged
"""


def create_review_facts(connection: duckdb.DuckDBPyConnection, choices: ScoringChoices) -> None:
    """Make the tables `answer_fact` and `evaluation_fact`, one row per counted engagement that has such reviews.

    Reads `review`, `turn` (empty where not known) and `counted`. The rules, with their sources:
    only status Completed may be reported (vendor's review metrics); an Auto row verified Incorrect is dropped, Unclear
    and Disputed are not settled: kept and counted (vendor's verification page); a review of a customer's turn says
    nothing of the agent (vendor's agent profile lists such reviews); one evaluation is one session, engagement and
    source, an answer without a session is its own (vendor's review model: the session groups one sitting).
    """
    weights = pa.table(
        {
            "question_pid": pa.array(list(choices.question_weights), pa.string()),
            "weight": pa.array(list(choices.question_weights.values()), pa.float64()),
        }
    )
    connection.register("question_weight", weights)
    connection.execute(
        _ANSWERS,
        {
            "found_only": list(choices.found_only_questions),
            "critical": list(choices.critical_questions),
            "exclude_unclear": choices.exclude_unclear,
            "exclude_disputed": choices.exclude_disputed,
            "exclude_unknown_turns": choices.exclude_unknown_turns,
        },
    )
    connection.execute(_EVALUATIONS)
    answers = [expression for source in REVIEW_SOURCES for expression in _answer_expressions(source)]
    answers += [
        _count("answer_auto_incorrect_count", "part = 'incorrect'"),
        _count("answer_auto_found_count", "part = 'found'", is_known=bool(choices.found_only_questions)),
    ]
    evaluations = [
        expression
        for source in REVIEW_SOURCES
        for expression in _evaluation_expressions(source, has_critical=bool(choices.critical_questions))
    ]
    for table, expressions in (("answer", answers), ("evaluation", evaluations)):
        selected = ", ".join(["engagement_pid", *expressions])
        connection.table(table).aggregate(selected, "engagement_pid").create(f"{table}_fact")


def _count(name: str, condition: str, *, is_known: bool = True) -> str:
    return f"count(*) FILTER (WHERE {condition}) AS {name}" if is_known else f"NULL::BIGINT AS {name}"


def _answer_expressions(source: str) -> list[str]:
    of_source = f"source = '{source}'"
    of_agent = f"{of_source} AND part = 'of the agent'"
    scored = f"{of_source} AND is_scored"
    return [
        *summed_up(f"answer_{source}", "score", scored),
        *summed_up(f"answer_{source}_{REPRESENTATIVE}", "score", f"{scored} AND is_random_or_all"),
        _count(f"answer_{source}_unscored_count", f"{of_agent} AND score IS NULL"),
        *(
            _count(f"answer_{source}_{sampling}_count", f"{scored} AND sampling = '{sampling}'")
            for sampling in ("focused", "selected")
        ),
        *(
            _count(f"answer_{source}_{verdict}_count", f"{of_agent} AND score IS NOT NULL AND verdict = '{verdict}'")
            for verdict in ("unclear", "disputed")
        ),
        _count(f"answer_{source}_customer_turn_count", f"{of_source} AND part = 'customer turn'"),
        _count(
            f"answer_{source}_unknown_turn_count",
            f"{of_source} AND is_of_unknown_turn AND part IN ('of the agent', 'unknown turn')",
        ),
    ]


def _evaluation_expressions(source: str, *, has_critical: bool) -> list[str]:
    of_source = f"source = '{source}'"
    return [
        *summed_up(f"evaluation_{source}", "score", of_source),
        *summed_up(f"evaluation_{source}_{REPRESENTATIVE}", "score_random_or_all", of_source),
        _count(
            f"evaluation_{source}_failed_critical_count", f"{of_source} AND is_failed_critical", is_known=has_critical
        ),
    ]
