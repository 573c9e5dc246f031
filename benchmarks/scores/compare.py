"""The command `python -m benchmarks.scores`: a day's scores out of a quarter's exports, our way and by hand in SQL.

Here: which days are scored, the order of runs, whether the ways agree.
"""

import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from benchmarks.measure import Cost, describe_load, measure
from benchmarks.scores.report import Measurements, Result, Scored, Work, render_page, render_results, take_median
from benchmarks.scores.ways import WAYS, WINDOWS, WORK_FILE
from benchmarks.sizes import FACTS_FILE, LAST_SCORED_DAY, SCORED_AGENTS, SCORED_DAYS

LABELS = {"sql": "one SQL script by hand", "ours": "salted_assets"}
SCATTERED_DAYS = 10
END_DAYS = 8
"""Days on which windows of agents end in one run, which shows what each further day costs."""
_SETTLED_DAYS = 12
"""Days after which hardly a row of a day changes in the input: the days before have all their later versions."""


@click.command()
@click.option("--days", default=SCORED_DAYS, show_default=True, help="Days of the input.")
@click.option("--agents", default=SCORED_AGENTS, show_default=True, help="Agents of the input.")
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each way.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path("data/bench"), show_default=True)
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
def main(days: int, agents: int, repeats: int, cache: Path, docs: Path) -> None:
    """Measure the scoring of days and of windows, and write benchmark_scores.md below DOCS.

    The input and the daily scores of windows are made once and kept in CACHE: for a quarter of 2,000 agents some 5 GB,
    4 minutes, and 15 minutes. What is broken off goes on where it was.
    """
    folder = cache.absolute() / f"scores-{days}-{agents}"
    load_before = os.getloadavg()[0]
    facts = prepare_input(folder, days, agents)
    newest = LAST_SCORED_DAY - timedelta(days=1)
    runs = compare_ways(folder, newest, repeats)
    results = [take_median("one day with turns", LABELS[way], scored) for way, scored in runs.items()]
    results += measure_scattered(folder, choose_scattered(days), repeats)
    score_quarter(folder)
    results += measure_windows(folder, repeats)
    command = shlex.join(
        [
            "python",
            "-m",
            "benchmarks.scores",
            "--days",
            str(days),
            "--agents",
            str(agents),
            "--repeats",
            str(repeats),
        ]
    )
    load = describe_load(load_before, os.getloadavg()[0])
    measurements = Measurements(tuple(results), facts, command, datetime.now(UTC).date().isoformat(), load)
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "benchmark_scores.md").write_text(render_page(measurements))
    click.echo(render_results(results))


def prepare_input(folder: Path, day_count: int, agent_count: int) -> dict[str, int]:
    """Make the input unless it is there; gives what it holds (see `scores_inputs`)."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FACTS_FILE).exists():
        click.echo(f"making {day_count} days of {agent_count} agents in {folder}")
    sizes = ["--days", str(day_count), "--agents", str(agent_count)]
    measure(["-m", "benchmarks.scores.inputs", str(folder), *sizes], folder / "inputs.log")
    facts: dict[str, int] = json.loads((folder / FACTS_FILE).read_text())
    return facts


def compare_ways(folder: Path, day: date, repeats: int) -> dict[str, list[Scored]]:
    """Score a day by all ways, which take turns; every repeat begins with another way.

    Raises CommandFailedError if a way fails, or if its scores are not those of ours.
    """
    order = tuple(WAYS)
    runs: dict[str, list[Scored]] = {way: [] for way in order}
    for repeat in range(repeats):
        first = repeat % len(order)
        with tempfile.TemporaryDirectory(prefix="run-", dir=folder.parent) as scratch:
            for way in (*order[first:], *order[:first]):
                runs[way].append(run_way(way, folder, Path(scratch, way), [day]))
                _tell(f"{repeat + 1}/{repeats} {way}", runs[way][-1])
            targets = [str(Path(scratch, way)) for way in WAYS]
            measure(["-m", "benchmarks.scores.equal", *targets, day.isoformat()], Path(scratch, "equal.log"))
    return runs


def measure_scattered(folder: Path, days: Sequence[date], repeats: int) -> list[Result]:
    """Our way over days one by one, their costs added up, and over all of them in one process."""
    single: list[Scored] = []
    whole: list[Scored] = []
    for repeat in range(repeats):
        each = [_run_away("ours", folder, [day]) for day in days]
        single.append(_added(each))
        whole.append(_run_away("ours", folder, days))
        _tell(f"{repeat + 1}/{repeats} {len(days)} scattered days, a process each", single[-1])
        _tell(f"{repeat + 1}/{repeats} {len(days)} scattered days, one process", whole[-1])
    task = f"{len(days)} scattered days"
    return [
        take_median(task, f"{LABELS['ours']}, a process each", single),
        take_median(task, f"{LABELS['ours']}, one process", whole),
    ]


def score_quarter(folder: Path) -> None:
    """Make the daily scores that are not there yet (see `scores_windows`)."""
    click.echo(f"scoring those days of {folder} that have no scores")
    measure(["-m", "benchmarks.scores.windows", str(folder)], folder / "windows.log")


def measure_windows(folder: Path, repeats: int) -> list[Result]:
    """Our way to make the windows that end on the last day, and of agents those that end on the last days."""
    last_days = [LAST_SCORED_DAY - timedelta(days=back) for back in reversed(range(END_DAYS))]
    tasks = {f"{name} of the last day": (name, last_days[-1:]) for name in WINDOWS}
    tasks[f"agent_rolling of the last {END_DAYS} days"] = ("agent_rolling", last_days)
    results = []
    for task, (name, days) in tasks.items():
        runs = [_run_away(name, folder, days) for _ in range(repeats)]
        _tell(task, runs[-1])
        results.append(take_median(task, LABELS["ours"], runs))
    return results


def choose_scattered(day_count: int) -> list[date]:
    """Up to ten days, spread over those that have all their later versions; of a short input, its first day."""
    first = LAST_SCORED_DAY - timedelta(days=day_count - 1)
    settled = max(1, day_count - _SETTLED_DAYS)
    count = min(SCATTERED_DAYS, settled)
    return [first + timedelta(days=number * settled // count) for number in range(count)]


def run_way(way: str, folder: Path, target: Path, days: Sequence[date]) -> Scored:
    """What one process cost that scores the days into TARGET."""
    target.mkdir()
    texts = [day.isoformat() for day in days]
    cost = measure(["-m", "benchmarks.scores.ways", way, str(folder), str(target), *texts], target / "run.log")
    return Scored(cost, Work(**json.loads((target / WORK_FILE).read_text())))


def _run_away(way: str, folder: Path, days: Sequence[date]) -> Scored:
    """As `run_way`, and what was scored is thrown away."""
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=folder.parent))
    try:
        return run_way(way, folder, scratch / way, days)
    finally:
        shutil.rmtree(scratch)


def _added(runs: Sequence[Scored]) -> Scored:
    """Times added up, and the highest peak."""
    return Scored(
        Cost(
            sum(run.cost.wall_seconds for run in runs),
            sum(run.cost.cpu_seconds for run in runs),
            max(run.cost.peak_megabytes for run in runs),
        ),
        Work(sum(run.work.wall_seconds for run in runs), sum(run.work.cpu_seconds for run in runs)),
    )


def _tell(what: str, scored: Scored) -> None:
    work, cost = scored.work, scored.cost
    click.echo(
        f"{what}: {work.wall_seconds:.1f} s, CPU {work.cpu_seconds:.1f} s, whole process CPU {cost.cpu_seconds:.1f} s, "
        f"{cost.peak_megabytes:.0f} MB"
    )
