"""Daily Parquet files as one DuckDB relation or day by day, whether they lie in a folder or in a bucket."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from typing import TypeAlias
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from salted_assets.warehouse import Warehouse, WarehouseDamaged

Connection: TypeAlias = duckdb.DuckDBPyConnection
Relation: TypeAlias = duckdb.DuckDBPyRelation

_FILES_AHEAD = 2
_FOOTERS_AT_ONCE = 16

_DAY = pa.field("date", pa.date32())


def connect() -> Connection:
    """A DuckDB database of its own in memory, gone when it is closed."""
    return duckdb.connect()


@contextmanager
def damage_named(warehouse: Warehouse, paths: Iterable[str]) -> Iterator[None]:
    """Raise WarehouseDamaged for what reading these files failed at, if one of them is the cause.

    Only then are the paths asked for, and each file is read to its end, pages with their checksums: the libraries do
    not all name the file.
    """
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.InterruptException, FileNotFoundError):
        raise
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        for path in paths:
            _ensure_whole(warehouse, path, error)
        raise


def open_rows(connection: Connection, warehouse: Warehouse, paths: Mapping[date, str], schema: pa.Schema) -> Relation:
    """All rows of the days' files, with the schema's columns in its types, and `date`, the file's day.

    The rows come in no particular order; no file gives a relation of no rows. A column that a file does not have is
    null in its rows, and one that the schema does not name is left out. DuckDB gives instants out in the zone of the
    connection. Nothing is read but footers until the relation is executed, then only what its columns and filters need,
    and again each time; files replaced meanwhile count as they are then. Raises
    WarehouseDamaged for a file without a footer.
    """
    with damage_named(warehouse, paths.values()):
        return connection.sql(f"FROM {write_scan(connection, warehouse, paths, schema)}")


def write_scan(connection: Connection, warehouse: Warehouse, paths: Mapping[date, str], schema: pa.Schema) -> str:
    """The SQL of a table with the rows that `open_rows` has, for queries of the connection that read them once."""
    fields = pa.schema([*_plain(schema), _DAY])
    empty = connection.from_arrow(fields.empty_table())
    types = dict(zip(empty.columns, empty.types, strict=True))
    nothing = ", ".join(f'NULL::{kind} AS "{column}"' for column, kind in types.items())
    casts = ", ".join(f'"{column}"::{kind} AS "{column}"' for column, kind in types.items())
    if not paths:
        return f"(SELECT {nothing} WHERE false)"
    if warehouse.uri.startswith("s3://"):
        name = f"files_{uuid4().hex}"
        connection.register(name, _open_dataset(warehouse, paths, fields))
        return f"(SELECT {casts} FROM {name})"  # noqa: S608 - names and types of our own columns
    return f"(SELECT {casts} FROM (SELECT {nothing} WHERE false UNION ALL BY NAME {_read_local(warehouse, paths)}))"  # noqa: S608 - as above


def read_days(
    warehouse: Warehouse, paths: Mapping[date, str], schema: pa.Schema, *, having: Mapping[str, str] | None = None
) -> Iterator[pa.Table]:
    """The rows of each file, in the order of `paths`, with the schema's columns; texts come dictionary-encoded.

    A column that a file does not have is null in its rows, and one that the schema does not name is left out. While one
    is worked on the next are read, so that there are never more than `_FILES_AHEAD` in memory that were not asked for.
    Row groups that have none of the texts that columns are `having` are passed by, which saves most of a file whose
    rows are sorted by them; other rows of the row groups that are read come, too.
    """
    fields = pa.schema(_encoded(_plain(schema)))
    with ThreadPoolExecutor(_FILES_AHEAD) as pool:
        ahead: deque[Future[pa.Table]] = deque()
        for path in paths.values():
            ahead.append(pool.submit(_read_file, warehouse, path, fields, having or {}))
            if len(ahead) > _FILES_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    pa.default_memory_pool().release_unused()


def read_file(warehouse: Warehouse, path: str, schema: pa.Schema) -> pa.Table:
    """The rows of one file with the schema's columns, as `read_days` gives them, but with texts as texts."""
    return _read_file(warehouse, path, pa.schema(_plain(schema)), {})


def _ensure_whole(warehouse: Warehouse, path: str, error: Exception) -> None:
    """Raise WarehouseDamaged, caused by the error, for a file that cannot be read to its end."""
    with suppress(FileNotFoundError), warehouse.open_parquet(path, verify=True) as file:
        try:
            for index in range(file.num_row_groups):
                file.read_row_group(index)
        except (pa.ArrowException, OSError):
            raise WarehouseDamaged(
                f"{path} cannot be read to its end: some of its bytes are not those that were written. Restore it from "
                "a copy, or make its partition again."
            ) from error


def _read_file(warehouse: Warehouse, path: str, schema: pa.Schema, having: Mapping[str, str]) -> pa.Table:
    texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    with damage_named(warehouse, [path]), warehouse.open_parquet(path, encoded=texts) as file:
        groups = [index for index in range(file.num_row_groups) if _may_have(file.metadata.row_group(index), having)]
        # pyarrow passes over names that the file does not have
        rows = file.read_row_groups(groups, schema.names, use_threads=False)
    there = dict(zip(rows.column_names, rows.columns, strict=True))
    return pa.table([_fit(there.get(field.name), field.type, rows.num_rows) for field in schema], schema=schema)


def _fit(column: pa.ChunkedArray | None, kind: pa.DataType, row_count: int) -> pa.ChunkedArray | pa.Array:
    if column is None:
        return pa.nulls(row_count, kind)
    return column if column.type == kind else column.cast(kind)


def _may_have(row_group: pq.RowGroupMetaData, having: Mapping[str, str]) -> bool:
    """Whether some row may have these texts in these columns, by the bounds that the file says; true where it does not.

    As columns of our tables are flat, each is one column of the row group.
    """
    for index in range(row_group.num_columns if having else 0):
        column = row_group.column(index)
        text, bounds = having.get(column.path_in_schema), column.statistics
        if text is not None and bounds is not None and bounds.has_min_max and not bounds.min <= text <= bounds.max:
            return False
    return True


def _read_local(warehouse: Warehouse, paths: Mapping[date, str]) -> str:
    """DuckDB's own reader is the quickest, but of a bucket it reads only with an extension that has to be fetched."""
    files = ", ".join("'" + f"{warehouse.uri}/{path}".replace("'", "''") + "'" for path in paths.values())
    return (
        f"SELECT * FROM read_parquet([{files}], union_by_name = true, hive_partitioning = true, "  # noqa: S608 - paths, quoted
        "hive_types = {'date': DATE})"
    )


def _open_dataset(warehouse: Warehouse, paths: Mapping[date, str], schema: pa.Schema) -> ds.Dataset:
    """The files as they are read from a bucket, by ranges; text comes dictionary-encoded, which spares memory."""
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    encoded = pa.schema(_encoded(schema))
    form = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=texts))
    fragments = [
        form.make_fragment(warehouse.open(path), partition_expression=ds.field(_DAY.name) == pa.scalar(day, _DAY.type))
        for day, path in paths.items()
    ]
    # a scan would read the footers too, and keeps these
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
        list(pool.map(ds.ParquetFileFragment.ensure_complete_metadata, fragments))
    return ds.FileSystemDataset(fragments, encoded, form)


def _plain(schema: pa.Schema) -> Iterator[pa.Field]:
    """The fields as those of any file are taken: a column that a file does not have is null."""
    return (field.remove_metadata().with_nullable(True) for field in schema)


def _encoded(fields: Iterable[pa.Field]) -> Iterator[pa.Field]:
    for field in fields:
        yield field.with_type(pa.dictionary(pa.int32(), pa.string())) if pa.types.is_string(field.type) else field
