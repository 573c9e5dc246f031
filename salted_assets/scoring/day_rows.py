"""Rows of daily score tables, day by day: the form in which windows read them, so that days are gone through once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeAlias

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.scoring.sql import Rows
from salted_assets.scoring.stats import Floats

DayRows: TypeAlias = Rows | Iterable[pa.Table]
"""Rows of a daily score table: all in memory and in any order, or read in tables, of which none is of earlier days
than the one before. Texts may be dictionary-encoded."""


def split_days(rows: DayRows, model: type[Table]) -> Iterator[tuple[date, pa.Table]]:
    """Each day that has rows with its rows, the oldest first."""
    for table in _tables(rows, model):
        days = table["start_date"]
        first, last = pc.min_max(days).as_py().values()
        if first is None:
            continue
        if first == last:
            yield first, table
            # It is not held while the next one is read.
            del table, days
            continue
        order = pc.sort_indices(days)
        ordered = table.take(order)
        different, starts = np.unique(ordered["start_date"].to_numpy(), return_index=True)
        for day, start, end in zip(different.tolist(), starts, [*starts[1:], len(table)], strict=True):
            yield day, ordered.slice(start, end - start)


def pass_days(
    rows: DayRows, model: type[Table], end_dates: Sequence[date], add: Callable[[date, pa.Table], None]
) -> Iterator[int]:
    """Add each day that has rows, the oldest first; gives the index of each end date as soon as its days are added.

    Where rows end with the last end date and come day by day, none are held while its windows are worked on.
    """
    whole = 0
    for day, own in split_days(rows, model):
        while whole < len(end_dates) and end_dates[whole] < day:
            yield whole
            whole += 1
        add(day, own)
        del own
    yield from range(whole, len(end_dates))


def to_floats(column: pa.ChunkedArray) -> Floats:
    """The column's numbers; NaN for null."""
    floats: Floats = column.to_numpy().astype(np.float64, copy=False)
    return floats


def _tables(rows: DayRows, model: type[Table]) -> Iterable[pa.Table]:
    if isinstance(rows, duckdb.DuckDBPyRelation):
        return [rows.to_arrow_table()]
    if isinstance(rows, pd.DataFrame):
        return [pa.Table.from_pandas(rows, schema=arrow_schema(model), preserve_index=False)]
    return [rows] if isinstance(rows, pa.Table) else rows
