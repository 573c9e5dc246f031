"""Dockerfile and compose file, without Docker: the steps replayed, the services' own commands started and asked."""

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.deployment.deployment import DEPLOY, Deployment
from benchmarks.deployment.postgres_server import PostgresServer
from benchmarks.deployment.unprivileged import as_unprivileged, unprivileged_folder
from benchmarks.deployment.waiting import free_port, wait_until
from salted_assets_tests.support.container_steps import Image, replay

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(900)]

PROJECT = DEPLOY.parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name != "postgres"]
DAY = "2024-01-09"
KEYS = ["raw/export", "tables/agent"]

_LIST = """
import re
from importlib.metadata import distributions
for each in distributions():
    print(re.sub("[-_.]+", "-", each.name).lower() + "==" + each.version)
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with unprivileged_folder("container") as folder:
        yield replay(DEPLOY / "Dockerfile", PROJECT, folder)


class Composed(Deployment):
    """The services of compose.yaml, started by hand where the image was replayed.

    Names of other containers become loopback, ports that the services listen at become free ones, and the image's own
    folder the replayed one.
    """

    def prepare(self, image: Image, database: Mapping[str, str]) -> None:
        self.image, self.database = image, database
        self.ports = {"4000": str(free_port()), "3000": str(free_port())}
        self.url = f"http://127.0.0.1:{self.ports['3000']}"
        workspace = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())
        (server,) = [entry["grpc_server"] for entry in workspace["load_from"]]
        assert (server["host"], server["port"]) == ("code", 4000)
        server |= {"host": "127.0.0.1", "port": int(self.ports["4000"])}
        (image.app / "workspace.yaml").write_text(yaml.safe_dump(workspace))

    def up(self, service: str) -> None:
        command = SERVICES[service].get("command", self.image.command)
        self.start(service, *self._here(command), **self.variables(service))

    def variables(self, service: str) -> dict[str, str]:
        given = {name: str(value) for name, value in SERVICES[service].get("environment", {}).items()}
        assert given.keys() == self.database.keys()
        home = self.image.environment["DAGSTER_HOME"]
        return {**self.image.environment, **self.database, "DAGSTER_HOME": home, "DAGSTER_DISABLE_TELEMETRY": "yes"}

    def is_healthy(self, service: str) -> bool:
        check = SERVICES[service].get("healthcheck", {}).get("test", ["CMD", *self.image.health])
        assert check[0] == "CMD"
        program, *arguments = self._here(check[1:])
        asked = [str(self.programs / program), *arguments]
        return self.image.run(asked, **self.variables(service)).returncode == 0

    def _here(self, command: Sequence[str]) -> list[str]:
        text = [word.replace("/opt/salted", str(self.image.app)) for word in command]
        return [re.sub(r"\b[34]000\b", lambda port: self.ports[port[0]], word) for word in text]


@pytest.fixture
def composed(image: Image, postgres: PostgresServer) -> Iterator[Composed]:
    programs, workdir = image.app / "venv" / "bin", Path(image.workdir)
    composed = Composed(image.app.parent, {}, programs=programs, workdir=workdir, rights=as_unprivileged())
    composed.prepare(image, postgres.create_database("composed"))
    try:
        yield composed
    finally:
        composed.end_all()


def test_the_image_holds_the_pinned_versions_and_nothing_of_its_making(image: Image) -> None:
    pinned = set(re.findall(r"^\S+==\S+$", (PROJECT / "constraints.txt").read_text(), re.MULTILINE))
    installed = set(image.run(["python", "-c", _LIST]).stdout.split())

    assert {line for line in installed if not line.startswith("salted-assets==")} <= pinned
    assert len(installed) > 50
    assert {"celery", "dagster", "home", "venv"} == {path.name for path in image.app.iterdir()} - {"workspace.yaml"}
    assert image.user == "10001:10001"
    for name in ("dagster", "home"):
        assert stat.S_IMODE((image.app / name).stat().st_mode) == 0o700


def test_the_services_start_and_take_a_day_to_its_table(composed: Composed) -> None:
    composed.up("migrate")
    assert composed.processes["migrate"].wait(timeout=240) == 0, composed.said()
    for service in ("code", "webserver", "daemon"):
        composed.up(service)
        wait_until(partial(composed.is_healthy, service), service, logs=composed.logs(), seconds=240)
    composed.wait_for_ui()
    composed.launch(KEYS, DAY)
    wait_until(lambda: composed.runs()[0]["status"] == "SUCCESS", "the run", logs=composed.logs())

    data = Path(composed.image.workdir, "data", "demo")
    assert (data / "tables" / "agent" / f"date={DAY}" / "part-0.parquet").exists()
    folders = [data, *(path for path in data.rglob("*") if path.is_dir() and ".simulator" not in path.parent.parts)]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    processes = [composed.processes[service].pid for service in ("code", "webserver", "daemon")]
    assert all(Path(f"/proc/{pid}").stat().st_uid != 0 for pid in processes)


def test_what_is_reached_from_outside_is_reached_from_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published == ["127.0.0.1:3000:3000"]


def test_only_the_code_server_has_the_key_and_the_warehouse() -> None:
    assert [name for name, service in SERVICES.items() if service.get("env_file")] == ["code"]
    assert [name for name in SERVICES if "warehouse:" in str(SERVICES[name].get("volumes"))] == ["code"]


@pytest.mark.parametrize("service", OURS)
def test_no_service_of_ours_may_become_root(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
