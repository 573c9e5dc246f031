"""The table `scores/settlement`."""

from salted_assets.schemas.base import Date, Table, Text, derived
from salted_assets.schemas.measures import delivered
from salted_assets.schemas.scores.columns import (
    Column,
    ScoreFacts,
    build_count,
    build_label,
    build_model,
    build_number,
    build_ratio,
)

SETTLEMENT_KEY = ("known_date", "source", "weekday", "age_days")

_COUNTED = delivered(
    "review",
    *("review_session_id", "type", "status", "verified", "answer_score", "worst_score", "best_score"),
    "engagement_start_time",
)
_DAYS = delivered("review", "engagement_start_time")


def _day(description: str, *, nullable: bool = True) -> Column:
    return Date, derived(description, sources=_DAYS, unit="day", nullable=nullable)


_COLUMNS: dict[str, Column] = {
    "known_date": _day("Day from whose export on this is known: the partition's day.", nullable=False),
    "source": build_label("Who reviewed: reviewer, auto, customer or agent.", _COUNTED, nullable=False),
    "weekday": build_count("Weekday of the start day, 1 for Monday to 7.", _DAYS, "day", nullable=False, le=7),
    "age_days": build_count(
        "Days from the start day to the newest day that is exported: 0 where the start day itself is the newest.",
        _DAYS,
        "days",
        nullable=False,
    ),
    "day_count": build_count("Days with evaluations out of which it was learned.", _COUNTED, "days", nullable=False),
    "seen_ratio": build_ratio(
        "Share of the final evaluations that is in at this age, on such a weekday; on all days for one without any.",
        _COUNTED,
    ),
    "log_odds": build_number(
        "Usual log((seen + .5) / (final - seen + .5)), weekdays drawn towards all days.", _COUNTED, "log odds"
    ),
    "log_odds_reach": build_number("How far from it nine in ten days are at most.", _COUNTED, "log odds", ge=0),
    "largest_count": build_number(
        "Final evaluations of such a weekday, at most in nine of ten.", _COUNTED, "evaluations"
    ),
    "lower_widening_ratio": build_number(
        "How many times as far as usual the lower limit is from the expected count: above 1 where more arrived in the "
        "last two days than usual (a backlog that was worked off).",
        _COUNTED,
        "ratio",
        ge=1,
    ),
    "upper_widening_ratio": build_number(
        "The same of the upper limit: above 1 where fewer arrived (an outage).", _COUNTED, "ratio", ge=1
    ),
    "move_factor": build_number(
        "How far an agent's mean of 7 days moved at most in nine of ten past cases, over sqrt(1/n now - 1/n final).",
        (*_COUNTED, *delivered("review", "agent_pid")),
        "0..1",
        ge=0,
    ),
    "move_bound": build_number(
        "How far an agent's mean of 7 days moved at most in nine of ten past cases, whatever its number.",
        (*_COUNTED, *delivered("review", "agent_pid")),
        "0..1",
        ge=0,
    ),
    "settled_age_days": build_count(
        "First age from which on 99 % of the final evaluations of all weekdays are in; null where there is none.",
        _COUNTED,
        "days",
    ),
    "learning_day_count": build_count(
        "Complete days that were learned from: 28, or 0 where there are not as many.", _DAYS, "days", nullable=False
    ),
    "first_start_date": _day("First of them."),
    "last_start_date": _day("Last of them."),
    "not_known_reason": (Text, derived("Why nothing is known; null where it is.", sources=_DAYS)),
    "known_from_date": _day(
        "First partition that will know, if every day is exported on time from now on; null where it is known, or "
        "cannot be said."
    ),
}

SettlementScore: type[Table] = build_model(
    ScoreFacts("scores/settlement", "source, weekday and age below the horizon", SETTLEMENT_KEY, formula_version=2),
    "SettlementScore",
    "How much of a day's evaluations is in by its age, and how far figures still move, learned from the 28 newest days "
    "that were exported on time up to the horizon. Pages join it when they are read, so that no score depends on it. "
    "Nothing is known until the exports have run day by day for that long.",
    _COLUMNS,
)
