"""`tables/*`: one typed, checked Parquet table per dataset and day."""

from collections.abc import Iterator
from datetime import date
from functools import partial

import dagster as dg

from salted_assets.defs.asset_checks.reporting import report_outcomes
from salted_assets.defs.asset_checks.table import build_check_specs
from salted_assets.defs.asset_keys import RAW_EXPORT, table_key
from salted_assets.defs.assets.labels import label_asset
from salted_assets.defs.io_managers import TableDay, TableDays
from salted_assets.defs.metadata.columns import build_column_schema
from salted_assets.defs.metadata.recipes import describe_recipe
from salted_assets.defs.partitions import build_backfill_policy, build_partitions, days_of
from salted_assets.defs.resources import SaltedExportResource
from salted_assets.history import Recipe
from salted_assets.history.restatement import InputVersions
from salted_assets.ingest import PARSE_VERSION, IngestRules, read_table
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import columns_of, facts_of
from salted_assets.settings import Settings

_DESCRIPTION = """\
One row per {grain}.

{about}

The partition is the day whose window was exported, not the day of the row: rows of earlier days come again whenever \
they change. For the newest version of each row, read all partitions and keep the latest by `salted.ordered_at` \
(in the file's metadata) or `updated_at`. Cells that could not be read are null here and listed, with \
whole records that could not, in `rejects/{dataset}` of the same day: the check rejects counts them, `rejects` of a \
materialization says where they are, and the view `rejects_{dataset}` of the catalog shows those of all days.

`peak_memory_mb` of a materialization is the most that the process of its step had held until then, other steps of the \
same process included; `parse_seconds` is the time of reading, checking and writing.
"""

_SETTINGS_READ = (
    "missing_columns",
    "redact",
    "rejected_records_max_count",
    "rejected_records_max_ratio",
    "refused_max_ratio",
)
_ORDER = {"agent": 4, "customer": 3, "engagement": 2, "turn": 1, "review": 0}
"""Of tables that can be made at the same time those come first that others point at, so that `referential` finds them.

A table waits for no other: a file that is bad fails one table.
"""


def build_table_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """A table asset for each configured dataset."""
    return [_build_table_asset(settings, dataset) for dataset in settings.datasets]


def _build_table_asset(settings: Settings, dataset: str) -> dg.AssetsDefinition:
    model = DATASET_MODELS[dataset]
    key = table_key(dataset)
    partitions = build_partitions(settings)
    read = {name: getattr(settings, name) for name in _SETTINGS_READ}
    rules = IngestRules(**read | {"redact": frozenset(settings.redact)})

    @dg.asset(
        key=key,
        deps=[RAW_EXPORT],
        partitions_def=partitions,
        backfill_policy=build_backfill_policy(settings),
        check_specs=build_check_specs(key, partitions),
        output_required=False,
        op_tags={"dagster/priority": str(_ORDER.get(dataset, 0))},
        **label_asset(settings, "tables", "parquet"),
        description=_DESCRIPTION.format(grain=facts_of(model).grain, about=model.__doc__, dataset=dataset),
        metadata={
            "dagster/column_schema": build_column_schema(columns_of(model)),
            "dagster/table_name": f"tables.{dataset}",
            "rejects": f"rejects/{dataset}; in the catalog rejects_{dataset}",
            **describe_recipe(Recipe.of(PARSE_VERSION, read)),
        },
    )
    def table_asset(
        context: dg.AssetExecutionContext, salted_export: SaltedExportResource
    ) -> Iterator[dg.Output[TableDays] | dg.AssetCheckResult]:
        open_day = partial(_open_day, salted_export, dataset, rules)
        tables = TableDays({day: partial(open_day, day) for day in days_of(context)})
        yield dg.Output(tables)
        yield from report_outcomes(context, context.asset_key, tables.outcomes)

    return table_asset


def _open_day(salted_export: SaltedExportResource, dataset: str, rules: IngestRules, day: date) -> TableDay:
    manifest, files = salted_export.open(day, dataset)
    inputs = InputVersions({"/".join(RAW_EXPORT.path): {day.isoformat(): manifest.content_id(dataset)}})
    stream = read_table(DATASET_MODELS[dataset], files, rules, salted_export.open_pseudonyms(dataset))
    landed = sum(file.row_count for file in manifest.files(dataset))
    return TableDay(stream, manifest.requested_at(dataset), inputs, landed)
