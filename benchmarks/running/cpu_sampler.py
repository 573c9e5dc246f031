"""Where a command of ours spends its CPU: `python -m benchmarks.running.cpu_sampler FILE ARGUMENTS` runs `salted ...`.

Every few milliseconds of CPU, of all threads, the main thread's stack is looked at, and the CPU since the last look is
put down to one part of the work; at the end the seconds of each go to FILE as JSON. The innermost function decides that
belongs to a part: SQLite under Dagster is Dagster's, DuckDB under a score is the score's. What only serves Dagster,
wherever it is written, counts as Dagster's. Nothing is imported here that the program would not import by itself: what
is measured is also the start.
"""

import json
import runpy
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

START, DAGSTER, EXPORT, TABLES, SCORES, PAGE = "start", "dagster", "export", "tables", "scores", "page"

_MODULES = {
    "importlib._bootstrap": START,
    "importlib._bootstrap_external": START,
    "dagster": DAGSTER,
    "dagster_shared": DAGSTER,
    "salted_assets.salted_cx": EXPORT,
    "salted_assets.landing": EXPORT,
    "salted_assets.ingest": TABLES,
    "salted_assets.scoring": SCORES,
    "salted_assets.scoring.stats": SCORES,
    "salted_assets.history.restatement": SCORES,
    "salted_assets.output.scorecard": PAGE,
    "salted_assets.defs.assets.report": PAGE,
}
"""By module, or a package above it, the part that it belongs to; what is not here counts as its caller's."""

_FUNCTIONS = {
    ("salted_assets.defs.day_files", "DayWriter.write_table"): TABLES,
    ("salted_assets.defs.day_files", "DayWriter.write_scores"): SCORES,
    ("salted_assets.defs.io_managers", "WarehouseIOManager._write_table"): TABLES,
    ("salted_assets.defs.io_managers", "WarehouseIOManager._write_score"): SCORES,
    ("salted_assets.defs.io_managers", "_compute_each"): SCORES,
}
"""What serves tables and scores alike, from where it is plain which: the last is what is left, asking for inputs."""

_INTERVAL_SECONDS = 0.004


class Sampler:
    """CPU seconds by part of the work, from the first import of the process to now."""

    def __init__(self) -> None:
        """Put what the process has spent until now down to its start."""
        self._now = time.process_time()
        self._seconds: dict[str, float] = defaultdict(float, {START: self._now})
        self._parts: dict[tuple[str, str], str | None] = {}

    def run(self) -> None:
        """Look from now on."""
        signal.signal(signal.SIGPROF, lambda _, frame: self.look(frame))
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_SECONDS, _INTERVAL_SECONDS)

    def stop(self) -> dict[str, float]:
        """Look no more; gives the seconds."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        return {part: round(seconds, 3) for part, seconds in self._seconds.items()}

    def look(self, frame: FrameType | None) -> None:
        """Put the CPU since the last look down to what is running; a start where nothing else is."""
        before, self._now = self._now, time.process_time()
        parts = (self._part_of(each) for each in _outwards(frame))
        self._seconds[next(filter(None, parts), START)] += self._now - before

    def _part_of(self, frame: FrameType) -> str | None:
        key = (str(frame.f_globals.get("__name__", "")), frame.f_code.co_qualname)
        if key not in self._parts:
            self._parts[key] = part_of(*key)
        return self._parts[key]


def part_of(module: str, function: str) -> str | None:
    """The part of the work that a function belongs to; None where that is for its caller to say."""
    if (module, function) in _FUNCTIONS:
        return _FUNCTIONS[module, function]
    names = module.split(".")
    above = (".".join(names[:count]) for count in range(len(names), 0, -1))
    return next((_MODULES[name] for name in above if name in _MODULES), None)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def main() -> None:
    """Run the command line under a sampler."""
    target, sys.argv = Path(sys.argv[1]), ["salted", *sys.argv[2:]]
    sampler = Sampler()
    sampler.run()
    try:
        runpy.run_module("salted_assets", run_name="__main__")
    finally:
        target.write_text(json.dumps(sampler.stop()), encoding="utf-8")


if __name__ == "__main__":
    main()
