"""The table `scores/fair`: the best estimate of each agent that the window's data allow, with what it is worth."""

from salted_assets.schemas.base import Date, Table, derived
from salted_assets.schemas.measures import scored
from salted_assets.schemas.rolling_measures import FAIR_MEASURES
from salted_assets.schemas.scores.columns import (
    Column,
    ScoreFacts,
    build_count,
    build_flag,
    build_label,
    build_limits,
    build_model,
    build_number,
    build_ratio,
)
from salted_assets.schemas.scores.rolling import WINDOW_AGENT, WINDOW_DAYS

FAIR_KEY = ("end_date", "window_days", "agent_pid", "measure")

CHANGE_DIRECTIONS = ("better", "worse")
"""What an alarm of change can say."""

FEWEST_OTHERS = 5
FEWEST_IN_GROUP = FEWEST_OTHERS + 2
"""People in a group below which its `GROUP_FIGURES` tell an agent of colleagues: once two of them have taken their own
out, fewer than `FEWEST_OTHERS` would be left."""

GROUP_FIGURES = (
    *(f"shrunk_{part}" for part in ("mean", "low", "high")),
    *("shrink_weight", "reliability_ratio", "evaluations_needed_count"),
    *("anchored_shrunk_mean", "anchored_weight"),
    *("percentile", "percentile_low", "percentile_high", "above_median_probability"),
    *("component", "group_count", "group_mean", "expected_mean"),
    *(f"{name}_to_expected{end}" for name in ("difference", "ratio") for end in ("", "_low", "_high")),
)
"""The columns that tell of the group: the best guess does, being drawn towards the group's mean."""

_MEASURED = scored("agent_daily", "<measure>")
_SUMS = scored("agent_daily", "<measure>_count", "<measure>_sum", "<measure>_sum_of_squares", "start_date")
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
_BOTH = (
    *_ANSWERS,
    *scored("answer", "form_id", "target", "status", "auto_score", "is_found_only"),
    *scored("agent_segment_daily", "start_date", "agent_pid", "channel_type", "engagement_count"),
)
_QUESTIONS = scored(
    "answer",
    *("start_date", "agent_pid", "source", "question_pid", "question_name", "form_id", "worst_score", "best_score"),
    *("evaluation", "engagement_pid", "is_scored"),
)


def _ratio_to_expected(description: str, sources: tuple[str, ...]) -> Column:
    return build_number(description, sources, "ratio", ge=0)


_WHO: dict[str, Column] = {
    **WINDOW_DAYS,
    **WINDOW_AGENT,
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
    "effective_count": build_number(
        "How many independent ones the fair mean is worth, by its error: fewer than there are, where those of one day "
        "or engagement resemble each other, or little is known of how the reviewers are.",
        _OWN,
        "unit of count",
        ge=0,
    ),
    "fair_mean": build_number(
        "The agent's level without what is not the agent's doing: of evaluation_reviewer what a usual reviewer would "
        "give on a random sample with the account's mix of questions, of handle time and AI scores what the agent's "
        "cases of usual kind would show. Of other measures the plain mean.",
        _OWN,
    ),
    **build_limits("fair", "the fair mean", _OWN),
    "shrunk_mean": build_number(
        "The best guess: the fair mean moved towards that of the group, the more the less is known of the agent. Null "
        "with fewer than six in the group.",
        _PEERS,
    ),
    **build_limits("shrunk", "the shrunk mean", _PEERS),
    "shrink_weight": build_ratio(
        "How much of the distance to the group's mean was kept: 1 is the fair mean itself, 0 the group's.", _PEERS
    ),
    "reliability_ratio": build_ratio(
        "Share of the differences between agents that would be real, not chance, if all were measured as well as this "
        "one: signal / (signal + noise).",
        _PEERS,
    ),
    "is_reliable": build_flag("Whether the agent may be compared with the group by it.", _PEERS),
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
    **build_limits("percentile", "the percentile", _PEERS, build_ratio),
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
    "group_mean": build_number(
        "Mean of the group's true levels as estimated: what shrunk means are moved towards. Null where nobody is.",
        _PEERS,
    ),
}

_EXPECTED: dict[str, Column] = {
    "expected_mean": build_number(
        "What the others of the group would reach with the agent's own cases (channel, queue, language). Handle time "
        "and AI scores only.",
        _CASES,
    ),
    "difference_to_expected": build_number("Mean minus expected mean.", _CASES),
    **build_limits("difference_to_expected", "the difference", _CASES),
    "ratio_to_expected": _ratio_to_expected(
        "Mean / expected mean, of the geometric mean of handle times: above 1 is more than expected.", _CASES
    ),
    **build_limits("ratio_to_expected", "the ratio", _CASES, _ratio_to_expected),
    "evaluations_needed_count": build_count(
        "Evaluations that a window would need for an interval of the mean of +-0.05, at the spread that evaluations of "
        "one agent have in the group; null for other measures.",
        _PEERS,
        "evaluations",
        ge=2,
    ),
}

_ANCHORED: dict[str, Column] = {
    "anchored_count": build_count(
        "Engagements in the agent's main channel that people evaluated, not chosen on purpose, with the questions that "
        "the auto reviewer answers, too. This column and the next ones are of evaluation_reviewer only.",
        _BOTH,
        nullable=True,
    ),
    "anchored_mean": build_number(
        "Mean of people's evaluations of these questions, less what is known of their reviewers, corrected by how the "
        "auto reviews of these engagements differ from those of all the agent's engagements (prediction-powered "
        "inference, Angelopoulos and others 2023, Science 382). Not corrected where auto reviews tell nothing. "
        "What only who listens perceives is not corrected.",
        _BOTH,
        "0..1",
        ge=0,
        le=1,
    ),
    **build_limits("anchored", "the anchored mean", _BOTH),
    "anchored_shrunk_mean": build_number(
        "The anchored mean moved towards that of colleagues with the same questions in the channel. Null with fewer "
        "than seven of them, of whom it would tell too much.",
        _BOTH,
        "0..1",
        ge=0,
        le=1,
    ),
    "anchored_weight": build_number(
        "What a point of the auto reviewer counts beside one of a person, by how the two go together in the "
        "colleagues' evaluations; 0 where auto reviews tell nothing.",
        _BOTH,
        "weight",
        ge=0,
    ),
    "anchored_extra_count": build_number(
        "How many more evaluations by people the auto reviews are worth: so many more would make the mean of people's "
        "alone as sure as the anchored mean is.",
        _BOTH,
        "evaluations",
        ge=0,
    ),
    "anchored_reason": build_label("Why auto reviews tell nothing of the agent; null where they do.", _BOTH),
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
    "change_statistic": build_number(
        "How near the evaluations since the last alarm are to the next one: the sum of deviations over its threshold, "
        "below 0 where they are lower, 1 or -1 an alarm.",
        _ANSWERS,
        "threshold",
    ),
    "has_changed_questions": build_flag(
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
        formula_version=4,
    ),
    "FairScore",
    "The best estimate of each agent: level without the luck of questions, reviewers and cases, the best guess beside "
    "the group, and whether they may be compared. A measure that nobody has in the window has no rows.",
    {**_WHO, **_FAIR, **_ANCHORED, **_GROUP, **_EXPECTED, **_CHANGE},
)
