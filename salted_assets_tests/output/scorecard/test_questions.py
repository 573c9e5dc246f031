"""What goes wrong most by question: shares, reasons and changes of groups, whom to coach on what, what is hidden."""

import re
from typing import Any

import pandas as pd
import pytest

from salted_assets.output.scorecard import build_scorecard, render_page
from salted_assets.output.scorecard.question_tables import build_question_tables
from salted_assets.output.scorecard.questions import compare_questions, find_to_coach
from salted_assets.output.scorecard.records import Records, list_records
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.scoring.stats import difference_of_intervals, wilson_interval
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.scorecard_rows import (
    agent_rows,
    build_inputs,
    question_answer_frame,
    question_frame,
)


def asked(agent: str, question: str, worst: int, scored: int, **values: Any) -> dict[str, Any]:
    counts = {"scored_count": scored, "worst_count": worst}
    return {"agent_pid": agent, "question_pid": question, "question_name": f"Question {question}"} | counts | values


def answered(agent: str, question: str, worst: int, scored: int, **values: Any) -> dict[str, Any]:
    usual = {"answer_reason": None, "is_recent": True, "scored_count": scored, "worst_count": worst}
    return {"agent_pid": agent, "question_pid": question} | usual | values


def compare(questions: list[dict[str, Any]], answers: list[dict[str, Any]], groups: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(compare_questions(listed(questions), list_records(question_answer_frame(answers)), groups))


def listed(questions: list[dict[str, Any]]) -> Records:
    return list_records(question_frame(questions))


def test_shares_have_their_interval_and_stand_beside_those_of_the_others() -> None:
    rows = compare(
        [asked("p1", "q1", 6, 10), asked("p2", "q1", 1, 20), asked("p3", "q1", 2, 20), asked("p1", "q2", 0, 9)],
        [],
        {"p1": "North", "p2": "South", "p3": "South"},
    )

    assert rows[["group", "question_pid", "worst_count", "scored_count"]].to_numpy().tolist() == [
        ["North", "q1", 6, 10],
        ["South", "q1", 3, 40],
        ["North", "q2", 0, 9],
    ]
    limits = wilson_interval([6, 3, 0], [10, 40, 9])
    assert rows["worst_low"].tolist() == pytest.approx(limits.low.tolist())
    assert rows["worst_high"].tolist() == pytest.approx(limits.high.tolist())
    assert rows["others_ratio"].tolist() == pytest.approx([3 / 40, 6 / 10, float("nan")], nan_ok=True)


def test_a_share_on_hardly_anything_is_not_the_first() -> None:
    rows = compare([asked("p1", "q1", 2, 2), asked("p1", "q2", 60, 100)], [], {"p1": "all"})

    assert rows["question_pid"].tolist() == ["q2", "q1"]


def test_the_top_reason_is_that_of_the_whole_group() -> None:
    """What is most frequent with nobody can be so with all together; of equal ones the first in the alphabet."""
    answers = [
        answered("p1", "q1", 3, 3, answer_reason="tone"),
        answered("p1", "q1", 2, 2, answer_reason="name"),
        answered("p2", "q1", 3, 3, answer_reason="haste"),
        answered("p2", "q1", 1, 1, answer_reason="name", is_recent=False),
        answered("p2", "q1", 0, 9, answer_reason="fine"),
    ]
    questions = [asked("p1", "q1", 5, 5), asked("p2", "q1", 4, 13)]
    rows = compare(questions, answers, {"p1": "all", "p2": "all"})

    assert (rows["worst_reason"][0], rows["worst_reason_count"][0]) == ("haste", 3)
    assert compare(questions, answers[:2], {"p1": "p1"})["worst_reason"].tolist() == ["tone"]


def test_the_change_is_that_of_the_recent_days_and_takes_enough_answers() -> None:
    answers = [
        answered("p1", "q1", 8, 10),
        answered("p1", "q1", 2, 10, is_recent=False),
        answered("p1", "q2", 4, 4),
        answered("p1", "q2", 0, 30, is_recent=False),
        answered("p1", "q3", 0, 30),
        answered("p1", "q3", 4, 4, is_recent=False),
    ]
    rows = compare(
        [asked("p1", "q1", 10, 20), asked("p1", "q2", 4, 34), asked("p1", "q3", 4, 34)], answers, {"p1": "all"}
    )
    rows = rows.set_index("question_pid")

    change = rows[["change", "change_low", "change_high"]]
    expected = difference_of_intervals(wilson_interval(8, 10), wilson_interval(2, 10))
    assert change.loc[["q1"]].to_numpy()[0].tolist() == pytest.approx([float(part) for part in expected])
    assert change.loc[["q2", "q3"]].dropna(how="all").empty


def test_auto_stands_beside_and_is_never_counted_among_people() -> None:
    rows = compare(
        [asked("p1", "q1", 1, 10), asked("p1", "q1", 300, 400, source="auto"), asked("p1", "q9", 5, 5, source="auto")],
        [],
        {"p1": "all"},
    )

    assert rows[["question_pid", "scored_count", "auto_ratio", "auto_count"]].to_numpy().tolist() == [
        ["q1", 10, 0.75, 400]
    ]


def test_whom_to_coach_goes_by_how_sure_it_is_and_has_few_questions() -> None:
    others = [asked("p9", f"q{n}", 10, 100) for n in range(6)]
    own = [asked("p1", f"q{n}", 4 + n, 20) for n in range(5)]
    few = [asked("p2", "q5", 1, 5), asked("p2", "q4", 4, 4)]
    rows = compare_questions(listed([*others, *own, *few]), [], {pid: pid for pid in ("p1", "p2", "p9")})

    found = find_to_coach(rows)

    assert [(row["group"], row["question_pid"], row["is_above"]) for row in found] == [
        ("p1", "q4", True),
        ("p1", "q3", True),
        ("p1", "q2", True),
    ]
    assert [row["is_above"] for row in find_to_coach(rows, per_agent=9)] == [True, True, True, True, False]


def page_of(people: int, *, team: str = "North", questions: list[dict[str, Any]] | None = None) -> Page:
    agents = [row for number in range(people) for row in agent_rows(number, team=team)]
    given = [asked(f"p{number}", "q1", 8 if not number else 1, 20) for number in range(people)]
    inputs = build_inputs(agents, questions=given if questions is None else questions)
    return Page(render_page(build_scorecard(inputs, PageOptions(0.5), is_simulated=False)))


def test_the_page_has_all_people_teams_and_whom_to_coach() -> None:
    page = page_of(6)

    assert page.rows("questions")[1][:2] == ["Question q1", "11% 6 to 18% 13 of 120"]
    assert page.rows("team-questions")[1][:4] == ["North", "Question q1", "11% 6 to 18% 13 of 120", "-"]
    assert page.rows("coach")[1][:5] == [
        *("Agent 0 North", "Question q1", "40% 22 to 61% 8 of 20", "5%"),
        "above by more than its interval",
    ]
    rows = [attributes for tag, attributes in page.tags if tag == "tr" and attributes.get("data-agent") == "p0"]
    assert {"data-agent": "p0", "data-team": "North", "data-channel": "Voice"} in rows
    assert "Of 6 pairs of an agent and a question" in page.visible()


def test_what_may_be_luck_is_folded_away() -> None:
    given = [asked(f"p{number}", "q1", {0: 12, 1: 5}.get(number, 2), 20) for number in range(6)]
    page = page_of(6, questions=given)

    tables = {attributes["id"] for tag, attributes in page.tags if tag == "table" and "id" in attributes}
    assert {"coach-table", "coach-unsure-table"} <= tables
    folded = [attributes.get("id") for tag, attributes in page.tags if tag == "details"]
    assert "coach-unsure" in folded
    assert "1 more, which may well be luck" in page.texts
    assert [cells[0] for cells in page.rows("coach")] == ["Agent", "Agent 0 North", "Agent", "Agent 1 North"]


def test_a_team_has_no_row_of_a_question_without_a_worst_answer() -> None:
    given = [
        asked(f"p{number}", question, worst, 20) for number in range(6) for question, worst in (("q1", 2), ("q2", 0))
    ]

    assert [cells[1] for cells in page_of(6, questions=given).rows("team-questions")[1:]] == ["Question q1"]
    none = page_of(6, questions=[one for one in given if not one["worst_count"]])
    assert none.rows("team-questions") == []
    assert "No team of 5 people or more was given a worst answer." in none.texts


@pytest.mark.parametrize("before", [0, 4, 5])
def test_changes_have_a_column_only_where_one_is_known(before: int) -> None:
    questions = [asked("p1", "q1", 3, 15)]
    answers = [answered("p1", "q1", 3, 10), *([answered("p1", "q1", 0, before, is_recent=False)] if before else [])]
    tables = build_question_tables(question_frame(questions), question_answer_frame(answers), agent_rows(1)[:1])

    assert tables.everyone.has("Change") == (before == 5)
    assert all(len(row.cells) == len(tables.everyone.headings) for row in tables.everyone.rows)


def test_a_small_team_has_no_questions_of_its_own() -> None:
    page = page_of(4)

    assert page.rows("team-questions") == []
    assert re.search(r"fewer than 5 people\): North", page.visible())
    assert page.rows("questions")[1][0] == "Question q1"


def test_where_nothing_is_known_the_page_says_why() -> None:
    assert "There are no scores by question of this day" in page_of(6, questions=[]).visible()
    machines = [asked("p0", "q1", 5, 9, is_bot=True)]
    assert "There are no scores by question" in page_of(6, questions=machines).visible()
    auto = [asked("p0", "q1", 5, 9, source="auto")]
    assert "No reviewer has given a scored answer" in page_of(6, questions=auto).visible()
