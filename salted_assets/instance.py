"""Dagster's home on this machine: where it is, and our dagster.yaml in it. Not here: runs, definitions."""

import os
from importlib import resources
from pathlib import Path

import dagster as dg

DEFAULT_HOME = Path("data/dagster")
_CONFIG = "dagster.yaml"


def open_instance() -> dg.DagsterInstance:
    """The Dagster instance of `DAGSTER_HOME`, by default `data/dagster`, which is made ready where it is not."""
    home = Path(os.environ.get("DAGSTER_HOME") or DEFAULT_HOME).absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = home / _CONFIG
    if not config.exists():
        config.write_bytes(resources.files("salted_assets").joinpath(_CONFIG).read_bytes())
    os.environ["DAGSTER_HOME"] = str(home)
    return dg.DagsterInstance.get()
