"""What was measured as tables, for the terminal and for `docs/benchmark.md`."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from statistics import median

from benchmarks.ingest.ways import OURS, Way
from benchmarks.measure import Cost

_PACKAGES = ("pandas", "pandera", "pyarrow", "duckdb", "polars", "dlt")
_HEADER = ("size", "way", "wall s", "CPU s", "peak MB", "wall ratio", "CPU ratio", "memory ratio")

_PAGE = """\
# Benchmark

One simulated day from its five CSV files on local disk to typed, checked, key-unique zstd Parquet.

![Wall time and peak memory against the size of the day](images/benchmark.svg)

{table}

Ratios are to `{ours}` on the same size: 2.00 means twice as much. Each figure is a median; runs of each way: \
{run_count}. Each run is a process of its own, imports included, and the ways take turns. CPU is user and system time. \
On the smallest size most of it is imports.

| size | CSV MB | engagements | turns | reviews |
|---|---|---|---|---|
{sizes}

- **Command**: `{command}`, {date}
- **Machine**: {machine}
- **Load**: {load}
- **Versions**: {versions}
{skipped}
All ways parse to the same types, write all columns, try the same rules on every row (ranges, known values, keys that \
are there, order of times, scores within their scale) and look for repeated keys; every run is refused unless all ways \
find the same rows. `{ours}` does more in its time: it accounts for every record, could send bad cells and records to \
rejects where the others fail as a whole, checks references between turns and that the turns of an engagement agree on \
its start, and notes which days the rows touch. Not in the time of any: decompression of raw files, flushing to disk, \
the orchestrator. All write zstd at level 1.
"""


@dataclass(frozen=True)
class Result:
    """The median cost of one way on one size, and the number of runs behind it."""

    size: str
    way: Way
    cost: Cost
    run_count: int


@dataclass(frozen=True)
class Measurements:
    """All results, by size and in the order of the ways, what each size holds, and how they came about."""

    results: tuple[Result, ...]
    holdings: Mapping[str, Mapping[str, int]]
    command: str
    date: str
    skipped: tuple[str, ...]
    load: str


def take_medians(size: str, costs: Mapping[Way, Sequence[Cost]]) -> list[Result]:
    """The median of wall time, CPU time and peak memory of each way, each taken by itself."""
    return [
        Result(
            size,
            way,
            Cost(
                median(cost.wall_seconds for cost in runs),
                median(cost.cpu_seconds for cost in runs),
                median(cost.peak_megabytes for cost in runs),
            ),
            len(runs),
        )
        for way, runs in costs.items()
    ]


def render_page(measurements: Measurements) -> str:
    """The page for the docs. Raises ValueError without results."""
    if not measurements.results:
        raise ValueError("nothing was measured")
    return _PAGE.format(
        table=render_table(measurements.results),
        ours=OURS.label,
        run_count=measurements.results[0].run_count,
        sizes="\n".join(_holding_row(size, holding) for size, holding in measurements.holdings.items()),
        command=measurements.command,
        date=measurements.date,
        machine=describe_machine(),
        load=measurements.load,
        versions=", ".join(_versions(result.way for result in measurements.results)),
        skipped="".join(f"- **Skipped**: {line}\n" for line in measurements.skipped),
    )


def render_table(results: Iterable[Result]) -> str:
    """The results as a Markdown table, which reads well in a terminal too; ratios are to our way on the same size."""
    rows: list[tuple[str, ...]] = [_HEADER]
    for _, of_size in groupby(results, key=lambda result: result.size):
        group = list(of_size)
        ours = next(result.cost for result in group if result.way == OURS)
        rows += [_result_row(result, ours) for result in group]
    return render_rows(rows)


def render_rows(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of cells as a Markdown table with aligned columns, the first row being its header."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def describe_machine() -> str:
    """Processor, cores, memory, system and Python, in a line."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory_gb:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def _result_row(result: Result, ours: Cost) -> tuple[str, ...]:
    cost = result.cost
    return (
        result.size,
        f"**{result.way.label}**" if result.way == OURS else result.way.label,
        f"{cost.wall_seconds:.1f}",
        f"{cost.cpu_seconds:.1f}",
        f"{cost.peak_megabytes:.0f}",
        f"{cost.wall_seconds / ours.wall_seconds:.2f}",
        f"{cost.cpu_seconds / ours.cpu_seconds:.2f}",
        f"{cost.peak_megabytes / ours.peak_megabytes:.2f}",
    )


def _holding_row(size: str, holding: Mapping[str, int]) -> str:
    counts = (f"{holding[name]:,}" for name in ("engagement", "turn", "review"))
    return f"| {size} | {holding['byte_count'] / 1e6:,.0f} | {' | '.join(counts)} |"


def _versions(ways: Iterable[Way]) -> list[str]:
    peers = {way.package for way in ways}
    needed = {"pandas", "pandera", "pyarrow", *peers}
    return [f"{name} {version(name)}" for name in _PACKAGES if name in needed]


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
