"""The file of views: written whole or not at all, and opened with a connection that can read what the views name."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from salted_assets.output.catalog.bucket_files import BucketFiles
from salted_assets.output.catalog.views import View, build_views
from salted_assets.schemas import DATASET_MODELS
from salted_assets.warehouse import Warehouse, day_of_path


@dataclass(frozen=True)
class CatalogFacts:
    """A catalog that was written: where, how many views and bytes."""

    path: Path
    view_count: int
    byte_count: int


def write_catalog(warehouse: Warehouse, path: Path | None = None) -> CatalogFacts:
    """Write the catalog of the warehouse, by default at its usual path, in one step.

    Who has an older one open keeps reading that. Views name their files absolutely: write it again after moving the
    warehouse. Raises FileNotFoundError where the warehouse has no table yet, OSError and WarehouseUnusable where a
    path cannot be used, WarehouseDamaged for a Parquet file that is not whole or of no day.
    """
    target = (path or default_catalog_path(warehouse)).absolute()
    datasets = [name for name in DATASET_MODELS if warehouse.list_days(("tables", name))]
    if not datasets:
        raise FileNotFoundError(
            f"the warehouse {warehouse.uri} has no table yet, so there is nothing to look at; nothing was written. "
            "Run `salted backfill` first."
        )
    views = build_views(warehouse.uri, datasets, simulated=warehouse.simulated)
    files = _list_parquet(warehouse)
    with tempfile.TemporaryDirectory(prefix="salted-") as folder:
        built = Path(folder) / "catalog.duckdb"
        try:
            _build(warehouse, views, built)
        except duckdb.Error:
            for file in files:
                warehouse.open_parquet(file).close()
            raise
        byte_count = built.stat().st_size
        _publish(warehouse, built, target)
    return CatalogFacts(target, len(views), byte_count)


def open_catalog(warehouse: Warehouse | str, path: Path | str | None = None) -> duckdb.DuckDBPyConnection:
    """Open the catalog of a warehouse (or of the one at this address) for reading.

    `path` is the catalog's file, where it is not the usual one. The views of a warehouse on S3 are read by the
    standard `AWS_*` variables, without any extension of DuckDB. Instants are shown in UTC.
    Raises FileNotFoundError where no catalog has been written yet.
    """
    opened = Warehouse(warehouse) if isinstance(warehouse, str) else warehouse
    file = Path(path) if path is not None else default_catalog_path(opened)
    if not file.is_file():
        raise FileNotFoundError(f"there is no catalog at {file}: write it with `salted catalog`")
    return connect(opened, file, read_only=True)


def default_catalog_path(warehouse: Warehouse) -> Path:
    """The usual path of a warehouse's catalog: in its folder, or here under `data` for one on S3."""
    return Path("data/catalog.duckdb") if _is_bucket(warehouse) else Path(warehouse.uri) / "catalog.duckdb"


def connect(warehouse: Warehouse, file: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Connect to a DuckDB file whose views name files of the warehouse."""
    connection = duckdb.connect(str(file), read_only=read_only)
    connection.execute("SET TimeZone = 'UTC'")
    if _is_bucket(warehouse):
        # what is kept between queries would be distinguished from newer files by times that the warehouse does not give
        connection.execute("SET enable_external_file_cache = false")
        connection.register_filesystem(BucketFiles(warehouse))
    return connection


def _is_bucket(warehouse: Warehouse) -> bool:
    return warehouse.uri.startswith("s3://")


def _list_parquet(warehouse: Warehouse) -> list[str]:
    """The files that the views name. Raises WarehouseDamaged where one is in a folder that names no day."""
    paths = [path for key in ("tables", "rejects", "scores", "changes", "plans") for path in warehouse.list_files(key)]
    return [path for path in paths if path.endswith(".parquet") and (path.startswith("plans/") or day_of_path(path))]


def _build(warehouse: Warehouse, views: list[View], file: Path) -> None:
    with connect(warehouse, file, read_only=False) as connection:
        connection.begin()
        for view in views:
            for statement in view.statements():
                connection.execute(statement)
        connection.commit()


def _publish(warehouse: Warehouse, built: Path, target: Path) -> None:
    if target.parent == Path(warehouse.uri):
        with warehouse.create(target.name) as scratch:
            shutil.copyfile(built, scratch)
    else:
        _replace(built, target)
    # a log that a killed writer left belongs to the file that is gone, and DuckDB would refuse to open the new one
    target.with_name(f"{target.name}.wal").unlink(missing_ok=True)


def _replace(built: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(built.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
