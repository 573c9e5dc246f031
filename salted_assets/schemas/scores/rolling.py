"""The tables of windows: `scores/agent_rolling`, `scores/team_rolling`."""

from salted_assets.schemas.base import Date, Table, derived
from salted_assets.schemas.measures import scored
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores.columns import (
    Column,
    ScoreFacts,
    build_count,
    build_flag,
    build_label,
    build_limits,
    build_model,
    build_number,
)

WINDOWS = (7, 28, 91)
"""The lengths of the windows in days; the last day of each is the partition's."""

AGENT_ROLLING_KEY = ("end_date", "window_days", "agent_pid", "measure")
TEAM_ROLLING_KEY = ("end_date", "window_days", "team", "is_bot", "measure")

_MEASURED = scored("agent_daily", "<measure>")
_SUMS = scored("agent_daily", "<measure>_count", "<measure>_sum", "<measure>_sum_of_squares")


WINDOW_DAYS: dict[str, Column] = {
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
        "What is counted: engagements or evaluations. Limits count several evaluations of one engagement as one.",
        _MEASURED,
        nullable=False,
    ),
}

_MEAN: dict[str, Column] = {
    "measure_count": build_count(
        "Engagements or evaluations (`unit_of_count`) that have the measure.",
        scored("agent_daily", "<measure>_count"),
        "unit of count",
        nullable=False,
    ),
    "mean": build_number("Mean; the geometric mean of handle_time_geometric_ms, the share of a ratio.", _SUMS),
    **build_limits(
        "mean", "the mean; null where the values tell none: of times and AI scores fewer than two, or all equal", _SUMS
    ),
}

_PREVIOUS: dict[str, Column] = {
    "previous_count": build_count(
        "Engagements or evaluations with the measure in the window of the same length before.",
        scored("agent_daily", "<measure>_count"),
        "unit of count",
        nullable=False,
    ),
    "previous_mean": build_number("The same mean in the window of the same length before.", _SUMS),
    "trend": build_number("Mean minus previous mean.", _SUMS),
    **build_limits("trend", "the trend; where it holds 0, nothing says that anything changed", _SUMS),
}

WINDOW_AGENT: dict[str, Column] = {
    "agent_pid": build_label("Agent.", scored("agent_daily", "agent_pid"), nullable=False, personal="indirect"),
    "agent_name": build_label(
        "Name of the agent on the latest day to the end date that has one.",
        scored("agent_daily", "agent_name"),
        personal="direct",
    ),
    "is_bot": build_flag(
        "Whether the agent is a machine; null where the agent's type is not known, who then is among the people.",
        scored("agent_daily", "is_bot"),
        nullable=True,
    ),
    "team": build_label(
        "Team in which the agent had most engagements of the window, of several the first in alphabetical order.",
        scored("agent_segment_daily", "team", "engagement_count"),
    ),
    "channel_type": build_label(
        "Type of channel in which the agent had most engagements of the window, in upper case.",
        scored("agent_segment_daily", "channel_type", "engagement_count"),
    ),
}
"""Who the agent of a row is, by the window's days."""

_AGENT_COLUMNS: dict[str, Column] = {
    **WINDOW_DAYS,
    **WINDOW_AGENT,
    "engagement_count": build_count(
        "Engagements that count.", scored("agent_daily", "engagement_count"), nullable=False, ge=1
    ),
    "days_worked_count": build_count(
        "Days of the window with such an engagement.", scored("agent_daily", "start_date"), "days", nullable=False, ge=1
    ),
    **_MEASURE,
    "is_ranked": build_flag(
        "Whether agents are ranked by it; what describes the case, the customer, the routing or the review plan is "
        "shown and never ranked.",
        _MEASURED,
    ),
    **_MEAN,
    **_PREVIOUS,
}

AgentRolling: type[Table] = build_model(
    ScoreFacts(
        "scores/agent_rolling",
        "window of 7, 28 or 91 days ending on the partition's day, agent with an engagement in it, and measure",
        AGENT_ROLLING_KEY,
        formula_version=2,
    ),
    "AgentRolling",
    "Agents' plain means over a window with their intervals and trends. What they are worth beside the others, and who "
    "may be compared with whom, is in `scores/fair`. A measure that nobody has in the window has no rows.",
    _AGENT_COLUMNS,
)

_TEAM_COLUMNS: dict[str, Column] = {
    **WINDOW_DAYS,
    "team": build_label(
        "Team; each agent is in the one with most of the agent's engagements of the window. Null where none is known.",
        scored("agent_segment_daily", "team", "engagement_count"),
    ),
    "is_bot": build_flag("Whether these are the team's machines, or its people.", scored("agent_daily", "is_bot")),
    "agent_count": build_count(
        "Agents of the team.", scored("agent_daily", "agent_pid"), "agents", nullable=False, ge=1
    ),
    "engagement_count": build_count(
        "Engagements that count, of these agents.", scored("agent_daily", "engagement_count"), nullable=False, ge=1
    ),
    **_MEASURE,
    **_MEAN,
    **_PREVIOUS,
}

TeamRolling: type[Table] = build_model(
    ScoreFacts(
        "scores/team_rolling",
        "window of 7, 28 or 91 days ending on the partition's day, team, people or machines, and measure",
        TEAM_ROLLING_KEY,
        formula_version=2,
    ),
    "TeamRolling",
    "Teams' means over a window with their intervals: of the agents that `scores/agent_rolling` shows in the team, so "
    "that its counts add up to these. Teams are not ranked, and one of fewer than five agents is compared with nothing "
    "but its own past.",
    _TEAM_COLUMNS,
)
