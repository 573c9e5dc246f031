"""The score tables: what each computed column is, in which unit, and out of which columns it is made.

Here: one module for each table or kind of tables, and what is known of a score table as a whole (`ScoreFacts`).
Not here: the measures they consist of (`measures`), the formulas (`scoring`), the vendor's datasets, files.
"""

from salted_assets.schemas.base import Table
from salted_assets.schemas.scores.agent_question import QUESTION_KEY, AgentQuestion
from salted_assets.schemas.scores.answer import SCORING_STATUSES, SCORING_STATUSES_OF_AGENT, Answer
from salted_assets.schemas.scores.auto_reviewer_drift import DRIFT_DIRECTIONS, DRIFT_KEY, AutoReviewerDrift
from salted_assets.schemas.scores.columns import ScoreFacts, score_facts_of
from salted_assets.schemas.scores.daily import AGENT_KEY, SEGMENT_KEY, AgentDaily, AgentSegmentDaily
from salted_assets.schemas.scores.engagement import EngagementScore
from salted_assets.schemas.scores.fair import CHANGE_DIRECTIONS, FAIR_KEY, FairScore
from salted_assets.schemas.scores.queue_daily import QUEUE_KEY, QUEUE_MEASURES, QUEUE_SHARES, QueueDaily
from salted_assets.schemas.scores.reviewer_calibration import CALIBRATION_KEY, REVIEW_STATUSES, ReviewerCalibration
from salted_assets.schemas.scores.rolling import (
    AGENT_ROLLING_KEY,
    TEAM_ROLLING_KEY,
    WINDOWS,
    AgentRolling,
    TeamRolling,
)
from salted_assets.schemas.scores.settlement import SETTLEMENT_KEY, SettlementScore

__all__ = [
    "AGENT_KEY",
    "AGENT_ROLLING_KEY",
    "CALIBRATION_KEY",
    "CHANGE_DIRECTIONS",
    "DRIFT_DIRECTIONS",
    "DRIFT_KEY",
    "FAIR_KEY",
    "QUESTION_KEY",
    "QUEUE_KEY",
    "QUEUE_MEASURES",
    "QUEUE_SHARES",
    "RENAMED_SCORES",
    "REVIEW_STATUSES",
    "SCORE_MODELS",
    "SCORING_STATUSES",
    "SCORING_STATUSES_OF_AGENT",
    "SEGMENT_KEY",
    "SETTLEMENT_KEY",
    "TEAM_ROLLING_KEY",
    "WINDOWS",
    "AgentDaily",
    "AgentQuestion",
    "AgentRolling",
    "AgentSegmentDaily",
    "Answer",
    "AutoReviewerDrift",
    "EngagementScore",
    "FairScore",
    "QueueDaily",
    "ReviewerCalibration",
    "ScoreFacts",
    "SettlementScore",
    "TeamRolling",
    "score_facts_of",
]

SCORE_MODELS: dict[str, type[Table]] = {
    "answer": Answer,
    "engagement": EngagementScore,
    "agent_daily": AgentDaily,
    "agent_segment_daily": AgentSegmentDaily,
    "queue_daily": QueueDaily,
    "agent_question": AgentQuestion,
    "agent_rolling": AgentRolling,
    "team_rolling": TeamRolling,
    "fair": FairScore,
    "reviewer_calibration": ReviewerCalibration,
    "auto_reviewer_drift": AutoReviewerDrift,
    "settlement": SettlementScore,
}
"""The score tables by the last part of their asset key, each after those that it is made from."""

RENAMED_SCORES = {"agent_case_daily": "agent_segment_daily"}
"""Score tables whose folders an earlier version wrote under another name: the old name and the new one."""
