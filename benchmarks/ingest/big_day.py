"""A day's five CSV files through Dagster, and what each table cost: `python -m benchmarks.ingest.big_day FOLDER`.

The figures are those that the platform itself shows: the metadata of the tables' materializations. Landing and loading
are processes of their own, each as a run of the platform is.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from benchmarks.measure import Cost, measure
from benchmarks.sizes import DAY

Facts = Mapping[str, Any]

_COLUMNS = {
    "file_rows": 0,
    "dagster/partition_row_count": 0,
    "parse_seconds": 1,
    "rows_per_second": 0,
    "peak_memory_mb": 0,
}
"""What is shown of a materialization, with its digits."""

_HEADINGS = ("rows", "in the table", "seconds", "rows/s", "peak MB")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--keep", is_flag=True, help="Leave the warehouse and Dagster's records where they are.")
def main(folder: Path, keep: bool) -> None:
    """Land the CSV files of FOLDER as a raw day, materialize its tables, and print what they cost.

    Takes about as much room beside FOLDER as its files, while it runs.
    """
    scratch = Path(tempfile.mkdtemp(prefix="big-day-", dir=folder.absolute().parent))
    try:
        _show(
            "landing",
            measure(["-m", "benchmarks.ingest.land_day", str(folder), str(scratch / "warehouse")], scratch / "log"),
        )
        cost, tables = materialize(scratch)
        _show("loading", cost)
        click.echo(f"{'':<12}" + "".join(f"{heading:>14}" for heading in _HEADINGS))
        for name, facts in tables.items():
            click.echo(
                f"{name:<12}" + "".join(f"{facts[column]:>14,.{digits}f}" for column, digits in _COLUMNS.items())
            )
        click.echo("The peak is that of the one process until the table was done, in the order of the lines.")
    finally:
        if keep:
            click.echo(f"kept: {scratch}")
        else:
            shutil.rmtree(scratch)


def materialize(scratch: Path) -> tuple[Cost, dict[str, Facts]]:
    """Materialize all tables of the day that is landed in `scratch/warehouse`, with Dagster's own command.

    Gives the cost of the process, and each table's metadata in the order in which they were made. Raises
    CommandFailedError.
    """
    home = scratch / "dagster"
    home.mkdir()
    (home / "dagster.yaml").touch()
    # an address that nobody answers at: tables are made from what is landed, without vendor or key
    os.environ |= {
        "SALTED_API_URL": "http://127.0.0.1:9",
        "SALTED_WAREHOUSE": str(scratch / "warehouse"),
        "SALTED_START_DATE": DAY.date().isoformat(),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    command = "-m dagster asset materialize -m salted_assets.definitions --select group:tables --partition"
    return measure([*command.split(), DAY.date().isoformat()], scratch / "log"), _read_metadata(home)


def _read_metadata(home: Path) -> dict[str, Facts]:
    import dagster as dg  # noqa: PLC0415 - see the module's docstring

    found = []
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for key in instance.all_asset_keys():
            event = instance.get_latest_materialization_event(key)
            if event is not None and event.asset_materialization is not None:
                facts = {name: value.value for name, value in event.asset_materialization.metadata.items()}
                found.append((event.timestamp, key.path[-1], facts))
    return {name: facts for _, name, facts in sorted(found, key=lambda one: one[:2])}


def _show(what: str, cost: Cost) -> None:
    click.echo(
        f"{what}: {cost.wall_seconds:.1f} s, CPU {cost.cpu_seconds:.1f} s, peak {cost.peak_megabytes:.0f} MB, "
        "imports included"
    )


if __name__ == "__main__":
    main()
