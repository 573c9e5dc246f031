"""A window of a score table's daily files, whether they lie in a folder or in a bucket."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from itertools import chain

import duckdb
import pyarrow as pa

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets.warehouse.scans import damage_named, open_rows, read_days, read_file, write_scan


def list_score_days(warehouse: Warehouse, name: str, first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included, whose partition of the score table is there, in order."""
    return [day for day in warehouse.list_days(("scores", name)) if first <= day <= last]


@contextmanager
def score_damage_named(warehouse: Warehouse, names: Collection[str], first: date, last: date) -> Iterator[None]:
    """Raise WarehouseDamaged for what a computation failed at, if a file of these score tables and days is the cause.

    It has to enclose all that executes relations of `open_score_window`: what they read is read only then.
    """
    with damage_named(warehouse, (path for name in names for path in _paths(warehouse, name, first, last).values())):
        yield


def open_score_window(  # noqa: PLR0917 - where to read with, where from, and what: each has its own type
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    name: str,
    first: date,
    last: date,
    columns: Sequence[str],
) -> duckdb.DuckDBPyRelation:
    """All rows of `scores/<name>` of the days from `first` to `last`, both included, in no particular order.

    Has exactly `columns`, in their order and in the types of the table's model (DuckDB gives instants out in the zone
    of the connection). Days without a partition give no row, and a window without any gives a relation of no rows. A
    column that an older file does not have is null there, and one that the model no longer has is left out. Nothing is
    read but footers until the relation is executed, then only what its columns and filters need, and again each time;
    files replaced meanwhile count as they are then.
    Raises ValueError for a column that the model does not have.
    """
    schema = _schema(name, columns)
    rows = open_rows(connection, warehouse, _paths(warehouse, name, first, last), schema)
    return rows.project(", ".join(f'"{column}"' for column in columns))


def write_score_scan(  # noqa: PLR0917 - as above
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    name: str,
    first: date,
    last: date,
    columns: Sequence[str],
) -> str:
    """The SQL of a table that has what `open_score_window` has, for a query that reads it once."""
    scan = write_scan(connection, warehouse, _paths(warehouse, name, first, last), _schema(name, columns))
    return f"(SELECT {', '.join(columns)} FROM {scan})"  # noqa: S608 - names of our own columns


def read_score_day(warehouse: Warehouse, name: str, day: date, columns: Sequence[str]) -> pa.Table:
    """The rows of one day's partition, with texts as texts; none where it is not there."""
    path, schema = warehouse.table_path(("scores", name), day), _schema(name, columns)
    return read_file(warehouse, path, schema).cast(schema) if warehouse.exists(path) else schema.empty_table()


def read_score_windows(
    warehouse: Warehouse,
    name: str,
    end_dates: Sequence[date],
    window_days: int,
    columns: Sequence[str],
    *,
    having: Mapping[str, str] | None = None,
    newer_days: int | None = None,
    newer_columns: Sequence[str] = (),
) -> Iterator[pa.Table]:
    """The rows that `open_score_window` has, of all windows of so many days that end on these days, which are in order.

    A table for each day that a window has, in order, read while they are taken. Texts come dictionary-encoded. Only
    rows with the texts that columns are `having` are sure to be there. The tables of days before the first window of
    `newer_days` have no `newer_columns`. Raises ValueError for a column that the model does not have.
    """
    paths = _paths(warehouse, name, end_dates[0] - timedelta(days=window_days - 1), end_dates[-1])
    needed = {day: path for day, path in paths.items() if _is_needed(day, end_dates, window_days)}
    first = end_dates[0] - timedelta(days=(newer_days or window_days) - 1)
    older = {day: path for day, path in needed.items() if day < first}
    newer = {day: path for day, path in needed.items() if day >= first}
    of_older = [column for column in columns if column not in newer_columns]
    return chain(
        read_days(warehouse, older, _schema(name, of_older), having=having),
        read_days(warehouse, newer, _schema(name, columns), having=having),
    )


def count_newest_rows(warehouse: Warehouse, name: str, first: date, last: date) -> int:
    """The rows of the newest day of the score table up to `last`, and from `first` on; 0 where there is none."""
    for path in reversed(_paths(warehouse, name, first, last).values()):
        with suppress(FileNotFoundError, WarehouseDamaged), warehouse.open_parquet(path) as file:
            return int(file.metadata.num_rows)
    return 0


def _is_needed(day: date, end_dates: Sequence[date], window_days: int) -> bool:
    """Whether a window that ends on one of these days, in order, has the day."""
    following = bisect_left(end_dates, day)
    return following < len(end_dates) and (end_dates[following] - day).days < window_days


def _schema(name: str, columns: Sequence[str]) -> pa.Schema:
    known = arrow_schema(SCORE_MODELS[name])
    if unknown := [column for column in columns if column not in known.names]:
        raise ValueError(f"cannot read {', '.join(unknown)} of scores/{name}: there is no such column")
    return pa.schema([known.field(column) for column in columns])


def _paths(warehouse: Warehouse, name: str, first: date, last: date) -> dict[date, str]:
    days = list_score_days(warehouse, name, first, last)
    return {day: warehouse.table_path(("scores", name), day) for day in days}
