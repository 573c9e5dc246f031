"""The fair score: what agents are worth beside each other when questions, reviewers and kinds of work are taken off.

Here: the models, pure functions from arrays to arrays. Not here: tables, plain means (`scoring.stats`), files.

What other parts use (being built: the types in `results` and `inputs` stand):

- `read_human_answers(rows, end_date, agent_pids) -> HumanAnswers`: from rows of `scores/answer` of the 91 days to
  `end_date` with at least `FAIR_ANSWER_COLUMNS`; others than scored answers by human reviewers are left out.
- `fit_human_answers(answers: HumanAnswers, agents: Agents, *, min_count) -> FairAnswers`: evaluations by human
  reviewers in each window, and the reviewers' effects. `min_count`: engagements below which an agent is no peer.
- `fit_strata(sums: StratumSums, agents: Agents, design_effects, *, min_count, is_log) -> dict[int, FairMeasure]`: AI
  scores and the handle time (`is_log`: sums are of logarithms, results in ms). `design_effects` has for each window an
  array with the agents' design effects (1 where days do not matter).
"""

from salted_assets.scoring.fair.inputs import Agents, HumanAnswers, StratumSums
from salted_assets.scoring.fair.results import FairAnswers, FairMeasure, Reason, ReviewerEffects

FAIR_ANSWER_COLUMNS = (
    *("start_date", "agent_pid", "channel_type", "queue", "language", "source", "is_scored", "engagement_pid"),
    *("reviewer_pid", "question_pid", "sampling", "score", "weight"),
)
"""The columns of `scores/answer` that the fair score reads."""

__all__ = [
    "FAIR_ANSWER_COLUMNS",
    "Agents",
    "FairAnswers",
    "FairMeasure",
    "HumanAnswers",
    "Reason",
    "ReviewerEffects",
    "StratumSums",
]
