"""The recipes of the page on changing work: their very edits are made on a copy of the project, which is then used."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from salted_assets_tests.support.bare_commands import bare
from salted_assets_tests.support.checkout import ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "changing.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^## (Add .+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
COPIED = ("salted_assets", "salted_assets_tests", "docs", "README.md", "pyproject.toml")
DAGSTERS_OWN = "SupersessionWarning: Function `definitions_validate_command` is superseded"

USE = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from salted_assets_tests.support.platform import running_platform

def rows(key, columns):
    return pq.read_table(platform.table(key, "2024-01-10"), partitioning=None, columns=columns).to_pylist()

def deliver(name, old, new):
    def change(plain):
        assert old in plain
        return plain.replace(old, new, 1)
    platform.edit_landed("2024-01-10", name, change)

def make(select):
    assert platform.materialize("2024-01-10", select).success, select

import dagster as dg
with running_platform(Path(sys.argv[1])) as platform:
    make('key:"raw/export"')
    deliver("services.csv", b"pid,name\\n", b"pid,name\\ns1,Broadband\\n")
    make('group:"tables"')
    make('key:"scores/answer" or key:"scores/engagement" or key:"scores/channel_daily"')
    assert {row["mood"] for row in rows(dg.AssetKey(["tables", "engagement"]), ["mood"])} == {"Calm", "Upset"}
    assert rows(dg.AssetKey(["tables", "service"]), ["pid", "name"]) == [{"pid": "s1", "name": "Broadband"}]
    counted = rows(dg.AssetKey(["scores", "channel_daily"]), ["channel_type", "engagement_count"])
    scored = rows(dg.AssetKey(["scores", "engagement"]), ["channel_type"])
    assert {row["channel_type"]: row["engagement_count"] for row in counted} == {
        kind: [row["channel_type"] for row in scored].count(kind) for kind in {row["channel_type"] for row in scored}
    }
    assert counted
print("used")
"""
"""What a developer would try next, in a process that knows only the copy."""


def edit(text: str, change: str) -> str:
    """The text with the lines of a diff block changed; its other lines say where, and are there exactly once."""
    lines = change.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
    assert text.count(before) == 1, f"the page edits what is not there once: {before}"
    return text.replace(before, after)


def apply(recipe: str, project: Path) -> None:
    """Every edit and command of a recipe in order, each on the file that the text before it named last."""
    path = project
    for prose, language, block in re.findall(r"(.*?)^```(\w+)\n(.*?)^```$", recipe, re.DOTALL | re.MULTILINE):
        names = re.findall(r"`(salted_assets/[\w/]+\.py)`", prose)
        path = project / names[-1] if names else path
        if language == "diff":
            path.write_text(edit(path.read_text(encoding="utf-8"), block), encoding="utf-8")
        elif language == "python":
            assert not path.exists()
            path.write_text(block, encoding="utf-8")
        else:
            command = block.replace("make docs", ".venv/bin/python -m salted_assets.schemas.docs.pages")
            command = command.replace(".venv/bin/python", sys.executable)
            subprocess.run(command, shell=True, cwd=project, env=environment(project), check=True)


def run(project: Path, *arguments: str) -> str:
    """What a Python process says that takes the copy for the project; one that fails fails the test."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment(project), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def environment(project: Path) -> dict[str, str]:
    return bare(project, PYTHONPATH=str(project))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project on which all recipes were followed."""
    project = tmp_path_factory.mktemp("changing")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, project / name)
    for recipe in RECIPES.values():
        apply(recipe, project)
    return project


def test_the_three_recipes_are_there() -> None:
    assert list(RECIPES) == ["Add a documented column", "Add a dataset", "Add a score"]


def test_the_code_location_loads_without_a_warning(changed: Path) -> None:
    said = run(changed, "-m", "dagster", "definitions", "validate", "-m", "salted_assets.definitions")
    assert "Validation successful" in said
    warnings = [line for line in said.splitlines() if "Warning" in line and DAGSTERS_OWN not in line]
    assert warnings == []


def test_the_generated_pages_say_what_was_added(changed: Path) -> None:
    tables, scores, readme = (
        (changed / name).read_text(encoding="utf-8") for name in ("docs/tables.md", "docs/scores.md", "README.md")
    )
    assert "| `mood` | string |  | yes | Mood that the customer was in. Known values: Calm, Upset. |  |" in tables
    assert "## tables/service\n" in tables
    assert "## scores/channel_daily\n" in scores
    assert "`agent`, `service` |" in readme


def test_what_was_added_is_made_from_what_is_delivered(changed: Path, tmp_path: Path) -> None:
    (changed / "use.py").write_text(USE, encoding="utf-8")
    assert run(changed, "-W", "ignore", "use.py", str(tmp_path)).splitlines()[-1] == "used"


def test_the_tests_of_docs_lineage_and_headers_hold(changed: Path) -> None:
    chosen = [
        "defs/metadata/test_descriptions.py",
        "schemas/test_datapackage.py",
        "test_architecture.py",
        "simulator/test_data.py",
    ]
    paths = [f"salted_assets_tests/{name}" for name in chosen]
    names = "header or source or warnings or generated or described or links or may"
    said = run(changed, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *paths, "-k", names)
    assert " passed" in said
    run(changed, "-m", "doctest", "salted_assets/scoring/channels.py")


@pytest.mark.parametrize("text", ["a\n", "a\nb\n" * 2])
def test_an_edit_of_what_is_not_there_once_fails(text: str) -> None:
    with pytest.raises(AssertionError, match="not there once"):
        edit(text, " a\n+c\n b\n")
    assert edit("a\nb\n", " a\n+c\n b\n") == "a\nc\nb\n"
