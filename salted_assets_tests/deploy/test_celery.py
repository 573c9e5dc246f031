"""Many workers: runs as tasks of Celery over Redis and Postgres, exports still one at a time at the vendor."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.deployment.deployment import Deployment, run_process
from benchmarks.deployment.postgres_server import PostgresServer
from benchmarks.deployment.redis_server import RedisServer
from benchmarks.deployment.waiting import wait_until
from benchmarks.running.small_days import settings_of
from benchmarks.running.workers import deployed_workers, time_shared_backfill
from salted_assets.simulator import Faults, RunningSimulator, SimulatorOptions, running_simulator

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

KEYS = ["raw/export", "tables/agent"]
DAYS = 6
LATER = "2024-02-01"
WORKERS = ("worker-1", "worker-2")


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[RunningSimulator]:
    options = SimulatorOptions(agent_count=3, engagements_per_agent=3, key="key-of-the-tests", export_seconds=0.5)
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", options) as vendor:
        yield vendor


@pytest.fixture
def deployed(
    tmp_path: Path, postgres: PostgresServer, redis: RedisServer, vendor: RunningSimulator
) -> Iterator[Deployment]:
    settings = settings_of(vendor) | {"SALTED_DATASETS": "agent", "SALTED_PARTITIONS_PER_RUN": "1"}
    servers = {**postgres.create_database("celery"), **redis.environment()}
    with deployed_workers(tmp_path / "deployed", servers, settings, len(WORKERS)) as deployed:
        yield deployed


def said_by(deployed: Deployment, worker: str) -> str:
    return (deployed.folder / f"{worker}.log").read_text()


def most_at_a_time(vendor_store: Path) -> int:
    """Exports that the vendor worked on at the same moment, at most."""
    with closing(sqlite3.connect(vendor_store)) as store:
        spans: list[tuple[int, int]] = store.execute("SELECT ordered_ms, ready_ms FROM export").fetchall()
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_days_go_over_two_workers_and_a_killed_run_is_taken_up_again(
    tmp_path: Path, deployed: Deployment, vendor: RunningSimulator
) -> None:
    spent = time_shared_backfill(deployed, "2 workers", KEYS, DAYS)
    assert (spent.what, spent.days) == ("2 workers", DAYS)
    assert min(spent.wall_seconds, spent.cpu_seconds, spent.peak_megabytes) > 0, "what the benchmark of workers shows"
    assert deployed.partition_counts(KEYS) == dict.fromkeys(KEYS, (DAYS, 0))
    assert len(deployed.runs()) == DAYS
    done = [said_by(deployed, worker).count("RUN_SUCCESS") for worker in WORKERS]
    assert sum(done) == DAYS
    assert min(done) > 0
    assert vendor.log()["exports"] == DAYS
    assert most_at_a_time(tmp_path / "vendor" / "exports.sqlite") == 1

    vendor.set_faults(Faults(slow_export_seconds=15))
    deployed.launch(KEYS, LATER)
    wait_until(lambda: vendor.log()["exports"] == DAYS + 1, "the order", logs=deployed.logs())
    killed = deployed.runs()[0]["runId"]
    os.kill(run_process(deployed, killed), signal.SIGKILL)

    wanted = dict.fromkeys(KEYS, (DAYS + 1, 0))
    wait_until(lambda: deployed.partition_counts(KEYS) == wanted, "the second try", logs=deployed.logs())
    again, before, *_ = deployed.runs()
    assert (before["runId"], before["status"]) == (killed, "FAILURE")
    assert {"key": "dagster/parent_run_id", "value": killed} in again["tags"]
    assert vendor.log()["exports"] == DAYS + 1
