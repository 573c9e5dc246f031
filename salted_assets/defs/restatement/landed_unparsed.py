"""Days that landed in a run which ended before their tables were tried. Not here: tables that were tried and failed.

A backfill takes several days in one run. When the export of one of them fails, the days before it have landed, and the
run ends without their tables.
"""

from collections.abc import Sequence
from datetime import date
from hashlib import blake2b

import dagster as dg

from salted_assets.defs.asset_keys import local_path
from salted_assets.history import FooterCache
from salted_assets.history.restatement import StaleDay
from salted_assets.warehouse import landing_folder

_DAYS_AT_ONCE = 28


def find_landed_unparsed(
    instance: dg.DagsterInstance, footers: FooterCache, tables: Sequence[dg.AssetKey], first_day: date
) -> dict[date, StaleDay]:
    """The newest such days: landed, with every table planned in some run and none of them there.

    Where a table was tried and could not be made, the others are there as a rule, and a repetition changes nothing. A
    day that was landed by itself, without a plan for its tables, is left as it is.
    """
    planned = [_list_planned(instance, key) for key in tables]
    made = {day for key in tables for day in footers.days(local_path(key))}
    days = sorted(day for day in set.intersection(*planned) - made if day >= first_day)
    found = {}
    for day in days[-_DAYS_AT_ONCE:]:
        try:
            manifest = footers.warehouse.read_bytes(f"{landing_folder(day)}/manifest.json")
        except FileNotFoundError:
            continue
        fingerprint = blake2b(manifest, digest_size=6).hexdigest()
        found[day] = StaleDay(day, ("raw/export landed, no table was made",), fingerprint, "")
    return found


def _list_planned(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[date]:
    """The days whose newest attempt at a table has not ended in a table."""
    storage = instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations(key)
    return {date.fromisoformat(partition) for partition in attempts}
