"""The one object through which everything that is persisted is read and written."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO, NoReturn
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.warehouse.bucket import Bucket
from salted_assets.warehouse.exceptions import WarehouseDamaged, WarehouseLocked
from salted_assets.warehouse.folder import Folder
from salted_assets.warehouse.locks import LEASE_SECONDS
from salted_assets.warehouse.paths import day_of_path, partition_file
from salted_assets.warehouse.processes import ProcessIdentity
from salted_assets.warehouse.stores import ObjectOptions, Store

_LOG = logging.getLogger(__name__)


OnDamage = Callable[[WarehouseDamaged], None]
"""What is told of a file that cannot be used."""


def _raise(damage: WarehouseDamaged) -> NoReturn:
    raise damage


class Warehouse:
    """All that is persisted, below one folder or `s3://bucket/prefix`.

    `simulated` is True where the built-in simulator is the vendor; every file says so. `now` gives seconds since 1970,
    by which a process learns that it lost a lease in a bucket; `options` are how a bucket keeps what is written.
    """

    def __init__(
        self,
        uri: str,
        *,
        simulated: bool = False,
        options: ObjectOptions = ObjectOptions(),  # noqa: B008 - frozen
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = _open_store(uri, options, now)
        self.simulated = simulated

    @property
    def uri(self) -> str:
        """An absolute path or `s3://bucket/prefix`."""
        return self._store.uri

    @contextmanager
    def create(self, path: str) -> Iterator[Path]:
        """Give a local path to write to; on a clean exit it becomes `path` in one step, else nothing happens."""
        with self.scratch() as scratch:
            yield scratch
            self.publish(scratch, path)

    def scratch(self) -> AbstractContextManager[Path]:
        """A fresh local path for a file that is published later, or never; removed afterwards."""
        return self._store.scratch()

    def publish(self, source: Path, path: str) -> None:
        """Make a scratch file the content of `path` in one step."""
        self._store.publish(source, path)

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

    def open_parquet(self, path: str, *, verify: bool = False, encoded: Sequence[str] = ()) -> pq.ParquetFile:
        """Open a Parquet file, reading only its footer. Raises FileNotFoundError, WarehouseDamaged for no Parquet file.

        With `verify`, a read of a page raises OSError where its checksum does not match. Columns of
        text that are `encoded` come dictionary-encoded; those that the file does not have are passed over.
        """
        source = self._store.open_arrow(path)
        try:
            return _open_encoded(source, encoded, verify=verify)
        except (pa.ArrowInvalid, OSError) as error:
            source.close()
            raise WarehouseDamaged(
                f"{path} is not a whole Parquet file ({error}): it was cut off or overwritten. Restore it from a copy, "
                "or make its partition again."
            ) from error

    def size(self, path: str) -> int | None:
        """Bytes of a file, or None when there is none."""
        return self._store.size(path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return self.size(path) is not None

    def link_or_copy(self, path: str, folder: Path) -> None:
        """Make the file readable below a local folder, at the same path; what replaces it there leaves it as it is.

        A file of a folder is linked to, an object of a bucket is copied. Raises FileNotFoundError.
        """
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._store.link_or_copy(path, target)

    def delete(self, path: str) -> None:
        """Remove a file if it is there."""
        self._store.delete(path)

    def list_files(self, prefix: str) -> list[str]:
        """Paths of all files below a folder, in order; empty where there is no such folder.

        Of the whole warehouse (an empty prefix), what lies in hidden folders of ours (locks, scratch) is left out.
        """
        return sorted(path for path in self._store.list_files(prefix) if not path.startswith("."))

    def list_fingerprints(self, prefix: str) -> dict[str, str]:
        """Paths of all files below a folder, in order, each with its fingerprint, as `list_partitions` has it."""
        return dict(sorted(self._store.list_fingerprints(prefix)))

    def table_path(self, key: Sequence[str], day: date) -> str:
        """The one Parquet file of a daily partition, whether it is there or not."""
        return partition_file(key, day)

    def list_days(self, key: Sequence[str], on_damage: OnDamage = _raise) -> list[date]:
        """The days whose partition of the table is there, in order.

        A file in a folder that names no day raises WarehouseDamaged; where `on_damage` is given it is told of it
        instead, and the others are listed.
        """
        files = self._store.list_files("/".join(key))
        return [day for day, _ in _days_of(((path, "") for path in files), on_damage)]

    def list_partitions(self, key: Sequence[str], on_damage: OnDamage = _raise) -> dict[date, str]:
        """The days whose partition of the table is there, in order, each with the file's fingerprint.

        The fingerprint is another one once the file has been replaced. It means nothing elsewhere: a copy has its own.
        A folder that names no day is damage, as in `list_days`.
        """
        return dict(_days_of(self._store.list_fingerprints("/".join(key)), on_damage))

    @contextmanager
    def lock(
        self,
        name: str,
        *,
        wait_seconds: float = 0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Iterator[Callable[[], None]]:
        """Hold a named lock over all processes on this warehouse.

        Waits up to `wait_seconds` for another holder to finish, then raises WarehouseLocked. A killed holder's lock
        frees itself: at once in a folder, and in a bucket where its process can be seen to be dead; else when its lease
        has run out, which is waited for in any case, until the holder is seen to live. Gives a function to call before
        what must not be done twice: it raises WarehouseLocked if the lock was lost meanwhile, as a lease is while the
        machine sleeps.
        """
        deadline, unsure_of = monotonic() + wait_seconds, None
        with contextlib.ExitStack() as held:
            while True:
                try:
                    ensure_held = held.enter_context(self._store.lock(name, ProcessIdentity.of_this_process()))
                    break
                except WarehouseLocked as error:
                    left = deadline - monotonic()
                    may_be_dead = error.unsure_of is not None and unsure_of in {None, error.unsure_of}
                    if left <= 0 and not may_be_dead:
                        raise
                    if may_be_dead and unsure_of is None:
                        _LOG.warning("%s; waiting up to %.0f s to see whether that lives", error, LEASE_SECONDS)
                        unsure_of = error.unsure_of
                    sleep(min(1.0, max(0.05, left)) if left > 0 else 1.0)
            yield ensure_held


def _open_encoded(source: pa.NativeFile, encoded: Sequence[str], *, verify: bool) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source, page_checksum_verification=verify, read_dictionary=list(encoded))
    except KeyError:
        # pyarrow refuses a column that an earlier version of the file did not have yet
        names = set(pq.read_schema(source).names)
        there = [name for name in encoded if name in names]
        return pq.ParquetFile(source, page_checksum_verification=verify, read_dictionary=there)


def _open_store(uri: str, options: ObjectOptions, now: Callable[[], float]) -> Store:
    if not uri.startswith("s3://"):
        return Folder(Path(uri).expanduser().absolute())
    parts = urlsplit(uri)
    return Bucket(parts.netloc, parts.path, options=options, now=now)


def _days_of(files: Iterable[tuple[str, str]], on_damage: OnDamage) -> list[tuple[date, str]]:
    """The days of the partitions among these files, in order, each with what is said of its file."""
    found = []
    for path, said in files:
        try:
            day = day_of_path(path) if path.endswith("/part-0.parquet") else None
        except WarehouseDamaged as damage:
            on_damage(damage)
            continue
        if day is not None:
            found.append((day, said))
    return sorted(found)
