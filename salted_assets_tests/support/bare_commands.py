"""Commands as tests start them: installed ones, in a folder of their own, with no variable but those given.

Not here: what they are started for, `salted dev` (`running_interface`).
"""

import os
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
DEBUGGING = "python_logs: {managed_python_loggers: [root], python_log_level: DEBUG}"


def bare(folder: Path, **environment: str) -> dict[str, str]:
    """The environment of a command in the folder: what any program needs, and the variables given."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "yes", **environment}


def run_bare(folder: Path, command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What an installed command says and how it ends, started in the folder."""
    return subprocess.run(
        [str(BIN / command), *arguments],
        cwd=folder,
        env=bare(folder, **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def materialize_all(folder: Path, day: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """All assets of a day by Dagster's own command."""
    arguments = ("asset", "materialize", "-m", "salted_assets.definitions", "--select", "*", "--partition", day)
    return run_bare(folder, "dagster", *arguments, **environment)


def make_debugging_home(folder: Path) -> Path:
    """A home of Dagster in the folder in which everything is logged at DEBUG."""
    home = folder / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(DEBUGGING)
    return home
