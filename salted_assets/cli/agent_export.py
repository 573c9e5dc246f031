"""The command `salted agent-export`."""

import os
from pathlib import Path

import click

from salted_assets.cli.options import load_settings, open_warehouse
from salted_assets.privacy.agent_export import AgentExport
from salted_assets.warehouse import WarehouseError


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
    warehouse = open_warehouse(load_settings())
    if output.exists():
        raise click.ClickException(f"{output} is there already; name another file with --output")
    export = AgentExport(warehouse, pid)
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with open(draft, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            export.write(file)
        if not export.row_counts:
            raise click.ClickException(
                f"nothing is held on an agent {pid[:8]}... in {warehouse.uri}: look for a slip in the pid; an erased "
                "agent is held under the pid of the pseudonym"
            )
        draft.rename(output)
    except (WarehouseError, OSError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        draft.unlink(missing_ok=True)
    for name, count in export.row_counts.items():
        click.echo(f"{name}: {count} rows")
    click.echo(f"{output}: personal data, for the eyes of its owner")
