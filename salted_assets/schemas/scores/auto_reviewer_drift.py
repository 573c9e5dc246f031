"""The table `scores/auto_reviewer_drift`."""

from salted_assets.schemas.base import Date, Number, Table, Text, derived
from salted_assets.schemas.measures import scored
from salted_assets.schemas.scores.columns import (
    Column,
    ScoreFacts,
    build_count,
    build_label,
    build_model,
    build_number,
)

DRIFT_KEY = ("end_date", "question_pid", "language", "queue")

DRIFT_DIRECTIONS = ("higher", "lower")
"""How the auto reviewer can come to score beside people."""


def _answer(*columns: str) -> tuple[str, ...]:
    return scored("answer", *columns)


_WHICH = _answer("source", "is_scored", "target", "is_random_or_all", "engagement_pid", "question_pid", "auto_score")
_BOTH = (*_WHICH, *_answer("start_date", "score", "reviewer_pid"))
_BREAKDOWNS = (*_BOTH, *_answer("language", "queue"))


def _day(description: str) -> Column:
    return Date, derived(description, sources=_BOTH, unit="day")


def _points(description: str, sources: tuple[str, ...] = _BOTH) -> Column:
    return Number, derived(description, sources=sources, unit="0..1", ge=-1, le=1)


_COLUMNS: dict[str, Column] = {
    "end_date": (
        Date,
        derived("Last day that is looked at: the partition's day.", sources=_BOTH, unit="day", nullable=False),
    ),
    "question_pid": build_label("Question that people and the auto reviewer answer.", _WHICH, nullable=False),
    "question_name": build_label("Newest text of the question.", _answer("question_pid", "question_name")),
    "language": build_label(
        "Language of the engagements that the row is of; null in rows of all languages.", _answer("language")
    ),
    "queue": build_label("Queue of the engagements that the row is of; null in rows of all queues.", _answer("queue")),
    "change_direction": build_label(
        "Direction of the quarter's last alarm: higher where the auto reviewer scores higher beside people than "
        "before, lower, or null where there is none.",
        _BOTH,
    ),
    "change_since": _day("Day since when, by the sums; null without an alarm."),
    "shift": (
        Number,
        derived(
            "How much higher the auto reviewer scores beside people since then than at the level of before (lower "
            "where negative), about: the days that led to the alarm show it somewhat too large. Null without an alarm.",
            sources=_BOTH,
            unit="0..1",
            ge=-2,
            le=2,
        ),
    ),
    "first_alarm_date": _day("Day of the first alarm of those in a row of this direction; null without an alarm."),
    "last_alarm_date": _day("Day of the last alarm; null without one."),
    "alarm_count": build_count("Alarms of the calendar quarter so far.", _BOTH, "alarms", nullable=False),
    "change_statistic": build_number(
        "Cumulative sum that is nearer to its threshold, over that: an alarm is 1 or more, negative for lower; null "
        "where there is no level.",
        _BOTH,
        "ratio",
    ),
    "engagement_count": build_count(
        "Drawn engagements that both answered it about: since the change, without an alarm in the quarter so far.",
        _BOTH,
        nullable=False,
    ),
    "both_count": build_count(
        "Drawn engagements that both answered it about, on all days that are read: from 119 days before the quarter.",
        _BOTH,
        nullable=False,
    ),
    "auto_less_people_mean": (
        Number,
        derived(
            "Mean over these of the auto reviewer's score, as first given, less people's answers, each less what its "
            "reviewer is off by.",
            sources=_BOTH,
            unit="0..1",
            ge=-2,
            le=2,
        ),
    ),
    "level_mean": (
        Number,
        derived(
            "The same over the 91 days that ended 28 days before the run of days began which led to the (first) alarm, "
            "or which goes on; null where too few engagements were answered by both.",
            sources=_BOTH,
            unit="0..1",
            ge=-2,
            le=2,
        ),
    ),
    "standard_deviation": build_number(
        "That of an engagement's difference in the 91 days plus its standard error, at least 0.05; null without level.",
        _BOTH,
        "0..1",
        ge=0,
    ),
    "false_alarms_a_year": build_number(
        "False alarms a year for which the thresholds of the row are set, both directions together.",
        _BREAKDOWNS,
        "alarms a year",
        ge=0,
    ),
    "main_language": build_label(
        "Language in which the alarm of a question stands out from the other ones; null where none does.", _BREAKDOWNS
    ),
    "main_queue": build_label("The same of queues.", _BREAKDOWNS),
    "not_known_reason": (Text, derived("Why it cannot be known yet; null where it is.", sources=_BOTH)),
}

AutoReviewerDrift: type[Table] = build_model(
    ScoreFacts(
        "scores/auto_reviewer_drift",
        "question that people and the auto reviewer answer, and per language and queue of it",
        DRIFT_KEY,
    ),
    "AutoReviewerDrift",
    "Whether the auto reviewer scores a question otherwise beside people than before: differences of both on drawn "
    "engagements, watched by cumulative sums from the first day of the calendar quarter on. A question's own sums give "
    "at most one false alarm a year, those of its languages together one in two years, and those of its queues. An "
    "alarm stays to the end of the quarter.",
    _COLUMNS,
)
