"""The table `scores/fair`: the best estimate of each agent that the window's data allow, with what it is worth."""

from typing import Any

from salted_assets.schemas.base import Boolean, Date, Number, Table, derived
from salted_assets.schemas.measures import scored
from salted_assets.schemas.rolling_measures import FAIR_MEASURES
from salted_assets.schemas.scores.columns import Column, ScoreFacts, build_count, build_label, build_model, build_ratio

FAIR_KEY = ("end_date", "window_days", "agent_pid", "measure")

CHANGE_DIRECTIONS = ("better", "worse")
"""What an alarm of change can say."""

_UNIT = "unit of the measure"
_DAY = scored("agent_daily", "start_date")
_MEASURED = scored("agent_daily", "<measure>")
_SUMS = scored("agent_daily", "<measure>_count", "<measure>_sum", "<measure>_sum_of_squares", "start_date")
_CHANNEL = scored("agent_segment_daily", "channel_type", "engagement_count")
_ANSWERS = scored(
    "answer",
    *("start_date", "engagement_pid", "agent_pid", "source", "reviewer_pid", "question_pid", "channel_type"),
    *("queue", "language", "is_random_or_all", "is_scored", "score", "weight"),
)
_CASES = scored(
    "agent_segment_daily",
    *("start_date", "agent_pid", "channel_type", "queue", "language"),
    *("<measure>_count", "<measure>_sum", "<measure>_sum_of_squares"),
)
_OWN = (*_SUMS, *_ANSWERS, *_CASES)
_PEERS = (*_OWN, *scored("agent_daily", "is_bot"))
_QUESTIONS = scored(
    "answer",
    *("start_date", "agent_pid", "source", "question_pid", "question_name", "form_id", "worst_score", "best_score"),
    *("evaluation", "engagement_pid", "is_scored"),
)


def _number(description: str, sources: tuple[str, ...], unit: str = _UNIT, **bounds: Any) -> Column:
    return Number, derived(description, sources=sources, unit=unit, **bounds)


def _limits(name: str, what: str, sources: tuple[str, ...], build: Any = _number) -> dict[str, Column]:
    return {
        f"{name}_{end}": build(f"{side} limit of the 95 % interval of {what}.", sources)
        for end, side in (("low", "Lower"), ("high", "Upper"))
    }


def _ratio_to_expected(description: str, sources: tuple[str, ...]) -> Column:
    return _number(description, sources, "ratio", ge=0)


def _flag(description: str, sources: tuple[str, ...], *, nullable: bool = False) -> Column:
    return Boolean, derived(description, sources=sources, nullable=nullable)


_WHO: dict[str, Column] = {
    "end_date": (
        Date,
        derived("Last day of the window: the partition's day.", sources=_DAY, unit="day", nullable=False),
    ),
    "window_days": build_count("Length of the window.", _DAY, "days", nullable=False, ge=1),
    "days_present_count": build_count(
        "Days of the window for which there are daily scores of anybody.", _DAY, "days", nullable=False, ge=1
    ),
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
        "Type of channel in which the agent had most engagements of the window, in upper case.", _CHANNEL
    ),
    "measure": build_label(
        "What is measured, by the name that it has in `scores/agent_daily`: "
        f"{', '.join(measure.name for measure in FAIR_MEASURES)}.",
        _MEASURED,
        nullable=False,
    ),
    "unit": build_label("Unit of the measure.", _MEASURED, nullable=False),
    "unit_of_count": build_label("What is counted: engagements or evaluations.", _MEASURED, nullable=False),
}

_FAIR: dict[str, Column] = {
    "measure_count": build_count(
        "Engagements or evaluations (`unit_of_count`) that have the measure.",
        scored("agent_daily", "<measure>_count"),
        "unit of count",
        nullable=False,
    ),
    "effective_count": _number(
        "How many independent ones the fair mean is worth, by its error: less, where those of one day or engagement "
        "resemble each other; more, where what is taken off explains much, or chosen engagements tell of the agent.",
        _OWN,
        "unit of count",
        ge=0,
    ),
    "fair_mean": _number(
        "The agent's level without what is not the agent's doing: of evaluation_reviewer what a usual reviewer would "
        "give on a random sample with the account's mix of questions, of handle time and AI scores what the agent's "
        "cases of usual kind would show. Of other measures the plain mean.",
        _OWN,
    ),
    **_limits("fair", "the fair mean", _OWN),
    "shrunk_mean": _number(
        "The best guess: the fair mean moved towards that of the group, the more the less is known of the agent. Null "
        "with fewer than six in the group.",
        _PEERS,
    ),
    **_limits("shrunk", "the shrunk mean", _PEERS),
    "shrink_weight": build_ratio(
        "How much of the distance to the group's mean was kept: 1 is the fair mean itself, 0 the group's.", _PEERS
    ),
    "reliability_ratio": build_ratio(
        "Share of the differences between agents that would be real, not chance, if all were measured as well as this "
        "one: signal / (signal + noise).",
        _PEERS,
    ),
    "is_reliable": _flag("Whether the agent may be compared with the group by it.", _PEERS),
    "not_comparable_reason": build_label(
        "Why not; null where it is reliable. Of evaluation_reviewer only engagements that were not chosen on purpose "
        "count as enough.",
        _PEERS,
    ),
}

_GROUP: dict[str, Column] = {
    "percentile": build_ratio(
        "Share of the others of the group below, on average over what all true levels may be. High is a high value, be "
        "it good or not.",
        _PEERS,
    ),
    **_limits("percentile", "the percentile", _PEERS, build_ratio),
    "above_median_probability": build_ratio(
        "Probability that the true level is above that of the median of the others.", _PEERS
    ),
    "component": build_count(
        "With whom the agent is compared: those of the same number, whom common questions or cases connect. Null where "
        "nothing but the channel matters.",
        (*_ANSWERS, *_CASES),
        "number",
    ),
    "group_count": build_count(
        "Agents who are compared with each other: people, or machines, of one channel and component with enough "
        "engagements or evaluations, this agent among them.",
        _PEERS,
        "agents",
        nullable=False,
    ),
    "group_mean": _number("Mean of the group's fair means, weighted by what is known of each.", _PEERS),
}

_EXPECTED: dict[str, Column] = {
    "expected_mean": _number(
        "What the others of the group would reach with the agent's own cases (channel, queue, language). Handle time "
        "and AI scores only.",
        _CASES,
    ),
    "difference_to_expected": _number("Mean minus expected mean.", _CASES),
    **_limits("difference_to_expected", "the difference", _CASES),
    "ratio_to_expected": _ratio_to_expected(
        "Mean / expected mean, of the geometric mean of handle times: above 1 is more than expected.", _CASES
    ),
    **_limits("ratio_to_expected", "the ratio", _CASES, _ratio_to_expected),
    "evaluations_needed_count": build_count(
        "Evaluations that a window would need for an interval of the mean of +-0.05, at the spread that evaluations of "
        "one agent have in the group; null for other measures.",
        _PEERS,
        "evaluations",
        ge=2,
    ),
}

_CHANGE: dict[str, Column] = {
    "change_direction": build_label(
        "Last alarm of the calendar quarter that evaluations have got better or worse than the agent's own level "
        "before; null where there is none. Of evaluation_reviewer over 7 days only.",
        _ANSWERS,
    ),
    "change_since": (
        Date,
        derived(
            "First day of the evaluations that led to it, or to the first of several in a row.",
            sources=_ANSWERS,
            unit="day",
        ),
    ),
    "change_statistic": _number(
        "How near the evaluations since the last alarm are to the next one: the sum of deviations over its threshold, "
        "below 0 where they are lower, 1 or -1 an alarm.",
        _ANSWERS,
        "threshold",
    ),
    "has_changed_questions": _flag(
        "Whether a question or a form that human reviewers evaluated the agent with changed within the window: another "
        "text or scale, other questions. Null for other measures.",
        _QUESTIONS,
        nullable=True,
    ),
}

FairScore: type[Table] = build_model(
    ScoreFacts(
        "scores/fair",
        "window of 7, 28 or 91 days ending on the partition's day, agent with an engagement in it, and measure by "
        "which agents are ranked",
        FAIR_KEY,
    ),
    "FairScore",
    "The best estimate of each agent: level without the luck of questions, reviewers and cases, the best guess beside "
    "the group, and whether they may be compared. A measure that nobody has in the window has no rows.",
    {**_WHO, **_FAIR, **_GROUP, **_EXPECTED, **_CHANGE},
)
