"""A folder of CSV files as a landed day: `python -m benchmarks.ingest.land_day FOLDER WAREHOUSE`.

The landing's own writer and records are used, so that what is loaded afterwards was stored as a real delivery is. Not
here: exporting, loading.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.sizes import DAY
from salted_assets.landing import Delivery, LandedFile, Manifest
from salted_assets.landing.raw_files import RawFileWriter
from salted_assets.landing.records import Records
from salted_assets.salted_cx import format_instant
from salted_assets.schemas import DATASET_MODELS, FILE_NAMES
from salted_assets.warehouse import Warehouse, landing_folder

_EXPORT_ID = "measured"
_READ_BYTES = 1 << 20


def land(folder: Path, warehouse: Warehouse) -> Manifest:
    """Land the five files as one delivery of the day. Raises FileNotFoundError for a file that is not there."""
    landed_at = format_instant(datetime.now(UTC))
    delivery = Delivery(
        export_id=_EXPORT_ID,
        start=format_instant(DAY),
        end=format_instant(DAY + timedelta(days=1)),
        datasets=tuple(DATASET_MODELS),
        requested_at=landed_at,
        files=tuple(_land_file(folder, warehouse, dataset, landed_at) for dataset in DATASET_MODELS),
    )
    manifest = Manifest(DAY.date(), warehouse.simulated, (delivery,))
    Records(warehouse).write_manifest(manifest)
    return manifest


def _land_file(folder: Path, warehouse: Warehouse, dataset: str, landed_at: str) -> LandedFile:
    name = FILE_NAMES[dataset]
    path = f"{landing_folder(DAY.date())}/{_EXPORT_ID}/{name}.zst"
    with (folder / name).open("rb") as source, warehouse.scratch() as scratch, RawFileWriter(scratch) as writer:
        while data := source.read(_READ_BYTES):
            writer.write(data)
        writer.close()
        stored_byte_count = scratch.stat().st_size
        warehouse.publish(scratch, path)
    return LandedFile(
        dataset=dataset,
        name=name,
        path=path,
        row_count=writer.row_count,
        byte_count=writer.byte_count,
        stored_byte_count=stored_byte_count,
        sha256=writer.sha256,
        header=writer.header,
        landed_at=landed_at,
    )


if __name__ == "__main__":
    land(Path(sys.argv[1]), Warehouse(sys.argv[2]))
