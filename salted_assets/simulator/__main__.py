"""The command `python -m salted_assets.simulator`."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal

import click

from salted_assets.simulator.data.options import SIMULATOR_KEY, SimulatorOptions
from salted_assets.simulator.server.running import running_simulator


@click.command()
@click.option("--store", type=click.Path(path_type=Path), default=Path("data/demo/simulator.sqlite"), show_default=True)
@click.option("--port", default=8765, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--seed", default=1, show_default=True, help="Which account is simulated.")
@click.option("--agents", "agent_count", default=42, show_default=True, help="Agents of the account.")
@click.option("--engagements", "engagements_per_agent", default=12, show_default=True, help="Per agent and day.")
@click.option("--as-of", type=click.Choice(["window", "now"]), default="window", show_default=True)
@click.option("--export-seconds", default=0.0, show_default=True, help="How long an export is PROCESSING.")
@click.option("--address-seconds", default=3600, show_default=True, help="How long a download address lives.")
@click.option("--updated-at", "with_updated_at", is_flag=True, help="Add the column that the newer page names.")
@click.option("--integer-ids", is_flag=True, help="Give export ids as the newer page shows them.")
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

    It runs until it is interrupted.     Steer it at POST /simulator/faults, watch it at GET /simulator/log.
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
    with running_simulator(store, options, port=port) as simulator:
        click.echo(f"SALTED_API_URL={simulator.url}\nSALTED_API_KEY={SIMULATOR_KEY}")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
