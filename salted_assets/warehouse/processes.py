"""Which process holds a lease, identified so that others can see whether it still lives."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_STATE, _START = 0, 19
"""Positions in `/proc/<pid>/stat` after the name of the program, which may hold anything."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process as no other is: not that of another container with the same number, nor one after a restart.

    `boot_id` is that of the machine's last start, `pid_namespace` that of the container, `start_ticks` the process's
    start since then. They are empty, and nothing is known of other processes, where the system has no `/proc`.
    """

    host: str
    pid: int
    boot_id: str = ""
    pid_namespace: str = ""
    start_ticks: int = 0

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @classmethod
    def of_this_process(cls) -> Self:
        """The process that asks."""
        host, pid = socket.gethostname(), os.getpid()
        try:
            boot_id, namespace = _BOOT_ID.read_text().strip(), str(_PID_NAMESPACE.readlink())
            return cls(host, pid, boot_id, namespace, int(_read_stat(pid)[_START]))
        except OSError:
            return cls(host, pid)

    @classmethod
    def from_json(cls, values: Any) -> Self | None:
        """What `to_json` gave; None for anything else."""
        with suppress(TypeError):
            return cls(**values)
        return None

    def to_json(self) -> Mapping[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def is_alive(self) -> bool | None:
        """Whether the process lives; None where that cannot be known from here, as of another machine or container."""
        own = self.of_this_process()
        if not own.boot_id or (own.host, own.boot_id, own.pid_namespace) != (
            self.host,
            self.boot_id,
            self.pid_namespace,
        ):
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass  # another user's
        try:
            stat = _read_stat(self.pid)
        except OSError:
            return None  # another user's, hidden by how /proc is mounted
        return stat[_STATE] not in {"Z", "X"} and int(stat[_START]) == self.start_ticks


def _read_stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
