"""The history of agents: who was in which team from when to when, against the same in plain Python."""

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.history import AgentHistory, find_agent_history
from salted_assets.output.catalog import open_catalog, write_catalog
from salted_assets.schemas.agent import Agent
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support import scoring_oracle as oracle
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, engagement, table, write

NEXT = DAY + timedelta(days=1)
ATTRIBUTES = ("name", "team", "department", "role", "location", "manager", "organization")
RECORDED = ("agent_name", "team", "department", "agent_role", "agent_location", None, "agent_organization")

Export = tuple[date, datetime, list[Row]]
"""Partition day, time the export was requested, its agents."""


def find(exports: list[Export], engagements: list[Row] | None = None) -> list[Row]:
    """The spans of all agents, checked against their model."""
    schema = arrow_schema(Agent)
    schema = schema.append(pa.field("date", pa.date32())).append(
        pa.field("requested_at_utc", pa.timestamp("us", "UTC"))
    )
    versions = [row | {"date": day, "requested_at_utc": ordered} for day, ordered, rows in exports for row in rows]
    found = find_agent_history(
        pa.Table.from_pylist(versions, schema=schema), table("engagement", list(engagements or []))
    )
    AgentHistory.validate(found.to_pandas(types_mapper=pd.ArrowDtype))
    rows: list[Row] = found.to_pylist()
    return rows


def spans(rows: list[Row], attribute: str = "team") -> list[tuple[Any, datetime, datetime | None]]:
    return [(row[attribute], row["valid_from_utc"], row["valid_to_utc"]) for row in rows]


def day_after(day: date) -> datetime:
    return at(3, day=day + timedelta(days=1))


def test_a_change_begins_when_the_export_was_ordered_that_shows_it() -> None:
    first, second = (DAY, day_after(DAY), [agent(team="North")]), (NEXT, day_after(NEXT), [agent(team="South")])
    for exports in ([first, second], [second, first]):
        rows = find(exports)
        assert spans(rows) == [("North", day_after(DAY), day_after(NEXT)), ("South", day_after(NEXT), None)]
        assert [row["is_current"] for row in rows] == [False, True]
        assert {row["source"] for row in rows} == {"export"}


def test_an_old_day_exported_late_carries_the_team_of_today() -> None:
    late = day_after(DAY + timedelta(days=90))
    rows = find([(NEXT, day_after(NEXT), [agent(team="North")]), (DAY, late, [agent(team="South")])])
    assert spans(rows) == [("North", day_after(NEXT), late), ("South", late, None)]


def test_exports_that_say_the_same_are_one_span() -> None:
    days = [DAY + timedelta(days=ago) for ago in range(4)]
    rows = find([(day, day_after(day), [agent(team="North", hourly_cost=float(day.day))]) for day in days])
    assert spans(rows) == [("North", day_after(DAY), None)]


def test_coming_back_is_a_span_of_its_own() -> None:
    days = [DAY + timedelta(days=ago) for ago in range(3)]
    teams = ["North", "South", "North"]
    rows = find([(day, day_after(day), [agent(team=team)]) for day, team in zip(days, teams, strict=True)])
    assert [team for team, _, _ in spans(rows)] == teams


def test_who_is_absent_from_an_export_stays_where_they_were() -> None:
    rows = find([(DAY, day_after(DAY), [agent(team="North")]), (NEXT, day_after(NEXT), [agent("a2")])])
    assert spans([row for row in rows if row["agent_pid"] == "a1"]) == [("North", day_after(DAY), None)]


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_each_attribute_makes_a_span_and_a_loss_is_a_change(attribute: str) -> None:
    exports = [(DAY, day_after(DAY), [agent(**{attribute: "old"})]), (NEXT, day_after(NEXT), [agent()])]
    assert spans(find(exports), attribute) == [("old", day_after(DAY), day_after(NEXT)), (None, day_after(NEXT), None)]


def test_before_the_first_export_engagements_tell() -> None:
    engagements = [
        engagement("e1", start_time=at(9), team="North", agent_role="novice", agent_location="Brno"),
        engagement("e2", start_time=at(10), team="North", agent_role="novice", agent_location="Brno"),
        engagement("e3", start_time=at(11), team="South", agent_role="senior", agent_organization="Acme"),
        engagement("e4", start_time=at(4, day=NEXT), team="after the export"),
    ]
    rows = find([(DAY, day_after(DAY), [agent(name="Ada", team="West", manager="Eve")])], engagements)
    assert spans(rows) == [
        ("North", at(9), at(11)),
        ("South", at(11), at(3, day=NEXT)),
        ("West", at(3, day=NEXT), None),
    ]
    assert [row["source"] for row in rows] == ["engagement", "engagement", "export"]
    assert [row["role"] for row in rows] == ["novice", "senior", None]
    assert [row["manager"] for row in rows] == [None, None, "Eve"]
    assert [row["location"] for row in rows] == ["Brno", None, None]
    assert [row["organization"] for row in rows] == [None, "Acme", None]


def test_an_agent_of_no_export_is_known_by_engagements_alone() -> None:
    assert spans(find([], [engagement(team="North")])) == [("North", at(9), None)]


@pytest.mark.parametrize(
    "columns",
    [
        {"type": "Technical"},
        {"type": "Queue"},
        {"type": None},
        {"agent_pid": None},
        {"agent_pid": " "},
        {"start_time": None},
        {"team": None},
    ],
)
def test_engagements_that_tell_nothing_of_an_agent_are_left_out(columns: Row) -> None:
    assert find([], [engagement(**{"team": "North", **columns})]) == []


def test_a_version_that_is_older_than_an_earlier_one_is_left_out_where_all_are_dated() -> None:
    newer = (DAY, day_after(DAY), [agent(team="newer", updated_at=at(9))])
    older = (NEXT, day_after(NEXT), [agent(team="older", updated_at=at(8))])
    undated = (NEXT, day_after(NEXT), [agent(team="undated")])
    assert [team for team, _, _ in spans(find([newer, older]))] == ["newer"]
    assert [team for team, _, _ in spans(find([newer, undated]))] == ["newer", "undated"]


def test_nothing_known_is_no_rows() -> None:
    assert find([], []) == []


def plain_history(exports: list[Export], engagements: list[Row]) -> list[Row]:
    """The history by loops: at each instant at which something was said, what was known then."""
    found = []
    pids = {row["pid"] for _, _, rows in exports for row in rows} | {row["agent_pid"] for row in engagements}
    for pid in sorted(pids):
        own = [(ordered, day, row) for day, ordered, rows in exports for row in rows if row["pid"] == pid]
        first = min((ordered for ordered, _, _ in own), default=None)
        spans: list[tuple[datetime, tuple[Any, ...]]] = []
        for row in sorted(engagements, key=lambda row: (row["start_time"], row["pid"])):
            values = tuple(source and row[source] for source in RECORDED)
            if row["agent_pid"] == pid and any(values[1:]) and (first is None or row["start_time"] < first):
                spans.append((row["start_time"], (*values, "engagement")))
        is_dated = all(row["updated_at"] is not None for _, _, row in own)
        for instant in sorted({ordered for ordered, _, _ in own}):
            known = [version for version in own if version[0] <= instant]
            newest = max(known, key=lambda v: ((v[2]["updated_at"],) if is_dated else ()) + (v[0], v[1]))
            spans.append((instant, (*(newest[2][name] for name in ATTRIBUTES), "export")))
        steps = sorted(dict(spans).items())
        changes = [
            (instant, values)
            for index, (instant, values) in enumerate(steps)
            if index == 0 or steps[index - 1][1] != values
        ]
        for (instant, values), following in zip(changes, [*changes[1:], None], strict=False):
            found.append(
                {"agent_pid": pid}
                | dict(zip((*ATTRIBUTES, "source"), values, strict=True))
                | {
                    "valid_from_utc": instant,
                    "valid_to_utc": following and following[0],
                    "is_current": following is None,
                }
            )
    return found


TEAMS = st.sampled_from(["North", "South", None])
PEOPLE = st.sampled_from(["a1", "a2", "a3"])


@st.composite
def agent_exports(draw: st.DrawFn) -> list[Export]:
    """Up to four exports of any days; two may have been ordered at the same instant."""
    return [
        (
            DAY + timedelta(days=number),
            at(draw(st.integers(0, 3)), day=NEXT),
            [
                agent(
                    pid, team=draw(TEAMS), manager=draw(TEAMS), updated_at=draw(st.sampled_from([None, at(1), at(2)]))
                )
                for pid in sorted(draw(st.sets(PEOPLE)))
            ],
        )
        for number in range(draw(st.integers(0, 4)))
    ]


ENGAGEMENTS = st.lists(
    st.tuples(PEOPLE, st.sampled_from([at(8), at(9), at(0, 30, day=NEXT), at(2, 30, day=NEXT)]), TEAMS, TEAMS),
    max_size=6,
).map(
    lambda drawn: [
        engagement(f"e{index}", agent_pid=pid, start_time=start, team=team, agent_location=location)
        for index, (pid, start, team, location) in enumerate(drawn)
    ]
)


@given(exports=agent_exports(), engagements=ENGAGEMENTS, random=st.randoms(use_true_random=False))
def test_the_history_equals_the_one_in_plain_python_in_whatever_order_it_comes(
    exports: list[Export], engagements: list[Row], random: Any
) -> None:
    result = find(random.sample(exports, len(exports)), random.sample(engagements, len(engagements)))
    assert [dict(row) for row in result] == [
        {name: row[name] for name in arrow_schema(AgentHistory).names} for row in plain_history(exports, engagements)
    ]
    newest = oracle.newest([(day, ordered, {"agent": rows}) for day, ordered, rows in exports], "agent")
    current = {row["agent_pid"]: row["team"] for row in result if row["is_current"] and row["source"] == "export"}
    assert current == {pid: row["team"] for pid, row in newest.items()}


def test_the_view_finds_the_same_out_of_partitions(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "salted_assets.output.catalog.views.SCORE_MODELS", {"agent_question": SCORE_MODELS["agent_question"]}
    )
    warehouse = Warehouse(str(tmp_path_factory.mktemp("lake")))
    write(warehouse, "agent", NEXT, day_after(NEXT), [agent(team="West")])
    write(warehouse, "engagement", NEXT, day_after(NEXT), [engagement(team="South"), engagement("e2", start_time=None)])
    write(warehouse, "engagement", DAY, day_after(DAY), [engagement(team="North")])
    write(warehouse, "agent", DAY, at(5, day=NEXT), [agent(team="East")])
    write_catalog(warehouse)
    with open_catalog(warehouse) as catalog:
        found = catalog.sql("SELECT team, source FROM agent_history ORDER BY valid_from_utc").fetchall()
    assert found == [("South", "engagement"), ("East", "export"), ("West", "export")]
