"""A Redis of the test's own on loopback."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.deployment.unprivileged import as_unprivileged, unprivileged_folder
from benchmarks.deployment.waiting import accepts_connections, free_port, wait_until


@dataclass(frozen=True)
class RedisServer:
    """A server on loopback with nothing in it."""

    port: int

    def environment(self) -> dict[str, str]:
        """The variables by which launcher and workers find each other."""
        return {
            "DAGSTER_CELERY_BROKER": f"redis://127.0.0.1:{self.port}/0",
            "DAGSTER_CELERY_BACKEND": f"redis://127.0.0.1:{self.port}/1",
        }

    def is_ready(self) -> bool:
        return accepts_connections(self.port)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Serve until the context ends; nothing is kept."""
    binary = shutil.which("redis-server")
    assert binary, "redis-server is not installed; `apt-get install redis-server` brings it"
    server = RedisServer(free_port())
    with unprivileged_folder("redis") as folder, (folder / "log").open("wb") as out:
        command = [binary, "--bind", "127.0.0.1", "--port", str(server.port), "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, **as_unprivileged())
        try:
            wait_until(server.is_ready, "Redis", logs=[folder / "log"])
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)
