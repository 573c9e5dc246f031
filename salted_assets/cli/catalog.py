"""The command `salted catalog`."""

from pathlib import Path

import click

from salted_assets.cli.options import load_settings, open_warehouse
from salted_assets.output.catalog import write_catalog
from salted_assets.warehouse import WarehouseError


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write it; by default catalog.duckdb in the warehouse, or data/catalog.duckdb for one on S3.",
)
def catalog(output: Path | None) -> None:
    """Write one DuckDB file of views over all tables and scores.

    It holds no data and shows new days by itself.
    """
    settings = load_settings()
    try:
        written = write_catalog(open_warehouse(settings), output)
    except (WarehouseError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{written.view_count} views{' of simulated data' if settings.simulated else ''} in {written.path}")
