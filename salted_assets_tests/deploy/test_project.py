"""What other tools make of pyproject.toml: `dg` finds the definitions, the wheel holds the package with its pages."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from benchmarks.deployment.web_server import ask_web_server
from salted_assets_tests.support.bare_commands import bare
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.dagster_web import PATIENCE_SECONDS, find_free_urls

pytestmark = pytest.mark.slow

DG = [sys.executable, "-m", "dagster_dg_cli.cli"]
_LOCATIONS = "query { workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}")
    venv = {"VIRTUAL_ENV": sys.prefix, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return {**bare(tmp_path, DAGSTER_HOME=str(home)), **venv}


def dg(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DG, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=200
    )


def test_dg_lists_the_definitions(environment: dict[str, str]) -> None:
    listed = dg(environment, "list", "defs", "--json")

    assert listed.returncode == 0, listed.stderr
    defs = json.loads(listed.stdout)
    assert {"raw/export", "tables/turn", "scores/agent_daily"} <= {asset["asset_key"] for asset in defs["assets"]}
    assert {"daily", "contact_export"} <= {job["name"] for job in defs["jobs"]}


def test_dg_checks_the_definitions(environment: dict[str, str]) -> None:
    checked = dg(environment, "check", "defs")

    assert checked.returncode == 0, checked.stderr
    assert "All definitions loaded successfully" in checked.stdout + checked.stderr


def is_loaded(url: str) -> bool:
    with suppress(httpx.TransportError):
        entries = ask_web_server(url, _LOCATIONS)["workspaceOrError"]["locationEntries"]
        return [(entry["name"], entry["loadStatus"]) for entry in entries] == [("salted_assets", "LOADED")]
    return False


def test_dg_dev_serves_the_definitions(environment: dict[str, str], tmp_path: Path) -> None:
    (url,) = find_free_urls(1)
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*DG, "dev", "--port", url.rpartition(":")[2]],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_loaded(url):
            said = (tmp_path / "server.log").read_text()[-3000:]
            assert server.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.5)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=30)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_the_wheel_holds_the_package_and_the_pages_that_it_shows_and_nothing_else(tmp_path: Path) -> None:
    """Built without a network and without an environment of its own, so with the build backend that is installed."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert built.returncode == 0, built.stderr

    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "salted_assets",
        wheel.stem.partition("-py3")[0] + ".dist-info",
    }
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "salted_assets").rglob("*") if path.is_file()}
    ours |= {f"salted_assets/output/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("docs/**/*.*")}
    assert {name for name in names if name.startswith("salted_assets/")} == {
        name for name in ours if "__pycache__" not in name
    }
