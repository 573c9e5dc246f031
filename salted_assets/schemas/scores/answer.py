"""The table `scores/answer`."""

from salted_assets.schemas.base import Boolean, Number, Table, Text, Timestamp, derived
from salted_assets.schemas.measures import delivered
from salted_assets.schemas.scores.columns import Column, ScoreFacts, build_label, build_model, copied
from salted_assets.schemas.scores.engagement import IS_BOT, START_DATE

TARGETS = ("engagement", "agent turn", "customer turn", "other turn", "unknown turn")
"""What a review can be about."""

SCORING_STATUSES = (
    *("scored", "disputed", "unclear", "unscored", "unreadable", "unknown turn"),
    *("found", "customer turn", "incorrect", "unknown source", "not completed"),
)
"""What an answer can come to; where several hold, the last of them."""

SCORING_STATUSES_OF_AGENT = ("scored", "disputed", "unclear", "unscored", "unreadable")
"""The scoring statuses of answers that speak of the agent, beside the found ones, whether or not they are in a mean."""

_TARGET_SOURCES = (
    *delivered("review", "turn_pid"),
    *delivered("turn", "pid", "engagement_pid", "participant"),
)
_SCORE_SOURCES = delivered("review", "answer_score", "worst_score", "best_score")
_SCORING_STATUS_SOURCES = (
    *_SCORE_SOURCES,
    *_TARGET_SOURCES,
    *delivered("review", "status", "type", "verified", "question_pid", "refused_columns"),
)


def _lower(name: str, column: str, description: str) -> dict[str, Column]:
    return {name: build_label(f"{description} In lower case.", delivered("review", column))}


_COLUMNS: dict[str, Column] = {
    "start_date": START_DATE,
    "pid": build_label("Review ID: one answer to one question.", delivered("review", "pid"), nullable=False),
    "engagement_pid": build_label(
        "Reviewed engagement.",
        (*delivered("review", "engagement_pid"), *delivered("engagement", "pid")),
        nullable=False,
    ),
    **copied("turn_pid", Text, "Reviewed turn; null when the whole engagement was reviewed.", dataset="review"),
    "target": build_label(
        f"What was reviewed: {', '.join(TARGETS)}. A turn is unknown where it, or who took it, is not known here.",
        _TARGET_SOURCES,
    ),
    **copied(
        "agent_pid", Text, "Agent who engaged, as recorded on the engagement.", personal="indirect", nullable=False
    ),
    **copied("agent_name", Text, "Name of the agent, as recorded on the engagement.", personal="direct"),
    "is_bot": IS_BOT,
    **copied("team", Text, "Team that engaged, as recorded on the engagement."),
    **copied("channel_type", Text, "Type of channel."),
    **copied("queue", Text, "Queue, as recorded on the engagement."),
    **copied("language", Text, "Language of the engagement."),
    **_lower("source", "type", "Who reviewed: reviewer, auto, customer or agent (about own work)."),
    **_lower("status", "status", "Review status; only completed ones may be reported."),
    **_lower("sampling", "sampling", "How the engagement was chosen for review."),
    **_lower("verified", "verified", "Verification of the review."),
    **copied("kind", Text, "Review kind; values not published.", dataset="review"),
    **copied("reviewer_pid", Text, "Reviewer; null for customers.", dataset="review", personal="indirect"),
    **copied("reviewer_name", Text, "Reviewer name; null for customers.", dataset="review", personal="direct"),
    **copied("question_pid", Text, "Question that was answered.", dataset="review"),
    **copied("question_name", Text, "Text of the question.", dataset="review"),
    **copied("form_id", Text, "Form open at the time; a question can sit in several forms.", dataset="review"),
    "evaluation": build_label(
        "Evaluation that the answer is part of, unique only within its engagement and source: `session` and the review "
        "session, or `answer` and the review ID where there is no session.",
        delivered("review", "review_session_id", "pid"),
        nullable=False,
    ),
    **copied(
        "review_time",
        Timestamp,
        "When the review was last updated; moves on every edit.",
        dataset="review",
        unit="UTC",
    ),
    "days_to_review": (
        Number,
        derived(
            "Time from the end of the engagement, or its start where it has none, to the last update of the review; "
            "below 0 where it was made during the engagement, null where its end could not be read.",
            sources=(
                *delivered("review", "review_time"),
                *delivered("engagement", "start_time", "end_time", "refused_columns"),
            ),
            unit="days",
        ),
    ),
    **copied("answer_name", Text, "Text of the chosen answer.", dataset="review", personal="content"),
    **copied("answer_reason", Text, "Text of the reason attached to the answer.", dataset="review"),
    **copied("answer_score", Number, "Points of the chosen answer.", dataset="review", unit="points"),
    **copied("worst_score", Number, "Worst end of the question's scale.", dataset="review", unit="points"),
    **copied("best_score", Number, "Best end of the question's scale.", dataset="review", unit="points"),
    "score": (
        Number,
        derived(
            "(answer - worst) / (best - worst), whatever the scoring status; null where one of the three is null, best "
            "equal to worst, or the answer outside its scale.",
            sources=_SCORE_SOURCES,
            unit="0..1",
            ge=0,
            le=1,
        ),
    ),
    "auto_score": (
        Number,
        derived(
            "Of an answer by a human reviewer: the score that the auto reviewer gave to the same question about the "
            "same engagement or turn, the mean where there are several, whatever their verification: only what people "
            "reviewed is ever marked Incorrect, so that to leave those out would flatter. Null where there is none.",
            sources=(
                *_SCORE_SOURCES,
                *delivered("review", "type", "status", "engagement_pid", "question_pid", "turn_pid"),
            ),
            unit="0..1",
            ge=0,
            le=1,
        ),
    ),
    "weight": (
        Number,
        derived(
            "Weight of the question in the mean that makes an evaluation, 1 unless the settings say otherwise.",
            sources=delivered("review", "question_pid"),
            unit="weight",
            nullable=False,
        ),
    ),
    "scoring_status": build_label(
        f"What the answer comes to, the last that holds of: {', '.join(SCORING_STATUSES)}. Scored is part of the "
        "agent's score; disputed, unclear and unknown turn are left out by settings; unscored gives no score; of "
        "unreadable a score is refused; found "
        "answers a question that gets a row only when something is found; incorrect is an auto answer so verified.",
        _SCORING_STATUS_SOURCES,
        nullable=False,
    ),
    "is_scored": (
        Boolean,
        derived(
            "Whether the answer is part of the agent's score by its source.",
            sources=_SCORING_STATUS_SOURCES,
            nullable=False,
        ),
    ),
    "is_worst": (
        Boolean,
        derived(
            "Whether the answer is the worst of its scale; null where it gives no score.",
            sources=_SCORE_SOURCES,
        ),
    ),
    "is_random_or_all": (
        Boolean,
        derived(
            "Whether the engagement was not chosen for a reason: the sampling is Random or All, or of an answer by a "
            "human reviewer a review plan drew the engagement.",
            sources=delivered("review", "sampling", "type", "engagement_pid"),
            nullable=False,
        ),
    ),
    "is_critical_failure": (
        Boolean,
        derived(
            "Whether the answer is the worst one to a critical question; null where the settings name none.",
            sources=(*_SCORE_SOURCES, *delivered("review", "question_pid")),
        ),
    ),
    "is_found_only": (
        Boolean,
        derived(
            "Whether an auto reviewer answers the question only when something is found, as the settings say.",
            sources=delivered("review", "type", "question_pid"),
            nullable=False,
        ),
    ),
}

Answer: type[Table] = build_model(
    ScoreFacts("scores/answer", "review, of any status, of an engagement that counts", ("pid",), formula_version=2),
    "Answer",
    "Answers to questions about an agent's work, in their newest versions, sorted by source and agent; "
    "`scoring_status` says which of them score the agent.",
    _COLUMNS,
)
