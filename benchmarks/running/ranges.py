"""What a range of the demo's days costs: `python -m benchmarks.running.ranges` (10 minutes on two calm cores).

`salted backfill` of the range from nothing, the same again, and `salted restate` of it, each a process of its own whose
start counts. The vendor is the built-in simulator, which is part of the process.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from benchmarks.measure import Cost, measure
from benchmarks.running.small_days import FIRST_DAY, surroundings

_WORK = (("backfill", "from nothing"), ("backfill", "the same again"), ("restate", "from the tables"))
_HEAD = "| command | what | days | wall s | CPU s | peak MB |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Spent:
    """What a command cost over so many days."""

    command: str
    what: str
    days: int
    cost: Cost


@click.command()
@click.option("--days", default=91, show_default=True, help="Days of the range.")
def main(days: int) -> None:
    """Measure, and print the table."""
    load = os.getloadavg()[0]
    click.echo(f"{os.cpu_count()} cores, load {load:.1f} before the start\n\n{_HEAD}")
    for spent in time_commands(days):
        click.echo(render(spent))
    click.echo(f"\nload {os.getloadavg()[0]:.1f} at the end")


def time_commands(days: int) -> Iterator[Spent]:
    """Take the range through the commands in turn, in a new folder. Raises CommandFailedError."""
    last = FIRST_DAY + timedelta(days=days - 1)
    with surroundings({}):
        for command, what in _WORK:
            arguments = ["-m", "salted_assets", command, str(FIRST_DAY), str(last)]
            yield Spent(command, what, days, measure(arguments, Path("log")))


def render(spent: Spent) -> str:
    """A line of the table, in Markdown."""
    cost = spent.cost
    return (
        f"| `salted {spent.command}` | {spent.what} | {spent.days} | {cost.wall_seconds:.1f} | {cost.cpu_seconds:.1f} "
        f"| {cost.peak_megabytes:.0f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
