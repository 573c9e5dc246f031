"""What scoring cost as tables, for the terminal and for `docs/benchmark_scores.md`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from statistics import median

from benchmarks.ingest.report import describe_machine, render_rows
from benchmarks.measure import Cost

_PACKAGES = ("duckdb", "pandas", "pyarrow")
_HEADER = ("what", "way", "wall s", "CPU s", "process CPU s", "peak MB", "wall ratio", "CPU ratio")

_PAGE = """\
# Benchmark of scores

`scores/agent_daily` of a day, out of {day_count} days of exports in which rows of each day come again, changed, for \
up to ten days.

{table}

Ratios are to the first line of the same work: 2.00 means twice as much. Wall and CPU are of the work alone, process \
CPU with imports. Each figure is a median; runs of each way: {run_count}. Each run is a process of its own, and the \
ways take turns.

- **Input**: {agent_count:,} agents, {engagement:,} engagements, {review:,} reviews, {turn:,} turns (of the last two \
days alone), {megabytes:,.0f} MB of Parquet
- **Command**: `{command}`, {date}
- **Machine**: {machine}
- **Load**: {load}
- **Versions**: {versions}

Both ways find the newest version of every row in the same files, and a run is refused unless they agree on every \
column that others rely on. The script by hand gives these columns and keeps nothing else. `salted_assets` writes \
`scores/answer` and `scores/engagement` in its time, gives every column of `scores/agent_daily`, and finds rows also \
where the start of an engagement was corrected. Windows are made of the daily scores of up to {day_count} days.
"""


@dataclass(frozen=True)
class Work:
    """What scoring took, without imports."""

    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Scored:
    """One run: its process and the work in it."""

    cost: Cost
    work: Work


@dataclass(frozen=True)
class Result:
    """The medians of one way to do some work, and the number of runs behind them."""

    task: str
    way: str
    scored: Scored
    run_count: int


@dataclass(frozen=True)
class Measurements:
    """All results in order, what the input holds, and how they came about."""

    results: tuple[Result, ...]
    facts: Mapping[str, int]
    command: str
    date: str
    load: str


def take_median(task: str, way: str, runs: Sequence[Scored]) -> Result:
    """The median of each figure by itself. Raises StatisticsError without runs."""
    return Result(
        task,
        way,
        Scored(
            Cost(
                median(run.cost.wall_seconds for run in runs),
                median(run.cost.cpu_seconds for run in runs),
                median(run.cost.peak_megabytes for run in runs),
            ),
            Work(median(run.work.wall_seconds for run in runs), median(run.work.cpu_seconds for run in runs)),
        ),
        len(runs),
    )


def render_page(measurements: Measurements) -> str:
    """The page for the docs. Raises IndexError without results."""
    return _PAGE.format(
        **measurements.facts,
        table=render_results(measurements.results),
        run_count=measurements.results[0].run_count,
        megabytes=measurements.facts["byte_count"] / 1e6,
        command=measurements.command,
        date=measurements.date,
        load=measurements.load,
        machine=describe_machine(),
        versions=", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    )


def render_results(results: Sequence[Result]) -> str:
    """The results as a Markdown table; ratios are to the first result of the same work."""
    rows: list[tuple[str, ...]] = [_HEADER]
    for _, of_task in groupby(results, key=lambda result: result.task):
        group = list(of_task)
        rows += [_result_row(result, group[0].scored.work) for result in group]
    return render_rows(rows)


def _result_row(result: Result, base: Work) -> tuple[str, ...]:
    work, cost = result.scored.work, result.scored.cost
    return (
        result.task,
        result.way,
        f"{work.wall_seconds:.1f}",
        f"{work.cpu_seconds:.1f}",
        f"{cost.cpu_seconds:.1f}",
        f"{cost.peak_megabytes:.0f}",
        f"{work.wall_seconds / base.wall_seconds:.2f}",
        f"{work.cpu_seconds / base.cpu_seconds:.2f}",
    )
