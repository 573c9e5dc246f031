"""What the daily scores of one big day take: `python -m benchmarks.scores.big_day` (12 minutes on two busy cores).

The day has 901 thousand engagements, 5.2 million turns and 3.8 million reviews, the next day newer versions of some.
Each score asset is materialized by Dagster in a process of its own: peaks are of these processes, imports and all.
"""

import json
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import click

from benchmarks.measure import Cost, measure
from benchmarks.sizes import LAST_SCORED_DAY

DAY = LAST_SCORED_DAY - timedelta(days=1)
NAMES = ("answer", "engagement", "agent_daily", "agent_segment_daily", "queue_daily")
_AGENTS, _TURNS, _DAYS = 18_700, 7, 2
_FACTS = "big-day.json"


@click.command()
@click.option("--agents", default=_AGENTS, show_default=True, help="Agents of the day.")
@click.option("--memory-mb", default=600, show_default=True, help="SALTED_SCORE_MEMORY_MB.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path("data/bench"), show_default=True)
def main(agents: int, memory_mb: int, cache: Path) -> None:
    """Make the day in CACHE unless it is there, score it, and print a table."""
    folder = cache.absolute() / f"big-day-{agents}"
    click.echo(f"{prepare(folder, agents)}\n\n| score | CPU s | peak MB |\n|---|---|---|")
    for name in NAMES:
        cost = score(folder, name, memory_mb)
        click.echo(f"| {name} | {cost.cpu_seconds:.1f} | {cost.peak_megabytes:.0f} |")


def prepare(folder: Path, agents: int) -> dict[str, int]:
    """The rows of the input, which is made in a process of its own unless it is there."""
    facts_file = folder / _FACTS
    if not facts_file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        measure(["-m", "benchmarks.scores.big_day", "make", str(folder), str(agents)], folder / "make.log")
    facts: dict[str, int] = json.loads(facts_file.read_text())
    return facts


def score(folder: Path, name: str, memory_mb: int) -> Cost:
    """What a process takes that materializes the score of the day."""
    with tempfile.TemporaryDirectory() as scratch:
        arguments = ["score", str(folder), name, str(memory_mb), DAY.isoformat()]
        return measure(["-m", "benchmarks.scores.big_day", *arguments], Path(scratch, "log"))


def _make(folder: Path, agents: int) -> None:
    from benchmarks.scores.inputs import write_warehouse  # noqa: PLC0415 - the measuring process stays small

    (folder / _FACTS).write_text(json.dumps(write_warehouse(folder, _DAYS, agents, _TURNS)))


def _materialize(folder: str, name: str, memory_mb: int, day: date) -> None:
    import dagster as dg  # noqa: PLC0415 - as above

    from salted_assets.defs.assets.scores import build_score_assets  # noqa: PLC0415
    from salted_assets.defs.io_managers import WarehouseIOManager  # noqa: PLC0415
    from salted_assets.defs.resources import WarehouseResource  # noqa: PLC0415
    from salted_assets.settings import Settings  # noqa: PLC0415

    settings = Settings(start_date=day, warehouse=folder, score_memory_mb=memory_mb)
    warehouse = WarehouseResource(address=folder, simulated=True, timezone="UTC")
    io_manager = WarehouseIOManager(warehouse=warehouse, volume_tolerance=settings.volume_tolerance)
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            build_score_assets(settings),
            selection=[dg.AssetKey(["scores", name])],
            partition_key=day.isoformat(),
            instance=instance,
            resources={"warehouse": warehouse, "io_manager": io_manager},
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", folder, agents]:
            _make(Path(folder), int(agents))
        case ["score", folder, name, memory_mb, day]:
            _materialize(folder, name, int(memory_mb), date.fromisoformat(day))
        case _:
            main()
