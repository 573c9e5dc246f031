"""The real UI and its daemon: a partition materialized over GraphQL, and what the pages then say of it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from salted_assets.simulator import DataFaults, Faults, SimulatorOptions, running_simulator

pytestmark = pytest.mark.slow

DAY = "2024-01-10"
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "salted_assets.definitions"}
ASSETS = ["raw/export", "tables/engagement", "tables/agent", "scores/engagement", "scores/agent_daily"]
PATIENCE_SECONDS = 150

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
_LOCATIONS = "query { workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"
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
          partitionStatuses { ... on AssetCheckTimePartitionStatuses { ranges { startKey endKey status } } }
        }
      }
    }
  }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}
"""


@dataclass(frozen=True)
class Interface:
    """The UI's own door."""

    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        body: dict[str, Any] = answer.json()
        assert "errors" not in body, body
        found: dict[str, Any] = body["data"]
        return found

    def is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            entries = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
            return [entry["loadStatus"] for entry in entries] == ["LOADED"]
        return False

    def materialize(self, day: str) -> str:
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
        launched = self.ask(_LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def status_of(self, run_id: str) -> str:
        return str(self.ask(_STATUS, id=run_id)["runOrError"]["status"])


def wait_for(server: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert server.poll() is None, f"the server ended: {log.read_text()[-3000:]}"
        assert time.monotonic() < end, f"{what}: waited {PATIENCE_SECONDS} s; {log.read_text()[-3000:]}"
        time.sleep(0.5)


@contextmanager
def running_interface(folder: Path, **environment: str) -> Iterator[tuple[Interface, subprocess.Popen[bytes], Path]]:
    """`salted dev` on a free port, with its daemon and code server, ended as a whole."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "server.log"
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    command = [str(Path(sys.executable).parent / "salted"), "dev", "--port", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, cwd=folder, env={**bare, **environment}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        interface = Interface(f"http://127.0.0.1:{port}")
        wait_for(server, log, interface.is_ready, "loading")
        yield interface, server, log
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=30)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


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
        with running_interface(tmp_path, **settings) as (interface, server, log):
            run_id = interface.materialize(DAY)
            wait_for(server, log, lambda: interface.status_of(run_id) in {"SUCCESS", "FAILURE", "CANCELED"}, "the run")
            assert interface.status_of(run_id) == "SUCCESS", log.read_text()[-3000:]
            keys = [{"path": key.split("/")} for key in ASSETS]
            shown = interface.ask(_ASSETS, keys=keys, days=[DAY])
        said = log.read_text()
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
        rows = entries.get("dagster/partition_row_count") or entries["rows"]
        assert rows["intValue"] > 0
        marks = {check["name"]: check["partitionStatuses"]["ranges"] for check in node["assetChecksOrError"]["checks"]}
        if node["groupName"] != "tables":
            assert marks == {}
            continue
        assert marks.keys() == {"schema", "key", "values", "referential", "rejects", "volume"}
        schema = "FAILED" if node["assetKey"]["path"][1] == "engagement" else "SUCCEEDED"
        assert marks["schema"] == [{"startKey": DAY, "endKey": DAY, "status": schema}]
        assert marks["key"] == [{"startKey": DAY, "endKey": DAY, "status": "SUCCEEDED"}]
