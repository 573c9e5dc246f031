"""Many workers: runs as tasks of Celery over Redis and Postgres, exports still one at a time at the vendor."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from benchmarks.deployment.deployment import DEPLOY, Deployment, deployment, quick, read_config, run_process
from benchmarks.deployment.postgres_server import PostgresServer
from benchmarks.deployment.redis_server import RedisServer
from benchmarks.deployment.waiting import wait_until
from salted_assets.simulator import Faults, RunningSimulator, SimulatorOptions, running_simulator

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

KEYS = ["raw/export", "tables/agent"]
DAYS = [(date(2024, 1, 9) + timedelta(days=n)).isoformat() for n in range(14)]
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
    config = quick(read_config("dagster.yaml", "parts/launcher-celery.yaml"))
    config["concurrency"]["runs"]["max_concurrent_runs"] = len(WORKERS)
    settings = {
        "SALTED_API_URL": vendor.url,
        "SALTED_API_KEY": vendor.key,
        "SALTED_START_DATE": "2024-01-01",
        "SALTED_DATASETS": "agent",
        "SALTED_PARTITIONS_PER_RUN": "1",
        "SALTED_MIN_EXPORT_INTERVAL_SECONDS": "0",
    }
    environment = {**postgres.create_database("celery"), **redis.environment()}
    with deployment(tmp_path / "deployed", config, environment) as deployed:
        for worker in WORKERS:
            command = ("celery", "-A", "dagster_celery.app", "worker", "-Q", "dagster", "--concurrency=1")
            folder = str(DEPLOY / "celery")
            deployed.start(worker, *command, "-n", f"{worker}@%h", PYTHONPATH=folder, **settings)
        deployed.serve_code({"salted_assets": settings})
        deployed.serve_ui()
        yield deployed


def said_by(deployed: Deployment, worker: str) -> str:
    return (deployed.folder / f"{worker}.log").read_text()


def most_at_a_time(vendor_store: Path) -> int:
    """Exports that the vendor worked on at the same moment, at most."""
    with closing(sqlite3.connect(vendor_store)) as store:
        spans: list[tuple[int, int]] = store.execute("SELECT ordered_ms, ready_ms FROM export").fetchall()
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_fourteen_days_go_over_two_workers_and_a_killed_run_is_taken_up_again(
    tmp_path: Path, deployed: Deployment, vendor: RunningSimulator
) -> None:
    backfill_id = deployed.backfill(KEYS, DAYS)
    assert deployed.wait_for_backfill(backfill_id) == "COMPLETED_SUCCESS", deployed.said()
    assert deployed.partition_counts(KEYS) == dict.fromkeys(KEYS, (14, 0))
    assert len(deployed.runs()) == 14
    done = [said_by(deployed, worker).count("RUN_SUCCESS") for worker in WORKERS]
    assert sum(done) == 14
    assert min(done) > 0
    assert vendor.log()["exports"] == 14
    assert most_at_a_time(tmp_path / "vendor" / "exports.sqlite") == 1

    vendor.set_faults(Faults(slow_export_seconds=15))
    deployed.launch(KEYS, LATER)
    wait_until(lambda: vendor.log()["exports"] == 15, "the order", logs=deployed.logs())
    killed = deployed.runs()[0]["runId"]
    os.kill(run_process(deployed, killed), signal.SIGKILL)

    wanted = dict.fromkeys(KEYS, (15, 0))
    wait_until(lambda: deployed.partition_counts(KEYS) == wanted, "the second try", logs=deployed.logs())
    again, before, *_ = deployed.runs()
    assert (before["runId"], before["status"]) == (killed, "FAILURE")
    assert {"key": "dagster/parent_run_id", "value": killed} in again["tags"]
    assert vendor.log()["exports"] == 15
