"""The file of views, whole or not at all. Not here: what the views are, who asks for the file."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from salted_assets.output.catalog.opening import connect, default_catalog_path
from salted_assets.output.catalog.views import View, build_views
from salted_assets.schemas import DATASET_MODELS
from salted_assets.warehouse import Warehouse


@dataclass(frozen=True)
class CatalogFacts:
    """A catalog that was written: where, how many views and bytes."""

    path: Path
    view_count: int
    byte_count: int


def write_catalog(warehouse: Warehouse, path: Path | None = None) -> CatalogFacts:
    """Write the catalog of the warehouse, by default at its usual place, in one step.

    Who has an older one open keeps reading that. Views name their files absolutely: write it again after moving the
    warehouse. Raises FileNotFoundError where the warehouse has no table yet, OSError and WarehouseUnusable where a
    place cannot be used.
    """
    target = (path or default_catalog_path(warehouse)).absolute()
    datasets = [name for name in DATASET_MODELS if warehouse.list_days(("tables", name))]
    if not datasets:
        raise FileNotFoundError(
            f"the warehouse {warehouse.uri} has no table yet, so there is nothing to look at; nothing was written. "
            "Run `salted backfill` first."
        )
    views = build_views(warehouse.uri, datasets, simulated=warehouse.simulated)
    with tempfile.TemporaryDirectory(prefix="salted-") as folder:
        built = Path(folder) / "catalog.duckdb"
        _build(warehouse, views, built)
        byte_count = built.stat().st_size
        _publish(warehouse, built, target)
    return CatalogFacts(target, len(views), byte_count)


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
