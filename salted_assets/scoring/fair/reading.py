"""From rows of score tables to the arrays that the models read."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.scores.answer import Answer
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.inputs import HumanAnswers
from salted_assets.scoring.sql import Rows, related
from salted_assets.scoring.stats import Indices
from salted_assets.scoring.text_index import index_among, index_sorted

FAIR_ANSWER_COLUMNS = (
    *("start_date", "agent_pid", "channel_type", "queue", "language", "source", "is_scored", "engagement_pid"),
    *("reviewer_pid", "question_pid", "is_random_or_all", "score", "weight"),
)
"""The columns of `scores/answer` that the fair score reads."""


def read_human_answers(
    rows: Rows, end_date: date, agent_pids: Sequence[str], *, days: int = max(WINDOWS)
) -> HumanAnswers:
    """Scored answers by human reviewers to these agents' engagements of so many days to the end date.

    Takes rows of `scores/answer` with at least `FAIR_ANSWER_COLUMNS`, in any order. What is not known of queue,
    language, channel, reviewer or question is one of its own. Samplings other than Random and All are chosen.
    """
    last = f"DATE '{end_date}'"
    known = f"source = 'reviewer' AND is_scored AND start_date BETWEEN {last} - {days - 1} AND {last}"
    with related(rows, Answer) as relation:
        selected = relation.filter(known).project(
            f"({last} - start_date)::INTEGER AS age_days, agent_pid, upper(trim(channel_type)) AS channel_type, "
            "queue, language, engagement_pid, reviewer_pid, question_pid, is_random_or_all, score, weight"
        )
        table = selected.to_arrow_table()
    agent = index_among(table["agent_pid"], list(agent_pids))
    if (agent < 0).any():
        table, agent = table.filter(pa.array(agent >= 0)), agent[agent >= 0]
    channel, queue, language = (index_sorted(table[name])[1] + 1 for name in ("channel_type", "queue", "language"))
    middle = _pair(channel, queue)
    reviewer_pids, reviewer = index_sorted(table["reviewer_pid"])
    return HumanAnswers(
        agent=agent,
        question=index_sorted(table["question_pid"])[1] + 1,
        reviewer=reviewer,
        engagement=index_sorted(table["engagement_pid"])[1],
        strata=(middle, _pair(middle, language)),
        is_chosen=~pc.fill_null(table["is_random_or_all"], False).to_numpy(),
        age_days=table["age_days"].to_numpy().astype(np.int64),
        score=table["score"].to_numpy(),
        weight=table["weight"].to_numpy(),
        reviewer_pids=reviewer_pids,
    )


def _pair(first: Indices, second: Indices) -> Indices:
    """One index for both."""
    return first * (int(second.max(initial=0)) + 1) + second
