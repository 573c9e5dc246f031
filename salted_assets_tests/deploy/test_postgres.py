"""deploy/dagster.yaml run for real: daemon, code server and web server over a Postgres."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.deployment.deployment import Deployment, deployment, quick, read_config, run_process
from benchmarks.deployment.postgres_server import PostgresServer
from benchmarks.deployment.waiting import wait_until
from salted_assets.simulator import Faults, RunningSimulator, SimulatorOptions, running_simulator

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

DAYS, LATER = ["2024-01-09", "2024-01-10"], "2024-01-11"
KEYS = ["raw/export", "tables/agent"]
POOL = "salted_api"
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "salted_assets"}
PLOTTED = {"dagster/partition_row_count", "bytes", "stored_bytes", "export_seconds", "retries", "superseded_exports"}
_NUMBERS = """
query ($keys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $keys) {
    assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status } } } }
    internalFreshnessPolicy { ... on CronFreshnessPolicy { deadlineCron timezone } }
    assetMaterializations(limit: 1) {
      metadataEntries { label ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue } }
    }
  }
}
"""
_SCHEDULE = """
query ($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) { ... on Schedule { pipelineName scheduleState { status } } }
}
"""


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[RunningSimulator]:
    options = SimulatorOptions(agent_count=3, engagements_per_agent=3, key="key-of-the-tests")
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", options) as vendor:
        yield vendor


@pytest.fixture
def deployed(tmp_path: Path, postgres: PostgresServer, vendor: RunningSimulator) -> Iterator[Deployment]:
    database = postgres.create_database("deployed")
    settings = {
        "SALTED_API_URL": vendor.url,
        "SALTED_API_KEY": vendor.key,
        "SALTED_START_DATE": "2024-01-01",
        "SALTED_DATASETS": "agent",
    }
    with deployment(tmp_path / "deployed", quick(read_config("dagster.yaml")), database) as deployed:
        deployed.serve_code({"salted_assets": settings})
        deployed.serve_ui()
        yield deployed


def test_a_backfill_goes_through_and_a_killed_run_frees_the_way_for_its_second_try(
    deployed: Deployment, postgres: PostgresServer, vendor: RunningSimulator
) -> None:
    backfill_id = deployed.backfill(KEYS, DAYS)
    assert deployed.wait_for_backfill(backfill_id) == "COMPLETED_SUCCESS", deployed.said()
    assert deployed.partition_counts(KEYS) == dict.fromkeys(KEYS, (2, 0))
    assert deployed.unhealthy_daemons() == []
    assert {"runs", "event_logs", "concurrency_slots"} <= set(postgres.tables("deployed"))
    assert list(deployed.home.rglob("*.db")) == []

    check_what_the_ui_shows(deployed)

    vendor.set_faults(Faults(slow_export_seconds=15))
    deployed.launch(KEYS, LATER)
    wait_until(lambda: vendor.log()["exports"] == 3, "the order", logs=deployed.logs())
    killed = deployed.runs()[0]["runId"]
    assert deployed.pool(POOL) == {"slots": 1, "holders": [killed]}
    os.kill(run_process(deployed, killed), signal.SIGKILL)

    wait_until(
        lambda: deployed.partition_counts(KEYS) == dict.fromkeys(KEYS, (3, 0)), "the retry", logs=deployed.logs()
    )
    again, before, *_ = deployed.runs()
    assert (before["runId"], before["status"]) == (killed, "FAILURE")
    assert {"key": "dagster/parent_run_id", "value": killed} in again["tags"]
    wait_until(lambda: deployed.pool(POOL)["holders"] == [], "the slot", logs=deployed.logs())
    assert vendor.log()["exports"] == 3  # the retry went on with the export that the killed run had requested


def check_what_the_ui_shows(deployed: Deployment) -> None:
    """Numbers that it plots, the hour by which a day is due, the check for failed days, and the daily schedule."""
    (node,) = deployed.ask(_NUMBERS, keys=[{"path": ["raw", "export"]}])["assetNodes"]
    entries = node["assetMaterializations"][0]["metadataEntries"]
    numbers = {entry["label"]: entry.get("intValue", entry.get("floatValue")) for entry in entries}
    assert {label for label, number in numbers.items() if isinstance(number, int | float)} >= PLOTTED, entries
    assert node["internalFreshnessPolicy"] == {"deadlineCron": "0 6 * * *", "timezone": "UTC"}
    asked = deployed.ask(_SCHEDULE, selector={**REPOSITORY, "scheduleName": "daily_schedule"})
    assert asked["scheduleOrError"] == {"pipelineName": "daily", "scheduleState": {"status": "RUNNING"}}
    checks = {each["name"]: each["executionForLatestMaterialization"] for each in node["assetChecksOrError"]["checks"]}
    assert checks.keys() == {"failed_partitions", "window"}
    assert checks["failed_partitions"]["status"] == "SUCCEEDED"
