"""`salted dev` as tests run it: the UI with its daemon, in a folder of its own."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.deployment.web_server import ask_web_server
from salted_assets_tests.support.bare_commands import BIN, bare

PATIENCE_SECONDS = 150

_LOCATIONS = "query { workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"


@dataclass(frozen=True)
class Interface:
    """The UI's own door, that of the scorecards, and what the processes said."""

    url: str
    reports_url: str
    server: subprocess.Popen[bytes]
    log: Path

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        return ask_web_server(self.url, query, **variables)

    def is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            entries = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
            return [entry["loadStatus"] for entry in entries] == ["LOADED"]
        return False

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            assert self.server.poll() is None, f"the server ended: {self.said()}"
            assert time.monotonic() < end, f"{what}: waited {PATIENCE_SECONDS} s; {self.said()}"
            time.sleep(0.5)

    def said(self) -> str:
        """The end of the log."""
        return self.log.read_text(errors="replace")[-3000:]


def salted(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start the installed command in a folder of its own with only these variables of ours; its log is `server.log`."""
    command = [str(BIN / "salted"), *arguments]
    with (folder / "server.log").open("ab") as out:
        return subprocess.Popen(
            command, cwd=folder, env=bare(folder, **environment), stdout=out, stderr=out, start_new_session=True
        )


def find_free_urls(count: int) -> list[str]:
    """Addresses on loopback at which nobody listens."""
    with ExitStack() as taken:
        servers = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"http://127.0.0.1:{server.getsockname()[1]}" for server in servers]


@contextmanager
def running_interface(folder: Path, **environment: str) -> Iterator[Interface]:
    """`salted dev`, ready to be asked; ended with all its processes as a whole."""
    url, reports_url = find_free_urls(2)
    port = url.rpartition(":")[2]
    server = salted(folder, "dev", "--port", port, **{"SALTED_REPORTS_URL": reports_url, **environment})
    try:
        interface = Interface(url, reports_url, server, folder / "server.log")
        interface.wait_until(interface.is_ready, "loading")
        yield interface
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=30)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
