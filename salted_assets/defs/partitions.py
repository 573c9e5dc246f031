"""The daily partitions that all assets share, and the days of a run, a step or a range."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from salted_assets.settings import Settings

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def build_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """One partition a calendar day of the configured zone, there from the midnight that ends it."""
    return dg.DailyPartitionsDefinition(start_date=settings.start_date.isoformat(), timezone=settings.timezone)


def build_backfill_policy(settings: Settings) -> dg.BackfillPolicy:
    """Several days a run: cheaper than one by one, and a failure costs at most that many days a second look."""
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=settings.partitions_per_run)


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags of a run over the days from the first to the last, which may be one."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days that a step is to materialize, in order."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def find_newest(instance: dg.DagsterInstance, key: dg.AssetKey, days: Sequence[str]) -> dict[str, dg.EventLogRecord]:
    """The newest materialization of each day (by partition key) that has one.

    One query for all days where each was materialized but once since the oldest of what is looked for, as a step that
    has just ended has done; else one more for each day that was not among the newest.
    """
    filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=list(days))
    records = instance.fetch_materializations(filters, limit=len(days)).records if days else []
    newest: dict[str, dg.EventLogRecord] = {}
    for record in records:
        newest.setdefault(str(record.partition_key), record)
    if len(records) == len(days) > len(newest):
        for day in set(days) - newest.keys():
            newest |= find_newest(instance, key, [day])
    return newest
