"""Sums by segment and by queue: they add up to what agents have, and what is not known is a segment of its own."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings

from salted_assets.schemas.base import columns_of
from salted_assets.schemas.scores import AgentDaily, AgentSegmentDaily, EngagementScore, QueueDaily
from salted_assets.scoring import ScoringChoices, score_agent_segments_daily, score_agents_daily, score_queues_daily
from salted_assets_tests.support.scoring_rows import Row, agent, engagement, review, turn
from salted_assets_tests.support.scoring_runs import as_arrow, listed, near, score_rows
from salted_assets_tests.support.scoring_strategies import CHOICES, INPUTS

pytestmark = pytest.mark.slow

ADDED_UP = [
    facts.name
    for facts in columns_of(AgentDaily)
    if facts.name.endswith(("_count", "_sum", "_sum_of_squares")) and facts.name != "engagement_count"
]


def add_up(rows: list[Row], name: str) -> Any:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) if known else None


def queues(*engagements: Row, reviews: list[Row] | None = None, **choices: Any) -> dict[Any, Row]:
    """The queues of a day by name; of one channel each."""
    turns = [turn("t1", sentiment=1.0), turn("t2", sentiment=0.0, engagement_pid="e2")]
    scored = score_rows((engagements, turns, reviews, []), ScoringChoices(**choices))
    return {row["queue"]: row for row in listed(score_queues_daily(scored.engagements), QueueDaily)}


@settings(max_examples=6, deadline=None)
@given(rows=INPUTS, choices=CHOICES)
def test_an_agents_segments_add_up_to_the_agents_day(rows: Any, choices: ScoringChoices) -> None:
    scores = as_arrow(score_rows(rows, choices).engagements, EngagementScore)
    segments = listed(score_agent_segments_daily(scores), AgentSegmentDaily)
    days = listed(score_agents_daily(scores), AgentDaily)
    assert {segment["agent_pid"] for segment in segments} == {day["agent_pid"] for day in days}
    for day in days:
        own = [segment for segment in segments if segment["agent_pid"] == day["agent_pid"]]
        assert sum(segment["engagement_count"] for segment in own) == day["engagement_count"]
        for name in ADDED_UP:
            assert add_up(own, name) == near(day[name]), name
        for name in ("service_level_counts", "resolution_counts"):
            values: Counter[str] = Counter()
            for segment in own:
                values.update(json.loads(segment[name]))
            assert values == Counter(json.loads(day[name])), name


def test_what_is_not_known_is_a_segment_of_its_own_and_never_joins_another() -> None:
    known = {"team": "North", "channel_type": "VOICE", "queue": "Sales", "language": "cs"}
    rows = [engagement("e0", **known)] + [
        engagement(f"e{n}", **known | {name: None}) for n, name in enumerate(known, 1)
    ]
    scored = score_rows(([*rows, engagement("e9", **known)], None, None, None), ScoringChoices())
    segments = listed(score_agent_segments_daily(scored.engagements), AgentSegmentDaily)
    assert [[segment[name] for name in known] for segment in segments] == [
        ["North", "VOICE", "Sales", "cs"],
        ["North", "VOICE", "Sales", None],
        ["North", "VOICE", None, "cs"],
        ["North", None, "Sales", "cs"],
        [None, "VOICE", "Sales", "cs"],
    ]
    assert [segment["engagement_count"] for segment in segments] == [2, 1, 1, 1, 1]


def test_a_queue_has_every_agents_engagements_and_says_how_many_are_of_bots() -> None:
    engagements = [engagement("e1", queue="Sales"), engagement("e2", queue="Sales", agent_pid="b1"), engagement("e3")]
    scored = score_rows((engagements, None, None, [agent("b1", type="Bot")]), ScoringChoices())
    rows = listed(score_queues_daily(scored.engagements), QueueDaily)
    counts = ("queue", "engagement_count", "agent_count", "bot_engagement_count")
    assert [[row[name] for name in counts] for row in rows] == [["Sales", 2, 2, 1], [None, 1, 1, 0]]


def test_a_mean_has_its_interval_from_two_values_that_differ_on() -> None:
    waits = {"Sales": (1000, 2000, 3000), "Alone": (7,), "Same": (5, 5)}
    rows = [engagement(f"{q} {n}", queue=q, wait_time=ms) for q, all_ms in waits.items() for n, ms in enumerate(all_ms)]
    found = queues(*rows)
    limits = {queue: (row["wait_time_ms_mean_low"], row["wait_time_ms_mean_high"]) for queue, row in found.items()}
    assert limits["Sales"] == (pytest.approx(2000 - 2484.14, abs=0.01), pytest.approx(2000 + 2484.14, abs=0.01))
    assert (limits["Alone"], limits["Same"]) == ((None, None), (None, None))
    assert [found[queue]["wait_time_ms_mean"] for queue in waits] == [2000.0, 7.0, 5.0]


def test_a_share_has_its_interval_and_none_where_nothing_was_judged() -> None:
    levels = ["Met"] * 9 + ["Missed"]
    rows = [engagement(f"e{n}", queue="Sales", service_level=level) for n, level in enumerate(levels)]
    rated, unset = queues(*rows, service_level_met_values=("Met",))["Sales"], queues(*rows)["Sales"]
    limits = (rated["service_level_met_ratio_low"], rated["service_level_met_ratio_high"])
    assert limits == (pytest.approx(0.596, abs=0.001), pytest.approx(0.982, abs=0.001))
    assert (unset["service_level_met_ratio"], unset["service_level_met_ratio_low"]) == (None, None)


def test_long_handle_times_move_the_geometric_mean_little() -> None:
    times = (60_000, 60_000, 60_000, 6_000_000)
    row = queues(*(engagement(f"e{n}", queue="Sales", engagement_time=ms) for n, ms in enumerate(times)))["Sales"]
    assert row["handle_time_ms_mean"] == 1_545_000.0
    assert row["handle_time_geometric_mean_ms"] == pytest.approx(60_000 * 100**0.25)
    assert row["handle_time_geometric_mean_ms_low"] < 60_000 < row["handle_time_geometric_mean_ms_high"]


def test_a_queues_evaluations_count_evaluations_and_its_coverage_engagements() -> None:
    reviews = [review(review_session_id="s1"), review("r2", review_session_id="s1"), review("r3", answer_score=10.0)]
    row = queues(engagement(queue="Sales"), engagement("e2", queue="Sales"), reviews=reviews)["Sales"]
    assert (row["evaluation_reviewer_count"], row["evaluation_reviewer_mean"]) == (2, 0.75)
    assert (row["evaluation_reviewer_engagement_count"], row["evaluation_reviewer_coverage_ratio"]) == (1, 0.5)
    assert row["engagement_sentiment_agent_mean"] == 0.5
    unreviewed = queues(engagement(queue="Sales"))["Sales"]
    assert (unreviewed["evaluation_reviewer_count"], unreviewed["evaluation_reviewer_coverage_ratio_low"]) == (
        None,
        None,
    )
