"""A window of a score table's daily files as one DuckDB relation, whether they lie in a folder or in a bucket.

Here: which days of a window are there, and how their files are opened without reading more than is asked for.
Not here: what is made of the rows (`scoring`), how the files come to be (`table_files`), vendor's tables, Dagster.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from salted_assets.tables.base import arrow_schema
from salted_assets.tables.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse


def list_score_days(warehouse: Warehouse, name: str, first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included, whose partition of the score table is there, in order."""
    return [day for day in warehouse.list_days(("scores", name)) if first <= day <= last]


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
    known = arrow_schema(SCORE_MODELS[name])
    if unknown := [column for column in columns if column not in known.names]:
        raise ValueError(f"cannot read {', '.join(unknown)} of scores/{name}: there is no such column")
    schema = pa.schema([known.field(column).remove_metadata().with_nullable(True) for column in columns])
    empty = connection.from_arrow(schema.empty_table())
    paths = [warehouse.table_path(("scores", name), day) for day in list_score_days(warehouse, name, first, last)]
    if not paths:
        return empty
    types = dict(zip(empty.columns, empty.types, strict=True))
    files = _open_files(connection, warehouse, paths, types, schema)
    return files.project(", ".join(f'"{column}"::{kind} AS "{column}"' for column, kind in types.items()))


def _open_files(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    paths: Sequence[str],
    types: Mapping[str, object],
    schema: pa.Schema,
) -> duckdb.DuckDBPyRelation:
    """DuckDB's own reader is the quickest, but of a bucket it reads only with an extension that has to be fetched."""
    if warehouse.uri.startswith("s3://"):
        return connection.from_arrow(_open_dataset(warehouse, paths, schema))
    nothing = ", ".join(f'NULL::{kind} AS "{column}"' for column, kind in types.items())
    return connection.sql(
        f"SELECT {nothing} WHERE false UNION ALL BY NAME "  # noqa: S608 - names and types of our own columns
        "SELECT * FROM read_parquet($paths::VARCHAR[], union_by_name = true, hive_partitioning = false)",
        params={"paths": [f"{warehouse.uri}/{path}" for path in paths]},
    )


def _open_dataset(warehouse: Warehouse, paths: Sequence[str], schema: pa.Schema) -> ds.Dataset:
    """The files as they are read from a bucket, by ranges; text comes dictionary-encoded, which spares memory."""
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    encoded = pa.schema(_encoded(schema))
    form = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=texts))
    fragments = [form.make_fragment(warehouse.open(path)) for path in paths]
    return ds.FileSystemDataset(fragments, encoded, form)


def _encoded(schema: pa.Schema) -> Iterator[pa.Field]:
    for field in schema:
        yield field.with_type(pa.dictionary(pa.int32(), pa.string())) if pa.types.is_string(field.type) else field
