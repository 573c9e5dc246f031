"""What keeps `make check` quick: the modules that are not marked slow load nothing slow, and try few examples."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from salted_assets_tests.conftest import LONGEST_FIRST, is_slow, pytest_collection_modifyitems
from salted_assets_tests.support.checkout import ROOT

pytestmark = pytest.mark.slow

SLOW_TO_LOAD = {"boto3", "botocore", "dagster", "frictionless", "moto", "playwright", "statsmodels"}
SLOW_WAYS = re.compile("max_examples|mark\\.slow|subprocess|multiprocessing")

TESTS = sorted((ROOT / "salted_assets_tests").rglob("test_*.py"))
QUICK = [path for path in TESTS if not is_slow(path)]


def test_the_inner_loop_runs_the_tests_that_are_not_slow() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck: ")[2].partition("\n\n")[0]
    tests = next(line for line in recipe.splitlines() if "/pytest" in line)
    assert "-m 'not slow'" in tests
    assert "--hypothesis-profile quick" in tests


def test_a_module_is_slow_as_a_whole_or_not_at_all() -> None:
    partly = [path.name for path in TESTS if re.search(r"^@pytest\.mark\.slow", path.read_text("utf-8"), re.MULTILINE)]
    assert partly == []


def test_its_tests_load_nothing_that_is_slow_to_load() -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in QUICK]
    code = "import importlib, sys\n" + "".join(f"importlib.import_module({name!r})\n" for name in names)
    code += "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert "pytest" in loaded
    assert loaded & SLOW_TO_LOAD == set(), "mark the module that needs it slow"


def test_its_tests_leave_the_number_of_examples_to_the_run_and_start_no_process() -> None:
    source = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in QUICK}
    assert len(source) > 25
    assert [name for name, text in source.items() if SLOW_WAYS.search(text)] == []


def test_the_longest_modules_begin_first_and_the_quick_ones_come_last(pytestconfig: pytest.Config) -> None:
    found = [path.relative_to(ROOT / "salted_assets_tests").as_posix() for path in TESTS]
    assert set(LONGEST_FIRST) <= set(found)
    items = [SimpleNamespace(path=path) for path in TESTS]
    pytest_collection_modifyitems(items)  # type: ignore[arg-type] # of an item its path is looked at
    names = [item.path.relative_to(ROOT / "salted_assets_tests").as_posix() for item in items]
    quick = [path.relative_to(ROOT / "salted_assets_tests").as_posix() for path in QUICK]
    assert names == [*LONGEST_FIRST, *(name for name in found if name not in {*LONGEST_FIRST, *quick}), *quick]
    assert not pytestconfig.option.loadscopereorder, "which would put those of most tests first"
