"""The key and signed addresses are nowhere on disk, whatever a run of Dagster came to and however much it logged."""

import subprocess
from pathlib import Path

import pytest

from salted_assets.settings import KEY_VARIABLE
from salted_assets.simulator import Faults, RunningSimulator, SimulatorOptions, running_simulator
from salted_assets_tests.support.bare_commands import make_debugging_home, materialize_all
from salted_assets_tests.support.traces import texts_below

pytestmark = pytest.mark.slow

KEY = "sk-9f2c-not-to-be-found-anywhere"
OPTIONS = SimulatorOptions(agent_count=3, engagements_per_agent=3, key=KEY)
SIGNATURE = "X-Amz-Signature"


def materialize(folder: Path, vendor: RunningSimulator, day: str, key: str) -> subprocess.CompletedProcess[str]:
    """One day by Dagster's own command, everything logged at DEBUG."""
    return materialize_all(
        folder,
        day,
        DAGSTER_HOME=str(make_debugging_home(folder)),
        SALTED_API_URL=vendor.url,
        SALTED_API_KEY=key,
        SALTED_START_DATE="2024-01-01",
    )


def test_neither_key_nor_signature_is_kept_by_good_and_bad_runs(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", OPTIONS) as vendor:
        good = materialize(ours, vendor, "2024-01-09", KEY)
        vendor.set_faults(Faults(dead_addresses=100))
        expired = materialize(ours, vendor, "2024-01-10", KEY)
        vendor.set_faults(Faults())
        refused = materialize(ours, vendor, "2024-01-11", f"{KEY}-of-another")
    said = [done.stdout + done.stderr for done in (good, expired, refused)]
    everything = "\n".join([*texts_below(ours), *said])

    assert good.returncode == 0, good.stderr[-3000:]
    assert (expired.returncode, refused.returncode) == (1, 1)
    assert KEY not in everything
    assert SIGNATURE not in everything
    # what must be found if the search looks everywhere: failures, snapshots, raw files
    for trace in ("DownloadUrlExpired", "ApiKeyRejected", "api_key_variable", "agent_location"):
        assert trace in everything, trace
    assert KEY_VARIABLE in said[2]
