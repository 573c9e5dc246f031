"""What to coach and what goes well: the agent's worst answers by question, beside those of enough others."""

from dataclasses import dataclass

import pandas as pd

from salted_assets.output.scorecard.question_tables import tabulate_own_questions
from salted_assets.output.scorecard.questions import MIN_ANSWERS, compare_questions, find_strengths, find_to_coach
from salted_assets.output.scorecard.table_cells import Table, text_of
from salted_assets.schemas.scores.fair import FEWEST_IN_GROUP

TO_COACH_MAX = 10


@dataclass(frozen=True)
class OwnQuestions:
    """Questions to coach and strengths, the names of those that are sure, and how many were looked at."""

    to_coach: Table
    strengths: Table
    surely_worse: tuple[str, ...]
    surely_better: tuple[str, ...]
    count: int


def find_own_questions(questions: pd.DataFrame, recent: pd.DataFrame, agent_pid: str) -> OwnQuestions:
    """The agent's questions, by the rule of the scorecard.

    Takes what `compare_questions` takes: all people's rows of `scores/agent_question`, and of the answers the agent's
    alone. A question that fewer than `FEWEST_IN_GROUP` people were asked is left out.
    """
    people = questions[questions["scored_count"] > 0].groupby("question_pid", dropna=False)["agent_pid"].nunique()
    asked = questions[questions["question_pid"].map(people >= FEWEST_IN_GROUP).fillna(value=False).astype(bool)]
    rows = compare_questions(asked, recent, {agent_pid: agent_pid})
    to_coach, strengths = find_to_coach(rows, TO_COACH_MAX), find_strengths(rows)
    return OwnQuestions(
        to_coach=tabulate_own_questions(to_coach),
        strengths=tabulate_own_questions(strengths),
        surely_worse=_name(to_coach[to_coach["is_above"]]),
        surely_better=_name(strengths),
        count=int((rows["scored_count"] >= MIN_ANSWERS).sum()),
    )


def _name(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(
        text_of(name) or text_of(pid) for name, pid in zip(rows["question_name"], rows["question_pid"], strict=True)
    )
