"""The fair score's rows: who is compared with whom, by what, and that nothing else moves them."""

import doctest
import importlib
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from salted_assets.schemas.rolling_measures import FAIR_MEASURES
from salted_assets.schemas.scores import WINDOWS, FairScore
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.fair_scores import score_fair
from salted_assets_tests.support import plain_estimate_oracle as oracle
from salted_assets_tests.support.rolling_rows import END, Engagements, Given, build_answers, build_daily, build_segments

pytestmark = pytest.mark.slow

CHOICES = RollingChoices(min_engagements=3, min_evaluations=2)
SURVEY = "evaluation_customer"
"""Evaluations with nothing but the agent in them."""

PLAIN = {SURVEY: CHOICES.min_evaluations, "service_level_met_ratio": CHOICES.min_engagements}
"""Measures without facets, and how many units of them are enough."""

GROUPS = st.lists(
    st.builds(
        Engagements,
        days_ago=st.sampled_from([0, 0, 1, 2, 6, 7, 20, 27, 28, 60, 90, 91]),
        agent=st.sampled_from([f"a{index}" for index in range(9)]),
        times=st.sampled_from([1, 1, 2, 5]),
        channel=st.sampled_from(["CHAT", "chat", " Chat ", "EMAIL", None]),
        is_met=st.sampled_from([None, True, False]),
        surveys=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=3).map(tuple),
    ),
    min_size=20,
    max_size=120,
)


def score(groups: Iterable[Engagements], choices: RollingChoices = CHOICES) -> pd.DataFrame:
    groups = list(groups)
    frame = score_fair(build_daily(groups), build_segments(groups), None, END, choices)
    FairScore.validate(frame, lazy=True)
    return frame


def rows_of(frame: pd.DataFrame, measure: str, days: int = 28) -> pd.DataFrame:
    """The measure's rows of a window, by agent, with NaN for what is not known."""
    rows = frame[(frame["measure"] == measure) & (frame["window_days"] == days)]
    return rows.set_index("agent_pid").sort_index()


def spread(mean: float, count: int, deviation: float) -> list[float]:
    """So many values with exactly this mean and standard deviation."""
    values = np.linspace(-1, 1, count)
    return list(mean + deviation * values / values.std(ddof=1))


def at_work(agent: str, values: Iterable[float], **others: Any) -> list[Engagements]:
    """An engagement on a day of its own for each survey."""
    return [Engagements(agent=agent, days_ago=ago, surveys=(value,), **others) for ago, value in enumerate(values)]


def crowd(channel: str = "VOICE", *, prefix: str = "a") -> list[Engagements]:
    """Nine agents who differ, with some work on most of 91 days."""
    random = np.random.default_rng(5)
    return [
        Engagements(
            agent=f"{prefix}{agent}",
            days_ago=day,
            times=int(random.integers(1, 4)),
            empathy=float(agent / 3 + random.normal()),
            surveys=(float(random.beta(4 + agent, 4)),),
            handle_time=int(60_000 * np.exp(random.normal(0, 0.5))),
            is_met=bool(random.random() < 0.7 + 0.02 * agent),
            channel=channel,
        )
        for agent in range(9)
        for day in range(0, 91, 2)
    ]


@given(groups=GROUPS)
@example(groups=crowd())
@example(groups=[Engagements(surveys=(0.5, 1.0)), Engagements(surveys=(1.0, 0.25, 1.0)), Engagements(agent="a1")])
@hypothesis_settings(max_examples=4, deadline=None)
def test_measures_without_facets_are_what_their_engagements_say(groups: list[Engagements]) -> None:
    frame = score(groups)
    rows = frame[frame["measure"].isin(list(PLAIN))].to_dict("records")
    found = {(row["window_days"], row["measure"], row["agent_pid"]): row for row in rows}
    expected = {
        (days, measure, agent): row
        for days, measure in itertools.product(WINDOWS, PLAIN)
        for agent, row in oracle.score(groups, days, measure, PLAIN[measure]).items()
    }
    assert set(found) == set(expected)
    for key, row in expected.items():
        given_row = found[key]
        reason = row.pop("reason")
        if reason is not None:
            assert given_row["not_comparable_reason"] == reason, key
            assert not given_row["is_reliable"]
        wrong = {name: (given_row[name], value) for name, value in row.items() if not is_same(given_row[name], value)}
        assert not wrong, key


def is_same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        value = float("nan") if pd.isna(found) else float(found)
        return bool(value == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True))
    return bool(found == expected) or (expected is None and pd.isna(found))


def test_the_worst_agent_is_shown_as_such_and_the_others_as_alike() -> None:
    means = [0.50, 0.72, 0.74, 0.75, 0.76, 0.77, 0.78, 0.80]
    found = rows_of(
        score(row for index, mean in enumerate(means) for row in at_work(f"a{index}", spread(mean, 20, 0.15))),
        SURVEY,
    )
    worst = found.loc["a0"]
    assert 0.51 <= worst["shrunk_mean"] <= 0.52
    assert worst["shrunk_low"] == pytest.approx(0.41, abs=0.03)
    assert worst["shrunk_high"] == pytest.approx(0.62, abs=0.03)
    assert worst["percentile"] < 0.05
    assert worst["above_median_probability"] < 0.01
    assert found["group_count"].tolist() == [8] * 8


def test_who_may_not_be_compared_has_a_reason() -> None:
    few = [row for agent in range(5) for row in at_work(f"f{agent}", spread(0.5, 6, 0.1), channel="EMAIL")]
    alike = [row for agent in range(6) for row in at_work(f"s{agent}", [0.5] * 4, channel="CHAT")]
    newcomer = at_work("n", [0.9], channel="VOICE")
    found = rows_of(score([*crowd(), *few, *alike, *newcomer]), SURVEY, 91)
    assert found.loc["a0", "group_count"] == 9
    assert set(found.loc["f0":"f4", "not_comparable_reason"]) == {
        "fewer than 6 people with 2 evaluations whom common questions or work connect"
    }
    assert set(found.loc["s0":"s5", "not_comparable_reason"]) == {"evaluations of one agent never differ"}
    assert found.loc["n", "not_comparable_reason"] == "fewer than 2 evaluations"
    assert found["shrunk_mean"].notna()["n"]
    assert found[found["not_comparable_reason"].notna()]["is_reliable"].sum() == 0
    assert found.loc["f0":"f4", "shrunk_mean"].isna().all()


def test_agents_of_a_channel_move_nobody_of_another() -> None:
    alone, others = score(crowd()), score([*crowd(), *crowd("CHAT", prefix="z")])
    first = others[~others["agent_pid"].str.startswith("z")].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, alone)


def test_neither_order_nor_files_of_days_change_anything() -> None:
    groups = crowd()
    daily, segments = build_daily(groups), build_segments(groups)
    shuffled = [table.take(np.random.default_rng(1).permutation(len(table))) for table in (daily, segments)]
    days = [
        segments.filter(pc.equal(segments["start_date"], day))
        for day in sorted(set(segments["start_date"].to_pylist()))
    ]
    pd.testing.assert_frame_equal(
        score_fair(shuffled[0], iter(days), None, END, CHOICES), score_fair(daily, segments, None, END, CHOICES)
    )


def test_values_that_come_by_the_day_are_worth_less() -> None:
    random = np.random.default_rng(2)
    days = {(agent, day): random.normal(0.5, 0.1) for agent in range(8) for day in range(20)}
    groups = [
        Engagements(agent=f"a{agent}", days_ago=day, surveys=(float(np.clip(level + random.normal(0, 0.05), 0, 1)),))
        for (agent, day), level in days.items()
        for _ in range(10)
    ]
    found = rows_of(score(groups), SURVEY)
    assert (found["measure_count"] == 200).all()
    assert (found["effective_count"] < 50).all()
    # Nobody differs but by the luck of days.
    assert (found["reliability_ratio"] < 0.5).all()
    independent = 2 * 2 * 0.1 / np.sqrt(200)
    assert (found["fair_high"] - found["fair_low"] > 2 * independent).all()


def test_what_reviewers_give_more_or_less_is_no_part_of_the_fair_mean() -> None:
    random = np.random.default_rng(3)
    reviewers, agents = random.normal(0, 0.15, 6), random.normal(0.6, 0.05, 20)
    groups, answers = [], []
    for agent, ability in enumerate(agents):
        for index, reviewer in enumerate(random.choice(6, 2, replace=False).repeat(10)):
            score = float(np.clip(ability + reviewers[reviewer] + random.normal(0, 0.1), 0, 1))
            groups.append(Engagements(agent=f"a{agent:02}", evaluations=(score,), channel="CHAT"))
            answers.append(Given(score, f"r{reviewer}", f"a{agent:02}", engagement=f"e{agent}-{index}"))
    daily, segments = build_daily(groups), build_segments(groups)
    frame = score_fair(daily, segments, build_answers(answers), END, CHOICES)
    FairScore.validate(frame, lazy=True)
    found = rows_of(frame, "evaluation_reviewer", 7)
    plain = rows_of(score_agents_rolling(daily, segments, END), "evaluation_reviewer", 7)["mean"].to_numpy(float)
    truth = agents - agents.mean()
    errors = [np.mean((each - each.mean() - truth) ** 2) for each in (plain, found["fair_mean"].to_numpy(float))]
    assert errors[1] < 0.3 * errors[0]
    assert (found["component"] == 0).all()
    assert (found["group_count"] == 20).all()
    assert set(found["group_mean"]) == {found["group_mean"].iloc[0]}
    assert found["difference_to_expected"].isna().all()


def test_questions_that_nobody_shares_make_groups_of_their_own() -> None:
    random = np.random.default_rng(6)
    groups, answers = [], []
    for index, (agent, number) in enumerate(itertools.product(range(16), range(8))):
        score = float(np.clip(0.6 + random.normal(0, 0.05 if agent < 8 else 0.2), 0, 1))
        groups.append(Engagements(agent=f"a{agent:02}", evaluations=(score,), channel="CHAT", days_ago=number))
        question = "easy" if agent < 8 else "hard"
        answers.append(Given(score, "r0", f"a{agent:02}", engagement=f"e{index}", question=question, days_ago=number))
    choices = RollingChoices(min_engagements=3, min_evaluations=8)
    frame = score_fair(build_daily(groups), build_segments(groups), build_answers(answers), END, choices)
    found = rows_of(frame, "evaluation_reviewer")
    easy, hard = (found[["evaluations_needed_count", "group_mean"]][part] for part in (slice(8), slice(8, None)))
    assert [len(rows.drop_duplicates()) for rows in (easy, hard)] == [1, 1]
    assert hard["evaluations_needed_count"].iloc[0] > 4 * easy["evaluations_needed_count"].iloc[0]
    week = rows_of(frame, "evaluation_reviewer", 7)
    assert set(week["not_comparable_reason"]) == {"fewer than 8 evaluations not chosen on purpose"}


def test_hard_queues_are_no_part_of_the_fair_mean_and_make_the_expected_one() -> None:
    random = np.random.default_rng(4)
    groups = [
        Engagements(
            agent=f"a{agent}",
            days_ago=day,
            queue=(queue := "Hard" if random.random() < (0.8 if agent < 4 else 0.2) else "Easy"),
            handle_time=int(60_000 * np.exp((0.7 if queue == "Hard" else 0.0) + random.normal(0, 0.3))),
        )
        for agent in range(8)
        for day in range(28)
        for _ in range(5)
    ]
    found = rows_of(score(groups), "handle_time_geometric_ms")
    mean = rows_of(score_agents_rolling(build_daily(groups), build_segments(groups), END), "handle_time_geometric_ms")
    plain, fair, expected = (each.astype(float) for each in (mean["mean"], found["fair_mean"], found["expected_mean"]))
    assert plain[:4].mean() > 1.3 * plain[4:].mean()
    assert fair[:4].mean() == pytest.approx(fair[4:].mean(), rel=0.05)
    assert (plain / expected).to_numpy() == pytest.approx(found["ratio_to_expected"].to_numpy(float))
    assert (plain - expected).to_numpy() == pytest.approx(found["difference_to_expected"].to_numpy(float))
    is_inside = (found["ratio_to_expected_low"] < 1) & (found["ratio_to_expected_high"] > 1)
    assert is_inside.sum() >= 7


def test_every_ranked_measure_that_anybody_has_is_there_in_every_window() -> None:
    frame = score(crowd())
    expected = {"empathy", SURVEY, "handle_time_geometric_ms", "service_level_met_ratio"}
    known = {measure.name for measure in FAIR_MEASURES}
    assert set(frame["measure"]) == expected
    assert expected < known
    for days in WINDOWS:
        assert set(frame[frame["window_days"] == days]["measure"]) == expected
    time = rows_of(frame, "handle_time_geometric_ms")
    assert ((time["shrunk_low"] < time["shrunk_mean"]) & (time["shrunk_mean"] < time["shrunk_high"])).all()
    assert time["group_mean"].between(time["fair_mean"].min(), time["fair_mean"].max()).all()


def test_nothing_gives_no_row() -> None:
    assert len(score([])) == 0


@pytest.mark.parametrize("module", ["fair_scores", "plain_estimates"])
def test_worked_numbers_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"salted_assets.scoring.windows.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
