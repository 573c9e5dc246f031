"""The view `score_settlement`: of each day and source how many evaluations are still to come, joined when read."""

from salted_assets.schemas.measures import REVIEW_SOURCES

DESCRIPTION = (
    "One row per start day that is scored and source: how many evaluations `scores/agent_daily` has, how many are "
    "expected in the end, and within which limits that number is in nine of ten cases, by the newest partition of "
    "`scores/settlement` and the newest day whose reviews are exported. Days beyond the horizon are complete."
)

DAILY_COLUMNS = ("start_date", *(f"evaluation_{source}_count" for source in REVIEW_SOURCES))
"""What it reads of `scores/agent_daily`."""

COLUMNS = {
    "start_date": "Day on which the engagements started.",
    "source": "Who reviewed: reviewer, auto, customer or agent.",
    "age_days": "Days from the start day to the newest day whose reviews are exported. Unit: days.",
    "seen_count": "Evaluations that are in. Unit: evaluations.",
    "expected_count": "Evaluations that are expected in the end; null where nothing is known. Unit: evaluations.",
    "expected_low": "Lower limit of their number, in nine of ten cases. Unit: evaluations.",
    "expected_high": "Upper limit of their number, in nine of ten cases. Unit: evaluations.",
    "settled_on": "Day on whose morning 99 % of them are in as a rule. Unit: day.",
    "move_factor": "How far a mean moves at most in nine of ten cases, over sqrt(1/n now - 1/n final). Unit: 0..1.",
    "known_date": "The partition of `scores/settlement` that says so. Unit: day.",
    "not_known_reason": "Why nothing is known; null where it is.",
}


def build_settlement_query(daily: str, settlement: str, exports: str) -> str:
    """The query behind it, over relations of `scores/agent_daily`, `scores/settlement` and of reviews' exports."""
    counts = " UNION ALL ".join(
        f"SELECT start_date, '{source}' AS source, sum(evaluation_{source}_count) AS seen_count "  # noqa: S608
        "FROM daily GROUP BY start_date"
        for source in REVIEW_SOURCES
    )
    return f"""
        WITH daily AS (FROM {daily}), settlement AS (FROM {settlement}), seen AS (
            SELECT start_date, source, seen_count::BIGINT AS seen_count,
                greatest((SELECT max(date) FROM {exports}) - start_date, 0)::BIGINT AS age_days
            FROM ({counts})
        ), known AS (
            FROM settlement WHERE known_date = (SELECT max(known_date) FROM settlement)
        ), joined AS (
            SELECT seen.*, known.* EXCLUDE (source, age_days), known.source IS NULL AS is_beyond,
                seen_count - 0.5 + (seen_count + 0.5) * exp(-log_odds) AS usual,
                seen_count - 0.5 + (seen_count + 0.5) * exp(-log_odds - log_odds_reach) AS least,
                seen_count - 0.5 + (seen_count + 0.5) * exp(log_odds_reach - log_odds) AS most
            FROM seen LEFT JOIN known
                ON known.source = seen.source AND known.weekday = isodow(start_date) AND known.age_days = seen.age_days
        ), of_source AS (
            SELECT source, any_value(known_date) AS known_date, any_value(settled_age_days) AS settled_age_days,
                any_value(not_known_reason) AS not_known_reason
            FROM known GROUP BY source
        ), limited AS (
            SELECT joined.* EXCLUDE (known_date, settled_age_days, not_known_reason), of_source.* EXCLUDE (source),
                is_beyond AND of_source.known_date IS NOT NULL AS is_complete,
                log_odds_reach IS NOT NULL AND largest_count IS NOT NULL AS has_limits,
                greatest(floor(usual - lower_widening_ratio * (usual - least) + 0.5), seen_count) AS low,
                floor(usual + upper_widening_ratio * (most - usual) + 0.5) AS high
            FROM joined LEFT JOIN of_source USING (source)
        )
        SELECT
            start_date, source, age_days, seen_count,
            CASE WHEN is_complete THEN seen_count
                WHEN usual IS NOT NULL THEN greatest(usual, seen_count) END::DOUBLE AS expected_count,
            CASE WHEN is_complete THEN seen_count WHEN has_limits THEN low END::BIGINT AS expected_low,
            CASE WHEN is_complete THEN seen_count
                WHEN has_limits THEN greatest(least(high, largest_count), low) END::BIGINT AS expected_high,
            start_date + settled_age_days::INTEGER + 1 AS settled_on, move_factor, known_date,
            CASE WHEN known_date IS NULL THEN 'scores/settlement has not been made'
                WHEN NOT is_complete THEN not_known_reason END AS not_known_reason
        FROM limited
    """  # noqa: S608 - names of our own views and columns
