"""Scores against an independent count in plain Python, on small nasty data, and changes that may change nothing."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets.schemas.base import Table
from salted_assets.schemas.scores import AgentDaily, AgentSegmentDaily, Answer, EngagementScore, QueueDaily
from salted_assets.scoring import (
    ScoringChoices,
    score_agent_segments_daily,
    score_agents_daily,
    score_queues_daily,
)
from salted_assets_tests.support import answer_oracle, queue_oracle
from salted_assets_tests.support import scoring_oracle as oracle
from salted_assets_tests.support.scoring_rows import DAY, Row, engagement, review
from salted_assets_tests.support.scoring_runs import Scored, as_arrow, assert_same, listed, score_rows
from salted_assets_tests.support.scoring_strategies import CHOICES, INPUTS

pytestmark = pytest.mark.slow

SUMS = {
    AgentDaily: score_agents_daily,
    AgentSegmentDaily: score_agent_segments_daily,
    QueueDaily: score_queues_daily,
}


def all_tables(scored: Scored) -> dict[type[Table], list[Row]]:
    engagements = as_arrow(scored.engagements, EngagementScore)
    tables = {model: listed(add_up(engagements), model) for model, add_up in SUMS.items()}
    tables[EngagementScore] = listed(scored.engagements, EngagementScore)
    if scored.answers is not None:
        tables[Answer] = listed(scored.answers, Answer)
    return tables


def assert_all_same(given_tables: dict[type[Table], list[Row]], expected: dict[type[Table], list[Row]]) -> None:
    assert set(given_tables) == set(expected)
    for model, rows in expected.items():
        assert_same(given_tables[model], rows)


@settings(max_examples=12, deadline=None)
@given(rows=INPUTS, choices=CHOICES)
def test_every_column_equals_the_count_in_plain_python(rows: Any, choices: ScoringChoices) -> None:
    readings = asdict(choices)
    engagements = oracle.score_engagements(rows, DAY, readings)
    expected: dict[type[Table], list[Row]] = {
        EngagementScore: engagements,
        AgentDaily: oracle.score_agents_daily(engagements),
        AgentSegmentDaily: oracle.score_agent_segments_daily(engagements),
        QueueDaily: queue_oracle.score_queues_daily(engagements),
    }
    if rows[2] is not None:
        expected[Answer] = answer_oracle.score_answers(rows, DAY, readings)
    assert_all_same(all_tables(score_rows(rows, choices)), expected)


@settings(max_examples=4, deadline=None)
@given(rows=INPUTS, choices=CHOICES, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_rows_that_do_not_count_change_nothing(
    rows: Any, choices: ScoringChoices, random: Any
) -> None:
    shuffled: list[Sequence[Row] | None] = [None if part is None else random.sample(part, len(part)) for part in rows]
    others = [engagement("x1", type="Technical"), engagement("x2", type="Queue", agent_pid=None)]
    reviews = [review("x3", engagement_pid="x1"), review("x4", engagement_pid="x2", type="Auto")]
    changed: Any = ([*(shuffled[0] or []), *others], shuffled[1], shuffled[2] and [*shuffled[2], *reviews], shuffled[3])
    assert_all_same(all_tables(score_rows(changed, choices)), all_tables(score_rows(rows, choices)))


@settings(max_examples=2, deadline=None)
@given(first=INPUTS, second=INPUTS, choices=CHOICES)
def test_several_days_at_once_give_what_each_day_gives(first: Any, second: Any, choices: ScoringChoices) -> None:
    days = [
        score_rows(first, choices).engagements,
        score_rows(second, choices, DAY + timedelta(days=1)).engagements,
    ]
    for model, add_up in SUMS.items():
        together = listed(add_up(pd.concat(days, ignore_index=True)), model)
        assert_same(together, [row for day in days for row in listed(add_up(day), model)])


@settings(max_examples=3, deadline=None)
@given(rows=INPUTS, choices=CHOICES)
def test_every_table_keeps_the_rules_of_its_model(rows: Any, choices: ScoringChoices) -> None:
    scored = score_rows(rows, choices)
    frames = {model: add_up(scored.engagements) for model, add_up in SUMS.items()}
    frames[EngagementScore] = scored.engagements
    if scored.answers is not None:
        frames[Answer] = scored.answers
    for model, frame in frames.items():
        model.validate(frame, lazy=True)
