"""From rows of score tables to the arrays that the models read."""

from collections.abc import Sequence
from datetime import date

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.day_rows import DayRows
from salted_assets.scoring.fair.inputs import HumanAnswers
from salted_assets.scoring.human_answers import HumanAnswerRows, gather_human_answers
from salted_assets.scoring.numbering import narrow
from salted_assets.scoring.stats import Indices

FAIR_ANSWER_COLUMNS = (
    *("start_date", "agent_pid", "channel_type", "queue", "language", "source", "is_scored", "engagement_pid"),
    *("reviewer_pid", "question_pid", "is_random_or_all", "score", "weight"),
)
"""The columns of `scores/answer` that the fair score reads."""


def read_human_answers(
    rows: DayRows, end_date: date, agent_pids: Sequence[str], *, days: int = max(WINDOWS)
) -> HumanAnswers:
    """What `cut_human_answers` has of rows of `scores/answer` with at least `FAIR_ANSWER_COLUMNS`, in any order."""
    return cut_human_answers(gather_human_answers(rows, FAIR_ANSWER_COLUMNS), end_date, agent_pids, days=days)


def cut_human_answers(
    rows: HumanAnswerRows, end_date: date, agent_pids: Sequence[str], *, days: int = max(WINDOWS)
) -> HumanAnswers:
    """Scored answers by human reviewers to these agents' engagements of so many days to the end date.

    What is not known of queue, language, channel, reviewer or question is one of its own. Samplings other than Random
    and All are chosen. Indexes are those that these answers alone give.
    """
    window = rows.within(end_date, days)
    agent = window.texts["agent_pid"].among(agent_pids)
    if (agent < 0).any():
        window, agent = window.take(agent >= 0), agent[agent >= 0]
    texts = window.texts
    channel = texts["channel_type"].meaning(lambda text: text.strip().upper()).present().numbers + 1
    queue, language = (texts[name].present().numbers + 1 for name in ("queue", "language"))
    middle = _pair(channel, queue)
    strata = middle, _pair(middle, language)
    reviewer = texts["reviewer_pid"].present()
    return HumanAnswers(
        agent=narrow(agent, len(agent_pids)),
        question=texts["question_pid"].present().numbers + 1,
        reviewer=reviewer.numbers,
        engagement=texts["engagement_pid"].present().numbers,
        strata=strata,
        is_chosen=~window.flags["is_random_or_all"],
        age_days=narrow(end_date.toordinal() - window.day, days),
        score=window.numbers["score"],
        weight=window.numbers["weight"],
        reviewer_pids=reviewer.texts,
    )


def _pair(first: Indices, second: Indices) -> Indices:
    """One index for both."""
    size = int(second.max(initial=0)) + 1
    return narrow(first, (int(first.max(initial=0)) + 1) * size) * size + second
