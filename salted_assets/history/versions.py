"""Which of several versions of a row is the newest. Not here: where versions come from, which rows are asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]

_OUTDATED = """
    WITH version AS (
        SELECT *, bool_and(updated_at IS NOT NULL) OVER (PARTITION BY pid) AS is_dated FROM candidate
    )
    SELECT place, row_index FROM version
    QUALIFY row_number() OVER (
        PARTITION BY pid
        ORDER BY CASE WHEN is_dated THEN updated_at END DESC NULLS LAST, place DESC, content DESC
    ) > 1
"""


@dataclass(frozen=True)
class Delivery:
    """Rows out of one partition, with `pid` and `updated_at` among their columns."""

    day: date
    ordered_at: datetime
    rows: pa.Table


def keep_newest(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """The deliveries in order of their export, each with only those rows of which no other one is newer.

    Where every version of a row carries `updated_at`, the latest is the newest; else the export that was ordered last
    decides, for a file gives the state at that time; then the partition's day. Equal in all of that, the content
    decides, so that the order of rows never does. No delivery gives none. Handed over as a generator, the rows are held
    in memory once, not twice.
    """
    ordered = sorted(deliveries, key=lambda delivery: (delivery.ordered_at, delivery.day))
    with duckdb.connect() as connection:
        candidates = _candidates(connection, ordered)
        if not candidates.num_rows:
            return ordered
        connection.register("candidate", candidates)
        outdated = connection.sql(_OUTDATED).to_arrow_table()
    places, indices = (outdated[name].to_numpy() for name in ("place", "row_index"))
    for place in range(len(ordered)):
        ordered[place] = _without(ordered, place, indices[places == place])
    return ordered


def _candidates(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> pa.Table:
    """Keys of the rows that may have several versions: those that share the hash of their pid with another row.

    Most rows have one version; sorting eight bytes for each is far cheaper than sorting the ids themselves.
    """
    hashes = [_hashes(connection, delivery.rows) for delivery in deliveries]
    # np.unique would count them in one call, and in five times the memory
    ordered = np.concatenate([np.empty(0, np.uint64), *hashes])
    ordered.sort()
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    tables = []
    for place, (delivery, own) in enumerate(zip(deliveries, hashes, strict=True)):
        is_shared = _is_among(own, shared)
        indices = np.flatnonzero(is_shared)
        rows = delivery.rows.filter(pa.array(is_shared))
        connection.register("content", rows)
        content = connection.sql("SELECT hash(content) AS content FROM content").to_arrow_table()["content"]
        columns = {
            "pid": rows["pid"],
            "updated_at": rows["updated_at"],
            "place": pa.array(np.full(len(indices), place), pa.int64()),
            "row_index": pa.array(indices, pa.int64()),
            "content": content,
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables) if tables else pa.table({"pid": pa.array([], pa.string())})


def _hashes(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> Hashes:
    connection.register("keys", rows.select(["pid"]))
    hashes: Hashes = connection.sql("SELECT hash(pid) AS hash FROM keys").to_arrow_table()["hash"].to_numpy()
    return hashes


def _is_among(values: Hashes, ordered: Hashes) -> npt.NDArray[np.bool_]:
    """Whether each value is in the ordered array, in less memory than numpy's own test needs."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    nearest = ordered.take(np.searchsorted(ordered, values), mode="clip")
    return np.equal(nearest, values)


def _without(deliveries: list[Delivery], place: int, indices: Indices) -> Delivery:
    """The delivery at `place` without the rows at `indices`; lets go of each batch as its filtered copy is made."""
    delivery = deliveries[place]
    schema, batches = delivery.rows.schema, delivery.rows.to_batches()
    is_kept = np.ones(delivery.rows.num_rows, dtype=bool)
    is_kept[indices] = False
    deliveries[place] = delivery = replace(delivery, rows=schema.empty_table())
    offset = 0
    for number, batch in enumerate(batches):
        batches[number] = batch.filter(pa.array(is_kept[offset : offset + batch.num_rows]))
        offset += batch.num_rows
    return replace(delivery, rows=pa.Table.from_batches(batches, schema))
