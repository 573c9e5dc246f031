"""The tables of sums for an agent's day: `scores/agent_daily`, `scores/agent_segment_daily`."""

from salted_assets.schemas.base import Boolean, Date, Number, Table, Text, derived
from salted_assets.schemas.measures import (
    ENGAGEMENT_SENTIMENT_MEASURES,
    EVALUATION_MEASURES,
    GROUPED_MEASURES,
    REPRESENTATIVE,
    REVIEW_COUNTERS,
    REVIEW_SOURCES,
    TURN_COUNTERS,
    VALUE_MEASURES,
    Measure,
    scored,
)
from salted_assets.schemas.scores.columns import (
    PARTS,
    Column,
    ScoreFacts,
    build_count,
    build_counter,
    build_family,
    build_label,
    build_model,
    build_ratio,
)

AGENT_KEY = ("start_date", "agent_pid")
SEGMENT_KEY = (*AGENT_KEY, "team", "channel_type", "queue", "language")


def _score(*columns: str) -> tuple[str, ...]:
    return scored("engagement", *columns)


def build_daily_family(measure: Measure) -> dict[str, Column]:
    """A day's family: a single number is counted and summed, a grouped measure's own counts and sums are added up."""
    if measure in ENGAGEMENT_SENTIMENT_MEASURES:
        return build_family(measure, dict.fromkeys(PARTS, measure.sources))
    if measure in VALUE_MEASURES:
        return build_family(measure, dict.fromkeys(PARTS, _score(measure.name)))
    count, total, squares = (_score(f"{measure.name}_{part}") for part in ("count", "sum", "sum_of_squares"))
    return build_family(measure, {"count": count, "sum": total, "squares": squares, "mean": (*total, *count)})


def build_coverage(source: str) -> dict[str, Column]:
    """How many, and which share, of the engagements have an evaluation by the source."""
    who, count = REVIEW_SOURCES[source], _score(f"evaluation_{source}_count")
    return {
        f"evaluation_{source}_engagement_count": build_count(
            f"Engagements with at least one scored evaluation by {who}.", count
        ),
        f"evaluation_{source}_coverage_ratio": build_ratio(
            f"Share of the engagements that have a scored evaluation by {who}.", (*count, *_score("engagement_pid"))
        ),
    }


def build_engagement_means(measure: Measure) -> dict[str, Column]:
    """The sums of engagements' own means and squared counts; those of every sampling are counted elsewhere."""
    source = _score(f"{measure.name}_mean")
    what = f"of the engagement's own mean over these: {measure.what}"
    sums: dict[str, Column] = {
        f"{measure.name}_engagement_mean_{part}": (
            Number,
            derived(f"{of} over the engagements that have such an evaluation, {what}.", sources=source, unit=unit),
        )
        for part, of, unit in (("sum", "Sum", "sum"), ("sum_of_squares", "Sum of squares", "sum of squares"))
    }
    sums[f"{measure.name}_engagement_squared_count_sum"] = (
        Number,
        derived(
            f"Sum over these engagements of the squared number of such evaluations that each has: {measure.what}.",
            sources=_score(f"{measure.name}_count"),
            unit="sum of squares",
        ),
    )
    if not measure.name.endswith(REPRESENTATIVE):
        return sums
    count = build_count(f"Engagements with at least one such evaluation: {measure.what}.", source)
    return {f"{measure.name}_engagement_count": count, **sums}


START_DATE: Column = (
    Date,
    derived(
        "Day on which the engagements started, in the warehouse's time zone.",
        sources=_score("start_date"),
        unit="day",
        nullable=False,
    ),
)

ENGAGEMENT_COUNT: Column = build_count("Engagements that count.", _score("engagement_pid"), nullable=False, ge=1)

HANDLE_TIME_MISSING_COUNT: Column = build_count(
    "Engagements without a handle time, which are not in its mean: all three parts are empty, or one was refused, is "
    "the vendor's reserved number or negative.",
    _score("handle_time_ms"),
    nullable=False,
)

SERVICE_LEVEL: dict[str, Column] = {
    "service_level_counts": build_label(
        "Engagements for each service level, in lower case, as a JSON object; those without one are not in it.",
        _score("service_level"),
        nullable=False,
    ),
    "service_level_judged_count": build_count(
        "Engagements whose service level is neither null nor ignored, where the settings say which values are met.",
        _score("is_service_level_met"),
        nullable=False,
    ),
    "service_level_met_count": build_count(
        "Engagements whose service level is one that the settings call met.",
        _score("is_service_level_met"),
        nullable=False,
    ),
    "service_level_met_ratio": build_ratio(
        "Share of the judged engagements whose service level was met; null where none was judged.",
        _score("is_service_level_met"),
    ),
}

RESOLUTION: dict[str, Column] = {
    "resolution_counts": build_label(
        "Engagements for each resolution, in lower case, as a JSON object; those without one are not in it.",
        _score("resolution"),
        nullable=False,
    ),
    "resolution_judged_count": build_count(
        "Engagements that have a resolution, where the settings say which values mean resolved.",
        _score("is_resolved"),
        nullable=False,
    ),
    "resolved_count": build_count(
        "Engagements whose resolution is one that the settings call resolved.", _score("is_resolved"), nullable=False
    ),
    "resolved_ratio": build_ratio(
        "Share of the judged engagements that were resolved, null where none was judged; says what cases came as much "
        "as what was done, so not for ranking.",
        _score("is_resolved"),
    ),
}

_CASE_LABELS: dict[str, Column] = {
    "team": (Text, derived("Team that engaged, as recorded on the engagements.", sources=_score("team"))),
    "channel_type": (Text, derived("Type of channel.", sources=_score("channel_type"))),
    "queue": (Text, derived("Queue, as recorded on the engagements.", sources=_score("queue"))),
    "language": (Text, derived("Language of the engagements.", sources=_score("language"))),
}

_SUMS: dict[str, Column] = {
    "agent_name": build_label(
        "Name of the agent on the latest of these engagements that has one.",
        _score("agent_name", "start_time"),
        personal="direct",
    ),
    "is_bot": (
        Boolean,
        derived("Whether the agent is a machine; null where the agent's type is not known.", sources=_score("is_bot")),
    ),
    "engagement_count": ENGAGEMENT_COUNT,
    "handle_time_missing_count": HANDLE_TIME_MISSING_COUNT,
    **{name: column for measure in VALUE_MEASURES for name, column in build_daily_family(measure).items()},
    **{counter.name: build_counter(counter, _score(counter.name)) for counter in TURN_COUNTERS},
    **{
        name: column
        for measure in (*ENGAGEMENT_SENTIMENT_MEASURES, *GROUPED_MEASURES)
        for name, column in build_daily_family(measure).items()
    },
    **{name: column for source in REVIEW_SOURCES for name, column in build_coverage(source).items()},
    **{name: column for measure in EVALUATION_MEASURES for name, column in build_engagement_means(measure).items()},
    **{counter.name: build_counter(counter, _score(counter.name)) for counter in REVIEW_COUNTERS},
    "answer_auto_found_engagement_count": build_count(
        "Engagements in which an auto reviewer found something, by the questions that get a row only then.",
        _score("answer_auto_found_count"),
    ),
    "answer_auto_found_ratio": build_ratio(
        "Share of all counted engagements in which an auto reviewer found something, by these questions.",
        _score("answer_auto_found_count", "engagement_pid"),
    ),
    **SERVICE_LEVEL,
    **RESOLUTION,
}

_AGENT: dict[str, Column] = {
    "start_date": START_DATE,
    "agent_pid": build_label("Agent who engaged.", _score("agent_pid"), nullable=False, personal="indirect"),
}

AgentDaily: type[Table] = build_model(
    ScoreFacts("scores/agent_daily", "agent and start day with at least one engagement that counts", AGENT_KEY),
    "AgentDaily",
    "An agent's day as sums, counts and sums of squares, which add up over days, and the means they give.",
    {**_AGENT, **_SUMS},
)

AgentSegmentDaily: type[Table] = build_model(
    ScoreFacts(
        "scores/agent_segment_daily",
        "agent, team, channel, queue, language and start day with at least one engagement that counts",
        SEGMENT_KEY,
    ),
    "AgentSegmentDaily",
    "What an agent did on a day in one team, channel (the channel's type), queue and language: the columns of "
    "`scores/agent_daily` for each kind of case, where what is not known is a kind of its own.",
    {**_AGENT, **_CASE_LABELS, **_SUMS},
)
