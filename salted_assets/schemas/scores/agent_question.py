"""The table `scores/agent_question`."""

from salted_assets.schemas.base import Boolean, Date, Number, Table, derived
from salted_assets.schemas.measures import scored
from salted_assets.schemas.scores.columns import Column, ScoreFacts, build_count, build_label, build_model, build_ratio

QUESTION_KEY = ("end_date", "agent_pid", "question_pid", "source")


def _answer(*columns: str) -> tuple[str, ...]:
    return scored("answer", *columns)


def _day(description: str) -> Column:
    return Date, derived(description, sources=_answer("start_date"), unit="day", nullable=False)


_SCORED = _answer("is_scored", "score")
_WORST = _answer("is_scored", "is_worst")
_FOUND = _answer("scoring_status", "engagement_pid")
_ENGAGED = scored("agent_daily", "agent_pid", "engagement_count")

_COLUMNS: dict[str, Column] = {
    "end_date": _day("Last day of the window: the partition's day."),
    "first_date": _day("First day of the window whose answers are there."),
    "days_present_count": build_count(
        "Days of the window whose answers are there.", _answer("start_date"), "days", nullable=False
    ),
    "agent_pid": build_label("Agent who engaged.", _answer("agent_pid"), nullable=False, personal="indirect"),
    "agent_name": build_label(
        "Name of the agent on the latest day of the window that has one.",
        scored("agent_daily", "agent_name", "start_date"),
        personal="direct",
    ),
    "is_bot": (
        Boolean,
        derived("Whether the agent is a machine; null where it is not known.", sources=scored("agent_daily", "is_bot")),
    ),
    "question_pid": build_label("Question that was answered.", _answer("question_pid")),
    "question_name": build_label(
        "Text of the question on the latest day of the window.", _answer("question_name", "start_date")
    ),
    "source": build_label("Who reviewed: reviewer, auto, customer or agent.", _answer("source"), nullable=False),
    "answer_count": build_count(
        "Answers that say something of the agent: scored, unscored, unreadable, left out by a setting as unclear or "
        "disputed, or found.",
        _answer("scoring_status"),
        "answers",
        nullable=False,
        ge=1,
    ),
    "scored_count": build_count("Scored answers.", _answer("is_scored"), "answers", nullable=False),
    "score_sum": (Number, derived("Sum of the scores.", sources=_SCORED, unit="sum", nullable=False)),
    "score_sum_of_squares": (
        Number,
        derived("Sum of the squared scores.", sources=_SCORED, unit="sum of squares", nullable=False),
    ),
    "score_mean": (
        Number,
        derived("Mean score; null where no answer is scored.", sources=_SCORED, unit="0..1", ge=0, le=1),
    ),
    "worst_count": build_count("Scored answers that are the worst of their scale.", _WORST, "answers", nullable=False),
    "worst_ratio": build_ratio("Share of the scored answers that are the worst; null where none is scored.", _WORST),
    "worst_reason": build_label(
        "Reason most often given for a worst answer, of equally frequent ones the first in alphabetical order; null "
        "where none was given.",
        (*_WORST, *_answer("answer_reason")),
    ),
    "worst_reason_count": build_count(
        "Worst answers with that reason.", (*_WORST, *_answer("answer_reason")), "answers", nullable=False
    ),
    "is_found_only": (
        Boolean,
        derived(
            "Whether the question is answered only when something is found, as the settings say.",
            sources=_answer("is_found_only"),
            nullable=False,
        ),
    ),
    "found_engagement_count": build_count(
        "Engagements in which something was found; null for a question that is always answered.", _FOUND
    ),
    "engagement_count": build_count("The agent's engagements that count, in the same days.", _ENGAGED),
    "found_ratio": build_ratio(
        "Share of the agent's engagements in which something was found; null for a question that is always answered.",
        (*_FOUND, *_ENGAGED),
    ),
}

AgentQuestion: type[Table] = build_model(
    ScoreFacts(
        "scores/agent_question",
        "agent, question and source with an answer that says something of the agent",
        QUESTION_KEY,
    ),
    "AgentQuestion",
    "What reviews find again and again: answers of the 91 days that end on the partition's day, by question and by "
    "who reviewed. An agent without an answer to a question has no row for it.",
    _COLUMNS,
)
