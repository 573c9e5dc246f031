"""The sums, means and shares that engagement scores add up to, whatever they are grouped by, as SQL expressions."""

from collections.abc import Sequence

from salted_assets.schemas.measures import (
    ENGAGEMENT_SENTIMENT_MEASURES,
    EVALUATION_MEASURES,
    GROUPED_MEASURES,
    REPRESENTATIVE,
    REVIEW_SOURCES,
    Measure,
)
from salted_assets.scoring.sql import mean_of, summed_up


def _histogram(column: str) -> str:
    return f"histogram(lower(trim({column}))) FILTER (WHERE trim({column}) <> '') AS {column}_histogram"


def _write_counts(column: str) -> str:
    """The histogram as a JSON object."""
    return f"""
    '{{' || coalesce(
        array_to_string(
            list_transform(map_entries({column}_histogram), lambda e: to_json(e.key)::VARCHAR || ': ' || e.value),
            ', '
        ),
        ''
    ) || '}}' AS {column}_counts
    """


ENGAGEMENT_COUNTS = (
    "count(*) AS engagement_count",
    "count(*) - count(handle_time_ms) AS handle_time_missing_count",
    "count(is_service_level_met) AS service_level_judged_count",
    "count(*) FILTER (WHERE is_service_level_met) AS service_level_met_count",
    _histogram("service_level"),
    "count(is_resolved) AS resolution_judged_count",
    "count(*) FILTER (WHERE is_resolved) AS resolved_count",
    _histogram("resolution"),
)
"""What is counted of every group of engagements."""

SHARES_OF_LABELS = (
    _write_counts("service_level"),
    "service_level_met_count / nullif(service_level_judged_count, 0) AS service_level_met_ratio",
    _write_counts("resolution"),
    "resolved_count / nullif(resolution_judged_count, 0) AS resolved_ratio",
)
"""What follows from the counts of service levels and resolutions."""


def unless_absent(column: str, expression: str, name: str) -> str:
    """Null where `column` is null on every row: the dataset, or the setting, that it needs is not there."""
    return f"CASE WHEN count({column}) > 0 THEN {expression} END AS {name}"


def sums_of(measures: Sequence[Measure]) -> list[str]:
    """Count, sum and sum of squares of each measure over engagement scores."""
    return [expression for measure in measures for expression in _sums_of(measure)]


def means_of(measures: Sequence[Measure]) -> list[str]:
    """The means that these sums give."""
    return [mean_of(measure.name) for measure in measures]


def covered_counts() -> list[str]:
    """For each source, the engagements that it has evaluated."""
    return [
        unless_absent(
            f"evaluation_{source}_count",
            f"count(*) FILTER (WHERE evaluation_{source}_count > 0)",
            f"evaluation_{source}_engagement_count",
        )
        for source in REVIEW_SOURCES
    ]


def engagement_mean_sums() -> list[str]:
    """For each measure of evaluations the sums of engagements' own means, and the count that `covered_counts` lacks.

    And of squared numbers of evaluations: how unequally engagements count in a mean of all evaluations.
    """
    expressions = []
    for name in (measure.name for measure in EVALUATION_MEASURES):
        sums = {
            "mean_sum": f"{name}_mean",
            "mean_sum_of_squares": f"{name}_mean * {name}_mean",
            "squared_count_sum": f"{name}_count::DOUBLE * {name}_count",
        }
        parts = {part: f"coalesce(fsum({value}), 0.0)" for part, value in sums.items()}
        if name.endswith(REPRESENTATIVE):
            parts["count"] = f"count({name}_mean)"
        expressions += [unless_absent(f"{name}_count", part, f"{name}_engagement_{end}") for end, part in parts.items()]
    return expressions


def coverage_ratios() -> list[str]:
    """The shares that these counts give."""
    return [
        f"evaluation_{source}_engagement_count / engagement_count AS evaluation_{source}_coverage_ratio"
        for source in REVIEW_SOURCES
    ]


def _sums_of(measure: Measure) -> list[str]:
    name = measure.name
    if measure in GROUPED_MEASURES:
        return [
            f"sum({name}_count)::BIGINT AS {name}_count",
            f"fsum({name}_sum) AS {name}_sum",
            f"fsum({name}_sum_of_squares) AS {name}_sum_of_squares",
        ]
    if measure in ENGAGEMENT_SENTIMENT_MEASURES:
        (source,) = measure.sources
        value = source.rpartition(".")[2]
        sums = {
            "count": f"count({value})",
            "sum": f"coalesce(fsum({value}), 0.0)",
            "sum_of_squares": f"coalesce(fsum({value} * {value}), 0.0)",
        }
    elif measure.is_whole:
        sums = {
            "count": f"count({name})",
            "sum": f"try_cast(coalesce(sum({name}), 0) AS BIGINT)",
            "sum_of_squares": f"coalesce(fsum({name}::DOUBLE * {name}::DOUBLE), 0.0)",
        }
    else:
        return summed_up(name, name)
    if _is_of_turns(measure):
        return [unless_absent("turn_count", expression, f"{name}_{part}") for part, expression in sums.items()]
    return [f"{expression} AS {name}_{part}" for part, expression in sums.items()]


def _is_of_turns(measure: Measure) -> bool:
    return measure in ENGAGEMENT_SENTIMENT_MEASURES or any(s.startswith("tables/turn.") for s in measure.sources)
