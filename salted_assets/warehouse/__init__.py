"""Where everything is persisted: one folder or one S3 prefix, addressed by paths relative to it.

Here: paths as functions of (asset key, day), whole-or-absent writes, reads, listings, locks. Nothing outside this
package knows whether the warehouse is a folder or a bucket.
Not here: what the files contain, when they are written, Dagster.
"""

from salted_assets.warehouse.exceptions import (
    WarehouseDamaged,
    WarehouseError,
    WarehouseInterrupted,
    WarehouseLocked,
    WarehouseUnusable,
)
from salted_assets.warehouse.paths import (
    day_of_path,
    landing_folder,
    partition_file,
    rejects_key,
    report_file,
    whole_file,
)
from salted_assets.warehouse.stores import ObjectOptions
from salted_assets.warehouse.warehouse import Warehouse

__all__ = [
    "ObjectOptions",
    "Warehouse",
    "WarehouseDamaged",
    "WarehouseError",
    "WarehouseInterrupted",
    "WarehouseLocked",
    "WarehouseUnusable",
    "day_of_path",
    "landing_folder",
    "partition_file",
    "rejects_key",
    "report_file",
    "whole_file",
]
