"""The command `salted athena`."""

import click

from salted_assets.cli.options import load_settings
from salted_assets.output.catalog import build_athena_statements


@click.command()
@click.option("--database", default="salted", show_default=True, help="Database of Glue that the tables go to.")
@click.option(
    "--location", metavar="S3_ADDRESS", help="Where the warehouse is on S3; by default where the settings say."
)
def athena(database: str, location: str | None) -> None:
    """Print the statements by which Athena reads the tables, rejects and scores on S3.

    They change no file.
    """
    if not database.replace("_", "").isalnum():
        raise click.UsageError("--database: write letters, digits and underscores")
    settings = load_settings()
    try:
        statements = list(build_athena_statements(location or settings.warehouse, database, settings.start_date))
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo("\n\n".join(statements))
