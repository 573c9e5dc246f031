"""The command `salted erase`."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

import click

from salted_assets.cli.interrupts import Interrupted
from salted_assets.cli.options import load_settings, open_warehouse, show_days
from salted_assets.explain import record_changes
from salted_assets.landing import LandingError
from salted_assets.privacy import AgentErasure, Erasure, ErasureError, Receipt, clean_pids, parse_pids
from salted_assets.settings import Settings
from salted_assets.warehouse import WarehouseError


@click.command()
@click.option("--contact-pid", "pids", multiple=True, metavar="PID", help="A customer's ID in `tables/customer`.")
@click.option(
    "--pids-from",
    type=click.File("rb"),
    metavar="FILE",
    help="Read such IDs from a file, one a line, `-` for standard input: so that none stands in the shell's history.",
)
@click.option("--agents", "are_agents", is_flag=True, help="The IDs, PID... too, are those of agents.")
@click.argument("agent_pids", metavar="[PID]...", nargs=-1)
@click.option("--again", is_flag=True, help="Erase once more who was erased before, wherever they have come back.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
def erase(  # noqa: PLR0917 - one for each option
    pids: tuple[str, ...],
    pids_from: BinaryIO | None,
    are_agents: bool,
    agent_pids: tuple[str, ...],
    again: bool,
    dry_run: bool,
) -> None:
    """Erase customers from everything that is stored, for good, or make pseudonyms of agents who left.

    Customers go from raw files, tables, rejects, scores, reports and contact exports. With --agents PID... the agents
    keep their rows in tables and scores under a pseudonym, so that sums stay right; raw files keep them until their
    retention ends. Run it while no other run writes to the warehouse. Exits with 0 only if every file could be
    rewritten and everybody was found.
    """
    if agent_pids and not are_agents:
        raise click.UsageError("name customers with --contact-pid or --pids-from, agents with --agents PID...")
    if pids and are_agents:
        raise click.UsageError("customers (--contact-pid) and agents (--agents) are erased by a command each")
    wanted = _read_pids([*pids, *agent_pids], pids_from)
    if not wanted and not again:
        raise click.UsageError("name customers with --contact-pid or --pids-from, or agents, or write --again")
    settings = load_settings()
    warehouse = open_warehouse(settings)
    agents = AgentErasure(warehouse)
    receipts = []
    try:
        if not are_agents:
            keep = partial(record_changes, warehouse, is_erasure=True)
            erasure = Erasure(warehouse, settings.timezone, before_score=keep)
            receipts.append(erasure.erase(wanted, is_dry_run=dry_run))
        if are_agents or (again and agents.list_erased()):
            receipts.append(agents.erase(wanted if are_agents else [], is_dry_run=dry_run))
    except (ErasureError, LandingError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None
    except Interrupted:
        if not dry_run:
            people = "agents" if are_agents else "customers"
            click.echo(f"left to do: files that still hold these {people}. Give the same command again", err=True)
        raise
    for receipt in receipts:
        _show(settings, receipt, wanted)
    sys.exit(0 if all(receipt.is_complete for receipt in receipts) else 1)


def _read_pids(pids: Sequence[str], pids_from: BinaryIO | None) -> list[str]:
    try:
        return clean_pids([*pids, *(parse_pids(pids_from.read()) if pids_from else ())])
    except ErasureError as error:
        raise click.ClickException(str(error)) from None


def _show(settings: Settings, receipt: Receipt, wanted: list[str]) -> None:
    for line in receipt.describe():
        click.echo(line)
    who = "agent" if receipt.agents else "customer"
    for number, (pid, outcome) in enumerate(zip(wanted, receipt.describe_finds(), strict=False), start=1):
        click.echo(f"{who} {number} ({pid[:8]}...): {outcome}")
    for problem in receipt.problems:
        click.echo(f"left to do: {problem}", err=True)
    if receipt.days_to_restate:
        click.echo(f"scores to be made again: {show_days(receipt.days_to_restate)}")
    if receipt.agents and any(file.is_deleted for file in receipt.files):
        click.echo("scorecards that named them are deleted: `salted reports` makes them again when they are opened")
    click.echo("nothing was changed" if receipt.was_dry_run else f"receipt: {settings.warehouse}/{receipt.path}")
