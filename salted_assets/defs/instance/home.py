"""Dagster's home on this machine: where it is, and our dagster.yaml in it. Not here: definitions, running anything."""

import logging
import os
import warnings
from importlib import resources
from pathlib import Path

import dagster as dg

from salted_assets.defs.instance.orphaned_runs import free_orphaned_runs

DEFAULT_HOME = Path("data/dagster")
_CONFIG = "dagster.yaml"
_LOG = logging.getLogger(__name__)


def open_instance() -> dg.DagsterInstance:
    """The Dagster instance of `DAGSTER_HOME`, by default `data/dagster`, which is made ready where it is not.

    Runs that were killed are marked failed and their pool slots freed first, so that the next run need not wait.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or DEFAULT_HOME).absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = home / _CONFIG
    if not config.exists():
        # half a file would be taken for a whole one, without the pool's limit
        draft = home / f".{_CONFIG}.{os.getpid()}"
        draft.write_bytes(resources.files("salted_assets.defs.instance").joinpath(_CONFIG).read_bytes())
        draft.replace(config)
    os.environ["DAGSTER_HOME"] = str(home)
    instance = dg.DagsterInstance.get()
    failed = free_orphaned_runs(instance)
    if failed:
        _LOG.warning("marked as failed, since their process was killed: %s", ", ".join(failed))
    return instance


HIDDEN: tuple[tuple[type[Warning], str], ...] = (
    (dg.BetaWarning, ".*backfill_policy.*"),  # chunked backfills: measured as the cheapest that keep each day's state
    (dg.BetaWarning, ".*include_sources.*"),  # raised by Dagster's own reading of a selection
    (
        dg.BetaWarning,
        ".*[cC]ode_?[rR]eference.*",
    ),  # links to an asset's code: without it nothing is lost but them
    (dg.PreviewWarning, ".*partitions_def.*"),  # checks on their partition: without it day 2 hides day 1
)


def hide_known_warnings() -> None:
    """Hide them for the rest of the process."""
    for category, message in HIDDEN:
        warnings.filterwarnings("ignore", message=message, category=category)
