"""A simulator that runs beside its caller: uvicorn in a thread, on loopback."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from salted_assets.simulator.data.options import Faults, SimulatorOptions
from salted_assets.simulator.server.app import ExportServer, build_app
from salted_assets.simulator.server.responses import DroppableConnection

_START_SECONDS = 30.0


@dataclass(frozen=True)
class RunningSimulator:
    """A simulator that answers at `url`, the origin without a slash at its end, to the bearer key `key`."""

    url: str
    key: str
    server: ExportServer

    def log(self) -> dict[str, int]:
        """Requests so far by kind (post, status, history, download), and `exports`, those requested."""
        return dict(self.server.counts)

    def set_faults(self, faults: Faults) -> None:
        """Replace all switches."""
        self.server.switches.set(faults)


@contextmanager
def running_simulator(
    store_path: Path,
    options: SimulatorOptions | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    port: int = 0,
) -> Iterator[RunningSimulator]:
    """Serve on 127.0.0.1 while the context lasts; port 0 takes a free one. `now` may be any clock.

    Raises OSError when the port is taken, RuntimeError when the server does not start within 30 s.
    """
    options = options or SimulatorOptions()
    with socket.create_server(("127.0.0.1", port)) as listener:
        app = build_app(options, store_path, now)
        server = uvicorn.Server(uvicorn_config(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield RunningSimulator(f"http://127.0.0.1:{listener.getsockname()[1]}", options.key, app.state.server)
        finally:
            server.should_exit = True
            thread.join()


def uvicorn_config(app: object) -> uvicorn.Config:
    """How uvicorn serves a simulator: no access log (it would show signed addresses), connections that can be cut."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI application
        http=DroppableConnection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    end = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise RuntimeError("the simulator did not start; see the log of uvicorn.error")
        time.sleep(0.005)
