"""What keeps `make check` quick: the tests in `quick/` load nothing that is slow to load, and try few examples."""

import re
import subprocess
import sys
from pathlib import Path

QUICK = Path(__file__).parent / "quick"
ROOT = QUICK.parents[1]
SLOW_TO_LOAD = {"boto3", "botocore", "dagster", "frictionless", "matplotlib", "moto", "playwright", "statsmodels"}
SLOW_WAYS = re.compile("max_examples|mark\\.slow|subprocess|multiprocessing")

MODULES = sorted(QUICK.rglob("*.py"))


def test_the_inner_loop_runs_these_tests_and_no_others() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck: ")[2].partition("\n\n")[0]
    tests = next(line for line in recipe.splitlines() if "/pytest" in line)
    assert re.findall(r"salted_assets_tests\S*", tests) == [QUICK.relative_to(ROOT).as_posix()]
    assert "--hypothesis-profile quick" in tests


def test_its_tests_load_nothing_that_is_slow_to_load() -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES]
    code = "import importlib, sys\n" + "".join(f"importlib.import_module({name!r})\n" for name in names)
    code += "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert "pytest" in loaded
    assert loaded & SLOW_TO_LOAD == set(), "move the test that needs it out of quick/"


def test_its_tests_leave_the_number_of_examples_to_the_run_and_start_no_process() -> None:
    source = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in MODULES}
    assert len(source) > 25
    assert [name for name, text in source.items() if SLOW_WAYS.search(text)] == []
