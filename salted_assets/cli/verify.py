"""Whether every file of a warehouse is whole: what `salted doctor --verify` reports after a warehouse was moved.

Raw files are compared with the hashes in their manifests. Tables, rejects and scores have no manifest: each is read to
its end, and its pages hold checksums. All in bounded memory.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from salted_assets.landing import ContactRecords, LandedFile, LandingError, Records, archive_path, open_raw
from salted_assets.schemas.scores import RENAMED_SCORES
from salted_assets.warehouse import Warehouse, WarehouseDamaged, day_of_path

_READ_BYTES = 1 << 20
_BYTES_PER_MB = 10**6


@dataclass
class Verification:
    """One look at all files; the counts are of what has been read so far."""

    warehouse: Warehouse
    raw_count: int = 0
    parquet_count: int = 0
    archive_count: int = 0
    byte_count: int = 0

    def find_problems(self) -> Iterator[str]:
        """One line for each file that is missing, damaged or known to no manifest. Raises WarehouseUnusable."""
        paths = self.warehouse.list_files("")
        dayless = list_dayless(paths)
        yield from (f"{folder}: names no day as YYYY-MM-DD; move it out of the warehouse" for folder in dayless)
        days: dict[date, set[str]] = {}
        for path in paths:
            if path.startswith("raw/export/") and _folder_of_day(path) not in dayless and (day := day_of_path(path)):
                days.setdefault(day, set()).add(path)
        for day, found in days.items():
            yield from self._verify_landing(day, found)
        for path in paths:
            if path.endswith(".parquet"):
                yield from self._verify_parquet(path)
            elif path.endswith(".json") and not path.startswith("raw/export/"):
                yield from self._verify_json(path)
        yield from self._verify_archives()

    def describe(self) -> str:
        """What has been read, for people."""
        return (
            f"{self.raw_count} raw files, {self.parquet_count} tables, {self.archive_count} archives read, "
            f"{self.byte_count / _BYTES_PER_MB:.1f} MB"
        )

    def remove_renamed(self) -> int:
        """Remove the files of scores under the names that they once had; gives how many. Raises WarehouseUnusable."""
        paths = [path for found in list_renamed(self.warehouse).values() for path in found]
        for path in paths:
            self.warehouse.delete(path)
        return len(paths)

    def _verify_landing(self, day: date, found: set[str]) -> Iterator[str]:
        records = Records(self.warehouse)
        try:
            records.read_pending_exports(day)
            manifest = records.find_manifest(day)
        except LandingError as error:
            yield str(error)
            return
        listed = {file.path: file for file in manifest.list_files() if not file.pruned_at} if manifest else {}
        for path, file in sorted(listed.items()):
            yield from self._verify_raw(path, file)
        for path in sorted(path for path in found - set(listed) if path.endswith(".zst")):
            yield (
                f"{path}: no manifest lists it; a landing that was cut off leaves such files. Restore its manifest if "
                "that was lost, else run the day again, or remove the file"
            )

    def _verify_raw(self, path: str, file: LandedFile) -> Iterator[str]:
        digest = hashlib.sha256()
        try:
            with open_raw(self.warehouse.open(path), byte_count=file.byte_count, path=path) as plain:
                while data := plain.read(_READ_BYTES):
                    digest.update(data)
        except FileNotFoundError:
            yield f"{path}: is listed in its manifest and is not there; copy it again"
            return
        except LandingError as error:
            yield str(error)
            return
        self.raw_count += 1
        self.byte_count += self.warehouse.size(path) or 0
        if digest.hexdigest() != file.sha256:
            yield f"{path}: has another SHA-256 than its manifest says; copy it again"

    def _verify_parquet(self, path: str) -> Iterator[str]:
        try:
            with self.warehouse.open_parquet(path, verify=True) as file:
                for number in range(file.num_row_groups):
                    file.read_row_group(number)
        except FileNotFoundError:
            return  # replaced by a run that goes on meanwhile
        except (pa.ArrowException, OSError, WarehouseDamaged) as error:
            yield f"{path}: cannot be read to its end ({type(error).__name__}); copy it again, or make it again"
            return
        self.parquet_count += 1
        self.byte_count += self.warehouse.size(path) or 0

    def _verify_json(self, path: str) -> Iterator[str]:
        try:
            json.loads(self.warehouse.read_bytes(path))
        except FileNotFoundError:
            return
        except ValueError:
            yield f"{path}: is no JSON; copy it again"

    def _verify_archives(self) -> Iterator[str]:
        records = ContactRecords(self.warehouse)
        present = set(records.list_archives())
        for request_id in sorted(present):
            path = archive_path(request_id)
            try:
                with self.warehouse.open(path) as file, zipfile.ZipFile(file) as archive:
                    broken = archive.testzip()
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
                yield f"{path}: cannot be read ({type(error).__name__}); copy it again"
                continue
            self.archive_count += 1
            self.byte_count += self.warehouse.size(path) or 0
            if broken is not None:
                yield f"{path}: {broken} in it is damaged; copy it again"
        for path in records.list_promised_archives():
            if path not in {archive_path(request_id) for request_id in present}:
                yield f"{path}: its manifest names it and it is not there; copy it again, or remove the manifest"


def list_renamed(warehouse: Warehouse) -> dict[str, list[str]]:
    """The files of scores under a name that they once had, by that name. Raises WarehouseUnusable."""
    found = {name: warehouse.list_files(f"scores/{name}") for name in RENAMED_SCORES}
    return {name: paths for name, paths in found.items() if paths}


def list_dayless(paths: Iterable[str]) -> list[str]:
    """The folders that are named as one of a day and name none.

    >>> list_dayless(["tables/turn/date=2024-02-31/part-0.parquet", "tables/turn/date=2024-02-01/part-0.parquet"])
    ['tables/turn/date=2024-02-31']
    """
    folders = set()
    for path in paths:
        try:
            day_of_path(path)
        except WarehouseDamaged:
            folders.add(_folder_of_day(path))
    return sorted(folders)


def _folder_of_day(path: str) -> str:
    above, _, below = path.partition("/date=")
    return f"{above}/date={below.partition('/')[0]}"
