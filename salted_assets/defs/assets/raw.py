"""`raw/export`: one export per day, as delivered."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from salted_assets.defs.asset_checks.outcome import CheckOutcome
from salted_assets.defs.asset_checks.reporting import report_outcomes
from salted_assets.defs.asset_checks.window import build_window_check_spec, check_window
from salted_assets.defs.asset_keys import RAW_EXPORT, pool_of
from salted_assets.defs.assets.labels import label_asset
from salted_assets.defs.partitions import build_backfill_policy, build_partitions
from salted_assets.defs.resources import SaltedExportResource
from salted_assets.defs.retries import RETRY_POLICY
from salted_assets.defs.step_days import materialize_in_turn
from salted_assets.landing import Manifest
from salted_assets.settings import Settings
from salted_assets.warehouse import landing_folder

_HASH_LENGTH_SHOWN = 12

_DESCRIPTION = """\
One landing per day: the CSV files of the vendor's export of that day's window, kept byte for byte.

A day is exported once. Running it again returns what is there without a request, unless `refresh` is set in the \
launchpad: then a new export supersedes the earlier one, which stays on disk. A run that was cut off re-attaches to \
the export that it had requested.

The window selects engagements that started in it and rows that were updated in it, so a file also holds newer \
versions of older rows. Accounts on an older version of the API may select by start alone: whether yours does shows in \
`engagements_before_window`, which is observed on each day when `tables/engagement` loads it. If it stays 0 for weeks, \
later changes never arrive: set SALTED_LOOKBACK_DAYS.
"""


class ExportConfig(dg.Config):
    """What a run of `raw/export` can be asked for."""

    refresh: bool = Field(
        default=False,
        description="Request a new export even where the day is complete, to have what the vendor knows of it now.",
    )


def build_raw_export(settings: Settings) -> dg.AssetsDefinition:
    """The asset that lands the configured datasets of each day."""
    datasets = list(settings.datasets)

    partitions = build_partitions(settings)

    @dg.asset(
        key=RAW_EXPORT,
        partitions_def=partitions,
        check_specs=[build_window_check_spec(RAW_EXPORT, partitions)],
        backfill_policy=build_backfill_policy(settings),
        retry_policy=RETRY_POLICY,
        pool=pool_of(settings.account),
        **label_asset(settings, "raw", "csv"),
        description=_DESCRIPTION,
        metadata={"datasets": ", ".join(datasets)},
    )
    def raw_export(
        context: dg.AssetExecutionContext, config: ExportConfig, salted_export: SaltedExportResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        uri = salted_export.warehouse.open().uri
        outcomes: dict[date, list[CheckOutcome]] = {}

        def land(day: date) -> dict[str, Any]:
            manifest = salted_export.land(day, datasets, refresh=config.refresh)
            outcomes[day] = [check_window(manifest)]
            return describe_landing(manifest, uri)

        yield materialize_in_turn(context, land, outcomes)
        yield from report_outcomes(context, context.asset_key, outcomes)

    return raw_export


def describe_landing(manifest: Manifest, uri: str) -> dict[str, Any]:
    """What the UI shows of a landing in the warehouse at `uri`: its files with rows and bytes, and its exports.

    Numbers are plotted by the UI over the days: rows, bytes, seconds from request to landing, retries, engagements that
    start at or after the window's end. Of a file's hash its beginning, enough to distinguish two files; the
    manifest has all of it.
    """
    files = [file for delivery in manifest.deliveries for file in delivery.files]
    records = [
        dg.TableRecord(
            {
                "dataset": file.dataset,
                "rows": file.row_count,
                "bytes": file.byte_count,
                "stored_bytes": file.stored_byte_count,
                "sha256_begins": file.sha256[:_HASH_LENGTH_SHOWN],
            }
        )
        for file in files
    ]
    not_delivered = sorted({name for delivery in manifest.deliveries for name in delivery.not_delivered})
    unasked = sorted({name for delivery in manifest.deliveries for name in delivery.unasked})
    return {
        "dagster/partition_row_count": sum(file.row_count for file in files),
        "dagster/uri": f"{uri}/{landing_folder(manifest.day)}",
        "bytes": sum(file.byte_count for file in files),
        "stored_bytes": sum(file.stored_byte_count for file in files),
        "export_seconds": sum(delivery.seconds for delivery in manifest.deliveries),
        "retries": sum(delivery.retry_count for delivery in manifest.deliveries),
        "files": dg.MetadataValue.table(records) if records else "none",
        "export_ids": ", ".join(delivery.export_id for delivery in manifest.deliveries),
        "requested_at": dg.MetadataValue.timestamp(
            max(datetime.fromisoformat(delivery.requested_at) for delivery in manifest.deliveries)
        ),
        "adopted_exports": ", ".join(delivery.export_id for delivery in manifest.deliveries if delivery.is_adopted)
        or "none",
        "late_starts": sum(delivery.window_fit.late_count for delivery in manifest.deliveries),
        "not_delivered": ", ".join(not_delivered) or "none",
        "addresses_not_asked_for": ", ".join(unasked) or "none",
        "erased_rows": sum(file.erased_row_count for file in files),
        "superseded_exports": len(manifest.superseded),
        "simulated": manifest.simulated,
    }
