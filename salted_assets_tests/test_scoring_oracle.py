"""Scores against an independent count in plain Python, on small nasty data, and changes that may change nothing."""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets.scoring import ScoringChoices, score_agents_daily, score_engagements
from salted_assets.tables.base import arrow_schema
from salted_assets.tables.scores import AgentDaily, EngagementScore
from salted_assets_tests import scoring_oracle as oracle
from salted_assets_tests.scoring_rows import DAY, Row, agent, at, engagement, review, table, turn

PIDS = ("e0", "e1", "e2", "e3", "e4")
TYPES = ("Agent", "Agent", "Agent", "AGENT", " agent", "Queue", "Technical", None)
SOURCES = ("Reviewer", "reviewer", "AUTO", "Auto", "Customer", "Agent", "Somebody", None)
VERDICTS = ("Acknowledged", "Correct", "INCORRECT", "Incorrect", "Unclear", "disputed", None)
STATUSES = ("Completed", "Completed", "Completed", "COMPLETED", "Deleted", "Pending", "Ignore", None)
QUESTIONS = ("q0", "q1", "q2", None)
POINTS = st.sampled_from([None, 0.0, 1.0, 2.5, 5.0, 10.0, -3.0, float("nan"), float("inf")])
MS = st.one_of(st.none(), st.integers(0, 10_000_000))
NUMBER = st.one_of(st.none(), st.just(float("nan")), st.floats(-5, 5).map(lambda value: round(value, 3)))
TEXT = st.sampled_from([None, "", "North", "South"])
TIME = st.integers(0, 86_399_999).map(lambda ms: at(0) + timedelta(milliseconds=ms))


@st.composite
def engagements(draw: st.DrawFn) -> list[Row]:
    return [
        engagement(
            pid,
            type=draw(st.sampled_from(TYPES)),
            status=draw(st.sampled_from(["Completed", "Completed", "COMPLETED", "In Progress", None])),
            agent_pid=draw(st.sampled_from(["a0", "a0", "a1", "a2", "", None])),
            agent_name=draw(st.sampled_from(["Ada", "Bea", "", None])),
            start_time=draw(st.sampled_from([at(8), at(9), at(9, 1)])),
            service_level=draw(st.sampled_from(["Met", "MET", "Missed", "Ignore", "ignore", 'od"d', "", None])),
            **{name: draw(TEXT) for name in ("team", "department", "queue", "channel", "conversation_id", "link")},
            **{name: draw(MS) for name in oracle.TIMES},
            **{name: draw(NUMBER) for name in ("cost", *oracle.AI)},
        )
        for pid in PIDS[: draw(st.integers(0, 5))]
    ]


@st.composite
def turns(draw: st.DrawFn) -> list[Row]:
    return [
        turn(
            f"t{index}",
            engagement_pid=draw(st.sampled_from(PIDS)),
            participant=draw(st.sampled_from(["AGENT", "agent", "CUSTOMER", "Customer", "SYSTEM", None])),
            turn_time=draw(st.one_of(st.none(), TIME)),
            sentiment=draw(NUMBER),
        )
        for index in range(draw(st.integers(0, 8)))
    ]


@st.composite
def reviews(draw: st.DrawFn) -> list[Row]:
    return [
        review(
            f"r{index}",
            engagement_pid=draw(st.sampled_from(PIDS)),
            turn_pid=draw(st.sampled_from([None, None, "", "t0", "t1", "t2", "t99"])),
            type=draw(st.sampled_from(SOURCES)),
            status=draw(st.sampled_from(STATUSES)),
            sampling=draw(st.sampled_from(["Focused", "random", "Selected", "ALL", None])),
            verified=draw(st.sampled_from(VERDICTS)),
            review_session_id=draw(st.sampled_from([None, "", "s0", "s1"])),
            question_pid=draw(st.sampled_from(QUESTIONS)),
            answer_score=draw(POINTS),
            worst_score=draw(st.sampled_from([0.0, 0.0, 10.0, 5.0, None])),
            best_score=draw(st.sampled_from([10.0, 10.0, 0.0, 5.0, None])),
        )
        for index in range(draw(st.integers(0, 14)))
    ]


AGENTS = st.lists(st.sampled_from(["User", "BOT", "Menu", "External", "", None]), max_size=3).map(
    lambda types: [agent(f"a{index}", type=kind) for index, kind in enumerate(types)]
)

CHOICES = st.builds(
    ScoringChoices,
    exclude_unclear=st.booleans(),
    exclude_disputed=st.booleans(),
    exclude_unknown_turns=st.booleans(),
    found_only_questions=st.sampled_from([(), ("q2",)]),
    critical_questions=st.sampled_from([(), ("q0",), ("q0", "q1")]),
    question_weights=st.sampled_from([{}, {"q0": 3.0}, {"q0": 0.1, "q1": 7.0}]),
    service_level_met_values=st.sampled_from([(), ("met",), ("Met", "Missed")]),
)

INPUTS = st.tuples(
    engagements(), st.one_of(st.none(), turns()), st.one_of(st.none(), reviews()), st.one_of(st.none(), AGENTS)
)


def compute(rows: Any, choices: ScoringChoices, day: date = DAY) -> pd.DataFrame:
    names = ("engagement", "turn", "review", "agent")
    own = {name: None if part is None else table(name, part) for name, part in zip(names, rows, strict=True)}
    return score_engagements(own["engagement"], own["turn"], own["review"], own["agent"], day, choices)


def listed(frame: pd.DataFrame, model: Any) -> list[Row]:
    model.validate(frame, lazy=True)
    rows: list[Row] = pa.Table.from_pandas(frame, schema=arrow_schema(model), preserve_index=False).to_pylist()
    return rows


def assert_same(given_rows: list[Row], expected_rows: list[Row]) -> None:
    assert len(given_rows) == len(expected_rows)
    for result, expected in zip(given_rows, expected_rows, strict=True):
        assert set(result) == set(expected)
        for name, value in expected.items():
            wanted = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert result[name] == wanted, name


@settings(max_examples=30, deadline=None)
@given(rows=INPUTS, choices=CHOICES)
def test_every_column_equals_the_count_in_plain_python(rows: Any, choices: ScoringChoices) -> None:
    scores = compute(rows, choices)
    engagements_, turns_, reviews_, agents_ = rows
    expected = oracle.score_engagements(engagements_, turns_, reviews_, agents_, DAY, asdict(choices))
    assert_same(listed(scores, EngagementScore), expected)
    assert_same(listed(score_agents_daily(scores), AgentDaily), oracle.score_agents_daily(expected))


@settings(max_examples=6, deadline=None)
@given(rows=INPUTS, choices=CHOICES, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_rows_that_do_not_count_change_nothing(
    rows: Any, choices: ScoringChoices, random: Any
) -> None:
    shuffled: Any = [None if part is None else random.sample(part, len(part)) for part in rows]
    shuffled[0] = [*shuffled[0], engagement("x1", type="Technical"), engagement("x2", type="Queue", agent_pid=None)]
    if shuffled[2] is not None:
        shuffled[2] = [*shuffled[2], review("x3", engagement_pid="x1"), review("x4", status="Deleted")]
    before, after = compute(rows, choices), compute(shuffled, choices)
    assert_same(listed(after, EngagementScore), listed(before, EngagementScore))
    assert_same(listed(score_agents_daily(after), AgentDaily), listed(score_agents_daily(before), AgentDaily))


@settings(max_examples=4, deadline=None)
@given(first=INPUTS, second=INPUTS, choices=CHOICES)
def test_several_days_at_once_give_what_each_day_gives(first: Any, second: Any, choices: ScoringChoices) -> None:
    days = [compute(first, choices), compute(second, choices, DAY + timedelta(days=1))]
    together = listed(score_agents_daily(pd.concat(days, ignore_index=True)), AgentDaily)
    assert_same(together, [row for day in days for row in listed(score_agents_daily(day), AgentDaily)])
