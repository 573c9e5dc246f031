"""`salted what-if`: other settings are tried, the warehouse stays as it is, and nothing is left."""

import json
import tempfile
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from salted_assets.cli import main
from salted_assets.cli.scratch_scores import open_scratch
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.erasure_sandbox import NEXT, erasable_env
from salted_assets_tests.support.landing_env import DAY
from salted_assets_tests.support.platform import KNOWN_WARNINGS
from salted_assets_tests.support.review_plans import planned, store

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

LAST_DAYS = (f"{DAY}", f"{NEXT}")


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of tables that have never been scored."""
    folder = tmp_path_factory.mktemp("tried")
    copy = Warehouse(str(folder / "data" / "demo"), simulated=True)
    with erasable_env(tmp_path_factory.mktemp("landed")) as env:
        for path in env.warehouse.list_files("tables"):
            copy.write_bytes(path, env.warehouse.read_bytes(path))
    return folder


@pytest.fixture(autouse=True)
def temporary(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def what_if(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["what-if", *arguments])


def read_all(folder: Path) -> dict[str, tuple[str, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


def test_what_other_settings_change_is_told_and_the_warehouse_stays(folder: Path, temporary: Path) -> None:
    before = read_all(folder)
    asked = [("question_name", "==", "Was the solution correct and complete?")]
    reviews = pq.read_table(folder / "data" / "demo" / "tables" / "review", filters=asked)
    question = reviews["question_pid"][0].as_py()
    weights = f"SALTED_QUESTION_WEIGHTS={question}=9"
    result = what_if(
        "--set", weights, "--set", "SALTED_MIN_EVALUATIONS=2", *LAST_DAYS, "--measure", "evaluation_auto", "--json"
    )

    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["settings"] == {"SALTED_QUESTION_WEIGHTS": f"{question}=9", "SALTED_MIN_EVALUATIONS": "2"}
    assert (document["days"], document["window_days"]) == (list(LAST_DAYS), 7)
    assert any(each["difference"] for each in document["changes"])
    # the number that is asked for moves no mean, though weights were tried before it
    assert not any(each["shares"]["SALTED_MIN_EVALUATIONS"] for each in document["changes"] if each["shares"])
    assert read_all(folder) == before
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--set", "SALTED_EXCLUDE_UNCLEAR=perhaps"], 1, "SALTED_EXCLUDE_UNCLEAR: "),
        (["--set", "SALTED_EXCLUDE_UNCLEAR=false"], 1, "is 'false' already, so nothing would change"),
        (["--set", "SALTED_PASS_SCORE=0.9"], 1, "SALTED_PASS_SCORE changes no score"),
        (["--set", "SALTED_EXCLUDE_DISPUTE=true"], 2, "did you mean SALTED_EXCLUDE_DISPUTED?"),
        (["--set", "SALTED_MIN_EVALUATIONS=3", "--measure", "qa"], 1, "there is no measure 'qa'"),
    ],
)
def test_what_cannot_be_tried_is_said(arguments: list[str], code: int, said: str, temporary: Path) -> None:
    result = what_if(*arguments, *LAST_DAYS)
    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert not list(temporary.iterdir())


def test_a_key_that_is_given_is_not_shown() -> None:
    result = what_if("--set", "SALTED_API_KEY=very-secret", *LAST_DAYS)
    assert result.exit_code == 2
    assert "very-secret" not in result.output


def test_a_day_without_tables_is_said(temporary: Path) -> None:
    result = what_if("--set", "SALTED_EXCLUDE_UNCLEAR=true", "2024-02-03")
    assert result.exit_code == 1
    assert "2024-02-03 has no tables; `salted backfill 2024-02-03` makes them" in result.output
    assert not list(temporary.iterdir())


def test_scores_that_are_tried_know_what_was_planned(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "planned"))
    path = store(warehouse, planned("e1", DAY))
    with open_scratch(Settings(start_date=DAY, warehouse=warehouse.uri), warehouse, DAY, NEXT) as scratch:
        assert Warehouse(scratch.settings.warehouse).read_bytes(path) == warehouse.read_bytes(path)
