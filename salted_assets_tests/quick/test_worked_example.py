"""The worked example of docs/scores.md: every figure in it once more, by the production code."""

import math
from datetime import date, timedelta

import pyarrow as pa
import pytest

from salted_assets.documentation import render_scores
from salted_assets.scoring import ScoringChoices, score_agents_daily
from salted_assets.scoring.rolling import score_agents_rolling
from salted_assets.scoring.rolling_choices import RollingChoices
from salted_assets.tables.base import arrow_schema
from salted_assets.tables.scores import AgentCaseDaily, AgentDaily, Answer, EngagementScore
from salted_assets_tests.scoring_rows import DAY, Row, agent, engagement, review
from salted_assets_tests.scoring_runs import Scored, as_arrow, listed, score_rows

ENGAGEMENTS = [
    engagement("e1", preparation_time=20_000, engagement_time=300_000, wrap_up_time=40_000),
    engagement("e2", engagement_time=180_000),
    engagement("e3"),
    engagement("e4", type="Technical", engagement_time=600_000),
]
REVIEWS = [
    review("r1", review_session_id="s1", answer_score=4.0, worst_score=1.0, best_score=5.0),
    review("r2", review_session_id="s1", answer_score=2.0, worst_score=10.0, best_score=0.0),
    review("r3", review_session_id="s1", answer_score=0.0, worst_score=0.0, best_score=0.0),
    review("r4", engagement_pid="e2", review_session_id="s2", answer_score=1.0, worst_score=0.0, best_score=2.0),
    review("r5", engagement_pid="e3", type="Customer", answer_score=5.0, worst_score=1.0, best_score=5.0),
]
EARLIER = {20: (8, (0.8, 0.7)), 10: (9, (0.9, 0.6))}
"""Ada's other days, by how many days ago: engagements, and evaluations."""

PEERS = (0.50, 0.55, 0.60, 0.65, 0.70)
PEER_EVALUATIONS, PEER_VARIANCE = 6, 0.02


@pytest.fixture(name="page", scope="module")
def fixture_page() -> str:
    """The page as running text: where a line breaks does not matter."""
    return " ".join(render_scores().split())


@pytest.fixture(name="scored", scope="module")
def fixture_scored() -> Scored:
    return score_rows((ENGAGEMENTS, [], REVIEWS, [agent()]), ScoringChoices())


@pytest.fixture(name="today", scope="module")
def fixture_today(scored: Scored) -> Row:
    (row,) = listed(score_agents_daily(as_arrow(scored.engagements, EngagementScore)), AgentDaily)
    return row


def daily(pid: str, day: date, engagements: int, evaluations_of_day: tuple[int, float, float]) -> Row:
    names = ("count", "sum", "sum_of_squares", "engagement_count")
    sums = dict(zip(names, (*evaluations_of_day, evaluations_of_day[0]), strict=True))
    evaluations = {f"evaluation_reviewer_{name}": value for name, value in sums.items()}
    return {"start_date": day, "agent_pid": pid, "engagement_count": engagements, **evaluations}


@pytest.fixture(name="window", scope="module")
def fixture_window(today: Row) -> dict[str, Row]:
    """Ada's measures over 28 days."""
    rows = [today]
    for ago, (engagements, values) in EARLIER.items():
        squares = math.fsum(value**2 for value in values)
        rows.append(daily("a1", DAY - timedelta(days=ago), engagements, (len(values), math.fsum(values), squares)))
    for place, mean in enumerate(PEERS):
        n = PEER_EVALUATIONS
        rows.append(daily(f"p{place}", DAY, 20, (n, n * mean, n * mean**2 + (n - 1) * PEER_VARIANCE)))
    days = pa.Table.from_pylist(rows, schema=arrow_schema(AgentDaily))
    cases = pa.Table.from_pylist(
        [row | {"channel_type": "VOICE"} for row in days.to_pylist()], schema=arrow_schema(AgentCaseDaily)
    )
    found = score_agents_rolling(days, cases, None, DAY, RollingChoices())
    of_ada = found[(found["agent_pid"] == "a1") & (found["window_days"] == 28)]
    return {str(row["measure"]): {str(name): row[name] for name in row} for row in of_ada.to_dict("records")}


def test_answers_and_evaluations(page: str, scored: Scored) -> None:
    assert scored.answers is not None
    scores = {row["pid"]: row for row in listed(scored.answers, Answer)}
    for pid, shown in (("r1", "(4 - 1) / (5 - 1) = 0.75"), ("r2", "(2 - 10) / (0 - 10) = 0.8")):
        assert shown.endswith(f"= {scores[pid]['score']:g}")
        assert shown in page
    assert not scores["r3"]["is_scored"]
    by_engagement = {row["engagement_pid"]: row for row in scored.engagements.to_dict("records")}
    assert f"(0.75 + 0.8) / 2 = {by_engagement['e1']['evaluation_reviewer_mean']:g}" in page
    assert f"(1 - 0) / (2 - 0) = {by_engagement['e2']['evaluation_reviewer_mean']:g}" in page
    assert sorted(by_engagement) == ["e1", "e2", "e3"]


def test_the_days_sums(page: str, today: Row) -> None:
    handle_time = f"360,000 + 180,000 = {today['handle_time_ms_sum']:,} ms over {today['handle_time_ms_count']} of the"
    assert handle_time in page
    assert f"of the {today['engagement_count']} engagements" in page
    assert f"mean {today['handle_time_ms_mean']:,.0f} ms" in page
    sums = [today[f"evaluation_reviewer_{name}"] for name in ("count", "sum", "sum_of_squares")]
    assert f"| 31 | {sums[0]} | {sums[1]:.3f} | {sums[2]:.6f} |" in page
    assert (today["evaluation_customer_count"], today["evaluation_customer_mean"]) == (1, 1.0)


def test_the_windows_mean_and_interval(page: str, window: dict[str, Row]) -> None:
    row = window["evaluation_reviewer"]
    assert f"4.275 / {row['measure_count']} = {row['mean']:.4f}" in page
    assert f"{row['mean_low']:.3f} to {row['mean_high']:.3f}" in page
    share = window["evaluation_reviewer_coverage_ratio"]
    assert f"{share['measure_count'] * share['mean']:.0f} of {share['measure_count']} engagements" in page
    assert f"Wilson's interval is {share['mean_low']:.3f} to {share['mean_high']:.3f}" in page


def test_shrinkage_and_reliability(page: str, window: dict[str, Row]) -> None:
    row = window["evaluation_reviewer"]
    within = (len(PEERS) * (PEER_EVALUATIONS - 1) * PEER_VARIANCE + 5 * 0.0209375) / 30
    between = 0.00625 - within / PEER_EVALUATIONS
    assert row["reliability_ratio"] == pytest.approx(between / (between + within / 6))
    assert f"/ 30 = {within:.5f}" in page
    assert f"0.00625 - {within / 6:.5f} = {between:.5f}" in page
    assert f"= {row['reliability_ratio']:.3f}" in page
    assert f"{row['peer_mean']:.2f} + {row['reliability_ratio']:.3f} x" in page
    assert f"= {row['shrunk_mean']:.3f}, with the interval {row['shrunk_low']:.3f} to {row['shrunk_high']:.3f}" in page
    assert not row["is_reliable"]
    assert f"`{row['unreliable_reason']}`" in page
    assert f"{row['evaluations_needed_count']} evaluations" in page


def test_the_example_and_its_limits_are_linked_from_the_top(page: str) -> None:
    assert "(#a-worked-example)" in page
    assert "(#what-the-figures-do-not-tell)" in page
    assert "## A worked example" in page
    assert "## What the figures do not tell" in page
