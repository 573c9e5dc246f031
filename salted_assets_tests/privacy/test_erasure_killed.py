"""An erasure on S3 whose process is killed: the next one takes its locks over and finishes what it left."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks.deployment.s3_server import BUCKET, running_moto
from salted_assets.privacy import AgentErasure
from salted_assets.settings import DATASETS
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.erasure_sandbox import erasure_of, landing_of, load, raw_rows, table_rows
from salted_assets_tests.support.landing_env import DAY, SMALL, LandingEnv, landing_env

pytestmark = pytest.mark.slow

ERASES_AND_HANGS = """
import sys, time
from pathlib import Path
from salted_assets.privacy import AgentErasure, Erasure
from salted_assets.warehouse import Warehouse

class HangingWarehouse(Warehouse):
    left = int(sys.argv[3])

    def _hang_when_due(self):
        if not self.left:
            print("hangs", flush=True)
            time.sleep(600)
        self.left -= 1

    def publish(self, source: Path, path: str) -> None:
        self._hang_when_due()
        super().publish(source, path)

    def delete(self, path: str) -> None:
        self._hang_when_due()
        super().delete(path)

warehouse = HangingWarehouse(sys.argv[1], simulated=True)
(AgentErasure(warehouse) if sys.argv[4] == "agent" else Erasure(warehouse, "UTC")).erase([sys.argv[2]])
"""


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LandingEnv]:
    with running_moto() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        address = f"s3://{BUCKET}/{uuid4().hex}"
        with landing_env(tmp_path, replace(SMALL, engagements_per_agent=6), address=address) as env:
            landing_of(env).land(DAY, DATASETS)
            load(env, DAY)
            yield env


def kill(env: LandingEnv, pid: str, change_count: int, who: str) -> None:
    """Erase in a process that is killed after so many changes."""
    command = [sys.executable, "-c", ERASES_AND_HANGS, env.warehouse.uri, pid, str(change_count), who]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("change_count", [1, 4, 9])
def test_the_next_erasure_finishes_it(env: LandingEnv, change_count: int) -> None:
    contacts = [row["contact_pid"] for row in raw_rows(env, DAY, "engagement")]
    pid = max(sorted(set(contacts)), key=contacts.count)
    kill(env, pid, change_count, "customer")

    receipt = erasure_of(env).erase([pid])

    assert (receipt.is_complete, receipt.problems) == (True, ())
    assert pid not in [row["contact_pid"] for row in raw_rows(env, DAY, "engagement")]
    assert pid not in [row["pid"] for row in raw_rows(env, DAY, "customer")]
    assert landing_of(env).is_landed(DAY, DATASETS)
    assert erasure_of(env).erase([]).files == ()


def test_the_next_erasure_of_an_agent_finishes_it(env: LandingEnv) -> None:
    engagements = table_rows(env.warehouse, DAY, "tables", "engagement")
    agent = next(row["agent_pid"] for row in engagements if row["agent_pid"])
    kill(env, agent, 4, "agent")

    assert AgentErasure(env.warehouse).erase([agent]).is_complete

    left = [
        row["agent_pid"] for name in ("engagement", "review") for row in table_rows(env.warehouse, DAY, "tables", name)
    ]
    assert agent not in left
    assert AgentErasure(env.warehouse).erase([]).files == ()
