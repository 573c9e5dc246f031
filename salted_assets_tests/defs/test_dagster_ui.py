"""The real UI and its daemon: a partition materialized over GraphQL, and what the pages then say of it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from salted_assets.simulator import DataFaults, Faults, SimulatorOptions, running_simulator
from salted_assets_tests.support.dagster_web import Interface, running_interface

pytestmark = pytest.mark.slow

DAY = "2024-01-10"
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "salted_assets.definitions"}
ASSETS = ["raw/export", "tables/engagement", "tables/agent", "scores/engagement", "scores/agent_daily"]

_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_ASSETS = """
query ($keys: [AssetKeyInput!]!, $days: [String!]!) {
  assetNodes(assetKeys: $keys) {
    assetKey { path }
    description
    groupName
    kinds
    partitionStats { numMaterialized numFailed }
    assetMaterializations(partitions: $days, limit: 1) {
      metadataEntries { label ... on IntMetadataEntry { intValue } ... on TextMetadataEntry { text } }
    }
    assetChecksOrError {
      ... on AssetChecks {
        checks {
          name
          executionForLatestMaterialization { status }
          partitionStatuses { ... on AssetCheckTimePartitionStatuses { ranges { startKey endKey status } } }
        }
      }
    }
  }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}
"""

CHECKS_BESIDE_TABLES = {
    "raw/export": ("window",),
    "scores/engagement": ("readable", "plausible", "reconciles"),
    "scores/agent_daily": ("plausible", "reconciles"),
}


def materialize(interface: Interface, day: str) -> str:
    """Launch a run of one partition of all assets, as the button does; gives its id."""
    params = {
        "selector": {
            **REPOSITORY,
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": key.split("/")} for key in ASSETS],
            "assetCheckSelection": None,
        },
        "runConfigData": "{}",
        "mode": "default",
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
    }
    launched = interface.ask(_LAUNCH, params=params)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def status_of(interface: Interface, run_id: str) -> str:
    return str(interface.ask(_STATUS, id=run_id)["runOrError"]["status"])


def test_a_partition_is_materialized_through_the_ui_and_its_pages_show_it(tmp_path: Path) -> None:
    faults = Faults(data=DataFaults(added_columns={"engagement": ("mood",)}))
    options = SimulatorOptions(agent_count=3, engagements_per_agent=5, key="key-of-the-tests", faults=faults)
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", options) as vendor:
        settings = {
            "SALTED_API_URL": vendor.url,
            "SALTED_API_KEY": vendor.key,
            "SALTED_START_DATE": "2024-01-01",
            "SALTED_DATASETS": "engagement,agent",
        }
        with running_interface(tmp_path, **settings) as interface:
            run_id = materialize(interface, DAY)
            ends = {"SUCCESS", "FAILURE", "CANCELED"}
            interface.wait_until(lambda: status_of(interface, run_id) in ends, "the run")
            assert status_of(interface, run_id) == "SUCCESS", interface.said()
            keys = [{"path": key.split("/")} for key in ASSETS]
            shown = interface.ask(_ASSETS, keys=keys, days=[DAY])
            reports = httpx.get(interface.reports_url)
            assert reports.text.startswith("<!doctype html>"), reports.text
        said = interface.log.read_text()
    assert "key-of-the-tests" not in said
    assert "Warning" not in said
    assert_assets(shown["assetNodes"])
    statuses = shown["instance"]["daemonHealth"]["allDaemonStatuses"]
    assert all(status["healthy"] for status in statuses if status["required"])
    assert (tmp_path / "data/dagster/dagster.yaml").exists()


def assert_assets(nodes: list[dict[str, Any]]) -> None:
    assert {"/".join(node["assetKey"]["path"]) for node in nodes} == set(ASSETS)
    for node in nodes:
        assert node["description"].startswith("One ")
        assert node["groupName"] == node["assetKey"]["path"][0]
        assert node["kinds"]
        assert node["partitionStats"] == {"numMaterialized": 1, "numFailed": 0}
        (materialization,) = node["assetMaterializations"]
        entries = {entry["label"]: entry for entry in materialization["metadataEntries"]}
        assert entries["dagster/partition_row_count"]["intValue"] > 0
        assert "dagster/uri" in entries
        checks = {check["name"]: check for check in node["assetChecksOrError"]["checks"]}
        assert checks.pop("failed_partitions")["executionForLatestMaterialization"]["status"] == "SUCCEEDED"
        marks = {name: check["partitionStatuses"]["ranges"] for name, check in checks.items()}
        if node["groupName"] != "tables":
            expected = CHECKS_BESIDE_TABLES.get("/".join(node["assetKey"]["path"]), ())
            passed = [{"startKey": DAY, "endKey": DAY, "status": "SUCCEEDED"}]
            assert marks == dict.fromkeys(expected, passed)
            continue
        assert marks.keys() == {"schema", "key", "values", "referential", "rejects", "volume"}
        schema = "FAILED" if node["assetKey"]["path"][1] == "engagement" else "SUCCEEDED"
        assert marks["schema"] == [{"startKey": DAY, "endKey": DAY, "status": schema}]
        assert marks["key"] == [{"startKey": DAY, "endKey": DAY, "status": "SUCCEEDED"}]
