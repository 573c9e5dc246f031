"""`salted plan`: what it draws, keeps and prints, and what it refuses."""

import csv
import io
import json
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from salted_assets.cli import main
from salted_assets.explain.review_plan import LastPlans
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.evaluated_agents import AGENTS, write_evaluated
from salted_assets_tests.support.rolling_rows import END

pytestmark = pytest.mark.slow

FIRST = "2024-06-01"


@pytest.fixture(name="scores", scope="module")
def fixture_scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    write_evaluated(Warehouse(str(folder), simulated=True))
    return folder / "scores"


@pytest.fixture(name="folder")
def fixture_folder(scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(scores, tmp_path / "data" / "demo" / "scores")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments])


def draw(*arguments: str) -> dict[str, Any]:
    result = plan(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def read_plan_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    path = Path("data/demo") / document["path"]
    rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


def list_plans(folder: Path) -> list[Path]:
    return sorted((folder / "data" / "demo" / "plans").rglob("*.parquet"))


def test_a_plan_is_kept_and_written_for_those_who_listen(folder: Path) -> None:
    result = plan("--reviews", "30", FIRST, str(END), "--seed", "5", "--output", "plan.csv")

    assert result.exit_code == 0, result.output
    assert "30 engagements of 11 agents" in result.output
    assert "seed 5" in result.output
    (stored,) = list_plans(folder)
    rows = pq.read_table(stored, partitioning=None).to_pylist()
    assert (folder / "plan.csv").stat().st_mode & 0o777 == 0o600
    written = list(csv.DictReader(io.StringIO((folder / "plan.csv").read_text("utf-8-sig"))))
    assert [row["engagement_pid"] for row in written] == [row["engagement_pid"] for row in rows]
    assert {row["link"] for row in written} == {f"https://desk.example/{row['engagement_pid']}" for row in rows}
    per_agent = Counter(row["agent_pid"] for row in rows)
    assert set(per_agent) == set(AGENTS)
    for row in rows:
        count = per_agent[row["agent_pid"]]
        assert (row["planned_count"], row["eligible_count"], row["probability"]) == (count, 10, count / 10)
    # the same again, but for its id and time: what is drawn is by seed and scores, and the first plan stays
    stored_before = stored.read_bytes()
    stored.rename(folder / "first.parquet")
    again = draw("--reviews", "30", FIRST, str(END), "--seed", "5")
    assert {row["engagement_pid"] for row in again["engagements"]} == {row["engagement_pid"] for row in rows}
    (folder / "first.parquet").rename(stored)
    other = draw("--reviews", "30")
    assert other["seed"] != 5
    assert len(list_plans(folder)) == 3
    assert stored.read_bytes() == stored_before


def test_what_of_the_last_plan_is_done_is_told(folder: Path) -> None:
    assert "no plan has been drawn" in plan("--status").output
    drawn = draw("--reviews", "30")
    # everything of the evaluated agents is evaluated: so all of it counts as done at once
    assert (drawn["engagement_count"], drawn["done_count"]) == (30, 30)
    plans = LastPlans(Warehouse(str(folder / "data" / "demo"), simulated=True), "UTC")
    last = plans.find(END)
    assert last is not None
    assert plans.find(END - timedelta(days=1)) is last, "cards of a range read a plan once"
    assert plans.find(END + timedelta(days=40)) is None
    for path in (folder / "data" / "demo" / "scores" / "answer").rglob("*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        kept = [row for row in rows.to_pylist() if row["agent_pid"] != "a0"]
        pq.write_table(type(rows).from_pylist(kept, schema=rows.schema), path)
    found = json.loads(plan("--status", "--json").stdout)
    of_agent = sum(row["agent_pid"] == "a0" for row in found["engagements"])
    assert found["done_count"] == 30 - of_agent
    said = plan("--status", "--output", "left.csv").output
    assert f"Agent 0: 0 of {of_agent} done" in said
    assert said.count("https://desk.example/") == of_agent
    assert f"{30 - of_agent} of the {30 - of_agent} done were evaluated before the draw" in said
    assert (folder / "left.csv").read_text("utf-8-sig").count("done\n") == 0
    # what an earlier plan asks for weighs as if it were done, and is not called so
    (own,) = {
        (row["evaluated_count"], row["reason"].partition(";")[0])
        for row in read_plan_of(draw("--reviews", "30"))
        if row["agent_pid"] == "a0"
    }
    assert own == (0, f"0 by chance so far in these days and {of_agent} still to be done of earlier plans")


def test_namesakes_are_listed_apart_and_with_their_teams(folder: Path) -> None:
    for path in (folder / "data" / "demo" / "scores").rglob("*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        if {"agent_name", "team"} <= {*rows.column_names}:
            names = ["Noor" if name in {"Agent 0", "Agent 1"} else name for name in rows["agent_name"].to_pylist()]
            for column, values in {"agent_name": names, "team": ["North"] * rows.num_rows}.items():
                index = rows.schema.get_field_index(column)
                field = rows.schema.field(index)
                rows = rows.set_column(index, field, pa.array(values).cast(field.type))
            pq.write_table(rows, path)
    for said in (plan("--reviews", "30", FIRST, str(END)).output, plan("--status").output):
        assert all(f"Noor [{pid}], North" in said for pid in ("a0", "a1")), said


def test_an_engagement_in_scores_of_two_days_is_one_and_days_without_scores_are_told(folder: Path) -> None:
    """Its start was corrected, and the scores of the earlier day have not been made again."""
    days = folder / "data" / "demo" / "scores" / "engagement"
    filled = [path for path in sorted(days.rglob("*.parquet")) if pq.read_metadata(path).num_rows]
    rows = pq.read_table(filled[0], partitioning=None)
    moved = rows.set_column(
        rows.schema.get_field_index("start_date"),
        rows.schema.field("start_date"),
        pq.read_table(filled[-1], partitioning=None)["start_date"][:1].take([0] * rows.num_rows),
    )
    pq.write_table(pa.concat_tables([pq.read_table(filled[-1], partitioning=None), moved]), filled[-1])
    result = plan("--reviews", "110", FIRST, str(END))
    assert result.exit_code == 0, result.output
    stored = [row for path in list_plans(folder) for row in pq.read_table(path, partitioning=None).to_pylist()]
    assert len({row["engagement_pid"] for row in stored}) == len(stored) == 110
    assert {row["eligible_count"] for row in stored} == {10}
    assert json.loads(plan("--status", "--json").stdout)["engagement_count"] == 110
    unscored = 30 - len(list(days.rglob("*.parquet")))
    assert f"{unscored} of these days are not scored" in plan("--reviews", "5", FIRST, str(END)).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reviews", "111"], "111 reviews are more than the 110 engagements"),
        (["--reviews", "5", "2024-01-01", "2024-01-02"], "2024-01-02 is not scored"),
        (["--reviews", "5", "--output", "taken.csv"], "taken.csv is there already"),
        (["--reviews", "5", "--output", "nowhere/plan.csv"], "there is no folder nowhere"),
        (["--reviews", "5", "--seed", str(2**63)], "Invalid value for '--seed'"),
        (["--reviews", "0"], "Invalid value for '--reviews'"),
        ([], "write --reviews N"),
        (["--status", "--reviews", "5"], "--reviews draws a new plan, --status is of the one"),
        (["--status", "--seed", "1"], "--status is of the plan that was drawn last"),
    ],
)
def test_what_cannot_be_planned_is_refused_and_nothing_kept(folder: Path, arguments: list[str], said: str) -> None:
    (folder / "taken.csv").write_text("mine", "utf-8")
    result = plan(*arguments)
    assert result.exit_code != 0
    assert said in result.output
    assert list_plans(folder) == []
    assert (folder / "taken.csv").read_text("utf-8") == "mine"


def test_without_scores_nothing_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = plan("--reviews", "5")
    assert (result.exit_code, "no day is scored" in result.output) == (1, True)
    assert list_plans(tmp_path) == []


def test_engagements_of_machines_or_of_no_counted_day_cannot_be_drawn(folder: Path) -> None:
    for path in (folder / "data" / "demo" / "scores" / "engagement").rglob("*.parquet"):
        path.unlink()
    result = plan("--reviews", "5")
    assert (result.exit_code, "no engagement of the days" in result.output) == (1, True)
    assert list_plans(folder) == []
