"""The check `readable` of scores: how many values that a score reads were refused, reserved or impossible.

They are null as empty cells are, but mean something else: a sum or a mean over them is not what the vendor knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.defs.asset_checks.outcome import CheckOutcome, build_record, count, explain, table_metadata
from salted_assets.ingest.contract import FIRST_CASES_COUNT

READABLE_CHECK = "readable"

_ASKS = (
    "Every value that the score reads of its day could be read. One that was refused, is the vendor's reserved number "
    "or is impossible counts as unknown, not as empty: it is left out of sums and means, and counted."
)
_WHAT_TO_DO = (
    "See the check rejects and rejects/<dataset> of the days that delivered these rows; ask the vendor about the first "
    "keys. When a later export brings them readable, the day is scored again."
)


@dataclass(frozen=True)
class UnreadableValues:
    """Values of one column that could not be read, and the first rows' keys where the score reads keys."""

    dataset: str
    column: str
    count: int
    first_keys: Sequence[str]


def find_unreadable(rows_by_dataset: Mapping[str, pa.Table | None]) -> list[UnreadableValues]:
    """Of rows as a score reads them the values that could not be read, by column; of columns that it reads alone.

    Rows of a dataset that is None, or without `refused_columns`, have none.
    """
    return [
        values
        for dataset, rows in rows_by_dataset.items()
        if rows is not None and "refused_columns" in rows.column_names
        for values in _find_in(dataset, rows)
    ]


def find_unreadable_by_day(
    rows_by_dataset: Mapping[str, pa.Table | None], days: Sequence[date]
) -> dict[date, list[UnreadableValues]]:
    """The same for each of the days, of rows with their `start_date`."""
    marked = {
        dataset: rows.filter(pc.is_valid(rows["refused_columns"]))
        for dataset, rows in rows_by_dataset.items()
        if rows is not None and "refused_columns" in rows.column_names
    }
    return {
        day: find_unreadable(
            {dataset: rows.filter(pc.equal(rows["start_date"], day)) for dataset, rows in marked.items()}
        )
        for day in days
    }


def add_unreadable(unreadable: Sequence[UnreadableValues]) -> list[UnreadableValues]:
    """Those of several parts of a day with one for each column, in the order in which `find_unreadable` has them."""
    found: dict[tuple[str, str], UnreadableValues] = {}
    for values in unreadable:
        earlier = found.get((values.dataset, values.column))
        found[values.dataset, values.column] = values if earlier is None else _add(earlier, values)
    datasets = list(dict.fromkeys(values.dataset for values in unreadable))
    return sorted(found.values(), key=lambda values: (datasets.index(values.dataset), values.column))


def build_readable_check_spec(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """The spec of the check, one evaluation a day."""
    return dg.AssetCheckSpec(READABLE_CHECK, asset=key, description=_ASKS, partitions_def=partitions)


def check_readable(unreadable: Sequence[UnreadableValues]) -> CheckOutcome:
    """Whether all that a score reads could be read."""
    total = sum(values.count for values in unreadable)
    by_column = ", ".join(f"{values.dataset} {values.column} {values.count}" for values in unreadable)
    records = [
        build_record(
            dataset=values.dataset,
            column=values.column,
            rows=values.count,
            first_keys=", ".join(values.first_keys),
        )
        for values in unreadable
    ]
    return CheckOutcome(
        READABLE_CHECK,
        passed=not unreadable,
        metadata={
            "unreadable_values": total,
            **table_metadata("unreadable", records),
            **explain(
                bool(unreadable),
                f"{count(total, 'value')} refused, reserved or impossible: {by_column}",
                _WHAT_TO_DO,
            ),
        },
    )


def _add(one: UnreadableValues, other: UnreadableValues) -> UnreadableValues:
    keys = [*one.first_keys, *other.first_keys][:FIRST_CASES_COUNT]
    return replace(one, count=one.count + other.count, first_keys=keys)


def _find_in(dataset: str, rows: pa.Table) -> list[UnreadableValues]:
    marked = rows.filter(pc.is_valid(rows["refused_columns"]))
    if not marked.num_rows:
        return []
    refused = marked["refused_columns"].combine_chunks()
    names, indices = refused.flatten(), refused.value_parent_indices()
    found = []
    for column in sorted(set(names.to_pylist()) & set(rows.column_names)):
        of_column = indices.filter(pc.equal(names, column))
        first = marked.take(of_column[:FIRST_CASES_COUNT])
        keys = first["pid"].to_pylist() if "pid" in first.column_names else []
        found.append(UnreadableValues(dataset, column, len(of_column), keys))
    return found
