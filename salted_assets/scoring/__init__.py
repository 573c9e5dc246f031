"""How the work of agents is scored: pure functions, tables in, frame out.

Which rows count, how they become an engagement's, an agent's, a queue's and a reviewer's figures, and the choices made
where the vendor is silent. Not here: which version of a row is the newest (`history`), what the columns are
(`schemas/scores`), files, Dagster.
"""

from salted_assets.scoring.agents import score_agent_segments_daily, score_agents_daily
from salted_assets.scoring.answers import (
    REVIEW_COLUMNS,
    REVIEWED_ENGAGEMENT_COLUMNS,
    REVIEWED_TURN_COLUMNS,
    score_answers,
)
from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.counted_engagements import AGENT_COLUMNS
from salted_assets.scoring.engagements import ENGAGEMENT_COLUMNS, count_unscorable, score_engagements
from salted_assets.scoring.evaluations import ANSWER_COLUMNS
from salted_assets.scoring.questions import (
    QUESTION_AGENT_COLUMNS,
    QUESTION_ANSWER_COLUMNS,
    QUESTION_DAYS,
    score_agent_questions,
    score_question_windows,
)
from salted_assets.scoring.queues import score_queues_daily
from salted_assets.scoring.turns import TURN_COLUMNS, sum_up_turns

__all__ = [
    "AGENT_COLUMNS",
    "ANSWER_COLUMNS",
    "ENGAGEMENT_COLUMNS",
    "QUESTION_AGENT_COLUMNS",
    "QUESTION_ANSWER_COLUMNS",
    "QUESTION_DAYS",
    "REVIEWED_ENGAGEMENT_COLUMNS",
    "REVIEWED_TURN_COLUMNS",
    "REVIEW_COLUMNS",
    "TURN_COLUMNS",
    "ScoringChoices",
    "count_unscorable",
    "score_agent_questions",
    "score_agent_segments_daily",
    "score_agents_daily",
    "score_answers",
    "score_engagements",
    "score_question_windows",
    "score_queues_daily",
    "sum_up_turns",
]
