"""The review dataset (`reviews.csv`)."""

import pandas as pd
import pandera.pandas as pandera

from salted_assets.schemas.base import DatasetTable, Number, TableFacts, Text, Timestamp, number, text, timestamp

REVIEW_STATUSES = ("Completed", "Deleted", "Ignore", "Pending", "Rejected", "Timeout")
REVIEW_TYPES = ("Agent", "Auto", "Customer", "Reviewer")
SAMPLINGS = ("Focused", "Random", "Selected", "All")
VERIFICATIONS = ("Acknowledged", "Correct", "Disputed", "Incorrect", "Unclear")


class Review(DatasetTable):
    """Answers to questions about an engagement or one of its turns: a form of five questions gives five rows."""

    pid: Text = text("Review ID: one answer to one question.", key=True)
    engagement_pid: Text = text("Engagement that was reviewed, whole or in one of its turns.", key=True)
    turn_pid: Text = text("Reviewed turn; null when the whole engagement was reviewed.")
    reviewer_pid: Text = text("Reviewer; null for customers' reviews.", personal="indirect")
    reviewer_name: Text = text("Reviewer name; null for customers' reviews.", personal="direct")
    question_pid: Text = text("Question that was answered; a tag is a question without a scale.")
    question_name: Text = text("Text of the question: its current label, the ID is what stays.")
    review_time: Timestamp = timestamp("When the review was last updated; moves on every edit.")
    review_session_id: Text = text("Groups the answers given in one sitting: one evaluation.")
    status: Text = text(
        "Review status; only `Completed` may be reported. Pending is scheduled and not answered, Rejected was "
        "declined, Timeout had no answer in time, Ignore does not matter, Deleted was removed.",
        known_values=REVIEW_STATUSES,
    )
    sampling: Text = text(
        "How the engagement was chosen for review; only Random and All are no choice for a reason.",
        known_values=SAMPLINGS,
    )
    type: Text = text(
        "Who reviewed: a person of quality assurance (Reviewer), a service (Auto), the customer in a survey "
        "(Customer), or the agent, of own work (Agent).",
        known_values=REVIEW_TYPES,
    )
    kind: Text = text("Review kind; values not published.")
    answer_pid: Text = text("Answer that was chosen; one that was reworded may be another.")
    answer_name: Text = text("Text of the chosen answer.", personal="content")
    answer_reason_pid: Text = text("Reason that was attached to the answer.")
    answer_reason: Text = text("Text of the reason attached to the answer.")
    confidence: Number = number("Confidence of the review; scale not published.", unit="score")
    score: Number = number("Score; its relation to the other score columns is not published.", unit="score")
    answer_score: Number = number("Points of the chosen answer.", unit="points", essential=True)
    worst_score: Number = number(
        "Worst end of the question's scale; above `best_score` where less is better.", unit="points", essential=True
    )
    best_score: Number = number("Best end of the question's scale.", unit="points", essential=True)
    comment: Text = text("Reviewer's comment.", personal="content")
    comment_translated: Text = text("Comment in the language of `comment_translated_language`.", personal="content")
    comment_language: Text = text("Language of `comment`.")
    comment_translated_language: Text = text("Language of `comment_translated`.")
    verified: Text = text(
        "What somebody said of the review: seen (Acknowledged), contested (Disputed), or of an auto review that it is "
        "Correct, Incorrect or Unclear, which outranks the former.",
        known_values=VERIFICATIONS,
    )
    verified_by: Text = text("Who verified the review.", personal="direct")
    verification_comment: Text = text("Comment on the verification.", personal="content")
    answer_type: Text = text("Answer type; values not published.")
    version: Text = text("Version; meaning not published.")
    form_id: Text = text("Form open at the time; a question can sit in several forms.")
    engagement_start_time: Timestamp = timestamp("Start of the reviewed engagement.")
    agent_pid: Text = text("Agent of the reviewed engagement.", personal="indirect")

    @pandera.dataframe_check(name="answer_score_within_scale")
    def _answer_score_within_scale(cls, reviews: pd.DataFrame) -> "pd.Series[bool]":  # noqa: N805 - pandera's way
        # Equal ends are no fault: a tag is a question without a scale.
        from_worst = reviews["answer_score"] - reviews["worst_score"]
        from_best = reviews["answer_score"] - reviews["best_score"]
        return (from_worst * from_best <= 0).fillna(True)

    class Config:
        metadata = {
            "salted": TableFacts(
                "review",
                "reviews.csv",
                "version of a review answer delivered by the day's export",
                ("pid", "engagement_pid"),
            )
        }
