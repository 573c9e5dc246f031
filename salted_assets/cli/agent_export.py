"""The command `salted agent-export`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import click

from salted_assets.cli.options import load_settings, open_warehouse
from salted_assets.cli.private_files import refuse_to_replace, writing_private_file
from salted_assets.defs.page_options import build_page_options
from salted_assets.output.scorecard.agent_page import has_agent_scores, list_people, make_agent_page
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.privacy.agent_export import AgentExport
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse, WarehouseError


@click.command(name="agent-export")
@click.argument("pid")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("agent_export.zip"),
    show_default=True,
    metavar="FILE",
    help="Where to write it; a file that is there is not replaced.",
)
def agent_export(pid: str, output: Path) -> None:
    """Write all that is held on one agent to a ZIP, to be handed over to them.

    PID is that of `tables/agent`. Colleagues are numbers in it, customers and messages are left out; its README says
    more. Nothing is kept in the warehouse. Exits with 1, without a file, where nothing is held.
    """
    settings = load_settings()
    warehouse = open_warehouse(settings)
    refuse_to_replace(output)
    export = AgentExport(warehouse, pid)
    try:
        with writing_private_file(output) as file:
            export.write(file, partial(_make_pages, warehouse, pid, _options_of(settings)))
            if not export.row_counts:
                raise click.ClickException(
                    f"nothing is held on an agent {pid[:8]}... in {warehouse.uri}: look for a slip in the pid; an "
                    "erased agent is held under the pid of the pseudonym"
                )
    except (WarehouseError, OSError) as error:
        raise click.ClickException(str(error)) from None
    for name, count in export.row_counts.items():
        click.echo(f"{name}: {count} {'row' if count == 1 else 'rows'}")
    click.echo(f"{output}: personal data, for the eyes of its owner")


def _options_of(settings: Settings) -> PageOptions:
    """The options of a page for the agent alone, which names nobody else whatever the settings say."""
    return replace(build_page_options(settings), name_reviewers=False)


def _make_pages(warehouse: Warehouse, pid: str, options: PageOptions, day: date) -> Mapping[str, bytes]:
    """The page of the agent of the day, where there is one."""
    if not has_agent_scores(warehouse, day):
        return {}
    people = [person for person in list_people(warehouse, day) if person.agent_pid == pid]
    return {f"agent_{day}.html": make_agent_page(warehouse, person, day, options).encode() for person in people}
