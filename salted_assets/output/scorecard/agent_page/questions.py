"""What to coach and what goes well: the agent's worst answers by question, beside those of enough others."""

from dataclasses import dataclass

import pandas as pd

from salted_assets.output.scorecard.question_tables import tabulate_own_questions
from salted_assets.output.scorecard.questions import MIN_ANSWERS, compare_questions, find_strengths, find_to_coach
from salted_assets.output.scorecard.records import Records, list_records
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

    Takes all people's rows of `scores/agent_question`, and of `READ_RECENT` the agent's alone. A question that fewer
    than `FEWEST_IN_GROUP` people were asked is left out.
    """
    people = questions[questions["scored_count"] > 0].groupby("question_pid", dropna=False)["agent_pid"].nunique()
    asked = questions[questions["question_pid"].map(people >= FEWEST_IN_GROUP).fillna(value=False).astype(bool)]
    rows = compare_questions(list_records(asked), list_records(recent), {agent_pid: agent_pid})
    to_coach, strengths = find_to_coach(rows, TO_COACH_MAX), find_strengths(rows)
    return OwnQuestions(
        to_coach=tabulate_own_questions(to_coach),
        strengths=tabulate_own_questions(strengths),
        surely_worse=_name([row for row in to_coach if row["is_above"]]),
        surely_better=_name(strengths),
        count=sum(row["scored_count"] >= MIN_ANSWERS for row in rows),
    )


def _name(rows: Records) -> tuple[str, ...]:
    return tuple(text_of(row["question_name"]) or text_of(row["question_pid"]) for row in rows)
