"""Agents under a pseudonym: what changes of their rows and of others', what stays, and what comes again."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from salted_assets.history import Footer, FooterCache
from salted_assets.history.review_plans import PlanFiles, read_plan
from salted_assets.history.table_files import write_frame
from salted_assets.ingest import read_table
from salted_assets.privacy import AgentErasure, ErasedPids, Register, check_register, open_pseudonyms, pseudonym_of
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.schemas.scores import AgentDaily
from salted_assets.warehouse import Warehouse, rejects_key
from salted_assets_tests.support.ingesting import header, raw_file, record
from salted_assets_tests.support.review_plans import planned
from salted_assets_tests.support.review_plans import store as store_plan
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, complete, engagement, review, write

LEAVER, OTHER = {"agent_pid": "a1", "agent_name": "Ada Adams"}, {"agent_pid": "a2", "agent_name": "Bo"}
TABLES: dict[str, list[Row]] = {
    "agent": [
        agent("a1", name="Ada Adams", external_id="ada@example.test", hourly_cost=31.0, manager="Cy", team="North"),
        agent("a2", name="Bo", external_id="bo@example.test", hourly_cost=32.0, manager="Ada Adams", team="North"),
    ],
    "engagement": [engagement("e1", **LEAVER, empathy=3.0), engagement("e2", **OTHER)],
    "review": [
        review("r1", agent_pid="a1", reviewer_pid="a2", reviewer_name="Bo", comment="Ada was rude", verified_by=None),
        review("r2", agent_pid="a2", reviewer_pid="a1", reviewer_name="Ada Adams", comment="Bo was kind"),
        review("r3", agent_pid="a2", reviewer_pid="a3", reviewer_name="Di", verified_by="ada adams "),
    ],
    "turn": [complete("turn", {"pid": "t1", "engagement_pid": "e1", "content": "Ada Adams speaking"})],
}
NEXT = DAY + timedelta(days=1)


class CutOffError(Exception):
    """What ends a run in the midst of its writes."""


class CutWarehouse(Warehouse):
    """A warehouse that can be changed only so often."""

    left = 0

    def publish(self, source: Path, path: str) -> None:
        self.count()
        super().publish(source, path)

    def delete(self, path: str) -> None:
        self.count()
        super().delete(path)

    def count(self) -> None:
        if not self.left:
            raise CutOffError
        self.left -= 1


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    for dataset, rows in TABLES.items():
        write(warehouse, dataset, DAY, at(3), rows)
    daily = [{"start_date": DAY, **who, "engagement_count": 1, "empathy_sum": 3.0} for who in (LEAVER, OTHER)]
    schema = pa.schema([arrow_schema(AgentDaily).field(name) for name in daily[0]])
    frame = pa.Table.from_pylist(daily, schema=schema)
    refused = [
        {"row_number": 1, "pid": "a1", "column": "hourly_cost", "raw_value": "much", "reason": "no number"},
        {"row_number": 2, "pid": "a2", "column": "hourly_cost", "raw_value": "more", "reason": "no number"},
        {"row_number": 3, "pid": None, "column": None, "raw_value": 'a9,x,"Ada Adams', "reason": "quote"},
    ]
    rejects = pa.Table.from_pylist(refused, schema=REJECTS_SCHEMA)
    for key, rows in ((("scores", "agent_daily"), frame), (rejects_key("agent"), rejects)):
        with warehouse.create(warehouse.table_path(key, DAY)) as path:
            write_frame(path, rows, Footer())
    changes = pa.table({"agent_pid": pa.array(["a1", "a2", None]).dictionary_encode(), "old": [1.0, 2.0, 3.0]})
    with warehouse.create(warehouse.table_path(("changes", "agent_daily"), DAY)) as path:
        write_frame(path, changes, Footer())
    store_plan(warehouse, planned("e1", DAY, agent_name="Ada Adams"), planned("e2", DAY, "a2", agent_name="Bo"))
    warehouse.write_bytes("report/scorecard/date=2024-01-31/scorecard.html", b"<td>Ada&#32;Adams</td>")
    warehouse.write_bytes("report/scorecard/date=2024-02-01/scorecard.html", b"<td>Bo</td>")
    warehouse.write_bytes("raw/export/date=2024-01-31/x/agents.csv.zst", b"as delivered, of Ada Adams")
    return warehouse


def pseudonym(warehouse: Warehouse, pid: str = "a1") -> tuple[str, str]:
    known = Register(warehouse).read()
    assert known is not None
    return pseudonym_of(known.hash_pid(pid))


def read(warehouse: Warehouse, *key: str, day: date = DAY) -> list[Row]:
    with warehouse.open_parquet(warehouse.table_path(key, day)) as file:
        rows: list[Row] = file.read().to_pylist()
        return rows


def values(rows: Sequence[Row], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def ids(warehouse: Warehouse) -> list[str]:
    footers = FooterCache(warehouse, "UTC")
    keys = (("tables", "agent"), ("tables", "engagement"), ("tables", "review"), ("scores", "agent_daily"))
    found = [footers.partition(key, DAY) for key in keys]
    plans = [plan.file_id for plan in PlanFiles(warehouse, "UTC").list_plans()]
    return [*(partition.file_id for partition in found if partition is not None), *plans]


def test_an_agent_becomes_a_pseudonym_everywhere_and_no_figure_moves(warehouse: Warehouse) -> None:
    before = ids(warehouse)
    dry_run = AgentErasure(warehouse).erase(["a1"], is_dry_run=True)
    assert "Ada Adams" in str(read(warehouse, "tables", "engagement"))
    assert Register(warehouse).read() is None

    receipt = AgentErasure(warehouse).erase(["a1"])

    pid, name = pseudonym(warehouse)
    assert values(read(warehouse, "tables", "engagement"), "agent_pid", "agent_name") == [(pid, name), ("a2", "Bo")]
    scores = values(read(warehouse, "scores", "agent_daily"), "agent_pid", "agent_name", "empathy_sum")
    assert scores == [(pid, name, 3.0), ("a2", "Bo", 3.0)]
    assert values(
        read(warehouse, "tables", "agent"), "pid", "name", "external_id", "hourly_cost", "manager", "team"
    ) == [(pid, name, None, None, None, "North"), ("a2", "Bo", "bo@example.test", 32.0, name, "North")]
    reviews = read(warehouse, "tables", "review")
    assert values(reviews, "agent_pid", "reviewer_pid", "reviewer_name", "comment", "verified_by") == [
        (pid, "a2", "Bo", None, None),
        ("a2", pid, name, "Bo was kind", None),
        ("a2", "a3", "Di", None, name),
    ]
    assert values(read(warehouse, *rejects_key("agent")), "pid", "raw_value") == [
        (pid, None),
        ("a2", "more"),
        (None, None),
    ]
    assert values(read(warehouse, "changes", "agent_daily"), "agent_pid") == [(pid,), ("a2",), (None,)]
    assert warehouse.list_files("report") == ["report/scorecard/date=2024-02-01/scorecard.html"]
    assert read(warehouse, "tables", "turn")[0]["content"] == "Ada Adams speaking"
    assert b"Ada Adams" in warehouse.read_bytes("raw/export/date=2024-01-31/x/agents.csv.zst")
    (plan,) = PlanFiles(warehouse, "UTC").list_plans()
    named = values(read_plan(warehouse, plan.path).to_pylist(), "agent_pid", "agent_name", "engagement_pid")
    assert named == [(pid, name, "e1"), ("a2", "Bo", "e2")]
    # what scores were made of is the same, so none is out of date
    assert ids(warehouse) == before
    assert receipt.count_rows() == dry_run.count_rows()
    assert receipt.count_rows()["tables/review"] == 3
    assert receipt.describe_finds() == [f"is {name} from now on"]
    assert receipt.is_complete


def test_nothing_kept_tells_who_it_was_and_doctor_counts_them(warehouse: Warehouse) -> None:
    AgentErasure(warehouse).erase(["a1"])

    kept = b"".join(map(warehouse.read_bytes, warehouse.list_files("erased")))
    assert b"a1" not in kept.split(b'"')
    assert b"ada" not in kept.lower()
    assert check_register(warehouse).endswith("; 1 erased agents are loaded under pseudonyms")
    again = AgentErasure(warehouse).erase(["a1", "a9"])
    assert (again.files, again.is_complete) == ((), False)
    assert [find.split(":")[0] for find in again.describe_finds()] == ["nothing left", "found nowhere"]


@pytest.mark.parametrize("left", range(12))
def test_a_run_that_was_cut_off_is_finished_by_the_next(warehouse: Warehouse, left: int) -> None:
    cut = CutWarehouse(warehouse.uri)
    cut.left = left
    with pytest.raises(CutOffError):
        AgentErasure(cut).erase(["a1"])

    assert AgentErasure(warehouse).erase(["a1"]).is_complete

    found = [read(warehouse, *key) for key in (*(("tables", name) for name in TABLES), ("scores", "agent_daily"))]
    without_turns = str([rows for rows in found if "content" not in rows[0]])
    assert "Ada" not in without_turns
    assert "'a1'" not in without_turns
    assert AgentErasure(warehouse).erase([]).files == ()


def test_what_is_loaded_later_comes_under_the_pseudonym(warehouse: Warehouse) -> None:
    AgentErasure(warehouse).erase(["a1"])
    pid, name = pseudonym(warehouse)

    agents = load(warehouse, "agent", {"pid": "a1", "name": "Ada Brown"}, {"pid": "a4", "manager": "Ada Adams"})
    reviews = load(
        warehouse,
        "review",
        {"pid": "r4", "agent_pid": "a1", "comment": "Ada again", "reviewer_pid": "a3"},
        {"pid": "r5", "agent_pid": "a2", "reviewer_pid": "a1", "reviewer_name": "Ada B.", "verified_by": "Ada Brown"},
    )

    assert values(agents, "pid", "name", "manager") == [(pid, name, None), ("a4", None, name)]
    columns = ("agent_pid", "reviewer_pid", "reviewer_name", "comment", "verified_by")
    assert values(reviews, *columns) == [(pid, "a3", None, None, None), ("a2", pid, name, None, name)]


def test_where_no_agent_was_erased_rows_are_loaded_as_they_are(warehouse: Warehouse) -> None:
    assert open_pseudonyms(warehouse)("agent") is None
    Register(warehouse).add(ErasedPids(bytes(32), customers=frozenset(["00"])))
    assert open_pseudonyms(warehouse)("agent") is None


def load(warehouse: Warehouse, dataset: str, *rows: dict[str, str]) -> list[Row]:
    model = DATASET_MODELS[dataset]
    data = header(model) + b"".join(record(model, **row) for row in rows)
    stream = read_table(model, [raw_file(data)], pseudonymise=open_pseudonyms(warehouse)(dataset))
    return [row for batches in stream.passes() for batch in batches for row in batch.table.to_pylist()]
