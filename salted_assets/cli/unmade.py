"""What a backfill has to make: of each day the landing, the tables and the page that are missing or out of date.

A table is missing where its rejects are, unless a setting has them deleted.

Scores and windows are those of `history.restatement`. What Dagster has no record of counts as missing too: the UI would
show it so, and a file may be there of a run whose last records were lost.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import TypeAlias

import dagster as dg

from salted_assets.defs.asset_checks.failed_partitions import CHECK as FAILED_PARTITIONS
from salted_assets.defs.asset_checks.failing import FailingCheck, list_failing_of_days
from salted_assets.defs.asset_keys import RAW_EXPORT, REJECTS_RETENTION, local_path
from salted_assets.defs.metadata.recipes import read_origin, recipe_of
from salted_assets.defs.partitions import find_newest
from salted_assets.defs.resources import SaltedExportResource
from salted_assets.history import TABLES_VERSION, Recipe
from salted_assets.history.restatement import InputIndex, InputVersions
from salted_assets.landing import LandingError, Manifest
from salted_assets.output.scorecard.server import list_stored_days
from salted_assets.warehouse import rejects_key

_RAW = "/".join(RAW_EXPORT.path)

Records: TypeAlias = Mapping[dg.AssetKey, Mapping[str, dg.EventLogRecord]]
"""Of each asset the newest materialization of each partition key."""


@dataclass(frozen=True)
class Unmade:
    """Looks at the files and records of assets. `index` has the files of the warehouse."""

    defs: dg.Definitions
    instance: dg.DagsterInstance
    index: InputIndex

    def list_lacking(self, keys: Iterable[dg.AssetKey], days: Sequence[date]) -> set[date]:
        """The days of which Dagster has no record of one of the assets."""
        recorded = [self.instance.get_materialized_partitions(key) for key in keys]
        return {day for day in days if any(day.isoformat() not in each for each in recorded)}

    @cached_property
    def checked(self) -> set[dg.AssetKey]:
        """The assets of which each day is checked."""
        checks = self.defs.resolve_asset_graph().asset_check_keys
        return {check.asset_key for check in checks if check.name != FAILED_PARTITIONS}

    def find_records(self, assets: Iterable[dg.AssetKey], days: Iterable[date]) -> Records:
        """The newest materialization of each day of these assets that has one."""
        asked = sorted(day.isoformat() for day in days)
        return {key: find_newest(self.instance, key, asked) for key in assets}

    def find_tables(
        self, assets: Sequence[dg.AssetKey], days: Sequence[date], records: Records, failing: Iterable[FailingCheck]
    ) -> dict[date, list[dg.AssetKey]]:
        """By day those of the assets, landing and tables, that are missing or out of date, or are wrong by a check."""
        wrong = {(check.day, check.table) for check in failing if check.is_error}
        manifests = {day: self._find_manifest(day) for day in days}
        return {
            day: [
                key
                for key in assets
                if (day, "/".join(local_path(key))) in wrong
                or not self._is_made(key, day, manifests[day], records[key].get(day.isoformat()))
            ]
            for day in days
        }

    def list_failing_checks(self, records: Records, days: Collection[date]) -> list[FailingCheck]:
        """The checks that did not pass when these days of the assets were made last."""
        of_checked = (newest.values() for key, newest in records.items() if key in self.checked)
        return list_failing_of_days(self.instance, chain(*of_checked), days)

    def count_exports(self, raw: dg.AssetKey, days: Iterable[date], *, is_refresh: bool) -> int:
        """How many exports the days need: one for each window that was not delivered, or for all of them."""
        if is_refresh:
            return sum(len(self._export.list_windows(day)) for day in days)
        datasets = self.list_datasets(raw)
        return sum(len(self._export.list_missing(day, datasets)) for day in days)

    def list_pages(self, key: dg.AssetKey, days: Sequence[date], newest_count: int | None) -> list[date]:
        """The days whose page is not recorded, or is made of other scores or another way than it would be.

        Asked of the days that have a stored page; of the newest of the days also where there is none.
        """
        stored, recipe = list_stored_days(self.index.footers.warehouse), recipe_of(self._specs[key])
        newest = {*(days if newest_count is None else days[-newest_count:])}
        asked = [day for day in days if day in newest or day in stored]
        records = self.find_records([key], asked)[key]
        return [day for day in asked if day not in stored or not self._is_current(records.get(day.isoformat()), recipe)]

    def _is_made(
        self, key: dg.AssetKey, day: date, manifest: Manifest | None, record: dg.EventLogRecord | None
    ) -> bool:
        path = local_path(key)
        if record is None:
            return False
        if path == local_path(RAW_EXPORT):
            return manifest is not None and not self._export.list_missing(day, self.list_datasets(key))
        table = self.index.footers.partition(path, day) if path[0] == "tables" else None
        if table is None or manifest is None:
            return False
        if any(file.pruned_at for file in manifest.files(path[-1])):
            # nothing is left to make it of
            return True
        inputs = InputVersions({_RAW: {day.isoformat(): manifest.content_id(path[-1])}})
        return (
            table.footer.schema_version >= TABLES_VERSION
            and table.footer.inputs == inputs.to_json()
            and table.footer.recipe == recipe_of(self._specs[key])
            and _is_of_export(record, table.requested_at)
            and (self._are_rejects_deleted or day in self._rejects[path[-1]])
        )

    def _is_current(self, record: dg.EventLogRecord | None, recipe: Recipe | None) -> bool:
        event = None if record is None else record.asset_materialization
        inputs, made_by = read_origin(event.metadata) if event else (None, None)
        if inputs is None or made_by != recipe:
            return False
        return not inputs.differing_from(self.index.current_versions_of(inputs))

    def list_datasets(self, raw: dg.AssetKey) -> list[str]:
        """The datasets that the landing has, a file each."""
        return str(self._specs[raw].metadata["datasets"]).split(", ")

    def _find_manifest(self, day: date) -> Manifest | None:
        try:
            return self._export.find_manifest(day)
        except LandingError:
            # the run that opens it says what is wrong with it
            return None

    @cached_property
    def _rejects(self) -> Mapping[str, set[date]]:
        """By dataset the days whose rejects are there."""
        paths = (path for path in map(local_path, self._specs) if path[0] == "tables")
        warehouse = self.index.footers.warehouse
        return {path[-1]: {*warehouse.list_days(rejects_key(path[-1]), lambda _: None)} for path in paths}

    @cached_property
    def _are_rejects_deleted(self) -> bool:
        return any(local_path(key) == local_path(REJECTS_RETENTION) for key in self._specs)

    @cached_property
    def _export(self) -> SaltedExportResource:
        export = (self.defs.resources or {})["salted_export"]
        assert isinstance(export, SaltedExportResource)  # noqa: S101 - for the type checker
        return export

    @cached_property
    def _specs(self) -> Mapping[dg.AssetKey, dg.AssetSpec]:
        return {spec.key: spec for spec in self.defs.resolve_all_asset_specs()}


def _is_of_export(record: dg.EventLogRecord, requested_at: datetime) -> bool:
    """Whether a table was recorded when it was made of this export.

    A run that is killed between the two leaves the record, and the checks, of the export before.
    """
    event = record.asset_materialization
    shown = event.metadata.get("requested_at") if event else None
    return isinstance(shown, dg.TimestampMetadataValue) and shown.value == requested_at.timestamp()
