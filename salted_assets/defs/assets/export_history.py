"""`raw/export_history`: the vendor's list of exports against our records."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import dagster as dg
import pyarrow as pa

from salted_assets.defs.asset_keys import EXPORT_HISTORY
from salted_assets.defs.assets.labels import label_asset
from salted_assets.defs.metadata.columns import build_column_schema
from salted_assets.defs.resources import SaltedExportResource
from salted_assets.defs.retries import RETRY_POLICY, dagster_errors
from salted_assets.landing import ListedExport
from salted_assets.schemas.base import arrow_schema, columns_of
from salted_assets.schemas.export_history import ExportHistory
from salted_assets.settings import Settings

_DESCRIPTION = """\
One row per export that the vendor lists for the account, up to the 100 most recent.

Each is held against the landings, pending exports and contact exports of this warehouse: `ours` is in use here, \
`orphaned` was requested from here and is in no landing, `failed` is what the vendor gave up, `foreign` is in no \
record here. \
Foreign exports are those of another warehouse or program with the same account; if there should be none, ask who \
else has a key.

Materialize it by itself when you want to know: it is one request and replaces the earlier list. It has no partitions, \
so the daily job, and every run of a day, leave it out: what is landed needs no vendor.
"""


def build_export_history(settings: Settings) -> dg.AssetsDefinition:
    """The asset that lists the vendor's exports."""

    @dg.asset(
        key=EXPORT_HISTORY,
        retry_policy=RETRY_POLICY,
        **label_asset(settings, "raw", "parquet"),
        description=_DESCRIPTION,
        metadata={
            "dagster/column_schema": build_column_schema(columns_of(ExportHistory), key=("export_id",)),
            "dagster/table_name": "raw.export_history",
        },
        output_required=False,
    )
    def export_history(
        context: dg.AssetExecutionContext, salted_export: SaltedExportResource
    ) -> Iterator[dg.Output[pa.Table]]:
        if context.has_partition_key or context.has_partition_key_range:
            context.log.info("Left out: the list is of the account, not of a day. Materialize it without a partition.")
            return
        with dagster_errors():
            listed = salted_export.list_history()
        yield dg.Output(_as_table(listed), metadata=_count(listed))

    return export_history


def _as_table(listed: Sequence[ListedExport]) -> pa.Table:
    return pa.Table.from_pylist([asdict(export) for export in listed], schema=arrow_schema(ExportHistory))


def _count(listed: Sequence[ListedExport]) -> dict[str, int]:
    ownerships = Counter(export.ownership for export in listed)
    return {
        "ours": ownerships["ours"],
        "foreign": ownerships["foreign"],
        "failed": ownerships["failed"],
        "orphaned": ownerships["orphaned"],
        "to_be_attached_to": sum(export.is_pending for export in listed),
    }
