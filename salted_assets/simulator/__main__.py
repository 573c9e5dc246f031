"""The command `python -m salted_assets.simulator`, which is `salted simulate`."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import click

from salted_assets.simulator.data.options import SIMULATOR_KEY, SimulatorOptions
from salted_assets.simulator.server.running import running_simulator

_SEEN: dict[str, Any] = {"show_default": True}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("data/demo/simulator.sqlite"),
    metavar="FILE",
    help="SQLite file that keeps the exports that were requested, so that a later start knows them.",
    **_SEEN,
)
@click.option("--port", default=8765, help="Port on 127.0.0.1; 0 takes a free one.", **_SEEN)
@click.option("--seed", default=1, help="Which account is simulated: the same seed, the same data.", **_SEEN)
@click.option("--agents", "agent_count", default=42, help="Agents of the account, one in twenty a bot.", **_SEEN)
@click.option(
    "--engagements", "engagements_per_agent", default=12, help="Engagements per agent on a full working day.", **_SEEN
)
@click.option(
    "--as-of",
    type=click.Choice(["window", "now"]),
    default="window",
    help="State of what is exported. window: as it stood two hours after the window's end, and as of now when it is "
    "exported again after it was fetched. now: as of now always.",
    **_SEEN,
)
@click.option("--export-seconds", default=0.0, help="How long an export is PROCESSING.", **_SEEN)
@click.option("--address-seconds", default=3600, help="How long a download address lives.", **_SEEN)
@click.option("--updated-at", "with_updated_at", is_flag=True, help="Add the column of the vendor's newer page.")
@click.option("--integer-ids", is_flag=True, help="Give export ids as numbers, as the vendor's newer page shows them.")
def main(
    *,
    store: Path,
    port: int,
    seed: int,
    agent_count: int,
    engagements_per_agent: int,
    as_of: Literal["window", "now"],
    export_seconds: float,
    address_seconds: int,
    with_updated_at: bool,
    integer_ids: bool,
) -> None:
    """Serve the vendor's API from made-up data on loopback.

    It is the fake vendor that answers where no key is set, as a server of its own: the endpoints, files and manners of
    the vendor's page, of a contact centre that does not exist. It prints the two settings by which another process
    takes it for the vendor, and runs until it is interrupted.

    POST /simulator/faults makes it misbehave, GET /simulator/log counts what was asked. docs/simulator.md has every
    fault.
    """
    options = SimulatorOptions(
        seed=seed,
        agent_count=agent_count,
        engagements_per_agent=engagements_per_agent,
        as_of=as_of,
        export_seconds=export_seconds,
        address_seconds=address_seconds,
        with_updated_at=with_updated_at,
        integer_ids=integer_ids,
    )
    try:
        with running_simulator(store, options, port=port) as simulator:
            click.echo(f"SALTED_API_URL={simulator.url}\nSALTED_API_KEY={SIMULATOR_KEY}")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    except OSError as error:
        raise click.ClickException(
            f"the simulator cannot be served at port {port} with {store} ({error.strerror}); --port and --store name "
            "others"
        ) from None


if __name__ == "__main__":
    main()
