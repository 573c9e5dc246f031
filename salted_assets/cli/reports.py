"""The command `salted reports`."""

import sys

import click

from salted_assets.cli.options import LOCAL_URL, load_settings, open_warehouse
from salted_assets.defs.page_options import build_page_options
from salted_assets.output.scorecard.server import listen, local_address, serve
from salted_assets.settings import variable_of


@click.command()
@click.option("--port", type=int, help="Port to listen at; by default that of SALTED_REPORTS_URL, or 3010.")
@click.option("--until-input-ends", is_flag=True, hidden=True, help="End with the process that holds our input open.")
def reports(port: int | None, *, until_input_ends: bool) -> None:
    """Serve the scorecards on 127.0.0.1, read-only, to a browser or a proxy with a login.

    Names on them lead to the pages of agents, which are made when they are opened. `salted dev` does it too.
    """
    settings = load_settings()
    host, usual_port = local_address(settings.reports_url) or local_address(LOCAL_URL) or ("127.0.0.1", 0)
    address = (host, usual_port if port is None else port)
    try:
        listening = listen(address)
    except OSError as error:
        raise click.ClickException(
            f"scorecards cannot be served at port {address[1]} of {host} ({error.strerror}); another port for them: "
            f"{variable_of('reports_url')}=http://127.0.0.1:PORT"
        ) from None
    with listening:
        click.echo(f"The scorecards are at http://{host}:{listening.getsockname()[1]}")
        serve(
            open_warehouse(settings),
            listening,
            build_page_options(settings),
            until_end_of=sys.stdin.fileno() if until_input_ends else None,
        )
