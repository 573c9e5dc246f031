"""The table `scores/reviewer_calibration`."""

from typing import Any

from salted_assets.schemas.base import Date, Number, Table, derived
from salted_assets.schemas.measures import scored
from salted_assets.schemas.scores.columns import Column, ScoreFacts, build_count, build_label, build_model, build_ratio

CALIBRATION_KEY = ("end_date", "source", "reviewer_pid", "question_pid")

REVIEW_STATUSES = ("completed", "pending", "rejected", "timeout", "ignore", "deleted")
"""The review statuses of the vendor's review model, in lower case."""


def _answer(*columns: str) -> tuple[str, ...]:
    return scored("answer", *columns)


_WHO = _answer("reviewer_pid", "question_pid", "source")
_PAIR = (*_WHO, *_answer("engagement_pid", "turn_pid", "status", "score", "review_time"))
_EFFECT = _answer(
    *("start_date", "source", "is_scored", "reviewer_pid", "question_pid", "agent_pid", "engagement_pid", "is_bot"),
    *("channel_type", "queue", "language", "is_random_or_all", "score", "weight"),
)
_POINTS = "score points, 0..1"
_VERIFIED = _answer("source", "status", "verified")
_SIDES = (("low", "Lower"), ("high", "Upper"))


def _number(description: str, sources: tuple[str, ...], unit: str, **bounds: Any) -> Column:
    return Number, derived(description, sources=sources, unit=unit, **bounds)


def _limits(name: str, what: str, sources: tuple[str, ...]) -> dict[str, Column]:
    return {
        f"{name}_{end}": _number(f"{side} end of the 95 % interval of {what}.", sources, _POINTS)
        for end, side in _SIDES
    }


def _agreement(name: str, whom: str) -> dict[str, Column]:
    bounds = {"ge": -1, "le": 1}
    return {
        f"agreement_{name}_count": build_count(
            f"Pairs of a score of theirs with one of {whom} to the same question of the same engagement or turn.",
            _PAIR,
            "pairs",
            nullable=False,
        ),
        f"agreement_{name}_exact_ratio": build_ratio(
            f"Share of these pairs in which the two scores are equal; null under 20 pairs with {whom}.", _PAIR
        ),
        **{
            f"agreement_{name}_exact_{end}": build_ratio(
                f"{side} end of the 95 % interval of the share equal with {whom}.", _PAIR
            )
            for end, side in _SIDES
        },
        f"agreement_{name}_ac2": _number(
            f"Gwet's AC2 with {whom}, with quadratic weights: 1 is full agreement, 0 what chance gives. It does not "
            "fall where nearly all answers are the same, as kappa does. Null under 20 pairs.",
            _PAIR,
            "AC2",
            **bounds,
        ),
        **{
            f"agreement_{name}_ac2_{end}": _number(
                f"{side} end of the 95 % interval of AC2 with {whom}; null where no engagement left out changes it.",
                _PAIR,
                "AC2",
                **bounds,
            )
            for end, side in _SIDES
        },
        f"agreement_{name}_kappa": _number(
            f"Quadratic weighted kappa with {whom}: 1 is full agreement, 0 what chance gives. Null under 20 pairs and "
            "where one of the two never varies.",
            _PAIR,
            "kappa",
            **bounds,
        ),
        **{
            f"agreement_{name}_{end}": _number(
                f"{side} end of the 95 % interval of the kappa with {whom}; null where no engagement left out would "
                "change it.",
                _PAIR,
                "kappa",
                **bounds,
            )
            for end, side in _SIDES
        },
    }


_COLUMNS: dict[str, Column] = {
    "end_date": (
        Date,
        derived(
            "Last day of the window: the partition's day.", sources=_answer("start_date"), unit="day", nullable=False
        ),
    ),
    "days_present_count": build_count(
        "Days of the window whose answers are there.", _answer("start_date"), "days", nullable=False
    ),
    "source": build_label("Who reviewed: reviewer or auto.", _answer("source"), nullable=False),
    "reviewer_pid": build_label(
        "Reviewer, a person or a service; null where the review does not say.",
        _answer("reviewer_pid"),
        personal="indirect",
    ),
    "reviewer_name": build_label(
        "Name of the reviewer on the latest review that has one.",
        _answer("reviewer_name", "review_time"),
        personal="direct",
    ),
    "question_pid": build_label("Question.", _answer("question_pid")),
    "question_name": build_label(
        "Text of the question on the latest review that has one.", _answer("question_name", "review_time")
    ),
    **{
        f"{status}_count": build_count(
            f"Reviews of status {status.capitalize()}.", _answer("status"), "reviews", nullable=False
        )
        for status in REVIEW_STATUSES
    },
    "days_to_review_mean": _number(
        "Mean time from the engagement's end to the last update of a completed review.",
        _answer("status", "days_to_review"),
        "days",
    ),
    "score_count": build_count(
        "Completed reviews with a score.", _answer("status", "score"), "answers", nullable=False
    ),
    "score_mean": _number("Their mean score.", _answer("status", "score"), "0..1", ge=0, le=1),
    "worst_ratio": build_ratio(
        "Share of them that are the worst of their scale; null where there is none.", _answer("status", "is_worst")
    ),
    **_agreement("reviewer", "other human reviewers"),
    **_agreement("auto", "the auto reviewers"),
    "leniency": _number(
        "How much more this reviewer gives than the others on average, on all questions: the reviewer's effect in the "
        "model of `scores/fair`, beside agents, questions and kinds of work, pulled to 0 by its own uncertainty. "
        "Agents are grouped by the channel of most of the answers about them. Alike in every row of the reviewer; null "
        "where nothing tells it apart from the agents.",
        _EFFECT,
        _POINTS,
    ),
    **_limits("leniency", "the leniency", _EFFECT),
    "leniency_drift": _number(
        "Leniency minus that of the 91 days before, each against the reviewers of its time; null where either is not "
        "known.",
        _EFFECT,
        _POINTS,
    ),
    **_limits("leniency_drift", "the drift; null where either has none", _EFFECT),
    "verified_correct_count": build_count(
        "Completed auto reviews verified Correct; null for people.", _VERIFIED, "reviews"
    ),
    "verified_incorrect_count": build_count(
        "Completed auto reviews verified Incorrect; null for people.", _VERIFIED, "reviews"
    ),
    "verified_unclear_count": build_count(
        "Completed auto reviews verified Unclear; null for people.", _VERIFIED, "reviews"
    ),
    "precision_ratio": build_ratio(
        "Correct / (Correct + Incorrect) of the auto reviews that somebody verified; null where nobody did. These were "
        "chosen, mostly because they looked wrong: a lower bound in practice, no estimate for all auto reviews.",
        _VERIFIED,
    ),
    "precision_low": build_ratio("Lower end of its 95 % interval, for reviews chosen alike.", _VERIFIED),
    "precision_high": build_ratio("Upper end of its 95 % interval, for reviews chosen alike.", _VERIFIED),
}

ReviewerCalibration: type[Table] = build_model(
    ScoreFacts(
        "scores/reviewer_calibration",
        "human or auto reviewer and question with a review in the window",
        CALIBRATION_KEY,
        formula_version=3,
    ),
    "ReviewerCalibration",
    "Whether reviewers mean the same by the same answer: the 91 days that end on the partition's day.",
    _COLUMNS,
)
