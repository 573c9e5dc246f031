"""`salted dev` where another deployment has its ports: it says so and starts nothing."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets_tests.support.dagster_web import find_free_urls
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def start_nothing(*_: object, **__: object) -> None:
    raise AssertionError("it was started all the same")


@pytest.mark.parametrize("what", ["the UI", "the scorecards"])
def test_a_taken_port_is_said_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int, what: str
) -> None:
    free = find_free_urls(1)[0].rpartition(":")[2]
    ui, reports = (taken_port, free) if what == "the UI" else (free, taken_port)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SALTED_REPORTS_URL", f"http://127.0.0.1:{reports}")
    monkeypatch.setattr(os, "execv", start_nothing)
    monkeypatch.setattr(subprocess, "Popen", start_nothing)

    result = CliRunner().invoke(main, ["dev", "--port", str(ui)])

    assert result.exit_code == 1, result.exception
    said = f"Error: {what} cannot be served at port {taken_port} of 127.0.0.1 (Address already in use); another port: "
    assert result.stderr.startswith(said)
    assert not (tmp_path / "home").exists()
