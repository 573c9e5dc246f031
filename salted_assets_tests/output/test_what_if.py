"""What other settings change: figures, their shares by setting, and teams where single people are not shown."""

from typing import Any

import pyarrow as pa
import pytest

from salted_assets.output.what_if import compare_scores
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES

FIGURES = ("shrunk_mean", "shrunk_low", "shrunk_high", "group_mean", "fair_mean", "fair_low", "fair_high")
QA = "evaluation_reviewer"
MEASURES = {measure.name: measure for measure in ROLLING_MEASURES}


def agent(pid: str, level: float, *, team: str = "North", **others: Any) -> dict[str, Any]:
    """A row of both scores: an interval of 0.05 to either side, beside colleagues at 0.7."""
    figures = {name: level + {"low": -0.05, "high": 0.05}.get(name.rpartition("_")[2], 0.0) for name in FIGURES}
    told = {"is_reliable": True, "not_comparable_reason": None, "change_direction": None}
    who = {"agent_pid": pid, "agent_name": f"Agent {pid}", "team": team, "is_bot": False}
    plain = {"measure": QA, "window_days": 28, "mean": level, "measure_count": 10}
    return who | plain | told | figures | {"group_mean": 0.7} | others


def scored(*rows: dict[str, Any]) -> dict[str, pa.Table]:
    elsewhere = agent("x", 0.1, window_days=7), agent("x", 0.1, measure="empathy"), agent("x", 0.1, is_bot=True)
    table = pa.Table.from_pylist([*rows, *elsewhere])
    return {"agent_rolling": table, "fair": table}


def only(name: str) -> frozenset[str]:
    return frozenset([name])


def test_figures_and_what_is_told_stand_side_by_side() -> None:
    now = scored(agent("a", 0.72), agent("b", 0.7, is_reliable=False, not_comparable_reason="few"))
    then = scored(agent("a", 0.6, change_direction="worse"), agent("b", 0.7))
    first, second = compare_scores({frozenset(): now, only("exclude_unclear"): then}, MEASURES[QA], 28, by_team=False)

    assert (first.pid, first.name) == ("a", "Agent a")
    assert first.difference == pytest.approx(-0.12)
    assert (first.now.state, first.then.state, first.then.alarm) == ("", "below", "worse")
    assert (second.now.is_compared, second.now.reason, second.then.is_compared) == (False, "few", True)
    assert second.difference == 0
    assert not first.shares


def test_each_of_several_settings_has_its_share_of_the_difference() -> None:
    levels = {frozenset[str](): 0.7, only("p"): 0.72, only("q"): 0.66, frozenset("pq"): 0.6}
    tables = {settings: scored(agent("a", level)) for settings, level in levels.items()}
    (change,) = compare_scores(tables, MEASURES[QA], 28, by_team=False)

    assert change.shares == {"p": pytest.approx(-0.02), "q": pytest.approx(-0.08)}
    assert sum(change.shares.values()) == pytest.approx(change.difference)


def test_who_is_there_in_one_version_alone_is_listed_without_a_difference() -> None:
    tables = {frozenset[str](): scored(agent("a", 0.7)), only("p"): scored(agent("b", 0.7))}
    changes = compare_scores(tables, MEASURES[QA], 28, by_team=False)
    assert [(each.pid, each.now.count, each.then.count, each.difference) for each in changes] == [
        ("a", 10, 0, 0.0),
        ("b", 0, 10, 0.0),
    ]


def test_of_teams_there_are_those_of_several_people() -> None:
    north = [agent(f"n{number}", 0.6 + number / 100) for number in range(5)]
    south = [agent(f"s{number}", 0.9, team="South") for number in range(3)]
    east = [agent(f"e{number}", 0.5, team="East") for number in range(6)]
    tables = {
        frozenset[str](): scored(*north, *south, *east),
        only("p"): scored(*north, *south, *(row | {"mean": 0.4} for row in east)),
    }
    (change,) = compare_scores(tables, MEASURES[QA], 28, by_team=True)
    assert (change.pid, change.name) == ("East", "East")
    assert change.difference == pytest.approx(-0.1)
    assert change.now.fair is None


def test_who_has_no_value_does_not_make_a_team_large_enough() -> None:
    unknown = [agent(f"n{number}", 0.7, measure_count=0, mean=None) for number in range(1, 6)]
    now = scored(agent("n0", 0.6), *unknown)
    assert compare_scores({frozenset(): now, only("p"): now}, MEASURES[QA], 28, by_team=True) == []


def test_typical_times_of_a_team_are_averaged_as_logarithms() -> None:
    times = [
        agent(f"n{number}", 0.0, measure="handle_time_geometric_ms", mean=10.0 ** (1 + 2 * (number % 2)))
        for number in range(6)
    ]
    tables = {frozenset[str](): scored(*times), only("p"): scored(*times)}
    (change,) = compare_scores(tables, MEASURES["handle_time_geometric_ms"], 28, by_team=True)
    assert change.now.plain == pytest.approx(100)


def test_a_fair_score_that_stays_has_no_difference_whatever_the_plain_mean_does() -> None:
    tables = {frozenset[str](): scored(agent("a", 0.7)), only("p"): scored(agent("a", 0.7, mean=0.9))}
    (change,) = compare_scores(tables, MEASURES[QA], 28, by_team=False)
    assert change.difference == 0
