"""Windows of agents and teams against a plain count of the same engagements, and changes that may change nothing."""

import doctest
import importlib
import itertools
import math
from datetime import timedelta
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from salted_assets.schemas.scores.rolling import AGENT_ROLLING_KEY, TEAM_ROLLING_KEY, WINDOWS, AgentRolling, TeamRolling
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.team_rolling import score_teams_rolling
from salted_assets_tests.support import rolling_oracle as oracle
from salted_assets_tests.support.rolling_rows import END, Engagements, build_daily, build_segments

pytestmark = pytest.mark.slow

SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
GROUPS = st.lists(
    st.builds(
        Engagements,
        days_ago=st.sampled_from([-1, 0, 0, 0, 3, 6, 7, 13, 14, 20, 27, 28, 55, 56, 90, 91, 181, 182]),
        agent=st.sampled_from([f"a{index}" for index in range(9)]),
        times=st.sampled_from([1, 1, 2, 5, 20]),
        is_bot=st.just(False),
        team=st.sampled_from(["North", "South", "", None]),
        channel=st.sampled_from(["CHAT", "chat", " Chat ", "EMAIL", "", None]),
        queue=st.sampled_from(["Sales", "Care", None]),
        language=st.sampled_from(["en", None]),
        handle_time=st.sampled_from([None, 0, 1, 30_000, 60_000, 600_000]),
        empathy=st.sampled_from([None, -1.0, 0.0, 2.5, 5.0]),
        severity=st.sampled_from([None, 3.0]),
        is_met=st.sampled_from([None, True, False]),
        evaluations=st.lists(SCORES, max_size=3).map(tuple),
    ),
    min_size=20,
    max_size=120,
)


def labelled(groups: list[Engagements]) -> list[Engagements]:
    """Agents a7 and a8 are a machine and an unknown kind, names differ by day: facts of the agent, not of the work."""
    kinds: dict[str, bool | None] = {"a7": True, "a8": None}
    return [
        Engagements(
            **{**vars(group), "is_bot": kinds.get(group.agent, False), "name": f"{group.agent} {group.days_ago // 10}"}
        )
        for group in groups
    ]


def score(groups: list[Engagements]) -> pd.DataFrame:
    return score_agents_rolling(build_daily(groups), build_segments(groups), END)


def score_teams(groups: list[Engagements]) -> pd.DataFrame:
    return score_teams_rolling(build_daily(groups), build_segments(groups), END)


def assert_same(found: dict[Any, dict[str, Any]], expected: dict[Any, dict[str, Any]]) -> None:
    assert set(found) == set(expected)
    for key, row in expected.items():
        wrong = {name: (found[key][name], value) for name, value in row.items() if not is_same(found[key][name], value)}
        assert not wrong, key


def is_same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        return found is not None and bool(found == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True))
    return bool(found == expected)


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows with NaN for missing numbers, as the oracle has them."""
    rows = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    texts = {"agent_name", "is_bot", "team", "channel_type"}
    return [{k: math.nan if v is None and k not in texts else v for k, v in row.items()} for row in rows]


def crowd() -> list[Engagements]:
    """Twelve agents with plenty of work over 182 days, no two alike."""
    return [
        Engagements(
            days_ago=day,
            agent=f"a{agent:02}",
            times=3 + (agent + day) % 4,
            team=f"T{agent % 2}",
            handle_time=40_000 + 1_000 * agent + 7_000 * (day % 5),
            empathy=2.0 + 0.1 * agent + 0.3 * (day % 3),
            is_met=(agent + day) % 3 > 0,
            evaluations=((agent + day) % 5 / 4,),
            queue=f"Q{day % 2}",
        )
        for agent in range(12)
        for day in range(0, 182, 3)
    ]


def alike() -> list[Engagements]:
    """A team of five and one of six, whose agents are each always the same."""
    teams = {"North": 5, "South": 6}
    return [
        Engagements(agent=f"{team}{index}", team=team, times=20, empathy=float(index))
        for team, size in teams.items()
        for index in range(size)
    ]


@given(groups=GROUPS.map(labelled))
@example(groups=crowd())
@example(groups=alike())
@hypothesis_settings(max_examples=4, deadline=None)
def test_every_column_of_an_agents_window_is_what_its_engagements_say(groups: list[Engagements]) -> None:
    frame = score(groups)
    AgentRolling.validate(frame, lazy=True)
    found = {(row["window_days"], row["measure"], row["agent_pid"]): row for row in plain(frame)}
    expected = {
        (days, measure, agent): row
        for days, measure in itertools.product(WINDOWS, oracle.MEASURES)
        for agent, row in oracle.score(groups, days, measure).items()
    }
    assert_same(found, expected)


@given(groups=GROUPS.map(labelled))
@example(groups=crowd())
@example(groups=alike())
@hypothesis_settings(max_examples=3, deadline=None)
def test_every_column_of_a_teams_window_is_what_its_agents_engagements_say(groups: list[Engagements]) -> None:
    frame = score_teams(groups)
    TeamRolling.validate(frame, lazy=True)
    found = {(row["window_days"], row["measure"], (row["team"], row["is_bot"])): row for row in plain(frame)}
    expected = {
        (days, measure, team): row
        for days, measure in itertools.product(WINDOWS, oracle.MEASURES)
        for team, row in oracle.score_teams(groups, days, measure).items()
    }
    assert_same(found, expected)


def test_rows_in_another_order_change_nothing() -> None:
    groups = crowd()
    daily, segments = build_daily(groups), build_segments(groups)
    other_daily, other_segments = (each.take(list(range(each.num_rows - 1, -1, -1))) for each in (daily, segments))
    pd.testing.assert_frame_equal(
        score_agents_rolling(other_daily, other_segments, END),
        score_agents_rolling(daily, segments, END),
    )
    pd.testing.assert_frame_equal(
        score_teams_rolling(other_daily, other_segments, END),
        score_teams_rolling(daily, segments, END),
    )


def test_the_sums_of_two_windows_are_those_of_the_longer_one() -> None:
    groups = [group for group in crowd() if group.days_ago < 14]
    moved = [
        Engagements(**{**vars(group), "days_ago": group.days_ago + (14 if group.days_ago >= 7 else 0)})
        for group in groups
    ]
    short, long = score(groups), score(moved)
    of_seven = short[short["window_days"] == 7].set_index(["measure", "agent_pid"])
    of_more = long[long["window_days"] == 28].set_index(["measure", "agent_pid"])
    both = of_seven["measure_count"] + of_seven["previous_count"]
    assert (of_more["measure_count"] == both).all()
    is_mean = ~of_seven["unit"].eq("ms") | of_seven.index.isin(["handle_time_ms"], level=0)
    summed = of_seven["mean"] * of_seven["measure_count"] + of_seven["previous_mean"] * of_seven["previous_count"]
    found = (summed / both)[is_mean].to_numpy(float)
    assert found == pytest.approx(of_more["mean"][is_mean].to_numpy(float), rel=1e-9)


def test_days_split_over_two_tables_change_nothing() -> None:
    groups = crowd()
    tables = [build_daily([w for w in groups if w.days_ago % 2 == odd]) for odd in (0, 1)]
    segments = build_segments(groups)
    with duckdb.connect() as connection:
        relation = connection.from_arrow(pa.concat_tables(tables))
        pd.testing.assert_frame_equal(
            score_agents_rolling(relation, segments, END),
            score_agents_rolling(build_daily(groups), segments, END),
        )


@pytest.mark.parametrize("module", ["agent_rolling", "day_buckets", "measure_columns", "segments", "team_rolling"])
def test_worked_numbers_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"salted_assets.scoring.windows.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_nothing_gives_no_row_and_the_columns_of_the_models() -> None:
    agents, teams = score([]), score_teams([])
    AgentRolling.validate(agents)
    TeamRolling.validate(teams)
    assert (len(agents), len(teams)) == (0, 0)
    assert set(AGENT_ROLLING_KEY) <= set(agents.columns)
    assert set(TEAM_ROLLING_KEY) <= set(teams.columns)


def test_days_outside_are_left_out() -> None:
    tomorrow = Engagements(days_ago=-1, handle_time=1)
    long_ago = Engagements(days_ago=182, handle_time=1)
    frame = score([Engagements(), tomorrow, long_ago])
    assert frame["measure_count"].max() == 1
    assert frame["previous_count"].max() == 0
    assert pc.max(build_daily([tomorrow])["start_date"]).as_py() == END + timedelta(days=1)
