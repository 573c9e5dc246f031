"""The start days of a partition that does not note them all, found in its rows. Not here: those that do (`footers`).

A turn without a time, or a review without the start of its engagement, belongs to some day all the same: that on which
its engagement started, as far as any export has told. Rows of engagements that no export has brought concern no score;
when one brings the engagement, that touches the day by itself. Days that were noted in another zone are found as well.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history import AffectedDates
from salted_assets.history.affected_dates import START_COLUMNS, row_starts
from salted_assets.warehouse import Warehouse


def find_affected_dates(
    warehouse: Warehouse, zone: str, dataset: str, day: date, engagement_days: Iterable[date]
) -> frozenset[date]:
    """The start days of the partition's rows; of those that do not tell, by the engagement partitions of these days.

    These are looked at in the order given until each row's engagement is found: the first or second holds it as a rule,
    where they begin with the partition's own day. What is gone or no Parquet file tells nothing.
    """
    affected, name = AffectedDates(dataset, zone), "pid" if dataset == "engagement" else "engagement_pid"
    untold = []
    for batch in _read(warehouse, dataset, day, [name, *START_COLUMNS[dataset]]):
        affected.add(batch)
        untold.append(batch[name].filter(row_starts(dataset, batch).is_null()))
    sought = pc.unique(pa.chunked_array(untold, pa.string())).drop_null()
    found = AffectedDates("engagement", zone)
    for other in engagement_days:
        if not len(sought):
            break
        for batch in _read(warehouse, "engagement", other, ["pid", "start_time"]):
            known = batch.filter(pc.and_(pc.is_in(batch["pid"], value_set=sought), batch["start_time"].is_valid()))
            found.add(known)
            sought = sought.filter(pc.invert(pc.is_in(sought, value_set=known["pid"])))
    return frozenset({*affected.days, *found.days})


def _read(warehouse: Warehouse, dataset: str, day: date, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with (
        suppress(FileNotFoundError, pa.ArrowInvalid),
        warehouse.open_parquet(warehouse.table_path(("tables", dataset), day)) as file,
    ):
        yield from file.iter_batches(columns=columns)
