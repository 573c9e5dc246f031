"""Wall time, CPU time and peak memory of a command in a process of its own.

The measuring process stays small on purpose: on Linux a child's peak begins at what its parent held when it was
started, so nothing here may load pandas, pyarrow or what is measured.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CALM_LOAD = 0.5
_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


class CommandFailedError(Exception):
    """A command ended with an error; its message holds the end of what it printed."""


@dataclass(frozen=True)
class Cost:
    """What a process cost from start to end, imports included; CPU time is user and system, with its children's."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


def measure(arguments: Sequence[str], log: Path) -> Cost:
    """Run this Python with the arguments, its output to `log`. Raises CommandFailedError.

    What earlier processes left to be written to disk is written first, so that it is not counted here.
    """
    os.sync()
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 - our own modules
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CommandFailedError(
            f"{' '.join(arguments)} ended with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}"
        )
    return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _BYTES_PER_MAXRSS / 1e6)


def describe_load(before: float, after: float) -> str:
    """What else the machine did: the runs themselves bring about two of the load at the end."""
    busy = ". Other work ran beside: CPU time says more than wall time" if before > _CALM_LOAD else ""
    return f"{before:.1f} before the first run, {after:.1f} after the last{busy}"
