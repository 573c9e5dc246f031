"""A deployment as an operator starts it: code servers, web server and daemon as processes, one dagster.yaml.

Here: starting and ending them, and asking the web server.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.deployment.waiting import accepts_connections, free_port, wait_until
from benchmarks.deployment.web_server import ask_web_server

DEPLOY = Path(__file__).parents[2] / "deploy"
DEFINITIONS = "salted_assets.definitions"

_LOCATIONS = "query { workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"
_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) { __typename ... on PythonError { message } }
}
"""
_BACKFILL_STATUS = (
    "query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"
)
_RUNS = """
query {
  runsOrError(limit: 100) {
    ... on Runs { results { runId status jobName tags { key value } startTime endTime } }
  }
}
"""
_MESSAGES = """
query ($id: ID!) {
  logsForRun(runId: $id) { ... on EventConnection { events { ... on MessageEvent { message } } } }
}
"""
_ASSETS = """
query ($keys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $keys) { assetKey { path } partitionStats { numMaterialized numFailed } }
}
"""
_DAEMONS = "query { instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
_POOLS = "query { instance { concurrencyLimits { concurrencyKey slotCount claimedSlots { runId } } } }"


@dataclass
class Deployment:
    """One instance: its home, the environment, programs and rights of its processes, those started so far."""

    folder: Path
    environment: Mapping[str, str]
    programs: Path = Path(sys.executable).parent
    workdir: Path | None = None
    rights: Mapping[str, Any] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    url: str = ""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace.yaml"

    def logs(self) -> list[Path]:
        return [self.folder / f"{name}.log" for name in self.processes]

    def said(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in self.logs())

    def start(self, name: str, *command: str | Path, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program of this interpreter's environment, in a session of its own, its output in a log."""
        with (self.folder / f"{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [self.programs / command[0], *command[1:]],
                cwd=self.workdir or self.folder,
                env={
                    **bare_environment(self.folder),
                    "DAGSTER_HOME": str(self.home),
                    **self.environment,
                    **environment,
                },
                stdout=out,
                stderr=out,
                start_new_session=True,
                **self.rights,
            )
        return self.processes[name]

    def run(self, *command: str | Path, **environment: str) -> None:
        """Run a program to its end, which has to be a good one."""
        process = self.start(str(command[0]), *command, **environment)
        assert process.wait(timeout=240) == 0, self.logs()[-1].read_text()[-3000:]

    def end(self, name: str) -> None:
        """End a process with all that it started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end_all(self) -> None:
        """End all processes, the last one first; each is asked before the first is waited for."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for name in reversed(list(self.processes)):
            self.end(name)

    def serve_code(self, locations: Mapping[str, Mapping[str, str]]) -> None:
        """Start a code server for each location, with its variables, and write the workspace that names them."""
        ports = {name: free_port() for name in locations}
        for name, variables in locations.items():
            address = ("-h", "127.0.0.1", "-p", str(ports[name]))
            self.start(f"code-{name}", "dagster", "api", "grpc", *address, "-m", DEFINITIONS, **variables)
        servers = [{"host": "127.0.0.1", "port": port, "location_name": name} for name, port in ports.items()]
        self.workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server} for server in servers]}))
        wait_until(lambda: all(map(accepts_connections, ports.values())), "the code servers", logs=self.logs())

    def serve_ui(self) -> None:
        """Start web server and daemon, and wait until every location is loaded."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.start("webserver", "dagster-webserver", "-h", "127.0.0.1", "-p", str(port), "-w", self.workspace)
        self.start("daemon", "dagster-daemon", "run", "-w", self.workspace)
        self.wait_for_ui()

    def wait_for_ui(self) -> None:
        """Wait until the web server answers and every location is loaded."""
        wait_until(self._is_loaded, "the locations", logs=self.logs())

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What the web server answers."""
        return ask_web_server(self.url, query, **variables)

    def backfill(self, keys: Sequence[str], days: Sequence[str]) -> str:
        """Launch a backfill, as the UI does; gives its id."""
        params = {"assetSelection": [{"path": key.split("/")} for key in keys], "partitionNames": list(days)}
        launched = self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def launch(self, keys: Sequence[str], day: str) -> None:
        """Launch a run of one partition, as the button does."""
        (location,) = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        params = {
            "selector": {
                "repositoryName": "__repository__",
                "repositoryLocationName": location["name"],
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": key.split("/")} for key in keys],
                "assetCheckSelection": None,
            },
            "runConfigData": "{}",
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
        }
        launched = self.ask(_LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched

    def wait_for_backfill(self, backfill_id: str, *, seconds: float = 300) -> str:
        """How the backfill ended."""

        def look() -> str | None:
            status = str(self.ask(_BACKFILL_STATUS, id=backfill_id)["partitionBackfillOrError"]["status"])
            return status if status not in {"REQUESTED", "CANCELING", "FAILING"} else None

        return wait_until(look, f"backfill {backfill_id}", logs=self.logs(), seconds=seconds)

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        found: list[dict[str, Any]] = self.ask(_RUNS)["runsOrError"]["results"]
        return found

    def messages(self, run_id: str) -> list[str]:
        """What was logged of a run."""
        return [event["message"] for event in self.ask(_MESSAGES, id=run_id)["logsForRun"]["events"]]

    def partition_counts(self, keys: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Materialized and failed partitions of each asset."""
        nodes = self.ask(_ASSETS, keys=[{"path": key.split("/")} for key in keys])["assetNodes"]
        return {
            "/".join(node["assetKey"]["path"]): (
                node["partitionStats"]["numMaterialized"],
                node["partitionStats"]["numFailed"],
            )
            for node in nodes
        }

    def unhealthy_daemons(self) -> list[str]:
        """The required daemons that do not report."""
        statuses = self.ask(_DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return [status["daemonType"] for status in statuses if status["required"] and not status["healthy"]]

    def pool(self, name: str) -> dict[str, Any]:
        """The slots of a pool and the runs that hold them."""
        for pool in self.ask(_POOLS)["instance"]["concurrencyLimits"]:
            if pool["concurrencyKey"] == name:
                return {"slots": pool["slotCount"], "holders": [slot["runId"] for slot in pool["claimedSlots"]]}
        return {"slots": 0, "holders": []}

    def _is_loaded(self) -> bool:
        with suppress(httpx.TransportError, json.JSONDecodeError):
            entries = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
            return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)
        return False


@contextmanager
def deployment(folder: Path, config: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Deployment]:
    """A deployment whose processes end with the context; the instance's tables are made first, by one process."""
    home = folder / "home"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(yaml.safe_dump(dict(config)))
    deployed = Deployment(folder, environment)
    try:
        deployed.run("dagster", "instance", "migrate")
        deployed.processes.pop("dagster")
        yield deployed
    finally:
        deployed.end_all()


def read_config(*parts: str) -> dict[str, Any]:
    """The files of deploy/ one after the other, as the operator's `cat` makes them one."""
    config: dict[str, Any] = yaml.safe_load("".join((DEPLOY / part).read_text() for part in parts))
    return config


def quick(config: dict[str, Any]) -> dict[str, Any]:
    """The same with its waits made short."""
    config["run_monitoring"] |= {"poll_interval_seconds": 1, "free_slots_after_run_end_seconds": 2}
    return config


def run_process(deployed: Deployment, run_id: str) -> int:
    """The process that executes a run, as soon as it has said so."""

    def find() -> int | None:
        found = re.search(r"Started process for run \(pid: (\d+)\)", "\n".join(deployed.messages(run_id)))
        return int(found[1]) if found else None

    return wait_until(find, "the run's process", logs=deployed.logs())


def bare_environment(home: Path) -> dict[str, str]:
    """No variable of ours, and none that says where else to look."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONWARNINGS": "ignore:Function `",  # Dagster's word that each of its commands is superseded
    }
