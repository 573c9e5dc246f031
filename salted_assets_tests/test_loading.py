"""What loading the definitions costs: nothing that only a run, a bucket or a page needs is imported for it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("matplotlib", "scipy.special", "scipy.sparse", "scipy.stats", "boto3", "botocore", "moto", "dagster_aws")

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


@pytest.mark.slow
def test_loading_the_definitions_imports_nothing_heavy(tmp_path: Path) -> None:
    assert heavy_modules_loaded(tmp_path) == []
