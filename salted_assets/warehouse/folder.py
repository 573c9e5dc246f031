"""A warehouse in a local folder. Not here: paths' meaning, buckets."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from salted_assets.warehouse.errors import WarehouseLocked, WarehouseUnusable

_PRIVATE_FOLDER = 0o700


class Folder:
    """Files below one folder, readable by its owner alone."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def uri(self) -> str:
        """The absolute path of the folder."""
        return str(self._root)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A fresh path in the same file system, so that publishing is a rename."""
        folder = self._make(self._root / ".tmp")
        try:
            handle, name = tempfile.mkstemp(dir=folder)
        except OSError as error:
            raise self._unusable(folder, error) from error
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def publish(self, source: Path, path: str) -> None:
        """Rename into place, flushed to disk first and its folder entry after."""
        target = self._root / path
        self._make(target.parent)
        _flush(source)
        source.replace(target)
        _flush(target.parent)

    def open(self, path: str) -> BinaryIO:
        """Open the file for reading."""
        return (self._root / path).open("rb")

    def open_arrow(self, path: str) -> pa.NativeFile:
        """Open the file for Arrow."""
        return pa.OSFile(str(self._root / path))

    def size(self, path: str) -> int | None:
        """Bytes of the file, or None."""
        try:
            return (self._root / path).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, path: str) -> None:
        """Remove the file, and the folders that it leaves empty."""
        target = self._root / path
        target.unlink(missing_ok=True)
        for folder in target.parents:
            if folder == self._root or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()

    def list_files(self, prefix: str) -> Iterator[str]:
        """Paths of all files below the folder."""
        found = (entry for entry in (self._root / prefix).rglob("*") if entry.is_file())
        yield from sorted(entry.relative_to(self._root).as_posix() for entry in found)

    @contextmanager
    def lock(self, name: str, holder: str) -> Iterator[None]:
        """Hold an advisory file lock, which the kernel frees however the process ends."""
        path = self._make(self._root / ".locks") / name
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise WarehouseLocked(f"{name} is held by {file.read().strip() or 'another process'}") from None
            file.truncate(0)
            file.write(holder)
            file.flush()
            yield

    def _make(self, folder: Path) -> Path:
        try:
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(folder, error) from error
        return folder

    def _unusable(self, folder: Path, error: OSError) -> WarehouseUnusable:
        return WarehouseUnusable(
            f"cannot write in the warehouse {self._root} ({error.strerror}: {folder}). "
            "Give this user the right to write there, or name another place in SALTED_WAREHOUSE."
        )


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
