"""The command `python -m benchmarks.ingest`: a day's CSV files to checked Parquet, our way and others.

Here: the order of runs, and where results go.
"""

import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks.ingest.one_way import LOADED_FILE
from benchmarks.ingest.picture import draw_picture
from benchmarks.ingest.report import Measurements, Result, render_page, render_table, take_medians
from benchmarks.ingest.ways import WAYS, Way
from benchmarks.measure import Cost, describe_load, measure
from benchmarks.sizes import AGENT_COUNTS, FACTS_FILE


class UnequalWorkError(Exception):
    """Two ways did not find the same rows, so that their costs cannot be compared."""


@click.command()
@click.option("--sizes", default="S", show_default=True, help=f"Comma-separated, of {', '.join(AGENT_COUNTS)}.")
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each way.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path("data/bench"), show_default=True)
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
def main(sizes: str, repeats: int, cache: Path, docs: Path) -> None:
    """Measure each way on each size and write benchmark.md and images/benchmark.svg below DOCS.

    The input is made once and kept in CACHE: 20 MB for S, 0.8 GB for M, 4 GB for L.
    """
    chosen = sizes.split(",")
    if strangers := sorted(set(chosen) - AGENT_COUNTS.keys()):
        raise click.BadParameter(f"{', '.join(strangers)}: not among {', '.join(AGENT_COUNTS)}", param_hint="--sizes")
    ways = [way for way in WAYS if way.is_installed]
    skipped = tuple(f"{way.label}: {way.package} is not installed" for way in WAYS if way not in ways)
    for line in skipped:
        click.echo(f"skipped {line}")
    load_before = os.getloadavg()[0]
    results: list[Result] = []
    holdings = {}
    for size in chosen:
        source = cache.absolute() / size
        holdings[size] = prepare_input(AGENT_COUNTS[size], source)
        results += take_medians(size, measure_ways(ways, source, repeats))
    command = shlex.join(["python", "-m", "benchmarks.ingest", "--sizes", sizes, "--repeats", str(repeats)])
    date = datetime.now(UTC).date().isoformat()
    load = describe_load(load_before, os.getloadavg()[0])
    measurements = Measurements(tuple(results), holdings, command, date, skipped, load)
    _write_docs(measurements, docs)
    click.echo(render_table(results))


def prepare_input(agent_count: int, source: Path) -> dict[str, int]:
    """Make the input unless it is there; gives the rows of each dataset, and their bytes in all as `byte_count`."""
    source.mkdir(parents=True, exist_ok=True)
    if not (source / FACTS_FILE).exists():
        click.echo(f"making the day of {agent_count} agents in {source}")
    measure(["-m", "benchmarks.ingest.inputs", str(agent_count), str(source)], source / "inputs.log")
    facts: dict[str, int] = json.loads((source / FACTS_FILE).read_text())
    return facts


def measure_ways(ways: Sequence[Way], source: Path, repeats: int) -> dict[Way, list[Cost]]:
    """The costs of each way, which take turns; every repeat begins with another way.

    Raises UnequalWorkError if two ways find different numbers of rows, CommandFailedError if one fails.
    """
    costs: dict[Way, list[Cost]] = {way: [] for way in ways}
    row_counts: dict[str, int] = {}
    for repeat in range(repeats):
        first = repeat % len(ways)
        for way in (*ways[first:], *ways[:first]):
            cost, found = run_way(way, source)
            row_counts = row_counts or found
            if found != row_counts:
                raise UnequalWorkError(f"{way.label} found the rows {found}, another way {row_counts}")
            costs[way].append(cost)
            click.echo(
                f"{source.name} {repeat + 1}/{repeats} {way.name}: {cost.wall_seconds:.1f} s, "
                f"CPU {cost.cpu_seconds:.1f} s, {cost.peak_megabytes:.0f} MB"
            )
    return costs


def run_way(way: Way, source: Path) -> tuple[Cost, dict[str, int]]:
    """What one run cost, and the rows of each dataset that it found; its files are removed."""
    target = Path(tempfile.mkdtemp(prefix="run-", dir=source.parent))
    try:
        cost = measure(["-m", "benchmarks.ingest.one_way", way.name, str(source), str(target)], target / "run.log")
        loaded = json.loads((target / LOADED_FILE).read_text())
    finally:
        shutil.rmtree(target)
    return cost, {one["dataset"]: one["row_count"] for one in loaded}


def _write_docs(measurements: Measurements, docs: Path) -> None:
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    (docs / "benchmark.md").write_text(render_page(measurements))
    megabytes = {size: holding["byte_count"] / 1e6 for size, holding in measurements.holdings.items()}
    (images / "benchmark.svg").write_text(draw_picture(measurements.results, megabytes))
