"""`raw/retention`, `rejects/retention` and `changes/retention`: delete what is older than the settings allow."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import dagster as dg

from salted_assets.defs.asset_keys import CHANGES_RETENTION, RAW_EXPORT, RAW_RETENTION, REJECTS_RETENTION, sibling_key
from salted_assets.defs.assets.labels import label_asset
from salted_assets.defs.resources import SaltedExportResource, WarehouseResource
from salted_assets.defs.retries import dagster_errors
from salted_assets.landing import LandedFile
from salted_assets.landing.retention import RetentionReport
from salted_assets.settings import Settings

_RAW_DESCRIPTION = """\
One materialization per run: which raw files were deleted because they landed more than {days} days ago \
(SALTED_RAW_RETENTION_DAYS).

A day's raw files stay until all its tables are there and made from the delivery in force; days that wait for that are \
in `held_back`. The landing's manifest stays and says what was deleted and when, so the day still counts as landed. \
Its tables cannot be made again, unless `raw/export` is materialized with `refresh` and the vendor still has the day.

Part of the daily job; materialize it by itself to have it done at once. What it deletes is gone.
"""
_REJECTS_DESCRIPTION = """\
One materialization per run: which days' rejects were deleted because their export was requested more than {days} days \
ago (SALTED_REJECTS_RETENTION_DAYS).

How many records and cells were rejected stays in the metadata and checks of the tables; `reparse` finds them again \
while the raw files are there. Part of the daily job; materialize it by itself to have it done at once.
"""
_CHANGES_DESCRIPTION = """\
One materialization per run: which figures of scores were deleted because they were replaced more than {days} days ago \
(SALTED_CHANGES_RETENTION_DAYS).

The scores themselves stay as they are. Part of the daily job; materialize it by itself to have it done at once. What \
it deletes is gone.
"""


def build_retention(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets that delete; none of what is kept for ever, which is the default."""
    return [
        *_build_raw_retention(settings),
        *_build_rejects_retention(settings),
        *_build_changes_retention(settings),
    ]


def _build_raw_retention(settings: Settings) -> list[dg.AssetsDefinition]:
    keep_days = settings.raw_retention_days
    if keep_days == "never":
        return []

    @_retention_asset(settings, RAW_RETENTION, _RAW_DESCRIPTION, keep_days)
    def raw_retention(
        context: dg.AssetExecutionContext, salted_export: SaltedExportResource
    ) -> dg.MaterializeResult[None]:
        with dagster_errors():
            report = salted_export.prune_raw(settings.datasets, keep_days)
        for day, files in report.pruned.items():
            context.log_event(_observe(context.asset_key, day, files))
        return dg.MaterializeResult(metadata=_describe(report))

    return [raw_retention]


def _build_rejects_retention(settings: Settings) -> list[dg.AssetsDefinition]:
    keep_days = settings.rejects_retention_days
    if keep_days == "never":
        return []

    @_retention_asset(settings, REJECTS_RETENTION, _REJECTS_DESCRIPTION, keep_days)
    def rejects_retention(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        with dagster_errors():
            report = warehouse.prune_rejects(settings.datasets, keep_days)
        records = [
            dg.TableRecord({"day": day.isoformat(), "datasets": ", ".join(names)})
            for day, names in report.pruned.items()
        ]
        return dg.MaterializeResult(
            metadata={
                "days_deleted": len(report.pruned),
                "files_deleted": sum(map(len, report.pruned.values())),
                **({"deleted": dg.MetadataValue.table(records)} if records else {}),
                **({"damaged": dg.MetadataValue.text("\n".join(report.damaged))} if report.damaged else {}),
            }
        )

    return [rejects_retention]


def _build_changes_retention(settings: Settings) -> list[dg.AssetsDefinition]:
    keep_days = settings.changes_retention_days
    if keep_days == "never":
        return []

    @_retention_asset(settings, CHANGES_RETENTION, _CHANGES_DESCRIPTION, keep_days)
    def changes_retention(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        with dagster_errors():
            pruned = warehouse.prune_changes(keep_days)
        return dg.MaterializeResult(metadata={"files_rewritten": len(pruned), "figures_deleted": sum(pruned.values())})

    return [changes_retention]


def _retention_asset(
    settings: Settings, key: dg.AssetKey, description: str, keep_days: int
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    return dg.asset(
        key=key,
        op_tags={"dagster/priority": "-1"},  # after the tables of a run, whatever becomes of them
        description=description.format(days=keep_days),
        **label_asset(settings, key.path[0]),
    )


def _observe(retention: dg.AssetKey, day: date, files: list[LandedFile]) -> dg.AssetObservation:
    """What the UI shows on the day of `raw/export` whose files were deleted."""
    metadata = {"raw_files_deleted": len(files), "deleted_stored_bytes": _sum_bytes(files)}
    return dg.AssetObservation(sibling_key(retention, RAW_EXPORT.path), partition=day.isoformat(), metadata=metadata)


def _describe(report: RetentionReport) -> Mapping[str, Any]:
    deleted = [
        dg.TableRecord({"day": day.isoformat(), "files": len(files), "stored_bytes": _sum_bytes(files)})
        for day, files in report.pruned.items()
    ]
    waiting = [dg.TableRecord({"day": day.isoformat(), "why": why}) for day, why in report.held_back.items()]
    return {
        "days_deleted": len(report.pruned),
        "files_deleted": sum(map(len, report.pruned.values())),
        "deleted_stored_bytes": sum(map(_sum_bytes, report.pruned.values())),
        "days_held_back": len(report.held_back),
        **({"deleted": dg.MetadataValue.table(deleted)} if deleted else {}),
        **({"held_back": dg.MetadataValue.table(waiting)} if waiting else {}),
    }


def _sum_bytes(files: list[LandedFile]) -> int:
    return sum(file.stored_byte_count for file in files)
