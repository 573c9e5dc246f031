"""The table `scores/queue_daily`."""

from typing import Any

from salted_assets.schemas.base import Number, Table, derived
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.measures import (
    ENGAGEMENT_SENTIMENT_MEASURES,
    REVIEW_MEASURES,
    REVIEW_SOURCES,
    VALUE_MEASURES,
    Measure,
    scored,
)
from salted_assets.schemas.scores.columns import (
    Column,
    ScoreFacts,
    build_count,
    build_label,
    build_model,
)
from salted_assets.schemas.scores.daily import (
    ENGAGEMENT_COUNT,
    HANDLE_TIME_MISSING_COUNT,
    RESOLUTION,
    SERVICE_LEVEL,
    START_DATE,
    build_coverage,
    build_daily_family,
)

QUEUE_KEY = ("start_date", "queue", "channel_type")

_SHOWN = {"handle_time_ms", "handle_time_log", "wait_time_ms", "first_response_time_ms", *AI_SCORES}

QUEUE_MEASURES: tuple[Measure, ...] = (
    *(measure for measure in VALUE_MEASURES if measure.name in _SHOWN),
    *ENGAGEMENT_SENTIMENT_MEASURES,
    *(measure for measure in REVIEW_MEASURES if measure.per == "evaluation"),
)
"""What is averaged for a queue: of each the independent unit is the engagement, or the evaluation."""

QUEUE_SHARES = {
    "service_level_met_ratio": ("service_level_met_count", "service_level_judged_count"),
    "resolved_ratio": ("resolved_count", "resolution_judged_count"),
    **{
        f"evaluation_{source}_coverage_ratio": (f"evaluation_{source}_engagement_count", "engagement_count")
        for source in REVIEW_SOURCES
    },
}
"""The shares of a queue's engagements: the columns that they are the quotient of."""


def _limits(name: str, what: str, unit: str, sources: tuple[str, ...], **bounds: Any) -> dict[str, Column]:
    return {
        f"{name}_{end}": (
            Number,
            derived(f"{side} limit of the 95 % interval of {what}.", sources=sources, unit=unit, **bounds),
        )
        for end, side in (("low", "Lower"), ("high", "Upper"))
    }


def _measured(measure: Measure) -> dict[str, Column]:
    family = build_daily_family(measure)
    mean = _sources_of(family[f"{measure.name}_mean"])
    what = f"the mean (Student's t, null below two {measure.per}s or without any spread): {measure.what}"
    return {**family, **_limits(f"{measure.name}_mean", what, measure.unit, mean)}


def _shared(name: str, column: Column) -> dict[str, Column]:
    description = str(column[1].description)
    what = f"the share (Wilson): {description[0].lower()}{description[1:].rstrip('.')}"
    return {name: column, **_limits(name, what, "ratio", _sources_of(column), ge=0, le=1)}


def _sources_of(column: Column) -> tuple[str, ...]:
    sources: tuple[str, ...] = column[1].metadata["salted"]["sources"]
    return sources


_LOG = scored("engagement", "handle_time_log")

_PLAIN: dict[str, Column] = {
    **SERVICE_LEVEL,
    **RESOLUTION,
    **{name: column for source in REVIEW_SOURCES for name, column in build_coverage(source).items()},
}

_COLUMNS: dict[str, Column] = {
    "start_date": START_DATE,
    "queue": build_label("Queue, as recorded on the engagements.", scored("engagement", "queue")),
    "channel_type": build_label("Type of channel.", scored("engagement", "channel_type")),
    "engagement_count": ENGAGEMENT_COUNT,
    "agent_count": build_count(
        "Different agents who engaged.", scored("engagement", "agent_pid"), "agents", nullable=False, ge=1
    ),
    "bot_engagement_count": build_count(
        "Engagements of agents known to be machines; they are in all figures of the queue.",
        scored("engagement", "is_bot"),
        nullable=False,
    ),
    "handle_time_missing_count": HANDLE_TIME_MISSING_COUNT,
    "handle_time_geometric_mean_ms": (
        Number,
        derived(
            "Geometric mean of the handle times above 0, which a few long ones move little.", sources=_LOG, unit="ms"
        ),
    ),
    **_limits("handle_time_geometric_mean_ms", "the geometric mean of the handle times above 0", "ms", _LOG),
    **{name: column for measure in QUEUE_MEASURES for name, column in _measured(measure).items()},
    **{
        name: column
        for plain, own in _PLAIN.items()
        for name, column in (_shared(plain, own) if plain in QUEUE_SHARES else {plain: own}).items()
    },
}

QueueDaily: type[Table] = build_model(
    ScoreFacts(
        "scores/queue_daily", "queue, channel and start day with at least one engagement that counts", QUEUE_KEY
    ),
    "QueueDaily",
    "How a queue went on a day by the type of channel: means and shares with their 95 % intervals, over the "
    "engagements that an agent completed (customers who gave up while waiting are in none). Engagements of no known "
    "queue or channel make a queue or channel of their own. Not for ranking.",
    _COLUMNS,
)
