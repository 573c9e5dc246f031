"""The score tables: what each computed column is, in which unit, and out of which columns it is made.

Here: the models `EngagementScore` and `AgentDaily`, and what is known of a score table as a whole (`ScoreFacts`).
Not here: the measures they consist of (`measures`), the formulas (`scoring`), the vendor's datasets, files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salted_assets.tables.base import Boolean, Date, Integer, Number, Table, Text, Timestamp, derived
from salted_assets.tables.measures import (
    GROUPED_MEASURES,
    REVIEW_COUNTERS,
    REVIEW_SOURCES,
    TURN_COUNTERS,
    VALUE_MEASURES,
    Counter,
    Measure,
    delivered,
)


@dataclass(frozen=True)
class ScoreFacts:
    """What is known of a score table beside its columns; `grain` completes "One row per", `key` identifies a row."""

    name: str
    grain: str
    key: tuple[str, ...]


Column = tuple[Any, Any]
"""A column's kind and its pandera field."""


def _build_model(facts: ScoreFacts, class_name: str, doc: str, columns: Mapping[str, Column]) -> type[Table]:
    """A strict pandera model with `columns` in their order, unique by the facts' key."""
    config = type("Config", (Table.Config,), {"metadata": {"salted": facts}, "unique": list(facts.key)})
    namespace = {
        "__doc__": doc,
        "__module__": __name__,
        "__annotations__": {name: kind for name, (kind, _) in columns.items()},
        "Config": config,
        **{name: field for name, (_, field) in columns.items()},
    }
    return type(class_name, (Table,), namespace)


def score_facts_of(model: type[Table]) -> ScoreFacts:
    """The facts of a score table. Raises TypeError for a model that is none."""
    facts = getattr(model.Config, "metadata", {}).get("salted")
    if not isinstance(facts, ScoreFacts):
        raise TypeError(f"{model.__name__} describes no score table")
    return facts


def _copied(column: str, kind: Any, description: str, **extra: Any) -> dict[str, Column]:
    return {column: (kind, derived(description, sources=delivered("engagement", column), **extra))}


def _family(measure: Measure, sources: Mapping[str, Sequence[str]]) -> dict[str, Column]:
    """Count, sum, sum of squares and mean of a measure, with the sources of each of the four."""
    name, what, unit = measure.name, measure.what, measure.unit
    bounds: dict[str, Any] = {"ge": 0, "le": 1} if unit == "0..1" else {}
    many = {"engagement": "engagements", "turn": "turns", "answer": "answers", "evaluation": "evaluations"}[measure.per]
    squared = "sum of squares" if unit in {"0..1", "vendor's scale"} else f"{unit} squared"
    return {
        f"{name}_count": (
            Integer,
            derived(f"Number of {many} that have it: {what}.", sources=sources["count"], unit=many, ge=0),
        ),
        f"{name}_sum": (
            Integer if measure.is_whole else Number,
            derived(f"Sum over these {many}: {what}.", sources=sources["sum"], unit=unit.replace("0..1", "sum")),
        ),
        f"{name}_sum_of_squares": (
            Number,
            derived(f"Sum of squares over these {many}: {what}.", sources=sources["squares"], unit=squared),
        ),
        f"{name}_mean": (
            Number,
            derived(
                f"Mean over these {many}, null where there is none: {what}.",
                sources=sources["mean"],
                unit=unit,
                **bounds,
            ),
        ),
    }


def _engagement_family(measure: Measure) -> dict[str, Column]:
    return _family(measure, dict.fromkeys(("count", "sum", "squares", "mean"), measure.sources))


def _daily_family(measure: Measure) -> dict[str, Column]:
    """A day's family: a single number is counted and summed, a grouped measure's own counts and sums are added up."""
    own = f"scores/engagement.{measure.name}"
    if measure in VALUE_MEASURES:
        return _family(measure, dict.fromkeys(("count", "sum", "squares", "mean"), (own,)))
    parts = {"count": f"{own}_count", "sum": f"{own}_sum", "squares": f"{own}_sum_of_squares"}
    return _family(measure, {**{k: (v,) for k, v in parts.items()}, "mean": (parts["sum"], parts["count"])})


def _value(measure: Measure) -> Column:
    kind = Integer if measure.is_whole else Number
    text = f"{measure.what[0].upper()}{measure.what[1:]}."
    return kind, derived(text, sources=measure.sources, unit=measure.unit)


def _counter(counter: Counter, sources: Sequence[str]) -> Column:
    return Integer, derived(f"Number of {counter.what}.", sources=sources, unit=counter.unit, ge=0)


_ENGAGEMENT_COLUMNS: dict[str, Column] = {
    "start_date": (
        Date,
        derived(
            "Day on which the engagement started, in the warehouse's time zone.",
            sources=delivered("engagement", "start_time"),
            unit="day",
            nullable=False,
        ),
    ),
    "engagement_pid": (Text, derived("Engagement ID.", sources=delivered("engagement", "pid"), nullable=False)),
    **_copied("conversation_id", Text, "Conversation that the engagement belongs to."),
    **_copied("link", Text, "Link to the engagement in the source platform.", personal="indirect"),
    **_copied("start_time", Timestamp, "Start of the engagement, preparation included.", unit="UTC"),
    **_copied("agent_pid", Text, "Agent who engaged.", personal="indirect", nullable=False),
    **_copied("agent_name", Text, "Name of the agent, as recorded on the engagement.", personal="direct"),
    "is_bot": (
        Boolean,
        derived(
            "Whether the agent is a machine, by agent type (settings say which types are); null where it is not known.",
            sources=delivered("agent", "pid", "type"),
        ),
    ),
    **_copied("team", Text, "Team that engaged, as recorded on the engagement."),
    **_copied("department", Text, "Department that engaged, as recorded on the engagement."),
    **_copied("queue", Text, "Queue, as recorded on the engagement."),
    **_copied("channel_type", Text, "Type of channel."),
    **_copied("channel", Text, "Channel name, finer than its type."),
    **_copied("direction", Text, "Who reached out: the customer (inbound) or the company (outbound)."),
    **_copied("language", Text, "Language."),
    **_copied("service_level", Text, "Service level as delivered."),
    "is_service_level_met": (
        Boolean,
        derived(
            "Whether the service level is one that the settings call met; null where it is null or ignored, or where "
            "the settings name no such value.",
            sources=delivered("engagement", "service_level"),
        ),
    ),
    **{measure.name: _value(measure) for measure in VALUE_MEASURES},
    **{counter.name: _counter(counter, counter.sources) for counter in TURN_COUNTERS},
    **{name: column for measure in GROUPED_MEASURES for name, column in _engagement_family(measure).items()},
    **{counter.name: _counter(counter, counter.sources) for counter in REVIEW_COUNTERS},
}

EngagementScore: type[Table] = _build_model(
    ScoreFacts(
        "scores/engagement",
        "engagement that counts: type Agent, status Completed, with an agent",
        ("engagement_pid",),
    ),
    "EngagementScore",
    "Engagements that count as an agent's work, each with what is known of how it went.",
    _ENGAGEMENT_COLUMNS,
)


def _score(*columns: str) -> tuple[str, ...]:
    return tuple(f"scores/engagement.{column}" for column in columns)


def _coverage() -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for source, who in REVIEW_SOURCES.items():
        count = _score(f"evaluation_{source}_count")
        columns[f"evaluation_{source}_engagement_count"] = (
            Integer,
            derived(
                f"Engagements with at least one scored evaluation by {who}.", sources=count, unit="engagements", ge=0
            ),
        )
        columns[f"evaluation_{source}_coverage_ratio"] = (
            Number,
            derived(
                f"Share of the engagements that have a scored evaluation by {who}.",
                sources=(*count, *_score("engagement_pid")),
                unit="ratio",
                ge=0,
                le=1,
            ),
        )
    return columns


_AGENT_DAILY_COLUMNS: dict[str, Column] = {
    "start_date": (
        Date,
        derived(
            "Day on which the engagements started, in the warehouse's time zone.",
            sources=_score("start_date"),
            unit="day",
            nullable=False,
        ),
    ),
    "agent_pid": (
        Text,
        derived("Agent who engaged.", sources=_score("agent_pid"), nullable=False, personal="indirect"),
    ),
    "agent_name": (
        Text,
        derived(
            "Name of the agent on the latest of the day's engagements that has one.",
            sources=_score("agent_name", "start_time"),
            personal="direct",
        ),
    ),
    "is_bot": (
        Boolean,
        derived("Whether the agent is a machine; null where the agent's type is not known.", sources=_score("is_bot")),
    ),
    "engagement_count": (
        Integer,
        derived("Engagements that count.", sources=_score("engagement_pid"), unit="engagements", nullable=False, ge=1),
    ),
    "handle_time_missing_count": (
        Integer,
        derived(
            "Engagements of which none of the three parts of the handle time is known; they are not in its mean.",
            sources=_score("handle_time_ms"),
            unit="engagements",
            nullable=False,
            ge=0,
        ),
    ),
    **{name: column for measure in VALUE_MEASURES for name, column in _daily_family(measure).items()},
    **{counter.name: _counter(counter, _score(counter.name)) for counter in TURN_COUNTERS},
    **{name: column for measure in GROUPED_MEASURES for name, column in _daily_family(measure).items()},
    **_coverage(),
    **{counter.name: _counter(counter, _score(counter.name)) for counter in REVIEW_COUNTERS},
    "answer_auto_found_engagement_count": (
        Integer,
        derived(
            "Engagements in which an auto reviewer found something, by the questions that get a row only then.",
            sources=_score("answer_auto_found_count"),
            unit="engagements",
            ge=0,
        ),
    ),
    "answer_auto_found_ratio": (
        Number,
        derived(
            "Share of all counted engagements in which an auto reviewer found something, by these questions.",
            sources=_score("answer_auto_found_count", "engagement_pid"),
            unit="ratio",
            ge=0,
            le=1,
        ),
    ),
    "service_level_counts": (
        Text,
        derived(
            "Engagements for each service level, in lower case, as a JSON object; those without one are not in it.",
            sources=_score("service_level"),
            nullable=False,
        ),
    ),
    "service_level_judged_count": (
        Integer,
        derived(
            "Engagements whose service level is neither null nor ignored, where the settings say which values are met.",
            sources=_score("is_service_level_met"),
            unit="engagements",
            nullable=False,
            ge=0,
        ),
    ),
    "service_level_met_count": (
        Integer,
        derived(
            "Engagements whose service level is one that the settings call met.",
            sources=_score("is_service_level_met"),
            unit="engagements",
            nullable=False,
            ge=0,
        ),
    ),
    "service_level_met_ratio": (
        Number,
        derived(
            "Share of the judged engagements whose service level was met; null where none was judged.",
            sources=_score("is_service_level_met"),
            unit="ratio",
            ge=0,
            le=1,
        ),
    ),
}

AgentDaily: type[Table] = _build_model(
    ScoreFacts(
        "scores/agent_daily",
        "agent and start day with at least one engagement that counts",
        ("start_date", "agent_pid"),
    ),
    "AgentDaily",
    "An agent's day as sums, counts and sums of squares, which add up over days, and the means they give.",
    _AGENT_DAILY_COLUMNS,
)

SCORE_MODELS: dict[str, type[Table]] = {"engagement": EngagementScore, "agent_daily": AgentDaily}
"""The score tables by the last part of their asset key."""
