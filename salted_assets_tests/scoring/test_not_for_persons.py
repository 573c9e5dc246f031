"""AI columns that are not for persons: which columns go, and that teams keep theirs."""

import pyarrow as pa
import pytest

from salted_assets.schemas import measures
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.lineage import list_sources
from salted_assets.schemas.scores import AgentDaily, EngagementScore, TeamRolling
from salted_assets.scoring.not_for_persons import (
    drop_persons,
    drop_teams_of_one,
    find_columns_not_for_persons,
    list_engagement_columns,
    sum_for_teams,
)
from salted_assets.settings import AI_COLUMNS
from salted_assets_tests.support.rolling_rows import END, Engagements, build_daily


def leads_to(column: str, sources: tuple[tuple[str, str], ...]) -> bool:
    """Whether a column that is made of these is made of the AI column, back to the tables."""
    return any(
        own == column if table.startswith("tables/") else leads_to(column, list_sources(*table.split("/"))[own])
        for table, own in sources
    )


def test_the_setting_knows_the_columns_that_scores_sum_up() -> None:
    assert set(AI_COLUMNS) == set(measures.AI_COLUMNS)


@pytest.mark.parametrize("column", AI_COLUMNS)
@pytest.mark.parametrize("score", ["agent_daily", "agent_segment_daily", "queue_daily"])
def test_the_columns_that_go_are_those_that_are_made_of_it(score: str, column: str) -> None:
    sources = list_sources("scores", score)

    found = {name for name in find_columns_not_for_persons([column]) if name in sources}

    assert found == {name for name, of in sources.items() if leads_to(column, of)} != set()


def test_a_queue_of_one_agent_is_a_person() -> None:
    queues = pa.table({"agent_count": [1, 2], "empathy_mean": [3.0, 4.0], "clarity_mean": [5.0, 6.0]})

    assert drop_persons(queues, ["empathy"], of_groups=True).to_pylist() == [
        {"agent_count": 1, "empathy_mean": None, "clarity_mean": 5.0},
        {"agent_count": 2, "empathy_mean": 4.0, "clarity_mean": 6.0},
    ]


def test_a_team_of_one_agent_is_a_person() -> None:
    rows = [("empathy", 1), ("empathy", 2), ("clarity", 1)]
    teams = pa.Table.from_pylist([{"measure": name, "agent_count": count} for name, count in rows]).cast(
        pa.schema([arrow_schema(TeamRolling).field(name) for name in ("measure", "agent_count")])
    )

    kept = drop_teams_of_one(teams, ["empathy"])

    assert list(zip(*kept.to_pydict().values(), strict=True)) == [("empathy", 2), ("clarity", 1)]


def test_teams_are_given_the_sums_that_agents_lost() -> None:
    groups = [Engagements(agent=agent, empathy=empathy) for agent, empathy in (("a0", 3.0), ("a0", 5.0), ("a1", 2.0))]
    daily = build_daily(groups).sort_by("agent_pid")
    columns = list_engagement_columns(["empathy"])
    rows = [{"start_date": END, "agent_pid": group.agent, "empathy": group.empathy} for group in groups]
    engagements = pa.Table.from_pylist(rows, pa.schema([arrow_schema(EngagementScore).field(name) for name in columns]))
    before = engagements.slice(0, 0)

    (filled,) = sum_for_teams([drop_persons(daily, ["empathy"])], [before, engagements], ["empathy"])
    (without,) = sum_for_teams([daily], [before], ["empathy"])

    parts = ["agent_pid", "empathy_count", "empathy_sum", "empathy_sum_of_squares"]
    assert filled.select(parts).equals(daily.select(parts))
    assert filled.schema.equals(arrow_schema(AgentDaily))
    assert without["empathy_sum"].null_count == without.num_rows == 2
