"""Whether this deployment can work: one finding for each thing that has to be right. Not here: mending any of it.

Nothing is exported: the vendor is asked for its history only, which costs one request.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import dagster as dg

from salted_assets.failures import KNOWN_ERRORS
from salted_assets.history import touched_days
from salted_assets.instance import open_instance
from salted_assets.resources import build_export, build_warehouse
from salted_assets.settings import Settings, variable_of
from salted_assets.warehouse import Warehouse

_PROBE = "doctor/probe"
_TELLING_DAYS = 7
"""Exports after which the absence of older rows says something: edits of a week's rows can't all be missing."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is right, and what was seen."""

    subject: str
    is_well: bool
    said: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.is_well else 'FAIL'}  {self.subject:<9}  {self.said}"


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding after the other, each as soon as it is known; never raises for what it finds."""
    warehouse = build_warehouse(settings).open()
    yield Finding("settings", is_well=True, said=_describe(settings))
    yield _look("warehouse", lambda: _write_and_read(warehouse))
    yield _look("vendor", lambda: _ask_history(settings))
    yield _look("updates", lambda: judge_updates(warehouse, settings.timezone))
    yield _look("dagster", _open_storage)
    names = ("salted_assets", "dagster", "pandas", "pyarrow", "duckdb")
    yield Finding("versions", is_well=True, said=", ".join(f"{name} {version(name)}" for name in names))


def judge_updates(warehouse: Warehouse, zone: str) -> str:
    """Whether exports have ever carried engagements that started before their window, and what follows if not.

    The vendor's newer page says that they do, the older one is silent; an account whose exports select by start time
    alone never delivers later edits, unless days are exported again.
    """
    key = ("tables", "engagement")
    days = warehouse.list_days(key)
    carrying = [day for day in days if _carries_older_rows(warehouse, day, zone)]
    if carrying or len(days) < _TELLING_DAYS:
        return f"{len(carrying)} of {len(days)} exports carried engagements from before their day"
    return (
        f"none of {len(days)} exports carried engagements from before their day: exports seem to select by start time "
        f"alone. Set {variable_of('repull_days')} so that the schedule exports the last days again"
    )


def _carries_older_rows(warehouse: Warehouse, day: date, zone: str) -> bool:
    path = warehouse.table_path(("tables", "engagement"), day)
    with warehouse.open_parquet(path) as file:
        note = (file.metadata.metadata or {}).get(b"salted.touches")
    touched = touched_days(note.decode() if note else None, zone)
    return touched is not None and any(start < day for start in touched)


def _look(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, is_well=True, said=look())
    except (*KNOWN_ERRORS, OSError, dg.DagsterError) as error:
        return Finding(subject, is_well=False, said=str(error))


def _describe(settings: Settings) -> str:
    vendor = "the built-in simulator" if settings.simulated else settings.api_url
    return f"{vendor}, days of {settings.timezone} from {settings.start_date}, {', '.join(settings.datasets)}"


def _write_and_read(warehouse: Warehouse) -> str:
    warehouse.write_bytes(_PROBE, b"probe")
    try:
        warehouse.read_bytes(_PROBE)
    finally:
        warehouse.delete(_PROBE)
    return f"{warehouse.uri} can be written and read"


def _ask_history(settings: Settings) -> str:
    with build_export(settings, build_warehouse(settings)).process_config_and_initialize_cm() as export:
        listed = export.list_history()
    return f"the key is accepted; {len(listed)} exports in the vendor's history"


def _open_storage() -> str:
    with open_instance() as instance:
        return f"{instance.root_directory}, {instance.get_runs_count()} runs"
