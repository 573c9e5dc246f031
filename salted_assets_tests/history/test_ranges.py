"""Days that are read and scored together come out as days that are read and scored one by one."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets.history import HistoryReader, NewestOfDays, Part
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.schemas.scores import AgentDaily, Answer, EngagementScore, QueueDaily
from salted_assets.scoring import (
    ScoringChoices,
    score_agents_daily,
    score_answers,
    score_engagements,
    score_queues_daily,
    sum_up_turns,
)
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.export_scenarios import DAYS, Scenario, orders, scenarios
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, engagement, review, turn, write
from salted_assets_tests.support.scoring_runs import assert_same, listed

pytestmark = pytest.mark.slow

COLUMNS = {name: arrow_schema(DATASET_MODELS[name]).names for name in ("engagement", "turn", "review", "agent")}
CHOICES = ScoringChoices()


@pytest.fixture(autouse=True, scope="module")
def _files_are_not_flushed() -> Iterator[None]:
    """Hundreds of small files are written here, and none has to outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salted_assets.warehouse.folder._flush", lambda _: None)
        yield


def read(reader: HistoryReader, days: Sequence[date]) -> dict[str, NewestOfDays]:
    return {dataset: reader.read_range(dataset, days, columns) for dataset, columns in COLUMNS.items()}


def rows_of(newest: NewestOfDays, day: date) -> list[Row]:
    rows = newest.rows.filter(pc.equal(newest.rows["start_date"], day)).to_pylist()
    return sorted(rows, key=lambda row: str(row["pid"]))


def score(newest: dict[str, NewestOfDays]) -> dict[type[Table], list[Row]]:
    engagement, turn, review, agent = (newest[dataset].rows for dataset in COLUMNS)
    answers = score_answers(engagement, turn, review, agent, CHOICES)
    engagements = score_engagements(engagement, sum_up_turns(turn), answers, agent, CHOICES)
    frames: dict[type[Table], Any] = {
        Answer: answers,
        EngagementScore: engagements,
        AgentDaily: score_agents_daily(engagements),
        QueueDaily: score_queues_daily(engagements),
    }
    return {model: listed(frame, model) for model, frame in frames.items()}


@settings(max_examples=6, deadline=None)
@given(scenario=scenarios(), ordered=orders(), days=st.sets(st.sampled_from(DAYS), min_size=2, max_size=3).map(sorted))
def test_a_range_of_days_has_the_rows_and_the_scores_of_each_day_alone(
    tmp_path_factory: pytest.TempPathFactory,
    scenario: Scenario,
    ordered: list[tuple[date, datetime]],
    days: list[date],
) -> None:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("lake")))
    for day, requested_at in ordered:
        _, _, tables = scenario.export(day, requested_at)
        for dataset in COLUMNS:
            write(warehouse, dataset, day, requested_at, tables.get(dataset, []))
    assert_same_as_alone(warehouse, days)


def assert_same_as_alone(warehouse: Warehouse, days: Sequence[date]) -> None:
    """Rows, where they came from, and what they are scored as: of the days together, and of each by itself."""
    together = read(HistoryReader(warehouse, "UTC"), days)
    alone = {day: read(HistoryReader(warehouse, "UTC"), [day]) for day in days}
    for day in days:
        for dataset in COLUMNS:
            assert rows_of(together[dataset], day) == rows_of(alone[day][dataset], day), (day, dataset)
            assert together[dataset].facts[day] == alone[day][dataset].facts[day]
    of_days = [score(alone[day]) for day in days]
    for model, rows in score(together).items():
        assert_same(rows, [row for scored in of_days for row in scored[model]])


def test_an_engagement_that_two_days_have_has_on_each_what_that_day_alone_has(tmp_path: Path) -> None:
    warehouse, far = Warehouse(str(tmp_path)), DAY + timedelta(days=20)
    rows: dict[str, list[Row]] = {"engagement": [engagement()], "turn": [turn()], "review": [review(turn_pid="t1")]}
    moved: dict[str, list[Row]] = {
        "engagement": [engagement(start_time=at(9, day=far))],
        "turn": [turn("t2", participant="CUSTOMER", turn_time=at(9, day=far))],
        "review": [review("r2", turn_pid="t1", engagement_start_time=at(9, day=far))],
    }
    for day, tables in ((DAY, rows | {"agent": [agent(type="Bot")]}), (far, moved | {"agent": [agent()]})):
        for dataset, own in tables.items():
            write(warehouse, dataset, day, at(3, day=day + timedelta(days=1)), own)
    assert_same_as_alone(warehouse, [DAY, far])
    turns = HistoryReader(warehouse, "UTC").read_range("turn", [DAY, far], ["pid"]).rows
    assert sorted(turns["pid"].to_pylist()) == ["t1", "t2"]


def test_the_parts_of_a_day_have_its_rows_each_once(tmp_path: Path) -> None:
    warehouse, pids = Warehouse(str(tmp_path)), [f"e{number}" for number in range(9)]
    write(warehouse, "engagement", DAY, at(3), [engagement(pid) for pid in pids])
    write(warehouse, "turn", DAY, at(3), [turn(f"t{pid}", engagement_pid=pid) for pid in pids])
    reader, found = HistoryReader(warehouse, "UTC"), dict[str, list[str]]()
    for index in range(3):
        parts = {
            dataset: reader.read_range(dataset, [DAY], ["pid", *owner], part=Part(index, 3))
            for dataset, owner in (("engagement", ()), ("turn", ("engagement_pid",)))
        }
        own = parts["engagement"].rows["pid"].to_pylist()
        assert 0 < len(own) < len(pids)
        assert sorted(parts["turn"].rows["engagement_pid"].to_pylist()) == sorted(own)
        assert parts["turn"].facts[DAY].row_count == len(own)
        found[str(index)] = own
    assert sorted(pid for own in found.values() for pid in own) == pids


def test_days_that_have_nothing_give_no_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    newest = read(HistoryReader(Warehouse(str(tmp_path_factory.mktemp("lake"))), "UTC"), DAYS[:3])
    for dataset, columns in COLUMNS.items():
        assert newest[dataset].rows.num_rows == 0
        assert newest[dataset].rows.column_names == [*columns, "start_date"]
        assert pa.types.is_date32(newest[dataset].rows.schema.field("start_date").type)
        assert [facts.days_read for facts in newest[dataset].facts.values()] == [()] * 3
