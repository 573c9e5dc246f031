"""One way over one day in a process of its own: `python -m benchmarks.ingest.one_way WAY SOURCE TARGET`.

What was loaded goes to TARGET as `loaded.json`, so that nothing that a library prints is in the way.
"""

import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.ingest.plan import read_plan
from benchmarks.sizes import PLAN_FILE

LOADED_FILE = "loaded.json"


def main(way: str, source: Path, target: Path) -> None:
    """Load the day and note what came of it."""
    module = import_module(f"benchmarks.ingest.ways.{way}")
    loaded = module.load(read_plan(source / PLAN_FILE), source, target)
    (target / LOADED_FILE).write_text(json.dumps([asdict(one) for one in loaded]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
