"""Which vendor the exports come from: Salted CX, or the built-in simulator. Not here: protocol, simulation, Dagster."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from salted_assets.api import ClientLimits, ExportClient
from salted_assets.key_secret import KeySecret
from salted_assets.simulator import SimulatorOptions, running_simulator

SIMULATOR_FOLDER = ".simulator"


@contextmanager
def connect_vendor(
    api_url: str, key_variable: str, limits: ClientLimits, *, key_secret: str = ""
) -> Iterator[ExportClient]:
    """A client of the vendor, whose key is read at each request and kept nowhere.

    It is read from the secret, such as `secretsmanager:NAME` or `ssm:NAME`, where one is named, else from the variable.
    """
    secret = KeySecret(key_secret)

    def read_key() -> str:
        return secret.read() if key_secret else os.environ.get(key_variable, "")

    with ExportClient(api_url, read_key, limits=limits, key_name=key_secret or key_variable) as client:
        yield client


@contextmanager
def connect_simulator(folder: Path, limits: ClientLimits) -> Iterator[ExportClient]:
    """A client of a simulator that runs on loopback for as long as the context, its exports kept below `folder`."""
    for place in (folder.parent, folder):
        # it lies in the warehouse, which nobody else may read; a mode is not that of the parents that are made with it
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        running_simulator(folder / "exports.sqlite", SimulatorOptions()) as simulator,
        ExportClient(simulator.url, lambda: simulator.key, limits=limits) as client,
    ):
        yield client
