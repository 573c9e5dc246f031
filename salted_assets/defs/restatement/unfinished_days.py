"""Days that runs have not finished: in progress, or landed by a run that ended before their tables were tried."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b

import dagster as dg

from salted_assets.defs.asset_keys import local_path
from salted_assets.defs.partitions import RANGE_END, RANGE_START
from salted_assets.history import FooterCache
from salted_assets.history.restatement import StaleDay
from salted_assets.landing.windows import list_days
from salted_assets.warehouse import landing_folder

_PARTITION = "dagster/partition"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_OPEN_BACKFILLS = {"REQUESTED", "CANCELING", "FAILING"}
_NEWEST_BACKFILLS = 100
_UNPARSED_AT_ONCE = 28
_FORGOTTEN = timedelta(days=1)
"""A run that has been unfinished for longer was killed where nobody noticed; it keeps nobody waiting."""


def find_days_in_progress(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, keys: Collection[dg.AssetKey], now: datetime
) -> dict[dg.AssetKey, set[date]]:
    """For each of the assets the days that some run or backfill is going to write, or writes just now.

    Counted are runs of a partition or a range that are queued or started, and what open backfills have neither written
    nor failed at. Runs without partition, and backfills of definitions that are not ours, write none of our days.
    """
    found: dict[dg.AssetKey, set[date]] = defaultdict(set)
    for run_keys, days in (*_of_runs(instance, repository, now), *_of_backfills(instance, repository)):
        for key in run_keys & set(keys):
            found[key] |= days
    return found


def _of_runs(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, now: datetime
) -> Iterator[tuple[set[dg.AssetKey], set[date]]]:
    unfinished = dg.RunsFilter(statuses=_UNFINISHED, created_after=now - _FORGOTTEN)
    for run in instance.get_runs(unfinished):
        days = _days_of(run.tags)
        if days:
            yield set(run.asset_selection or _assets_of(repository, run.job_name)), days


def _of_backfills(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition
) -> Iterator[tuple[set[dg.AssetKey], set[date]]]:
    for backfill in instance.get_backfills(limit=_NEWEST_BACKFILLS):
        if backfill.status.value not in _OPEN_BACKFILLS:
            continue
        if not backfill.is_asset_backfill:
            days = {date.fromisoformat(name) for name in backfill.partition_names or ()}
            yield _assets_of(repository, backfill.job_name or ""), days
            continue
        try:
            data = backfill.get_asset_backfill_data(repository.asset_graph)
        except dg.DagsterError:
            # its assets have changed since: it will fail, and write nothing
            continue
        left: dict[dg.AssetKey, set[date]] = defaultdict(set)
        for each in data.get_targeted_partitions_without_materialization_status().iterate_asset_partitions():
            if each.partition_key is not None:
                left[each.asset_key].add(date.fromisoformat(each.partition_key))
        yield from (({key}, days) for key, days in left.items())


def _days_of(tags: Mapping[str, str]) -> set[date]:
    if RANGE_START in tags and RANGE_END in tags:
        return set(list_days(date.fromisoformat(tags[RANGE_START]), date.fromisoformat(tags[RANGE_END])))
    return {date.fromisoformat(tags[_PARTITION])} if _PARTITION in tags else set()


def _assets_of(repository: dg.RepositoryDefinition, job_name: str) -> set[dg.AssetKey]:
    """All assets of a job; none of a job that is gone."""
    if not repository.has_job(job_name):
        return set()
    return set(repository.get_job(job_name).asset_layer.executable_asset_keys)


def find_landed_unparsed(
    instance: dg.DagsterInstance, footers: FooterCache, tables: Sequence[dg.AssetKey], first_day: date
) -> dict[date, StaleDay]:
    """The newest days that landed in a run which ended before their tables were tried.

    A backfill takes several days in one run. When the export of one of them fails, the days before it have landed, and
    the run ends without their tables: every table was planned and none of them is there.

    Where a table was tried and could not be made, the others are there as a rule, and a repetition changes nothing. A
    day that was landed by itself, without a plan for its tables, is left as it is.
    """
    planned = [_list_planned(instance, key) for key in tables]
    made = {day for key in tables for day in footers.days(local_path(key))}
    days = sorted(day for day in set.intersection(*planned) - made if day >= first_day)
    found = {}
    for day in days[-_UNPARSED_AT_ONCE:]:
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
