"""Waiting for what other processes do, with what they said when it does not come."""

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

PATIENCE_SECONDS = 240
Found = TypeVar("Found")


def wait_until(
    look: Callable[[], Found | None], what: str, *, logs: Sequence[Path] = (), seconds: float = PATIENCE_SECONDS
) -> Found:
    """What `look` gives, as soon as it is neither None nor False; fails with the ends of the logs when it does not."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        said = "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs if log.exists())
        assert time.monotonic() < end, f"{what}: waited {seconds:g} s\n{said}"
        time.sleep(0.25)


def free_port() -> int:
    """A port of loopback that is free just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def accepts_connections(port: int) -> bool:
    """Whether something listens at the port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
