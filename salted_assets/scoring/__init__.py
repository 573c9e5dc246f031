"""How the work of agents is scored: pure functions, tables in, frame out.

Here: which rows count, how they become an engagement's and an agent's figures, and the readings chosen where the vendor
is silent. Not here: which version of a row is the newest (`history`), what the columns are (`tables`), files, Dagster.
"""

from salted_assets.scoring.agents import score_agents_daily
from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.engagements import AGENT_COLUMNS, ENGAGEMENT_COLUMNS, score_engagements
from salted_assets.scoring.reviews import REVIEW_COLUMNS
from salted_assets.scoring.turns import TURN_COLUMNS

__all__ = [
    "AGENT_COLUMNS",
    "ENGAGEMENT_COLUMNS",
    "REVIEW_COLUMNS",
    "TURN_COLUMNS",
    "ScoringChoices",
    "score_agents_daily",
    "score_engagements",
]
