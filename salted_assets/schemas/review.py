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
    engagement_pid: Text = text("Reviewed engagement.", key=True)
    turn_pid: Text = text("Reviewed turn; null when the whole engagement was reviewed.")
    reviewer_pid: Text = text("Reviewer; null for customers' reviews.", personal="indirect")
    reviewer_name: Text = text("Reviewer name; null for customers' reviews.", personal="direct")
    question_pid: Text = text("Question that was answered.")
    question_name: Text = text("Text of the question.")
    review_time: Timestamp = timestamp("When the review was last updated; moves on every edit.")
    review_session_id: Text = text("Groups the answers given in one sitting: one evaluation.")
    status: Text = text("Review status; only `Completed` may be reported.", known_values=REVIEW_STATUSES)
    sampling: Text = text("How the engagement was chosen for review.", known_values=SAMPLINGS)
    type: Text = text("Who reviewed: the source of the review.", known_values=REVIEW_TYPES)
    kind: Text = text("Review kind; values not published.")
    answer_pid: Text = text("Chosen answer.")
    answer_name: Text = text("Text of the chosen answer.", personal="content")
    answer_reason_pid: Text = text("Reason attached to the answer.")
    answer_reason: Text = text("Text of the reason attached to the answer.")
    confidence: Number = number("Confidence of the review; scale not published.", unit="score")
    score: Number = number("Score; its relation to the other score columns is not published.", unit="score")
    answer_score: Number = number("Points of the chosen answer.", unit="points", essential=True)
    worst_score: Number = number(
        "Worst end of the question's scale; above `best_score` where less is better.", unit="points", essential=True
    )
    best_score: Number = number("Best end of the question's scale.", unit="points", essential=True)
    comment: Text = text("Reviewer's comment.", personal="content")
    comment_translated: Text = text("Translated comment.", personal="content")
    comment_language: Text = text("Language of the comment.")
    comment_translated_language: Text = text("Language of the translated comment.")
    verified: Text = text("Verification of the review: a word, not a yes or no.", known_values=VERIFICATIONS)
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
