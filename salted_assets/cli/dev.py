"""The command `salted dev`: this process becomes Dagster's UI and daemon, with the scorecards served beside it."""

import os
import subprocess
import sys
from pathlib import Path

import click

from salted_assets.cli.options import load_settings
from salted_assets.cli.runner import open_home
from salted_assets.output.scorecard.server import listen, local_address
from salted_assets.settings import variable_of


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; the UI has no login.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port to listen at.")
def dev(host: str, port: int) -> None:
    """Serve the Dagster UI with its daemon, and the scorecards that it links.

    They show the runs and tables of this folder.
    """
    settings = load_settings()
    _refuse_taken(host, port, "the UI", f"salted dev --port {port + 1}")
    reports_address = local_address(settings.reports_url)
    if reports_address:
        _refuse_taken(*reports_address, "the scorecards", f"{variable_of('reports_url')}=http://127.0.0.1:PORT")
    with open_home(settings) as instance:
        click.echo(f"The UI of {instance.root_directory} will be at http://{host}:{port} (Ctrl-C ends it)")
    code = ["--workspace", "workspace.yaml"] if Path("workspace.yaml").exists() else ["-m", "salted_assets.definitions"]
    # `dg dev`, which Dagster prefers, takes twice as long to start; its reminder of that is noise on every start.
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
    # for the code location, which makes the links
    os.environ[variable_of("reports_url")] = settings.reports_url
    if reports_address:
        _start_reports()
    command = [sys.executable, "-m", "dagster", "dev", *code, "--host", host, "--port", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell


def _refuse_taken(host: str, port: int, what: str, another: str) -> None:
    """Raise click.ClickException where a port is taken: what is served there may be of another deployment."""
    try:
        listen((host, port)).close()
    except OSError as error:
        # Python adds the address, which is named already
        reason = str(error.strerror).partition(" (")[0]
        raise click.ClickException(
            f"{what} cannot be served at port {port} of {host} ({reason}); another port: {another}"
        ) from None


def _start_reports() -> None:
    """Serve the scorecards beside this process, for as long as it lives, whatever becomes of it and however it ends."""
    ours, its = os.pipe()[::-1]
    os.set_inheritable(ours, True)  # the UI that this process becomes keeps it open, and its children do not
    command = [sys.executable, "-m", "salted_assets", "reports", "--until-input-ends"]
    subprocess.Popen(command, stdin=its)  # noqa: S603 - our own interpreter, no shell
    os.close(its)
