"""One way to score days in a process of its own: `python -m benchmarks.scores.ways WAY FOLDER TARGET DAY...`.

What the work cost without imports goes to TARGET as `work.json`, the scores beside it. Every way is a module with
`score_days(folder, target, days)`, which reads the warehouse in FOLDER and leaves its tables below TARGET where a
warehouse has them.
"""

import json
import sys
import time
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from pathlib import Path

WORK_FILE = "work.json"

WAYS = {"sql": "benchmarks.scores.sql", "ours": "benchmarks.scores.ours"}
"""The ways to score a day, which are held against each other."""

WINDOWS = {
    "agent_rolling": "benchmarks.scores.rolling",
    "fair": "benchmarks.scores.fair",
    "agent_question": "benchmarks.scores.questions",
}
"""The scores that windows of a quarter are made into, of the daily scores in FOLDER."""


def main(way: str, folder: Path, target: Path, days: Sequence[date]) -> None:
    """Score the days and note what it took."""
    module = import_module((WAYS | WINDOWS)[way])
    wall, cpu = time.perf_counter(), time.process_time()
    module.score_days(folder, target, days)
    work = {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    (target / WORK_FILE).write_text(json.dumps(work))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), [date.fromisoformat(text) for text in sys.argv[4:]])
