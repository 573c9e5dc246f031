"""Runs of the `salted` commands as the UI sees them: of which command, and of the code location that it serves.

Not here: how a command runs them (`cli.runner`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from salted_assets.defs.instance.dagster_private import assign_location, list_code_locations, location_tags

COMMAND_TAG = "salted/command"
"""The tag of each such run, with the name of its command."""

DEFINITIONS = "salted_assets.definitions"
"""The module of our definitions, and the name of the code location that is loaded from it."""

WORKSPACE = Path("workspace.yaml")
"""Where a folder says which code locations it has, as Dagster looks for it."""

_NEVER_RETRIED = {"dagster/max_retries": "0"}


def find_code_location(account: str) -> str:
    """The code location of this folder's definitions, or of the account's, where there are several."""
    if not WORKSPACE.exists():
        return DEFINITIONS
    try:
        names = list_code_locations(WORKSPACE)
    except Exception:  # noqa: BLE001 - it is `salted dev` that cannot do without; a run is no worse for it
        return DEFINITIONS
    return account if account in names else next(iter(names), DEFINITIONS)


def command_tags(command: str, location: str) -> dict[str, str]:
    """The tags of a run of a command, which the daemon does not run again where it was killed: a person does."""
    return {COMMAND_TAG: command, **location_tags(location), **_NEVER_RETRIED}


@contextmanager
def shown_in_location(instance: dg.DagsterInstance, run_id: str, location: str) -> Iterator[None]:
    """Within the context the run, which has `command_tags`, is assigned to its code location at its first event.

    By then it is recorded, and nothing else knows of it.
    """
    is_assigned = False

    def assign(_: dg.EventLogEntry) -> None:
        nonlocal is_assigned
        if not is_assigned:
            is_assigned = True
            assign_location(instance, run_id, location)

    instance.add_event_listener(run_id, assign)
    yield
