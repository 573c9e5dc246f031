"""Connections that can read what the views name. Not here: the views, the file."""

from pathlib import Path

import duckdb

from salted_assets.output.catalog.bucket_files import BucketFiles
from salted_assets.warehouse import Warehouse


def open_catalog(warehouse: Warehouse | str, path: Path | str | None = None) -> duckdb.DuckDBPyConnection:
    """Open the catalog of a warehouse (or of the one at this address) for reading.

    `path` is the catalog's file, where it is not at its usual place. The views of a warehouse on S3 are read by the
    standard `AWS_*` variables, without any extension of DuckDB. Instants are shown in UTC.
    Raises FileNotFoundError where no catalog has been written yet.
    """
    place = Warehouse(warehouse) if isinstance(warehouse, str) else warehouse
    file = Path(path) if path is not None else default_catalog_path(place)
    if not file.is_file():
        raise FileNotFoundError(f"there is no catalog at {file}: write it with `salted catalog`")
    return connect(place, file, read_only=True)


def default_catalog_path(warehouse: Warehouse) -> Path:
    """Where a warehouse's catalog is unless told otherwise: in its folder, or here under `data` for one on S3."""
    return Path("data/catalog.duckdb") if _is_bucket(warehouse) else Path(warehouse.uri) / "catalog.duckdb"


def connect(warehouse: Warehouse, file: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Connect to a DuckDB file whose views name files of the warehouse."""
    connection = duckdb.connect(str(file), read_only=read_only)
    connection.execute("SET TimeZone = 'UTC'")
    if _is_bucket(warehouse):
        # what is kept between queries would be told from newer files by times that the warehouse does not give
        connection.execute("SET enable_external_file_cache = false")
        connection.register_filesystem(BucketFiles(warehouse))
    return connection


def _is_bucket(warehouse: Warehouse) -> bool:
    return warehouse.uri.startswith("s3://")
