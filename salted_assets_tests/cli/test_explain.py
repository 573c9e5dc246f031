"""`salted explain`: what it prints, what programs read of it, and whom it tells nothing of."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from salted_assets.cli import main
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.evaluated_agents import write_evaluated
from salted_assets_tests.support.rolling_rows import END

pytestmark = pytest.mark.slow


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    warehouse = Warehouse(str(folder / "data" / "demo"), simulated=True)
    write_evaluated(warehouse, late="e-a3-2")
    path = folder / "data" / "demo" / warehouse.table_path(("scores", "fair"), END)
    told = {"anchored_count": 9, "anchored_mean": 0.642, "anchored_low": 0.58, "anchored_high": 0.71}
    set_columns(path, "a5", **told, anchored_extra_count=3.6, anchored_reason=None)
    set_columns(path, "a6", **told, anchored_extra_count=0.0, anchored_reason="too few others")
    return folder


def set_columns(path: Path, agent: str, **values: float | str | None) -> None:
    """Other values in the agent's rows of a score of human evaluations; the file stays as it is else."""
    table = pq.read_table(path)
    rows = [
        row | values if (row["agent_pid"], row["measure"]) == (agent, "evaluation_reviewer") else row
        for row in table.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.fixture(autouse=True)
def _in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments])


def list_files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_figure_is_told_in_a_sentence_with_its_steps_and_evaluations(folder: Path) -> None:
    before = list_files(folder)
    result = explain("agent 3")

    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[1].startswith("Agent 3 (simulated data): fair QA score ")
    steps = [line.split() for line in lines[lines.index("How it comes about, in points") + 1 :]]
    steps = steps[: steps.index([])]
    (start, end), middle = (
        (float(steps[at][-1].rstrip("%")) for at in (0, -1)),
        [row for row in steps[1:-1] if row[0] != "="],
    )
    assert start + sum(float(row[-1]) for row in middle) == pytest.approx(end, abs=1e-9)
    assert "https://desk.example/e-a3-0" in result.output
    assert "Vera" not in result.output
    assert "Agent 4" not in result.output
    assert list_files(folder) == before


def test_programs_read_every_evaluation_and_step() -> None:
    document = json.loads(explain("a3", "--json", "--day", f"{END}", "--window", "91").output)

    assert (document["agent"], document["window_days"]) == ({"pid": "a3", "name": "Agent 3"}, 91)
    assert len(document["evaluations"]) == document["count"] == 10
    total = document["plain"]["value"] + sum(step["value"] for step in document["steps"])
    assert total == pytest.approx(document["best_guess"]["value"], abs=1e-12)
    assert sum(each["share_of_fair"] for each in document["evaluations"]) == pytest.approx(1)


def test_what_changed_is_told_by_cause_with_its_engagements() -> None:
    lines = explain("a3").output.splitlines()
    at = lines.index("What changed since it was first published (2024-06-30 04:05 UTC)")
    old, new, points = map(float, re.findall(r"[-+]?\d+\.\d", lines[at + 1]))
    assert lines[at + 1].startswith("  plain mean: ")
    assert old + points == pytest.approx(new)
    assert lines[at + 2].split() == [f"{points:+.1f}", "late", "3", "answers", "of", "1", "engagement"]
    assert lines[at + 3].strip() == "https://desk.example/e-a3-2"
    assert "No change since 2024-07-02 is on record." in explain("a3", "--since", "2024-07-02").output
    assert "No change since it was first published is on record." in explain("a4").output


def test_what_auto_reviews_are_worth_is_said_or_why_they_tell_nothing() -> None:
    said = " ".join(explain("a5").output.split())
    assert (
        "Corrected by auto reviews: 64.2% (95% interval 58.0 to 71.0%), from 9 evaluations with questions in common; "
        "auto reviews are worth 4 extra reviews here." in said
    )
    document = json.loads(explain("a5", "--json").output)
    assert document["anchored"]["estimate"] == {"value": 0.642, "low": 0.58, "high": 0.71}
    assert (document["anchored"]["count"], document["anchored"]["extra_count"]) == (9, 3.6)
    assert document["sentences"][-1].startswith("Corrected by auto reviews")
    assert "Auto reviews tell nothing here: too few others." in explain("a6").output
    silent = json.loads(explain("a6", "--json").output)["anchored"]
    assert silent == {"count": 9, "estimate": None, "extra_count": None, "reason": "too few others"}
    assert json.loads(explain("a5", "--json", "--measure", "handle_time_ms").output)["anchored"] is None


def test_programs_read_what_changed() -> None:
    (change,) = (each for each in json.loads(explain("a3", "--json").output)["changes"] if each["causes"])
    assert change["figure"] == "plain mean"
    (cause,) = change["causes"]
    assert (cause["cause"], cause["engagement_pids"]) == ("late", ["e-a3-2"])
    assert cause["value"] == pytest.approx(change["new"] - change["old"], abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Ada Byron"], "2 agents are called 'Ada Byron'; name one by the ID:\n  Ada Byron (North)  b0\n"),
        (["Agnt 3"], "nobody called 'Agnt 3' has an engagement"),
        (["a3", "--day", "2024-01-01"], "2024-01-01 is not scored; `salted backfill 2024-01-01 2024-01-01` does it"),
        (["a3", "--measure", "qa"], "there is no measure 'qa'"),
        (["a3", "--measure", "evaluation_auto"], "no figure of evaluation_auto was published of this agent"),
        (["a3", "--window", "14"], "'14' is not one of"),
    ],
)
def test_what_cannot_be_explained_is_said(arguments: list[str], said: str) -> None:
    result = explain(*arguments)
    assert result.exit_code != 0
    assert said in result.output
    assert explain(*arguments, "--json").output == result.output


def test_where_no_single_people_are_shown_none_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALTED_AGENT_LEVEL", "team")
    result = explain("a3")
    assert result.exit_code == 1
    assert "no figure of an agent is explained" in result.output
