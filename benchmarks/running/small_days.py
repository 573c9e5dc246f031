"""Days of up to 200 engagements from the built-in vendor, and the environment that a measured command gets."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from salted_assets.simulator import RunningSimulator, SimulatorOptions, running_simulator

FIRST_DAY = date(2024, 1, 9)
AGENTS, ENGAGEMENTS_EACH = 10, 20

_NOT_INHERITED = ("SALTED_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")
"""Without bytecode every process would compile all that it imports, which no installation does."""


@contextmanager
def serve_vendor(folder: Path, export_seconds: float = 0) -> Iterator[RunningSimulator]:
    """A vendor in this process, so that its CPU is not that of the commands; an export takes so many seconds."""
    options = SimulatorOptions(
        agent_count=AGENTS, engagements_per_agent=ENGAGEMENTS_EACH, export_seconds=export_seconds
    )
    with running_simulator(folder / "vendor" / "exports.sqlite", options) as vendor:
        yield vendor


def settings_of(vendor: RunningSimulator) -> dict[str, str]:
    """The settings by which a deployment exports from it."""
    return {
        "SALTED_API_URL": vendor.url,
        "SALTED_API_KEY": vendor.key,
        "SALTED_START_DATE": FIRST_DAY.isoformat(),
        "SALTED_MIN_EXPORT_INTERVAL_SECONDS": "0",
    }


@contextmanager
def surroundings(variables: dict[str, str]) -> Iterator[None]:
    """Run with these variables and none of another deployment, in a folder without a `.env`."""
    kept, folder = dict(os.environ), Path.cwd()
    with TemporaryDirectory() as empty:
        for name in [name for name in kept if name.startswith(_NOT_INHERITED)]:
            del os.environ[name]
        # the commands are modules of this folder
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), kept.get("PYTHONPATH"))))
        os.environ.update(variables)
        os.chdir(empty)
        try:
            yield
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(kept)


@contextmanager
def deployed_days(folder: Path, vendor: RunningSimulator, days_per_run: int) -> Iterator[None]:
    """The surroundings of a deployment whose warehouse and Dagster records are in the folder."""
    given = settings_of(vendor) | {"SALTED_PARTITIONS_PER_RUN": str(days_per_run)}
    places = {"SALTED_WAREHOUSE": str(folder / "warehouse"), "DAGSTER_HOME": str(folder / "home")}
    with surroundings(given | places):
        yield
