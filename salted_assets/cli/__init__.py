"""The `salted` command: a module for each of its commands, and what they share (`options`, `runner`, `outcome`).

Not here: what the commands call, which lies in the other packages.
"""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from salted_assets.cli.interrupts import Interrupted, interruptible, raise_if_interrupted
from salted_assets.cli.json_output import echo_json

_JSON = "--json"
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
COMMANDS = {
    "backfill": "Take the days FIRST to LAST from export to scores, through Dagster in this process.",
    "restate": "Score the days FIRST to LAST again from their tables, windows that end on them included.",
    "status": "Say how far the days are, what failed, what runs now and what comes next, on one screen.",
    "scoreboard": "Print what the agents did on the days FIRST to LAST, from the scores in the warehouse.",
    "explain": "Say how a figure of an agent came about: evaluations, corrections, changes since it was published.",
    "what-if": "Try other settings of scores on the days FIRST to LAST: who would change, and by how much.",
    "plan": "Say whom to listen to next: draw engagements for people to evaluate, and keep what was drawn.",
    "reconcile": "Compare figures typed from the vendor's application with ours, and say what differences come from.",
    "scorecard": "Write the scorecard of a day, or with --agent the page of one agent, as one HTML file.",
    "doctor": "Check settings, warehouse, key, Dagster's storage and versions; one line each. Exports nothing.",
    "dev": "Serve the Dagster UI with its daemon, and the scorecards that it links.",
    "reports": "Serve the scorecards on 127.0.0.1, read-only, to a browser or a proxy with a login.",
    "catalog": "Write one DuckDB file of views over all tables and scores.",
    "sql": "Ask the catalog: one query, or one after the other at a prompt. Nothing is changed.",
    "athena": "Print the statements by which Athena reads the tables, rejects and scores on S3.",
    "erase": "Erase customers from everything that is stored, for good, or make pseudonyms of agents who left.",
    "agent-export": "Write all that is held on one agent to a ZIP, to be handed over to them.",
    "handover": "Copy the archive of a contact export out of the warehouse, to be handed over.",
    "simulate": "Serve the vendor's API from made-up data on loopback.",
}
"""What each command does. Its module, of the same name, is imported when the command is run, and not before."""


class LazyGroup(click.Group):
    """Commands that are imported one at a time: `salted --help` need not wait for Dagster."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """The names of all commands, the most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, out of its module."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"{__name__}.{name}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker; tests run all
        return command

    def main(self, args: Sequence[str] | None = None, *others: Any, **settings: Any) -> Any:
        """Run the command line, until it ends or is ended; where it was asked for JSON, it ends with an object."""
        given = sys.argv[1:] if args is None else list(args)
        # Python looks for unreachable cycles every 700 objects, of which commands leave few: that took a second of
        # processor time of each that loads Dagster
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        with interruptible():
            try:
                return super().main(args, *others, **settings)
            except Interrupted as error:
                ended = "interrupted" if error.has_begun else "interrupted before anything was begun"
                click.echo(ended, err=True)
                if _JSON in given:
                    echo_json({"exit_code": error.exit_code, "was_interrupted": True, "error": ended})
                sys.exit(error.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; where a library has made an error of its own of the signal, such as DuckDB, it was Interrupted."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Interrupted as error:
            error.has_begun = ctx.invoked_subcommand is not None
            raise
        except Exception:
            raise_if_interrupted()
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="salted_assets")
def main() -> None:
    """Own the data of a contact centre that runs on Salted CX, and score its agents fairly."""
