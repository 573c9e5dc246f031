"""Landings at the same time, in a bucket, on a full disk: a day is landed once, and nothing of a loser stays."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks.deployment.s3_server import BUCKET, running_moto
from salted_assets.landing import (
    LandingBusy,
)
from salted_assets.salted_cx import (
    ExportClient,
)
from salted_assets.settings import DATASETS
from salted_assets.warehouse import Warehouse, locks
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.killed_landings import die_after_request
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env

pytestmark = pytest.mark.slow

LANDS_IN_ANOTHER_PROCESS = """
import resource, sys
from datetime import date
from pathlib import Path
from salted_assets.salted_cx import ExportClient
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.landing_env import DAY, LandingEnv, KEY, CONFIG, FakeTime
from salted_assets.simulator import RunningSimulator

url, folder, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
env = LandingEnv(RunningSimulator(url, KEY, None), Warehouse(folder), FakeTime())
print("ready", flush=True)
sys.stdin.readline()
try:
    print(len(env.land().deliveries))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


def test_another_subset_leaves_an_open_pending_export_alone(env: LandingEnv) -> None:
    die_after_request(env, "turn")
    env.land("agent")
    env.land("turn")

    assert env.export_count == 2


def test_two_threads_land_a_day_once(env: LandingEnv) -> None:
    outcomes: list[object] = []
    start = threading.Barrier(4)

    def land() -> None:
        start.wait()
        try:
            outcomes.append(env.land().deliveries[0].export_id)
        except LandingBusy as error:
            outcomes.append(error)

    threads = [threading.Thread(target=land) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert env.export_count == 1
    assert len(outcomes) == 4
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} == set(env.history())
    busy = [outcome for outcome in outcomes if isinstance(outcome, LandingBusy)]
    assert all(error.retryable and "2024-01-31 is being landed by another run" in str(error) for error in busy)


def test_a_run_that_finds_the_day_locked_says_so_or_waits(env: LandingEnv) -> None:
    with env.warehouse.lock(f"export-{DAY}"), pytest.raises(LandingBusy, match=f"process {os.getpid()}"):
        env.land()
    assert env.request_count == 0

    holder = env.warehouse.lock(f"export-{DAY}")
    holder.__enter__()
    threading.Timer(0.2, holder.__exit__, (None, None, None)).start()
    env.landing(lock_wait_seconds=60).land(DAY, DATASETS)


@contextmanager
def landing_elsewhere(env: LandingEnv, *, limit: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Another process, ready to land the day on a word; `limit` bounds the bytes of each file it writes."""
    command = [sys.executable, "-c", LANDS_IN_ANOTHER_PROCESS, env.simulator.url, env.warehouse.uri, str(limit)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_two_processes_land_a_day_once(env: LandingEnv) -> None:
    with landing_elsewhere(env) as one, landing_elsewhere(env) as other:
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0] for process in (one, other)]

    assert env.export_count == 1
    assert all(text == "1\n" or text.startswith("LandingBusy") for text in said)
    assert "1\n" in said


def test_a_full_disk_is_said_and_leaves_the_earlier_in_force(env: LandingEnv) -> None:
    manifest = env.land("agent")

    with landing_elsewhere(env, limit=4000) as process:
        said = process.communicate("\n", timeout=60)[0]

    assert said.startswith("WarehouseUnusable")
    assert "Make room there" in said
    assert env.landing().find_manifest(DAY) == manifest
    env.land()
    assert env.export_count == 2


@pytest.mark.parametrize(("moment", "export_count"), [("history", 0), ("download", 1)])
def test_a_lease_that_ran_out_requests_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, export_count: int
) -> None:
    with running_moto() as server, landing_env(tmp_path) as usual:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        clock = [1_000_000.0]
        env = replace(usual, warehouse=Warehouse(f"s3://{BUCKET}/{uuid4().hex}", now=lambda: clock[0]))
        does = getattr(ExportClient, moment)

        def sleep_through(*given: object) -> object:
            clock[0] += locks.LEASE_SECONDS + 1
            return does(*given)

        with monkeypatch.context() as patched:
            patched.setattr(ExportClient, moment, sleep_through)
            with pytest.raises(LandingBusy, match="ran out while it was held"):
                env.land()

        assert env.landing().find_manifest(DAY) is None
        assert env.export_count == export_count
        env.land()
        assert env.export_count == 1


def test_a_day_lands_in_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_moto() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        with landing_env(tmp_path, address=f"s3://{BUCKET}/{uuid4().hex}") as env:
            die_after_request(env)
            manifest = env.land()
            with env.warehouse.lock(f"export-{DAY}"), pytest.raises(LandingBusy):
                env.land()

            assert env.land() == manifest
            assert env.export_count == 1
            env.check(manifest.deliveries[0])
