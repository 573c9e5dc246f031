"""The tables of windows: `scores/agent_rolling`, `scores/team_rolling`."""

from typing import Any

from salted_assets.schemas.base import Boolean, Date, Number, Table, derived
from salted_assets.schemas.measures import scored
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores.columns import Column, ScoreFacts, build_count, build_label, build_model, build_ratio

WINDOWS = (7, 28, 91)
"""The lengths of the windows in days; the last day of each is the partition's."""

AGENT_ROLLING_KEY = ("end_date", "window_days", "agent_pid", "measure")
TEAM_ROLLING_KEY = ("end_date", "window_days", "team", "is_bot", "measure")

_UNIT = "unit of the measure"
_MEASURED = scored("agent_daily", "<measure>")
_SUMS = scored("agent_daily", "<measure>_count", "<measure>_sum", "<measure>_sum_of_squares")
_CASES = scored("agent_segment_daily", "<measure>_count", "<measure>_sum", "channel_type", "queue", "language")
_PEERS = (*_SUMS, *scored("agent_daily", "is_bot"), *scored("agent_segment_daily", "channel_type"))


def _number(description: str, sources: tuple[str, ...], unit: str = _UNIT, **bounds: Any) -> Column:
    return Number, derived(description, sources=sources, unit=unit, **bounds)


def _limits(name: str, what: str, build: Any = _number, sources: tuple[str, ...] = _SUMS) -> dict[str, Column]:
    return {
        f"{name}_{end}": build(f"{side} limit of the 95 % interval of {what}.", sources)
        for end, side in (("low", "Lower"), ("high", "Upper"))
    }


def _flag(description: str, sources: tuple[str, ...], *, nullable: bool = False) -> Column:
    return Boolean, derived(description, sources=sources, nullable=nullable)


_WINDOW: dict[str, Column] = {
    "end_date": (
        Date,
        derived(
            "Last day of the window: the partition's day.",
            sources=scored("agent_daily", "start_date"),
            unit="day",
            nullable=False,
        ),
    ),
    "window_days": build_count(
        "Length of the window.", scored("agent_daily", "start_date"), "days", nullable=False, ge=1
    ),
    "days_present_count": build_count(
        "Days of the window for which there are daily scores of anybody.",
        scored("agent_daily", "start_date"),
        "days",
        nullable=False,
        ge=1,
    ),
}

_MEASURE: dict[str, Column] = {
    "measure": build_label(
        "What is measured, by the name that it has in `scores/agent_daily`: "
        f"{', '.join(measure.name for measure in ROLLING_MEASURES)}.",
        _MEASURED,
        nullable=False,
    ),
    "unit": build_label("Unit of the measure.", _MEASURED, nullable=False),
    "unit_of_count": build_label(
        "What is counted as independent of each other: engagements or evaluations.", _MEASURED, nullable=False
    ),
}

_MEAN: dict[str, Column] = {
    "measure_count": build_count(
        "Engagements or evaluations (`unit_of_count`) that have the measure.",
        scored("agent_daily", "<measure>_count"),
        "unit of count",
        nullable=False,
    ),
    "mean": _number("Mean; the geometric mean of handle_time_geometric_ms, the share of a ratio.", _SUMS),
    **_limits("mean", "the mean; null where the values tell none: fewer than two, or all equal"),
}

_PREVIOUS: dict[str, Column] = {
    "previous_count": build_count(
        "Engagements or evaluations with the measure in the window of the same length before.",
        scored("agent_daily", "<measure>_count"),
        "unit of count",
        nullable=False,
    ),
    "previous_mean": _number("The same mean in the window of the same length before.", _SUMS),
    "trend": _number("Mean minus previous mean.", _SUMS),
    **_limits("trend", "the trend; where it holds 0, nothing says that anything changed"),
}

_EXPECTED: dict[str, Column] = {
    "expected_mean": _number(
        "Mean to expect from the cases that came: what others reach in the same channel, queue and language. Handle "
        "time and AI scores only.",
        _CASES,
    ),
    "ratio_to_expected": _number("Mean / expected mean: above 1 is more than expected.", _CASES, "ratio"),
    "difference_to_expected": _number("Mean minus expected mean.", _CASES),
}

_AGENT_COLUMNS: dict[str, Column] = {
    **_WINDOW,
    "agent_pid": build_label("Agent.", scored("agent_daily", "agent_pid"), nullable=False, personal="indirect"),
    "agent_name": build_label(
        "Name of the agent on the latest day to the end date that has one.",
        scored("agent_daily", "agent_name"),
        personal="direct",
    ),
    "is_bot": _flag(
        "Whether the agent is a machine; null where the agent's type is not known, who then is among the people.",
        scored("agent_daily", "is_bot"),
        nullable=True,
    ),
    "team": build_label(
        "Team in which the agent had most engagements of the window, of several the first in alphabetical order.",
        scored("agent_segment_daily", "team", "engagement_count"),
    ),
    "channel_type": build_label(
        "Type of channel in which the agent had most engagements of the window, in upper case. Peers are the others of "
        "the same type, machines and people apart.",
        scored("agent_segment_daily", "channel_type", "engagement_count"),
    ),
    "engagement_count": build_count(
        "Engagements that count.", scored("agent_daily", "engagement_count"), nullable=False, ge=1
    ),
    "days_worked_count": build_count(
        "Days of the window with such an engagement.", scored("agent_daily", "start_date"), "days", nullable=False, ge=1
    ),
    **_MEASURE,
    "is_ranked": _flag(
        "Whether agents are ranked by it; what describes the case, the customer, the routing or the review plan is "
        "shown and never ranked.",
        _MEASURED,
    ),
    **_MEAN,
    "shrunk_mean": _number(
        "The mean pulled towards that of the agents of the channel, this one among them, the more the less is known of "
        "the agent: the better guess at what comes next. Null with fewer than six agents.",
        _PEERS,
    ),
    **_limits("shrunk", "the shrunk mean", sources=_PEERS),
    "peer_count": build_count(
        "Other agents of the same channel with enough engagements or evaluations.", _PEERS, "agents", nullable=False
    ),
    "peer_mean": _number(
        "Mean of the agents of the channel with enough engagements or evaluations; null with fewer than six.",
        _PEERS,
    ),
    "reliability_ratio": build_ratio(
        "Share of the differences between agents that would be real, not chance, if all were measured as well as this "
        "one: signal / (signal + noise).",
        _PEERS,
    ),
    **_EXPECTED,
    "percentile": build_ratio(
        "Share of the peers below, on average over what all true means may be. High is a high value, be it good or "
        "not. Null where the measure is not ranked.",
        _PEERS,
    ),
    **_limits("percentile", "the percentile", build_ratio, _PEERS),
    "above_median_probability": build_ratio("Probability that the true mean is above the median peer's.", _PEERS),
    **_PREVIOUS,
    "evaluations_needed_count": build_count(
        "Evaluations that a window would need for an interval of the mean of +-0.05, at the spread that evaluations of "
        "one agent have among the peers; null for other measures.",
        _PEERS,
        "evaluations",
        ge=2,
    ),
    "leniency_corrected_mean": _number(
        "The mean after each answer less its reviewer's estimated leniency; may lie outside 0..1. For "
        "evaluation_reviewer only.",
        scored("answer", "reviewer_pid", "agent_pid", "question_pid", "score", "weight", "evaluation"),
        "0..1",
    ),
    "is_reliable": _flag("Whether the agent may be compared with peers by it.", _PEERS),
    "unreliable_reason": build_label("Why not; null where it is reliable.", _PEERS),
}

AgentRolling: type[Table] = build_model(
    ScoreFacts(
        "scores/agent_rolling",
        "window of 7, 28 or 91 days ending on the partition's day, agent with an engagement in it, and measure",
        AGENT_ROLLING_KEY,
    ),
    "AgentRolling",
    "Agents' means over a window with their intervals, what they are worth beside the peers, and what to expect of the "
    "cases that came. A measure that nobody has in the window has no rows.",
    _AGENT_COLUMNS,
)

_TEAM_COLUMNS: dict[str, Column] = {
    **_WINDOW,
    "team": build_label(
        "Team; each agent is in the one with most of the agent's engagements of the window. Null where none is known.",
        scored("agent_segment_daily", "team", "engagement_count"),
    ),
    "is_bot": _flag("Whether these are the team's machines, or its people.", scored("agent_daily", "is_bot")),
    "agent_count": build_count(
        "Agents of the team.", scored("agent_daily", "agent_pid"), "agents", nullable=False, ge=1
    ),
    "engagement_count": build_count(
        "Engagements that count, of these agents.", scored("agent_daily", "engagement_count"), nullable=False, ge=1
    ),
    **_MEASURE,
    **_MEAN,
    **_PREVIOUS,
    **_EXPECTED,
}

TeamRolling: type[Table] = build_model(
    ScoreFacts(
        "scores/team_rolling",
        "window of 7, 28 or 91 days ending on the partition's day, team, people or machines, and measure",
        TEAM_ROLLING_KEY,
    ),
    "TeamRolling",
    "Teams' means over a window with their intervals: of the agents that `scores/agent_rolling` shows in the team, so "
    "that its counts add up to these. Teams are not ranked, and one of fewer than five agents is compared with nothing "
    "but its own past.",
    _TEAM_COLUMNS,
)
