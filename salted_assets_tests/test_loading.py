"""What is loaded with what, each in a fresh process.

The definitions import nothing that only a run, a bucket or a page needs; the upper half leaves Dagster out.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from salted_assets_tests.support.bare_commands import run_bare
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.test_architecture import PACKAGE, WITHOUT_DAGSTER, modules

pytestmark = pytest.mark.slow

HEAVY = (
    "scipy.special",
    "scipy.sparse",
    "scipy.stats",
    "scipy.optimize",
    "matplotlib",
    "boto3",
    "botocore",
    "moto",
    "dagster_aws",
)

_LOAD = """
import sys
from salted_assets.definitions import defs
print(*(name for name in {heavy!r} if name in sys.modules))
"""


def heavy_modules_loaded(folder: Path) -> list[str]:
    """The heavy modules that a fresh process has after loading the definitions."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD.format(heavy=HEAVY)],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def test_loading_the_definitions_imports_nothing_heavy(tmp_path: Path) -> None:
    assert heavy_modules_loaded(tmp_path) == []


def test_importing_the_upper_half_leaves_dagster_unloaded() -> None:
    names = [".".join(path.with_suffix("").relative_to(PACKAGE.parent).parts) for path in modules()]
    upper = [name.removesuffix(".__init__") for name in names if name.split(".")[1] in WITHOUT_DAGSTER]
    code = "import importlib, sys\n" + "".join(f"importlib.import_module({name!r})\n" for name in upper)
    code += "print(sorted(name for name in sys.modules if name.partition('.')[0] == 'dagster'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(("name", "value"), [("VALIDATION_ENABLED", "False"), ("VALIDATION_DEPTH", "SCHEMA_ONLY")])
def test_nothing_is_read_while_pandera_is_switched_off(name: str, value: str) -> None:
    program = (
        "from salted_assets.ingest import *; from salted_assets.schemas import Turn\n"
        "try: list(read_table(Turn, []).passes())\n"
        "except ChecksDisabledError: print('refused')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={f"PANDERA_{name}": value}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "refused"


def test_a_variable_that_is_no_setting_is_named_to_those_who_load_the_definitions(tmp_path: Path) -> None:
    done = run_bare(tmp_path, "dagster", "asset", "list", "-m", "salted_assets.definitions", SALTED_TIMZONE="Mars")

    assert done.returncode == 0, done.stderr
    assert "SALTED_TIMZONE is set and is no setting, so it has no effect: did you mean SALTED_TIMEZONE?" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="jemalloc is chosen on Linux alone")
@pytest.mark.parametrize(("chosen", "used"), [({}, "jemalloc"), ({"ARROW_DEFAULT_MEMORY_POOL": "system"}, "system")])
def test_arrow_takes_its_memory_from_jemalloc_unless_another_pool_is_chosen(chosen: dict[str, str], used: str) -> None:
    program = (
        "from salted_assets.ingest import read_table; import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=chosen, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (used, "")
