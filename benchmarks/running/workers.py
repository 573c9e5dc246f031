"""What many workers and larger runs gain: `python -m benchmarks.running.workers` (about 12 minutes on two calm cores).

Two questions. How long do one and two Celery workers, over Postgres and Redis as in deploy/, take for days whose
exports wait at the vendor, and for parsing the same days again, which needs no vendor? And what does a day cost by
`salted backfill`, for each number of days that one run takes?
"""

import os
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.deployment.deployment import DEPLOY, Deployment, deployment, quick, read_config
from benchmarks.deployment.postgres_server import PostgresServer, running_postgres
from benchmarks.deployment.redis_server import RedisServer, running_redis
from benchmarks.deployment.waiting import wait_until
from benchmarks.measure import CommandFailedError, measure
from benchmarks.running.small_days import AGENTS, ENGAGEMENTS_EACH, FIRST_DAY, deployed_days, serve_vendor, settings_of
from salted_assets.schemas import DATASET_MODELS

WORKERS_HEAD = "| done by | days | wall s per day | CPU s per day | peak MB of a worker |\n|---|---|---|---|---|"
CHUNKS_HEAD = (
    "| days per run | days | wall s per day | CPU s per day | peak MB | CPU min of 365 days (extrapolated) |\n"
    "|---|---|---|---|---|---|"
)
TABLES = [f"tables/{dataset}" for dataset in DATASET_MODELS]
_WORKER = "worker-"
"""What the names of the workers' processes begin with."""
_DAYS_PER_YEAR = 365
_FEWEST_DAYS = 10
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LONGEST_SECONDS = 1800
# where utime, stime and those of ended children stand in /proc/<pid>/stat after the name of the program
_SESSION, _TIMES = 3, slice(11, 15)


@dataclass(frozen=True)
class Spent:
    """What a number of days took: wall seconds, CPU seconds, the largest memory of one process that executed runs."""

    what: str
    days: int
    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


@click.command()
@click.option("--days", default=30, show_default=True, help="Days of each measurement, at most.")
@click.option("--export-seconds", default=2.0, show_default=True, help="How long the vendor takes for an export.")
@click.option("--workers", default="1,2", show_default=True, help="Numbers of Celery workers; empty for none.")
@click.option(
    "--chunks", default="1,7,30", show_default=True, help="Days per run of `salted backfill`; empty for none."
)
@click.option("--days-per-run", default=5, show_default=True, help="Days that one run takes where workers share them.")
def main(days: int, export_seconds: float, workers: str, chunks: str, days_per_run: int) -> None:
    """Measure, and print the two tables."""
    load = os.getloadavg()[0]
    click.echo(f"{os.cpu_count()} cores, load {load:.1f} before the start; a day has up to {AGENTS * ENGAGEMENTS_EACH}")
    click.echo("engagements; exports go one at a time.\n")
    if workers:
        with running_postgres() as postgres, running_redis() as redis:
            click.echo(WORKERS_HEAD)
            for count in _numbers(workers):
                for spent in time_workers(postgres, redis, count, days, export_seconds, days_per_run):
                    click.echo(render_workers(spent))
    if chunks:
        click.echo(f"\n{CHUNKS_HEAD}")
        for size in _numbers(chunks):
            click.echo(render_chunks(time_backfill(size, min(days, max(_FEWEST_DAYS, 2 * size)))))


def time_workers(  # noqa: PLR0917 - two servers and four numbers, each named where it is given
    postgres: PostgresServer, redis: RedisServer, count: int, days: int, export_seconds: float, days_per_run: int
) -> Iterator[Spent]:
    """Export and parse the days by so many workers, then parse them again; each from the first run's start to the end.

    Raises CommandFailedError with what the processes said where a backfill fails.
    """
    with TemporaryDirectory() as folder, serve_vendor(Path(folder), export_seconds) as vendor:
        settings = settings_of(vendor) | {"SALTED_PARTITIONS_PER_RUN": str(days_per_run)}
        servers = {**postgres.create_database(f"{count} workers"), **redis.environment()}
        with deployed_workers(Path(folder, "deployed"), servers, settings, count) as deployed:
            title = f"{count} worker{'s' if count > 1 else ''}"
            first = f"{title}, exports of {export_seconds:g} s"
            yield time_shared_backfill(deployed, first, ["raw/export", *TABLES], days)
            yield time_shared_backfill(deployed, f"{title}, parsed again", TABLES, days)


@contextmanager
def deployed_workers(
    folder: Path, servers: Mapping[str, str], settings: Mapping[str, str], count: int
) -> Iterator[Deployment]:
    """So many Celery workers with code server, web server and daemon; `servers` says where Postgres and Redis are."""
    config = quick(read_config("dagster.yaml", "parts/launcher-celery.yaml"))
    config["concurrency"]["runs"]["max_concurrent_runs"] = count
    with deployment(folder, config, servers) as deployed:
        for name in [f"{_WORKER}{number}" for number in range(1, count + 1)]:
            command = ("celery", "-A", "dagster_celery.app", "worker", "-Q", "dagster", "--concurrency=1")
            deployed.start(name, *command, "-n", f"{name}@%h", PYTHONPATH=str(DEPLOY / "celery"), **settings)
        deployed.serve_code({"salted_assets": settings})
        deployed.serve_ui()
        yield deployed


def time_backfill(days_per_run: int, days: int) -> Spent:
    """All assets of the days by `salted backfill` in one process, from a vendor that answers at once."""
    with TemporaryDirectory() as folder, serve_vendor(Path(folder)) as vendor:
        last = FIRST_DAY + timedelta(days=days - 1)
        with deployed_days(Path(folder), vendor, days_per_run):
            command = ["-m", "salted_assets", "backfill", FIRST_DAY.isoformat(), last.isoformat()]
            cost = measure(command, Path(folder, "log"))
    return Spent(str(days_per_run), days, cost.wall_seconds, cost.cpu_seconds, cost.peak_megabytes)


def render_workers(spent: Spent) -> str:
    """A line of the table of workers, in Markdown."""
    return (
        f"| {spent.what} | {spent.days} | {spent.wall_seconds / spent.days:.1f} "
        f"| {spent.cpu_seconds / spent.days:.1f} | {spent.peak_megabytes:.0f} |"
    )


def render_chunks(spent: Spent) -> str:
    """A line of the table of days per run, in Markdown, with a year by arithmetic."""
    return (
        f"| {spent.what} | {spent.days} | {spent.wall_seconds / spent.days:.1f} "
        f"| {spent.cpu_seconds / spent.days:.1f} | {spent.peak_megabytes:.0f} "
        f"| {spent.cpu_seconds / spent.days * _DAYS_PER_YEAR / 60:.0f} |"
    )


def time_shared_backfill(deployed: Deployment, what: str, keys: Sequence[str], days: int) -> Spent:
    """A backfill of the days that the workers share, from the first run's start to the last one's end.

    Raises CommandFailedError with what the processes said where it fails.
    """
    workers = [name for name in deployed.processes if name.startswith(_WORKER)]
    known = {run["runId"] for run in deployed.runs()}
    before = _cpu_seconds(deployed)
    chosen = [(FIRST_DAY + timedelta(days=n)).isoformat() for n in range(days)]
    ended = deployed.wait_for_backfill(deployed.backfill(keys, chosen), seconds=_LONGEST_SECONDS)
    # the backfill is done when its days are, which may be before the last run has said that it is
    runs = wait_until(lambda: _list_ended(deployed, known), "the last run", logs=deployed.logs())
    spent = _cpu_seconds(deployed) - before
    if ended != "COMPLETED_SUCCESS":
        raise CommandFailedError(f"{what}: the backfill ended as {ended}\n{deployed.said()}")
    wall_seconds = max(run["endTime"] for run in runs) - min(run["startTime"] for run in runs)
    peak = max(_peak_megabytes(pid) for name in workers for pid in _processes_of(deployed.processes[name].pid))
    return Spent(what, days, wall_seconds, spent, peak)


def _list_ended(deployed: Deployment, known: Container[str]) -> list[dict[str, Any]] | None:
    """The runs that are not among the known ones; None while one of them goes on."""
    runs = [run for run in deployed.runs() if run["runId"] not in known]
    return runs if runs and all(run["startTime"] and run["endTime"] for run in runs) else None


def _cpu_seconds(deployed: Deployment) -> float:
    """What all processes of the deployment have spent until now, with their children that ended."""
    pids = [pid for process in deployed.processes.values() for pid in _processes_of(process.pid)]
    return sum(sum(map(int, _stat_of(pid)[_TIMES])) for pid in pids) / _TICKS_PER_SECOND


def _processes_of(session: int) -> list[int]:
    """The processes of a session, that is, what one started program has started itself."""
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in found if (stat := _stat_of(pid)) and int(stat[_SESSION]) == session]


def _stat_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _peak_megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return max((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM")), default=0.0)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
