"""What an agent is given of what is held: their own rows whole, of others as little as these allow."""

import csv
import io
import json
import stat
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.history import Footer
from salted_assets.history.table_files import write_frame
from salted_assets.privacy.agent_export import AgentExport
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.review_plans import planned
from salted_assets_tests.support.review_plans import store as store_plan
from salted_assets_tests.support.rolling_rows import Engagements
from salted_assets_tests.support.scorecard_rows import write_scored_day
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, complete, engagement, review, write

NEXT = DAY + timedelta(days=1)
OTHERS = ("Bo", "Cy", "Di", "a2", "a3", "Kunde", "c-1", "link-1", "private", "order 66", "hello")
ENGAGEMENT = {
    "contact_pid": "c-1",
    "contact_name": "Kunde",
    "name": "Kunde",
    "link": "link-1",
    "attribute_01": "order 66",
}
TABLES: dict[str, list[Row]] = {
    "agent": [agent("a1", name="Ada", manager="Cy", hourly_cost=31.0), agent("a2", name="Bo", manager="Cy")],
    "engagement": [
        engagement("e1", agent_pid="a1", agent_name="Ada", empathy=3.0, **ENGAGEMENT),
        engagement("e2", agent_pid="a2", agent_name="Bo", **ENGAGEMENT),
    ],
    "review": [
        review("r1", agent_pid="a1", reviewer_pid="a3", reviewer_name="Di", comment="well done", verified_by="Ada"),
        review("r2", agent_pid="a1", reviewer_pid="a2", reviewer_name="Bo", verified_by="Cy"),
        review("r3", agent_pid="a2", engagement_pid="e2", reviewer_pid="a1", reviewer_name="Ada", comment="private"),
        review("r4", agent_pid="a2", engagement_pid="e2", reviewer_pid="a3", reviewer_name="Di", comment="private"),
    ],
    "turn": [complete("turn", {"pid": "t1", "engagement_pid": "e1", "content": "hello"})],
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(str(tmp_path / "data" / "warehouse"))
    for dataset, rows in TABLES.items():
        write(warehouse, dataset, DAY, at(3), rows)
    write(warehouse, "agent", NEXT, at(3), [agent("a1", name="Ada", team="South")])
    names = ("agent_pid", "agent_name", "measure", "fair_mean")
    people = [
        {"agent_pid": pid, "agent_name": name, "measure": "empathy"} for pid, name in (("a1", "Ada"), ("a2", "Bo"))
    ]
    store(warehouse, ("scores", "fair"), [{**row, "fair_mean": 3.5} for row in people], names)
    store_plan(warehouse, planned("e1", DAY), planned("e2", DAY, "a2", agent_name="Bo"))
    with warehouse.create(warehouse.table_path(("changes", "fair"), DAY)) as path:
        changes = {"agent_pid": pa.array(["a1", "a2"]).dictionary_encode(), "old": [3.0, 4.0]}
        write_frame(path, pa.table(changes), Footer())
    return warehouse


def store(warehouse: Warehouse, key: tuple[str, str], rows: list[Row], names: tuple[str, ...]) -> None:
    schema = pa.schema([arrow_schema(SCORE_MODELS[key[1]]).field(name) for name in names])
    with warehouse.create(warehouse.table_path(key, DAY)) as path:
        write_frame(path, pa.Table.from_pylist(rows, schema), Footer())


def export(warehouse: Warehouse, pid: str) -> dict[str, str]:
    buffer = io.BytesIO()
    AgentExport(warehouse, pid).write(buffer, lambda day: {f"{day}.html": b"<p>Ada</p>"})
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def rows_of(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def values(text: str, *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in rows_of(text)]


def test_own_rows_are_whole_and_others_are_numbers(warehouse: Warehouse) -> None:
    store(warehouse, ("scores", "agent_rolling"), [{"agent_pid": "a1"}], ("agent_pid",))

    files = export(warehouse, "a1")

    assert values(files["tables/agent.csv"], "date", "pid", "name", "hourly_cost", "team") == [
        ("2024-01-31", "a1", "Ada", "31.0", ""),
        ("2024-02-01", "a1", "Ada", "", "South"),
    ]
    assert values(files["tables/engagement.csv"], "pid", "agent_name", "empathy") == [("e1", "Ada", "3.0")]
    columns = ("pid", "engagement_pid", "agent_pid", "reviewer_pid", "reviewer_name", "comment", "verified_by")
    assert values(files["tables/review.csv"], *columns) == [
        ("r1", "e1", "a1", "reviewer 1", "reviewer 1", "well done", "Ada"),
        ("r2", "e1", "a1", "reviewer 2", "reviewer 2", "", "verifier 1"),
        ("r3", "", "agent 1", "a1", "Ada", "", ""),
    ]
    assert values(files["scores/fair.csv"], "agent_pid", "measure", "fair_mean") == [("a1", "empathy", "3.5")]
    assert values(files["changes/fair.csv"], "agent_pid", "old") == [("a1", "3.0")]
    assert values(files["plans/review.csv"], "date", "agent_pid", "engagement_pid", "probability") == [
        ("2024-07-01", "a1", "e1", "0.1")
    ]
    assert files["pages/2024-01-31.html"] == "<p>Ada</p>"
    assert json.loads(files["manifest.json"])["row_counts"]["tables/review.csv"] == 3
    assert "tables/review.csv: 3 rows" in files["README.txt"]


def test_nothing_of_others_is_in_it(warehouse: Warehouse) -> None:
    files = export(warehouse, "a1")

    cells = {
        cell for name, text in files.items() if name.endswith(".csv") for row in rows_of(text) for cell in row.values()
    }
    assert cells.isdisjoint(OTHERS)
    assert not {"manager", "contact_pid", "content"} & {
        name for file, text in files.items() if file.endswith(".csv") for name in rows_of(text)[0]
    }


def test_no_small_group_is_told(warehouse: Warehouse) -> None:
    names = ("agent_pid", "measure", "fair_mean", "group_count", "group_mean", "shrunk_mean")
    groups = [("empathy", 6, None), ("clarity", 7, 3.25), ("severity", 0, None)]
    rows = [
        {"agent_pid": "a1", "measure": measure, "fair_mean": 3.5, "group_count": count}
        | {"group_mean": 3.25, "shrunk_mean": 3.25}
        for measure, count, _ in groups
    ]
    store(warehouse, ("scores", "fair"), rows, names)
    with warehouse.create(warehouse.table_path(("changes", "fair"), DAY)) as path:
        figures = pa.array(["fair_mean", "group_mean", "shrunk_mean"]).dictionary_encode()
        write_frame(path, pa.table({"agent_pid": ["a1"] * 3, "figure": figures}), Footer())

    files = export(warehouse, "a1")

    told = [(measure, "3.5", *[str(mean or "")] * 2) for measure, _, mean in groups]
    assert values(files["scores/fair.csv"], "measure", "fair_mean", "group_mean", "shrunk_mean") == told
    assert values(files["changes/fair.csv"], "figure") == [("fair_mean",)]


def test_no_cell_is_calculated_by_a_spreadsheet(warehouse: Warehouse) -> None:
    write(warehouse, "agent", NEXT, at(3), [agent("a1", name="=HYPERLINK(1)", team="-1+1", hourly_cost=-2.0)])

    files = export(warehouse, "a1")

    rows = values(files["tables/agent.csv"], "name", "team", "hourly_cost")
    assert rows[1] == ("'=HYPERLINK(1)", "'-1+1", "-2.0")


def test_the_command_writes_a_private_file_and_none_for_nobody(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"API_KEY": "k", "START_DATE": "2024-01-01", "API_URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(f"SALTED_{name}", value)

    day = write_scored_day(warehouse, [Engagements(0, "a1", 4, "Ada", evaluations=(0.25, 0.75))])

    nobody = CliRunner().invoke(main, ["agent-export", "nobody", "--output", "nobody.zip"])
    done = CliRunner().invoke(main, ["agent-export", "a1"])
    again = CliRunner().invoke(main, ["agent-export", "a1"])

    assert (done.exit_code, nobody.exit_code, again.exit_code) == (0, 1, 1), done.output
    assert "nothing is held on an agent" in nobody.output
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["agent_export.zip"]
    assert stat.S_IMODE((tmp_path / "agent_export.zip").stat().st_mode) == 0o600
    assert "tables/review.csv: 3 rows" in done.output
    assert "Ada" not in done.output
    with zipfile.ZipFile(tmp_path / "agent_export.zip") as archive:
        assert b"Ada" in archive.read(f"pages/agent_{day}.html")
