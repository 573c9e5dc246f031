"""The worked example of docs/scores.md: every figure in it once more, and none that is not recomputed here.

Scores come from the production code; steps on the way to them from Python's and SciPy's own statistics.
"""

import math
import re
from datetime import date, timedelta
from statistics import fmean, variance

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats

from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.schemas.docs.pages import render_scores
from salted_assets.schemas.scores import (
    AgentDaily,
    AgentRolling,
    AgentSegmentDaily,
    Answer,
    EngagementScore,
    FairScore,
    ReviewerCalibration,
    TeamRolling,
)
from salted_assets.scoring import ScoringChoices, score_agents_daily
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.stats import anchor_means, sum_pairs
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.fair_scores import score_fair
from salted_assets_tests.support.dependence_oracle import score_limits
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, engagement, review
from salted_assets_tests.support.scoring_runs import Scored, as_arrow, listed, score_rows

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

WINDOWED = (AgentRolling, TeamRolling, FairScore, ReviewerCalibration)

PEERS = (0.50, 0.55, 0.60, 0.65, 0.70)
PEER_EVALUATIONS, PEER_DAYS, PEER_VARIANCE = 6, 3, 0.02


ANCHORED_COUNT, ANCHORED_ENGAGEMENTS, ANCHORED_PEOPLE = 10, 200, 4
AUTO_SCORES = [0.50 + 0.04 * number for number in range(ANCHORED_COUNT)]
HUMAN_SCORES = [0.36 + 0.5 * auto + (0.1, -0.1, -0.1, 0.1, 0.0)[number % 5] for number, auto in enumerate(AUTO_SCORES)]
"""Of ten engagements of Ada and of each of three colleagues."""
AUTO_MEAN_OF_ALL = 0.73


SITTINGS = {"s1": 3, "s2": 1, "survey": 1}
"""How many of `REVIEWS` each sitting has, in their order."""


@pytest.fixture(name="page", scope="module")
def fixture_page() -> str:
    """The page as running text: where a line breaks does not matter."""
    return " ".join(render_scores().split())


@pytest.fixture(name="example", scope="module")
def fixture_example(page: str) -> str:
    return page[page.index("## A worked example") : page.index("## Every formula")]


@pytest.fixture(name="scored", scope="module")
def fixture_scored() -> Scored:
    return score_rows((ENGAGEMENTS, [], REVIEWS, [agent()]), ScoringChoices())


@pytest.fixture(name="today", scope="module")
def fixture_today(scored: Scored) -> Row:
    (row,) = listed(score_agents_daily(as_arrow(scored.engagements, EngagementScore)), AgentDaily)
    return row


def daily(pid: str, day: date, engagements: int, evaluations_of_day: tuple[int, float, float]) -> Row:
    by_engagement = ("engagement_count", "engagement_mean_sum", "engagement_mean_sum_of_squares")
    sums = zip(("count", "sum", "sum_of_squares", *by_engagement), evaluations_of_day * 2, strict=True)
    evaluations = {f"evaluation_reviewer_{name}": value for name, value in sums}
    evaluations["evaluation_reviewer_engagement_squared_count_sum"] = evaluations_of_day[0]
    return {"start_date": day, "agent_pid": pid, "engagement_count": engagements, **evaluations}


@pytest.fixture(name="days", scope="module")
def fixture_days(today: Row) -> pa.Table:
    """Ada's days and those of her colleagues; Auto gives what reviewers give."""
    rows = [today]
    for ago, (engagements, values) in EARLIER.items():
        squares = math.fsum(value**2 for value in values)
        rows.append(daily("a1", DAY - timedelta(days=ago), engagements, (len(values), math.fsum(values), squares)))
    for index, mean in enumerate(PEERS):
        squares = 2 * mean**2 + (PEER_EVALUATIONS - 1) * PEER_VARIANCE / PEER_DAYS
        rows += [
            daily(f"p{index}", DAY - timedelta(days=ago), 10, (PEER_EVALUATIONS // PEER_DAYS, 2 * mean, squares))
            for ago in range(PEER_DAYS)
        ]
    reviewer = "evaluation_reviewer_"
    same = [
        {name.replace("reviewer", "auto"): value for name, value in row.items() if name.startswith(reviewer)}
        for row in rows
    ]
    together = [row | auto for row, auto in zip(rows, same, strict=True)]
    return pa.Table.from_pylist(together, schema=arrow_schema(AgentDaily))


@pytest.fixture(name="cases", scope="module")
def fixture_cases(days: pa.Table) -> pa.Table:
    rows = [row | {"channel_type": "VOICE"} for row in days.to_pylist()]
    return pa.Table.from_pylist(rows, schema=arrow_schema(AgentSegmentDaily))


@pytest.fixture(name="window", scope="module")
def fixture_window(days: pa.Table, cases: pa.Table) -> dict[str, Row]:
    """Ada's measures over 28 days."""
    found = score_agents_rolling(days, cases, DAY)
    of_ada = found[(found["agent_pid"] == "a1") & (found["window_days"] == 28)]
    return {str(row["measure"]): {str(name): row[name] for name in row} for row in of_ada.to_dict("records")}


@pytest.fixture(name="fair", scope="module")
def fixture_fair(days: pa.Table, cases: pa.Table) -> Row:
    """Ada's evaluations by Auto over 28 days."""
    found = score_fair(days, cases, None, DAY, RollingChoices())
    is_it = (found["agent_pid"] == "a1") & (found["window_days"] == 28) & (found["measure"] == "evaluation_auto")
    (row,) = found[is_it].to_dict("records")
    return {str(name): value for name, value in row.items()}


@pytest.fixture(name="evaluations", scope="module")
def fixture_evaluations(scored: Scored) -> list[float]:
    """Ada's evaluations by reviewers in the window, today's last."""
    today = scored.engagements["evaluation_reviewer_mean"].dropna().tolist()
    return [*(value for _, values in EARLIER.values() for value in values), *today]


def said_of_the_rows() -> list[str]:
    """The example's first table: times of the engagements, answers of the sittings."""
    reviews = iter(REVIEWS)
    answers = [
        f"{name}: " + "; ".join(_listed_answer(next(reviews)) for _ in range(count)) for name, count in SITTINGS.items()
    ]
    return [*(f"| {row['pid']} | {row['type']} | {_listed_times(row)} |" for row in ENGAGEMENTS), *answers]


def _listed_times(row: Row) -> str:
    times = [row[name] for name in ("preparation_time", "engagement_time", "wrap_up_time")]
    if times == [None] * 3:
        return "all null"
    return " / ".join("null" if time is None else f"{time:,}" for time in times)


def _listed_answer(row: Row) -> str:
    return ", ".join(f"{row[name]:g}" for name in ("answer_score", "worst_score", "best_score"))


def said_of_answers_and_evaluations(scored: Scored) -> list[str]:
    assert scored.answers is not None
    scores = {row["pid"]: row for row in listed(scored.answers, Answer)}
    formulas = {
        row["pid"]: f"({row['answer_score']:g} - {row['worst_score']:g}) / "
        f"({row['best_score']:g} - {row['worst_score']:g}) = "
        for row in REVIEWS
    }
    first, second = (scores[pid]["score"] for pid in ("r1", "r2"))
    by_engagement = {row["engagement_pid"]: row for row in scored.engagements.to_dict("records")}
    return [
        *(f"{formulas[pid]}{scores[pid]['score']:g}" for pid in ("r1", "r2")),
        f"s1 is ({first:g} + {second:g}) / 2 = {by_engagement['e1']['evaluation_reviewer_mean']:g}",
        f"s2 is {formulas['r4']}{by_engagement['e2']['evaluation_reviewer_mean']:g}",
        f"The survey scores {by_engagement['e3']['evaluation_customer_mean']:g} and stays",
    ]


def said_of_the_days(today: Row) -> list[str]:
    parts = [360_000, 180_000]
    assert sum(parts) == today["handle_time_ms_sum"]
    sums = [today[f"evaluation_reviewer_{name}"] for name in ("count", "sum", "sum_of_squares")]
    earlier = [
        f"| {(DAY - timedelta(days=ago)).day} | {len(values)} ({values[0]:g} and {values[1]:g}) "
        f"| {math.fsum(values):.3f} | {math.fsum(value**2 for value in values):.6f} | {engagements} |"
        for ago, (engagements, values) in EARLIER.items()
    ]
    return [
        "null parts being 0",
        f"{parts[0]:,} + {parts[1]:,} = {today['handle_time_ms_sum']:,} ms over {today['handle_time_ms_count']} of the",
        f"{today['engagement_count']} engagements, mean {today['handle_time_ms_mean']:,.0f} ms",
        *earlier,
        f"| {DAY.day} | {sums[0]} | {sums[1]:.3f} | {sums[2]:.6f} | {today['engagement_count']} |",
    ]


def within_variance(evaluations: list[float]) -> float:
    """Of all six agents, who have as many evaluations each."""
    return fmean([*(PEER_VARIANCE for _ in PEERS), variance(evaluations)])


def said_of_the_window(window: dict[str, Row], evaluations: list[float]) -> list[str]:
    row, share = window["evaluation_reviewer"], window["evaluation_reviewer_coverage_ratio"]
    n, total, own = len(evaluations), math.fsum(evaluations), variance(evaluations)
    squares = math.fsum(value**2 for value in evaluations)
    people, free, within = len(PEERS) + 1, (len(PEERS) + 1) * (n - 1), within_variance(evaluations)
    of_shares = math.fsum((n - 1) * (mean * (1 - mean) + within / n) for mean in (*PEERS, total / n))
    dispersion = (free * within + 0.25) / (of_shares + 0.25)
    days = PEER_DAYS * len(PEERS) + len(EARLIER) + 1
    quantile = scipy.stats.t.ppf(0.975, days - people)
    factor = quantile**2 * dispersion
    limits = score_limits(total / n, factor / n)
    assert (row["mean_low"], row["mean_high"]) == pytest.approx(limits)
    means = [f"{mean:.2f}" for mean in PEERS]
    return [
        f"The window of {row['window_days']} days",
        f"{total:.3f} / {row['measure_count']} = {row['mean']:.4f}",
        f"with means {', '.join(means[:-1])} and {means[-1]} and the variance {PEER_VARIANCE}",
        f"({squares:.6f} - {total:.3f}^2 / {n}) / {n - 1} = {own:.7f}",
        f"({len(PEERS)} x {n - 1} x {PEER_VARIANCE} + {n - 1} x {own:.7f}) / {free} = {within:.5f}",
        f"so a mean of six varies by {within:.5f} / {n} = {within / n:.5f}",
        f"the sum over agents of {n - 1} x (mean x (1 - mean) + {within / n:.5f}) is {of_shares:.2f}",
        f"there are {free} x {within:.5f} = {free * within:.3f}",
        f"c = ({free * within:.3f} + 0.25) / ({of_shares:.2f} + 0.25) = {dispersion:.3f}",
        f"The six have {days} days, so d = {days} - {people} = {days - people} and t = {quantile:.3f}",
        f"q = {quantile:.3f}^2 x {dispersion:.3f} = {factor:.3f} stands in the place of z^2",
        f"the interval is {limits[0]:.3f} to {limits[1]:.3f}. Six",
        f"{share['measure_count'] * share['mean']:.0f} of {share['measure_count']} engagements",
        f"Wilson's interval is {share['mean_low']:.3f} to {share['mean_high']:.3f}",
    ]


def said_of_the_others(row: Row, evaluations: list[float]) -> list[str]:
    n, people = len(evaluations), len(PEERS) + 1
    everybody = (*PEERS, fmean(evaluations))
    noise, differing = within_variance(evaluations) / n, variance(everybody)
    signal = differing - noise
    assert row["reliability_ratio"] == pytest.approx(signal / (signal + noise))
    assert row["group_mean"] == pytest.approx(fmean(everybody))
    pull = (people - 3) / (people - 1) * (1 - row["reliability_ratio"])
    assert row["shrunk_mean"] == pytest.approx(row["fair_mean"] - pull * (row["fair_mean"] - row["group_mean"]))
    assert not row["is_reliable"]
    return [
        f"Noise is how far a mean of six varies, {noise:.5f}.",
        f"differ by a variance of {differing:.5f}, of which noise explains {noise:.5f}:",
        f"{differing:.5f} - {noise:.5f} = {signal:.5f}",
        f"= {signal:.5f} / ({signal:.5f} + {noise:.5f}) = {row['reliability_ratio']:.3f} (rounded",
        f"B = ({people} - 3) / ({people} - 1) x (1 - {row['reliability_ratio']:.3f}) = {pull:.3f}:",
        f"{row['fair_mean']:.4f} - {pull:.3f} x ({row['fair_mean']:.4f} - {row['group_mean']:.4f}) =",
        f"{row['shrunk_mean']:.3f}, with the interval {row['shrunk_low']:.3f} to {row['shrunk_high']:.3f}",
        f"1.36 x sqrt({signal:.5f} + {noise:.5f}) = {1.36 * math.sqrt(differing):.3f}",
        f"`{row['not_comparable_reason']}`",
        f"an interval of +-0.05 would take {row['evaluations_needed_count']} evaluations",
    ]


def said_of_auto_reviews() -> list[str]:
    n, free = ANCHORED_COUNT, ANCHORED_PEOPLE * (ANCHORED_COUNT - 1)
    y, f = fmean(HUMAN_SCORES), fmean(AUTO_SCORES)
    of_people, of_auto, of_both = (
        math.fsum((first - a) * (second - b) for first, second in zip(left, right, strict=True))
        for left, a, right, b in (
            (HUMAN_SCORES, y, HUMAN_SCORES, y),
            (AUTO_SCORES, f, AUTO_SCORES, f),
            (HUMAN_SCORES, y, AUTO_SCORES, f),
        )
    )
    slope, others = of_both / of_auto, ANCHORED_PEOPLE - 1
    around = of_people - of_both**2 / of_auto
    error = math.sqrt(others * around / (others * (n - 1) - 1) / (others * of_auto))
    weight, gap = slope * (1 - error**2 / slope**2), AUTO_MEAN_OF_ALL - f
    line, alone = ANCHORED_PEOPLE * around / (free - 1), of_people / (n - 1)
    parts = (
        line / n,
        (error**2 + (slope - weight) ** 2) * gap**2,
        slope**2 * of_auto / (n - 1) / ANCHORED_ENGAGEMENTS,
    )
    half = scipy.stats.t.ppf(0.975, free) * math.sqrt(sum(parts))
    person = np.repeat(np.arange(ANCHORED_PEOPLE), n)
    pairs = sum_pairs(
        person, HUMAN_SCORES * ANCHORED_PEOPLE, AUTO_SCORES * ANCHORED_PEOPLE, person_count=ANCHORED_PEOPLE
    )
    whole = [ANCHORED_ENGAGEMENTS] * ANCHORED_PEOPLE
    found = anchor_means(pairs, whole, [AUTO_MEAN_OF_ALL] * ANCHORED_PEOPLE, np.zeros(ANCHORED_PEOPLE, np.int64))
    value = found.value[0]
    assert (found.weight[0], found.low[0], found.high[0]) == pytest.approx((weight, value - half, value + half))
    return [
        f"evaluated {n} of Ada's {ANCHORED_ENGAGEMENTS} engagements, mean {y:.3f}",
        f"gave these {f:.2f} and all of hers {AUTO_MEAN_OF_ALL:.2f} on average",
        f"Three colleagues have {n} each",
        f"b = {slope:.3f} for each point of the auto score, with the standard error {error:.3f}",
        f"w = {slope:.3f} x (1 - {error:.3f}^2 / {slope:.3f}^2) = {weight:.3f}",
        f"{y:.3f} + {weight:.3f} x ({AUTO_MEAN_OF_ALL:.2f} - {f:.2f}) = {value:.3f}",
        f"{line:.5f} / {n} + ({error:.3f}^2 + ({slope:.3f} - {weight:.3f})^2) x {gap:.2f}^2",
        f"+ {slope:.3f}^2 x {of_auto / (n - 1):.5f} / {ANCHORED_ENGAGEMENTS} = {sum(parts):.6f}",
        f"{free} degrees of freedom, gives {found.low[0]:.3f} to {found.high[0]:.3f}",
        f"by {alone:.5f} / {n} = {alone / n:.6f} alone",
        f"{alone:.5f} / {sum(parts):.6f} - {n} = {found.extra_count[0]:.1f}",
    ]


def test_every_figure_of_the_example_is_recomputed(  # noqa: PLR0917 - each is a step of the example
    example: str, scored: Scored, today: Row, window: dict[str, Row], fair: Row, evaluations: list[float]
) -> None:
    said = [
        *said_of_the_rows(),
        *said_of_answers_and_evaluations(scored),
        *said_of_the_days(today),
        *said_of_the_window(window, evaluations),
        *said_of_the_others(fair, evaluations),
        *said_of_auto_reviews(),
        f"started on {DAY.day} January",
    ]
    left = example
    for words in said:
        assert words in example
        left = left.replace(words, "")
    assert re.findall(r"(?<![a-z])\d[\d.,]*", left) == []


def test_what_the_example_says_of_rows_that_do_not_count(scored: Scored, today: Row) -> None:
    assert scored.answers is not None
    scores = {row["pid"]: row for row in listed(scored.answers, Answer)}
    assert (scores["r3"]["is_scored"], scores["r3"]["scoring_status"] == "scored") == (False, False)
    assert sorted(scored.engagements["engagement_pid"]) == ["e1", "e2", "e3"]
    assert (today["evaluation_customer_count"], today["handle_time_missing_count"]) == (1, 1)


@pytest.mark.parametrize("model", WINDOWED, ids=lambda model: model.__name__)
def test_every_figure_of_a_window_has_its_formula(page: str, model: type[Table]) -> None:
    formulas = page[page.index("## Every formula") : page.index("## What the figures do not tell")]
    figures = [field.name for field in arrow_schema(model) if pa.types.is_floating(field.type)]
    assert figures
    assert [name for name in figures if f"`{name}`" not in formulas] == []


def test_no_formula_is_of_a_column_that_does_not_exist(page: str) -> None:
    formulas = page[page.index("| column | formula") : page.index("## What the scorecard adds")]
    columns = {name for model in WINDOWED for name in arrow_schema(model).names}
    first_cells = re.findall(r"\| ((?:`\w+`(?:, )?)+) \|", formulas)
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert len(named) == len(set(named)) > 30
    assert set(named) <= columns


def test_the_example_and_its_limits_are_linked_from_the_top(page: str) -> None:
    assert "(#a-worked-example)" in page
    assert "(#every-formula)" in page
    assert "(#what-the-figures-do-not-tell)" in page
    assert "## A worked example" in page
    assert "## What the figures do not tell" in page
