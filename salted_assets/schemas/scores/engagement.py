"""The table `scores/engagement`."""

from salted_assets.schemas.base import Boolean, Date, Integer, Number, Table, Text, Timestamp, derived
from salted_assets.schemas.measures import (
    GROUPED_MEASURES,
    REVIEW_COUNTERS,
    TURN_COUNTERS,
    VALUE_MEASURES,
    Measure,
    delivered,
)
from salted_assets.schemas.scores.columns import (
    PARTS,
    Column,
    ScoreFacts,
    build_counter,
    build_family,
    build_model,
    copied,
)


def _value(measure: Measure) -> Column:
    kind = Integer if measure.is_whole else Number
    text = f"{measure.what[0].upper()}{measure.what[1:]}."
    return kind, derived(text, sources=measure.sources, unit=measure.unit)


START_DATE: Column = (
    Date,
    derived(
        "Day on which the engagement started, in the warehouse's time zone.",
        sources=delivered("engagement", "start_time"),
        unit="day",
        nullable=False,
    ),
)

IS_BOT: Column = (
    Boolean,
    derived(
        "Whether the agent is a machine, by agent type (settings say which types are); null where it is not known.",
        sources=delivered("agent", "pid", "type"),
    ),
)

_COLUMNS: dict[str, Column] = {
    "start_date": START_DATE,
    "engagement_pid": (Text, derived("Engagement ID.", sources=delivered("engagement", "pid"), nullable=False)),
    **copied("conversation_id", Text, "Conversation that the engagement belongs to."),
    **copied("link", Text, "Link to the engagement in the source platform.", personal="indirect"),
    **copied("start_time", Timestamp, "Start of the engagement, preparation included.", unit="UTC"),
    **copied("agent_pid", Text, "Agent who engaged.", personal="indirect", nullable=False),
    **copied("agent_name", Text, "Name of the agent, as recorded on the engagement.", personal="direct"),
    "is_bot": IS_BOT,
    **copied("team", Text, "Team that engaged, as recorded on the engagement."),
    **copied("department", Text, "Department that engaged, as recorded on the engagement."),
    **copied("queue", Text, "Queue, as recorded on the engagement."),
    **copied("channel_type", Text, "Type of channel."),
    **copied("channel", Text, "Channel name, finer than its type."),
    **copied("direction", Text, "Who reached out: the customer (inbound) or the company (outbound)."),
    **copied("language", Text, "Language."),
    **copied("service_level", Text, "Service level as delivered."),
    "is_service_level_met": (
        Boolean,
        derived(
            "Whether the service level is one that the settings call met; null where it is null or ignored, or where "
            "the settings name no such value.",
            sources=delivered("engagement", "service_level"),
        ),
    ),
    **copied("resolution", Text, "Resolution as delivered."),
    "is_resolved": (
        Boolean,
        derived(
            "Whether the resolution is one that the settings call resolved; false for any other, null where it is null "
            "or where the settings name no such value.",
            sources=delivered("engagement", "resolution"),
        ),
    ),
    **{measure.name: _value(measure) for measure in VALUE_MEASURES},
    **{counter.name: build_counter(counter, counter.sources) for counter in TURN_COUNTERS},
    **{
        name: column
        for measure in GROUPED_MEASURES
        for name, column in build_family(measure, dict.fromkeys(PARTS, measure.sources)).items()
    },
    **{counter.name: build_counter(counter, counter.sources) for counter in REVIEW_COUNTERS},
}

EngagementScore: type[Table] = build_model(
    ScoreFacts(
        "scores/engagement",
        "engagement that counts: type Agent, status Completed, with an agent",
        ("engagement_pid",),
    ),
    "EngagementScore",
    "Engagements that count as an agent's work, each with what is known of how it went.",
    _COLUMNS,
)
