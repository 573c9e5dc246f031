"""What a small day costs, by part of the work: `python -m benchmarks.running.day_split` (3 minutes on two calm cores).

`salted backfill` takes days of up to 200 engagements through all assets. A sampler in its process tells the data work
(exporting, tables with their checks, scores, the page) from what is spent beyond it: Dagster, and the start of the
process with its imports, once for all its days. The vendor is another process.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.measure import measure
from benchmarks.running.cpu_sampler import DAGSTER, EXPORT, PAGE, SCORES, START, TABLES
from benchmarks.running.small_days import FIRST_DAY, deployed_days, serve_vendor

_WORK = {
    EXPORT: "exporting and landing",
    TABLES: "tables, rejects, checks",
    SCORES: "scores and windows",
    PAGE: "the scorecard",
}
_BEYOND = {DAGSTER: "Dagster", START: "start of the process, imports"}


@dataclass(frozen=True)
class Split:
    """CPU seconds of one process for so many days, altogether and by part of the work."""

    days: int
    cpu_seconds: float
    parts: dict[str, float]

    @property
    def by_day(self) -> dict[str, float]:
        """CPU seconds a day by part; what the samples have missed is shared out as they are."""
        sampled = sum(self.parts.values())
        return {part: seconds / sampled * self.cpu_seconds / self.days for part, seconds in self.parts.items()}

    @property
    def beyond(self) -> float:
        """CPU seconds a day that are no data work."""
        return sum(self.by_day.get(part, 0.0) for part in _BEYOND)


@click.command()
@click.option("--days", default=7, show_default=True, help="Days of each measurement.")
@click.option("--days-per-run", default=7, show_default=True, help="Days that one run takes.")
@click.option("--repeat", default=3, show_default=True, help="Measurements; the one in the middle is shown.")
def main(days: int, days_per_run: int, repeat: int) -> None:
    """Measure, and print the table."""
    before = os.getloadavg()[0]
    split_days(1, 1)  # so that all bytecode is there
    splits = [split_days(days, days_per_run) for _ in range(repeat)]
    for split in splits:
        click.echo(f"{split.cpu_seconds / days:.2f} CPU s a day, {split.beyond:.2f} beyond the data work", err=True)
    load = f"load {before:.1f} before the start, {os.getloadavg()[0]:.1f} at the end"
    click.echo(f"{days} days, {days_per_run} a run; {os.cpu_count()} cores, {load}\n")
    click.echo(render(middle_of(splits)))


def split_days(days: int, days_per_run: int) -> Split:
    """Take the days through all assets, in a new warehouse. Raises CommandFailedError."""
    last = FIRST_DAY + timedelta(days=days - 1)
    with TemporaryDirectory() as name, serve_vendor(Path(name)) as vendor:
        folder = Path(name)
        command = [
            "-m",
            "benchmarks.running.cpu_sampler",
            str(folder / "parts.json"),
            "backfill",
            str(FIRST_DAY),
            str(last),
        ]
        with deployed_days(folder, vendor, days_per_run):
            cost = measure(command, folder / "log")
        return Split(days, cost.cpu_seconds, json.loads((folder / "parts.json").read_text(encoding="utf-8")))


def middle_of(splits: Sequence[Split]) -> Split:
    """The measurement whose CPU beyond the data work is the median, the higher of two."""
    return sorted(splits, key=lambda split: split.beyond)[len(splits) // 2]


def render(split: Split) -> str:
    """The parts as a Markdown table."""
    lines = ["| part | CPU s a day |", "|---|---|"]
    lines += [f"| {title} | {split.by_day.get(part, 0.0):.2f} |" for part, title in (_WORK | _BEYOND).items()]
    lines += [f"| beyond the data work | {split.beyond:.2f} |", f"| all | {split.cpu_seconds / split.days:.2f} |"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
