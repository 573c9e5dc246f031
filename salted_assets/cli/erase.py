"""The command `salted erase`."""

import sys
from typing import BinaryIO

import click

from salted_assets.cli.interrupts import Interrupted
from salted_assets.cli.options import load_settings, open_warehouse, show_days
from salted_assets.landing import LandingError
from salted_assets.privacy import Erasure, ErasureError, clean_pids, parse_pids
from salted_assets.warehouse import WarehouseError


@click.command()
@click.option("--contact-pid", "pids", multiple=True, metavar="PID", help="A customer's ID in `tables/customer`.")
@click.option(
    "--pids-from",
    type=click.File("rb"),
    metavar="FILE",
    help="Read such IDs from a file, one a line, `-` for standard input: so that none stands in the shell's history.",
)
@click.option("--again", is_flag=True, help="Erase once more what was erased before, wherever it has come back.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
def erase(pids: tuple[str, ...], pids_from: BinaryIO | None, *, again: bool, dry_run: bool) -> None:
    """Erase customers from everything that is stored, for good.

    That is raw files, tables, rejects, scores, reports and contact exports. Run it while no other run writes to the
    warehouse. Exits with 0 only if every file could be rewritten and every customer was found.
    """
    try:
        wanted = clean_pids([*pids, *(parse_pids(pids_from.read()) if pids_from else ())])
    except ErasureError as error:
        raise click.ClickException(str(error)) from None
    if not wanted and not again:
        raise click.UsageError("name customers with --contact-pid or --pids-from, or write --again")
    settings = load_settings()
    erasure = Erasure(open_warehouse(settings), settings.timezone)
    try:
        receipt = erasure.erase(wanted, is_dry_run=dry_run)
    except (ErasureError, LandingError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None
    except Interrupted:
        if not dry_run:
            click.echo("left to do: files that still hold these customers. Give the same command again", err=True)
        raise
    for line in receipt.describe():
        click.echo(line)
    for number, (pid, find) in enumerate(zip(wanted, receipt.finds, strict=True), start=1):
        click.echo(f"customer {number} ({pid[:8]}...): {find.describe()}")
    for problem in receipt.problems:
        click.echo(f"left to do: {problem}", err=True)
    if receipt.days_to_restate:
        click.echo(f"scores to be made again: {show_days(receipt.days_to_restate)}")
    click.echo("nothing was changed" if dry_run else f"receipt: {settings.warehouse}/{receipt.path}")
    sys.exit(0 if receipt.is_complete else 1)
