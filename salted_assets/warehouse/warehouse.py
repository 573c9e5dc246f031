"""The one object through which all else reads and writes what is persisted. Not here: folder or bucket mechanics."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from salted_assets.warehouse.bucket import Bucket
from salted_assets.warehouse.errors import WarehouseLocked
from salted_assets.warehouse.folder import Folder
from salted_assets.warehouse.paths import day_of_path, partition_file
from salted_assets.warehouse.stores import Store


class Warehouse:
    """All that is persisted, below one folder or `s3://bucket/prefix`.

    `simulated` is True where the built-in simulator is the vendor; every file says so.
    """

    def __init__(self, address: str, *, simulated: bool = False) -> None:
        self._store = _open_store(address)
        self.simulated = simulated

    @property
    def uri(self) -> str:
        """The address of the warehouse: an absolute path or `s3://bucket/prefix`."""
        return self._store.uri

    @contextmanager
    def create(self, path: str) -> Iterator[Path]:
        """Give a local path to write to; on a clean exit it becomes `path` in one step, else nothing happens."""
        with self._store.scratch() as scratch:
            yield scratch
            self._store.publish(scratch, path)

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write a small file, whole or not at all."""
        with self.create(path) as scratch:
            scratch.write_bytes(data)

    def read_bytes(self, path: str) -> bytes:
        """Read a small file. Raises FileNotFoundError."""
        with self._store.open(path) as file:
            return file.read()

    def open(self, path: str) -> BinaryIO:
        """Open a file for random access. Raises FileNotFoundError."""
        return self._store.open(path)

    def open_parquet(self, path: str) -> pq.ParquetFile:
        """Open a Parquet file, reading only its footer. Raises FileNotFoundError."""
        return pq.ParquetFile(self._store.open_arrow(path))

    def size(self, path: str) -> int | None:
        """Bytes of a file, or None when there is none."""
        return self._store.size(path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return self.size(path) is not None

    def delete(self, path: str) -> None:
        """Remove a file if it is there."""
        self._store.delete(path)

    def list_files(self, prefix: str) -> list[str]:
        """Paths of all files below a folder, in order; empty where there is no such folder."""
        return sorted(self._store.list_files(prefix))

    def table_path(self, key: Sequence[str], day: date) -> str:
        """The one Parquet file of a daily partition, whether it is there or not."""
        return partition_file(key, day)

    def list_days(self, key: Sequence[str]) -> list[date]:
        """The days whose partition of the table is there, in order."""
        files = self._store.list_files("/".join(key))
        days = (day_of_path(path) for path in files if path.endswith("/part-0.parquet"))
        return sorted(day for day in days if day is not None)

    @contextmanager
    def lock(
        self,
        name: str,
        *,
        wait_seconds: float = 0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Iterator[None]:
        """Hold a named lock over all processes on this warehouse.

        Waits up to `wait_seconds` for another holder to finish, then raises WarehouseLocked. A killed holder's lock
        frees itself: at once in a folder, when its lease has run out in a bucket.
        """
        deadline = monotonic() + wait_seconds
        with contextlib.ExitStack() as held:
            while True:
                try:
                    held.enter_context(self._store.lock(name, f"process {os.getpid()} on {socket.gethostname()}"))
                    break
                except WarehouseLocked:
                    if monotonic() >= deadline:
                        raise
                    sleep(min(1.0, max(0.05, deadline - monotonic())))
            yield


def _open_store(address: str) -> Store:
    if not address.startswith("s3://"):
        return Folder(Path(address).expanduser().absolute())
    parts = urlsplit(address)
    return Bucket(parts.netloc, parts.path)
