"""`scores/answer`: what each review comes to, and that the scores of engagements and agents say the same as it does."""

import math
from datetime import timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

from salted_assets.schemas.scores import AgentDaily, Answer
from salted_assets.scoring import ScoringChoices, score_agents_daily, score_answers
from salted_assets_tests.support.scoring_oracle import family
from salted_assets_tests.support.scoring_rows import DAY, Row, at, engagement, review, table, turn
from salted_assets_tests.support.scoring_runs import dated, listed, near, score_rows
from salted_assets_tests.support.scoring_strategies import CHOICES, INPUTS

pytestmark = pytest.mark.slow

SOURCES = ("reviewer", "auto", "customer", "agent")
OF_AGENT = ("scored", "unscored", "unreadable", "unclear", "disputed")


def answered(*reviews: Row, engagements: list[Row] | None = None, **choices: Any) -> dict[str, Row]:
    """The answers by review, about an engagement with a turn of the agent, one of the customer, one of the system."""
    takers = {"t1": "AGENT", "t2": "CUSTOMER", "t3": "SYSTEM"}
    turns = [turn(pid, participant=participant) for pid, participant in takers.items()]
    scored = score_rows((engagements or [engagement()], turns, reviews, []), ScoringChoices(**choices))
    assert scored.answers is not None
    return {row["pid"]: row for row in listed(scored.answers, Answer)}


def recount(answers: list[Row], choices: ScoringChoices) -> Row:
    """An agent's answer and evaluation columns out of the day's answers alone."""
    row: Row = {
        "answer_auto_incorrect_count": count(answers, scoring_status="incorrect"),
        "answer_auto_found_count": count(answers, scoring_status="found") if choices.found_only_questions else None,
    }
    for source in SOURCES:
        own = [answer for answer in answers if answer["source"] == source]
        for suffix in ("", "_random_or_all"):
            used = [answer for answer in own if answer["is_scored"] and (answer["is_random_or_all"] or not suffix)]
            row |= family(f"answer_{source}{suffix}", [answer["score"] for answer in used])
            row |= family(f"evaluation_{source}{suffix}", [mean(answers) for answers in evaluations_of(used)])
        scored = [answer for answer in own if answer["is_scored"]]
        unreadable = [answer for answer in own if answer["scoring_status"] == "unreadable"]
        failed = [part for part in evaluations_of(scored) if any(answer["is_critical_failure"] for answer in part)]
        row |= {
            f"evaluation_{source}_failed_critical_count": len(failed) if choices.critical_questions else None,
            f"evaluation_{source}_engagement_count": len({answer["engagement_pid"] for answer in scored}),
            f"answer_{source}_unscored_count": count(own, scoring_status="unscored"),
            f"answer_{source}_unreadable_count": count(own, scoring_status="unreadable"),
            f"evaluation_{source}_unreadable_count": len(evaluations_of(unreadable)),
            f"answer_{source}_customer_turn_count": count(own, scoring_status="customer turn"),
            f"answer_{source}_unknown_turn_count": sum(
                count(own, target="unknown turn", scoring_status=scoring_status)
                for scoring_status in (*OF_AGENT, "unknown turn")
            ),
            **{f"answer_{source}_{word}_count": count(scored, sampling=word) for word in ("focused", "selected")},
            **{
                f"answer_{source}_{word}_count": sum(
                    count(own, verified=word, scoring_status=scoring_status) for scoring_status in ("scored", word)
                )
                for word in ("unclear", "disputed")
            },
        }
    return row


def count(answers: list[Row], **values: str) -> int:
    return sum(all(answer[name] == value for name, value in values.items()) for answer in answers)


def evaluations_of(answers: list[Row]) -> list[list[Row]]:
    def evaluation_of(answer: Row) -> tuple[str, str]:
        return answer["engagement_pid"], answer["evaluation"]

    return [list(part) for _, part in groupby(sorted(answers, key=evaluation_of), evaluation_of)]


def mean(answers: list[Row]) -> float:
    weights = math.fsum(answer["weight"] for answer in answers)
    return math.fsum(answer["weight"] * answer["score"] for answer in answers) / weights


@settings(max_examples=8, deadline=None)
@given(rows=INPUTS, choices=CHOICES)
def test_an_agents_day_says_of_reviews_what_the_answers_say(rows: Any, choices: ScoringChoices) -> None:
    scored = score_rows(rows, choices)
    answers = [] if scored.answers is None else listed(scored.answers, Answer)
    for day in listed(score_agents_daily(scored.engagements), AgentDaily):
        own = [answer for answer in answers if answer["agent_pid"] == day["agent_pid"]]
        for name, value in recount(own, choices).items():
            assert day[name] == (None if scored.answers is None else near(value)), name


def test_reviews_of_every_status_are_there_and_completed_ones_alone_are_scored() -> None:
    found = answered(review(), review("r2", status="Pending", answer_score=None), review("r3", status="DELETED"))
    assert {pid: (row["status"], row["scoring_status"]) for pid, row in found.items()} == {
        "r1": ("completed", "scored"),
        "r2": ("pending", "not completed"),
        "r3": ("deleted", "not completed"),
    }
    assert [row["is_scored"] for row in found.values()] == [True, False, False]


def test_reviews_of_engagements_that_do_not_count_are_left_out() -> None:
    queue = engagement("e2", type="Queue")
    found = answered(
        review(),
        review("r2", engagement_pid="e2"),
        review("r3", engagement_pid="e9"),
        engagements=[engagement(), queue],
    )
    assert list(found) == ["r1"]


@pytest.mark.parametrize(
    ("turn_pid", "target", "scoring_status"),
    [
        (None, "engagement", "scored"),
        (" ", "engagement", "scored"),
        ("t1", "agent turn", "scored"),
        ("t2", "customer turn", "customer turn"),
        ("t3", "other turn", "scored"),
        ("t99", "unknown turn", "scored"),
    ],
)
def test_a_review_says_what_it_is_about(turn_pid: str | None, target: str, scoring_status: str) -> None:
    (row,) = answered(review(turn_pid=turn_pid)).values()
    assert (row["target"], row["scoring_status"]) == (target, scoring_status)
    (row,) = answered(review(turn_pid=turn_pid), exclude_unknown_turns=True).values()
    assert row["scoring_status"] == ("unknown turn" if target == "unknown turn" else scoring_status)


def test_the_reason_for_which_an_answer_is_left_out_is_told_in_the_order_of_the_rules() -> None:
    odd: Row = {"type": "Auto", "question_pid": "found", "turn_pid": "t2", "verified": "Incorrect", "best_score": None}
    steps: list[tuple[Row, str]] = [
        ({"status": "Timeout"}, "not completed"),
        ({"status": "Completed", "type": "Somebody"}, "unknown source"),
        ({"type": "Auto"}, "incorrect"),
        ({"verified": "Unclear"}, "customer turn"),
        ({"turn_pid": "t99"}, "found"),
        ({"question_pid": "q1"}, "unknown turn"),
        ({"turn_pid": "t1"}, "unscored"),
        ({"best_score": 10.0}, "unclear"),
        ({"verified": "DISPUTED"}, "disputed"),
        ({"verified": "Acknowledged"}, "scored"),
    ]
    choices: Row = {"found_only_questions": ("found",), "exclude_unknown_turns": True}
    for change, scoring_status in steps:
        odd |= change
        (row,) = answered(review(**odd), exclude_unclear=True, exclude_disputed=True, **choices).values()
        assert row["scoring_status"] == scoring_status


def test_days_to_review_run_from_the_end_of_the_engagement_or_else_its_start_unless_the_end_was_refused() -> None:
    ended, open_ = engagement(end_time=at(9, 30)), engagement("e2")
    refused = engagement("e3", refused_columns=["end_time"])
    reviews = [
        review(review_time=at(9, 30) + timedelta(days=3)),
        review("r2", review_time=at(9, 15)),
        review("r3", engagement_pid="e2", review_time=at(21)),
        review("r4"),
        review("r5", engagement_pid="e3", review_time=at(21)),
    ]
    found = answered(*reviews, engagements=[ended, open_, refused])
    assert {pid: row["days_to_review"] for pid, row in found.items()} == {
        "r1": 3.0,
        "r2": -15 / 1440,
        "r3": 0.5,
        "r4": None,
        "r5": None,
    }


def test_the_agent_and_the_segment_are_those_of_the_engagement_not_of_the_review() -> None:
    case = engagement(team="North", queue="Sales", channel_type="VOICE", language="cs", agent_pid="a7")
    (row,) = answered(review(agent_pid="a9"), engagements=[case]).values()
    names = ("agent_pid", "agent_name", "team", "queue", "channel_type", "language")
    assert [row[name] for name in names] == ["a7", "Ada", "North", "Sales", "VOICE", "cs"]


def test_worst_critical_and_found_only_answers_are_marked() -> None:
    rows = [
        review(answer_score=0.0, question_pid="q1"),
        review("r2", answer_score=0.0, question_pid="q2"),
        review("r3", answer_score=10.0, worst_score=10.0, best_score=0.0),
        review("r4", answer_score=None),
        review("r5", type="AUTO", question_pid="q2"),
    ]
    found = answered(*rows, critical_questions=("q2",), found_only_questions=("q2",))
    assert [found[f"r{i}"]["is_worst"] for i in range(1, 6)] == [True, True, True, None, False]
    assert [found[f"r{i}"]["is_critical_failure"] for i in range(1, 6)] == [False, True, False, False, False]
    assert [found[f"r{i}"]["is_found_only"] for i in range(1, 6)] == [False, False, False, False, True]
    assert {row["is_critical_failure"] for row in answered(*rows).values()} == {None}


def test_an_answer_by_a_person_has_the_score_that_the_auto_reviewer_first_gave_whatever_its_verification() -> None:
    question = {"question_pid": "q1"}
    rows = [
        review("r1", **question),
        review("r2", type="Auto", **question, answer_score=4.0, verified="Incorrect"),
        review("r3", type="Auto", **question, answer_score=6.0, verified="Correct"),
        review("r4", type="Auto", **question, answer_score=9.0, status="Pending"),
        review("r5", type="Auto", answer_score=9.0, question_pid="q9"),
        review("r6", type="Auto", **question, answer_score=9.0, turn_pid="t1"),
        review("r7", type="Customer", **question),
        review("r8", **question, turn_pid="t1"),
        review("r9", **question, engagement_pid="e2"),
    ]
    found = answered(*rows, engagements=[engagement(), engagement("e2")])
    scores = {pid: row["auto_score"] for pid, row in found.items()}
    assert scores == {**dict.fromkeys(found), "r1": 0.5, "r8": 0.9}


def test_a_mean_of_auto_answers_is_rounded_alike_whatever_the_order_of_the_rows() -> None:
    question = {"question_pid": "q1"}
    for scores in (1.0, 2.0, 3.0), (3.0, 2.0, 1.0):
        auto = [review(f"r{n}", type="Auto", **question, answer_score=score) for n, score in enumerate(scores)]
        assert answered(*auto, review("r9", **question))["r9"]["auto_score"] == 0.19999999999999998


def test_answers_come_sorted_by_source_and_agent() -> None:
    rows = [review(f"r{i}", type=kind, engagement_pid=f"e{i % 2}") for i, kind in enumerate(["Reviewer", "Auto"] * 4)]
    engagements = [engagement("e0", agent_pid="a2"), engagement("e1", agent_pid="a1")]
    more = [review("r8", type="Auto", engagement_pid="e0"), review("r9", type=None)]
    found = answered(*rows, *more, engagements=engagements)
    assert [(row["source"], row["agent_pid"]) for row in found.values()] == (
        [("auto", "a1")] * 4 + [("auto", "a2")] + [("reviewer", "a2")] * 4 + [(None, "a1")]
    )


def test_what_people_answer_about_a_planned_engagement_counts_as_sampled_at_random() -> None:
    reviews = [
        review("chosen", engagement_pid="e1", sampling="Focused"),
        review("auto", engagement_pid="e1", sampling="Focused", type="Auto"),
        review("unsaid", engagement_pid="e1", sampling=None),
        review("other", engagement_pid="e2", sampling="Focused"),
        review("all", engagement_pid="e2", sampling="All"),
    ]
    engagements = dated(table("engagement", [engagement("e1"), engagement("e2")]), DAY)
    days = [DAY, DAY, DAY + timedelta(days=1)]
    planned = pa.table({"start_date": days, "engagement_pid": ["e1", "elsewhere", "e2"]})
    rows = dated(table("review", reviews), DAY)
    frame = score_answers(engagements, None, rows, None, ScoringChoices(), planned=planned)
    drawn = dict(zip(frame["pid"], frame["is_random_or_all"], strict=True))
    assert drawn == {"chosen": True, "auto": False, "unsaid": True, "other": False, "all": True}
    assert frame["sampling"].isna().sum() == 1
