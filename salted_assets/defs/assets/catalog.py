"""`catalog`: the DuckDB file of views."""

from collections.abc import Iterable, Iterator

import dagster as dg

from salted_assets.defs.asset_keys import CATALOG
from salted_assets.defs.assets.labels import label_asset
from salted_assets.defs.resources import WarehouseResource
from salted_assets.defs.retries import dagster_errors
from salted_assets.output.catalog import CatalogFacts, write_catalog
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse

_BACKFILL = "dagster/backfill"
_LAYERS_SHOWN = {"tables", "scores"}

_DESCRIPTION = """\
One DuckDB file of views over all tables, scores and rejects of the warehouse; it holds no data.

`engagement`, `turn`, ... show the newest version of every row, `engagement_exports`, ... all versions, \
`agent_history` who was in which team from when to when, `repeat_contact` who came back within 7 days; each score \
table has a view of its name (`scores/engagement` \
is `engagement_scores`), each dataset one of its rejects. docs/querying.md shows how to ask them.

Views name their files by patterns, so they show new days by themselves: write the file once, and again after an \
update of the platform or after moving the warehouse, here or by `salted catalog`. It is not out of date when the \
assets that it shows are made again, so the daily job and runs of a day leave it out. A backfill of everything that \
begins with an empty warehouse and makes no table has nothing to show: it then says 0 views and writes nothing. In a \
folder it is `catalog.duckdb` in the warehouse; for a warehouse on S3 it is `data/catalog.duckdb` where the run is. \
`salted sql` asks it.
"""


def build_catalog(settings: Settings, shown: Iterable[dg.AssetsDefinition]) -> dg.AssetsDefinition:
    """The asset that writes the file; `shown` are those among which it has views of tables and scores."""
    keys = [key for asset in shown for key in asset.keys if key.path[0] in _LAYERS_SHOWN]

    @dg.asset(
        key=CATALOG,
        deps=keys,
        **label_asset(settings, "catalog", "duckdb"),
        description=_DESCRIPTION,
        output_required=False,
    )
    def catalog(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        if context.has_partition_key or context.has_partition_key_range:
            context.log.info("Left out: its views show new days by themselves. Materialize it without a partition.")
            return
        written = _write(context, warehouse.open())
        if written is None:
            # Dagster takes a backfill for failed in which a requested asset was not materialized.
            yield dg.MaterializeResult(metadata={"views": 0, "simulated": settings.simulated})
            return
        yield dg.MaterializeResult(
            metadata={
                "dagster/uri": str(written.path),
                "file_bytes": written.byte_count,
                "views": written.view_count,
                "simulated": settings.simulated,
            }
        )

    return catalog


def _write(context: dg.AssetExecutionContext, warehouse: Warehouse) -> CatalogFacts | None:
    """The catalog; None where a backfill of everything has come here before its first table is there."""
    with dagster_errors():
        try:
            return write_catalog(warehouse)
        except FileNotFoundError:
            if _BACKFILL not in context.run.tags:
                raise
            context.log.info(
                "Not written: the warehouse has no table yet. Materialize it when the first days are there."
            )
            return None
