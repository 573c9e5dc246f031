"""Questions and forms that change within a window, and those that do not."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import Answer
from salted_assets.scoring.human_answers import gather_human_answers
from salted_assets.scoring.windows.question_changes import QUESTION_COLUMNS, find_affected_agents
from salted_assets_tests.support.rolling_rows import END, Given, build_answers

pytestmark = pytest.mark.slow


def find(*evaluations: Mapping[str, Any]) -> dict[int, list[str]]:
    """The agents of each window; evaluations have an agent, days ago, and answers to questions of a form."""
    rows = []
    for number, evaluation in enumerate(evaluations):
        for question in evaluation["questions"]:
            given = Given(0.5, agent=evaluation["agent"], question=question, days_ago=evaluation["ago"])
            row = build_answers([given]).to_pylist()[0]
            rows.append(
                row
                | {"pid": f"{number} {question}", "engagement_pid": f"e{number}", "question_name": question}
                | {"form_id": "f1", "worst_score": 0.0, "best_score": 1.0}
                | evaluation.get("other", {})
            )
    answers = gather_human_answers(pa.Table.from_pylist(rows, schema=arrow_schema(Answer)), QUESTION_COLUMNS)
    found = find_affected_agents(answers, END)
    return {days: sorted(pids) for days, pids in found.items()}


def month(agent: str, *questions: str, first: int = 0, **other: Any) -> list[dict[str, Any]]:
    """An evaluation a day on 15 days."""
    return [{"agent": agent, "ago": first + ago, "questions": questions, "other": other} for ago in range(15)]


NOBODY: dict[int, list[str]] = {7: [], 28: [], 91: []}


def test_nothing_changes_where_questions_stay() -> None:
    assert find(*month("a1", "q1", "q2"), *month("a2", "q1", "q2", first=10)) == NOBODY
    assert find(*month("a1", "q1"), *month("a2", "q1", first=10, worst_score=-0.0)) == NOBODY


def test_another_text_or_scale_marks_who_was_asked_in_windows_that_have_both() -> None:
    earlier = month("a1", "q1", first=10)
    for other in ({"question_name": "Was it kind, really?"}, {"best_score": 5.0}):
        found = find(*earlier, *month("a2", "q1", first=-4, **other), *month("a3", "q2"))
        assert found == {7: [], 28: ["a1", "a2"], 91: ["a1", "a2"]}


def test_a_question_that_joins_a_form_marks_who_had_the_form() -> None:
    with_it, without = month("a1", "q1", "new"), month("a2", "q1", first=15)
    assert find(*with_it, *without) == {7: [], 28: ["a1", "a2"], 91: ["a1", "a2"]}
    other_form = month("a3", "q3", form_id="f2")
    assert find(*with_it, *without, *other_form)[91] == ["a1", "a2"]


def test_a_question_that_is_seldom_asked_changes_no_form() -> None:
    seldom = {"agent": "a1", "ago": 0, "questions": ("q1", "seldom")}
    assert find(*month("a1", "q1", first=1), seldom) == NOBODY
