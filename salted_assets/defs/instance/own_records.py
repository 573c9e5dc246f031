"""Which vendor the records in Dagster's home are of: those of the simulator and of a real one never share a home.

Both have the same assets and days. In one home made-up days would look whole, and failed real ones would look made.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeGuard

import dagster as dg

from salted_assets.defs.asset_keys import RAW_EXPORT, account_key
from salted_assets.defs.instance.home import DEFAULT_HOME, HomeUnusable, open_instance

HOME_VARIABLE = "DAGSTER_HOME"
_LANDINGS_LOOKED_AT = 20
_LOG = logging.getLogger(__name__)


@contextmanager
def open_own_instance(*, simulated: bool, account: str = "") -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of `DAGSTER_HOME`, as `open_instance` gives it, which holds no records of the other vendor.

    Where that is `data/dagster`, as it is by default, and has records of the other one, it is that of a home beside it:
    `data/dagster-demo` for the simulator, `data/dagster-real` for a real vendor. Raises HomeUnusable, also for records
    of the other vendor in a home of another name.
    """
    default = str(DEFAULT_HOME.absolute())
    with ExitStack() as opened:
        instance = opened.enter_context(open_instance())
        problem = find_foreign_records(instance, simulated=simulated, account=account)
        if problem and instance.root_directory == default:
            opened.close()
            os.environ[HOME_VARIABLE] = f"{default}-{'demo' if simulated else 'real'}"
            _LOG.warning("%s; this deployment's are in %s", problem, os.environ[HOME_VARIABLE])
            instance = opened.enter_context(open_instance())
            problem = find_foreign_records(instance, simulated=simulated, account=account)
        if problem:
            raise HomeUnusable(_explain(problem, simulated=simulated))
        yield instance


def refuse_foreign_records(instance: dg.DagsterInstance, *, simulated: bool, account: str) -> None:
    """Raise HomeUnusable for an instance that holds records of the other vendor."""
    if problem := find_foreign_records(instance, simulated=simulated, account=account):
        raise HomeUnusable(_explain(problem, simulated=simulated))


def find_foreign_records(instance: dg.DagsterInstance, *, simulated: bool, account: str) -> str | None:
    """What an instance holds of the other vendor, in words; None where there is nothing of it.

    Its oldest and its newest landing are looked at: the vendor that began a home, and the one that used it last.
    """
    key = account_key(RAW_EXPORT.path, account)
    for is_oldest in (False, True):
        records = instance.fetch_materializations(key, limit=_LANDINGS_LOOKED_AT, ascending=is_oldest).records
        said = [landing.metadata["simulated"].value for each in records if _says(landing := each.asset_materialization)]
        if said and bool(said[0]) is not simulated:
            return f"{instance.root_directory} holds records of {'a real vendor' if simulated else 'the simulator'}"
    return None


def _says(landing: dg.AssetMaterialization | None) -> TypeGuard[dg.AssetMaterialization]:
    """Whether a landing says if it is simulated: one that was reported by hand does not."""
    return landing is not None and "simulated" in landing.metadata


def _explain(problem: str, *, simulated: bool) -> str:
    ours = "The vendor here is the simulator" if simulated else "The vendor here is a real one"
    return (
        f"{problem}. {ours}, and the days of the two would be taken for each other's. Name another folder in "
        f"{HOME_VARIABLE}; without it `salted` keeps them apart by itself."
    )
