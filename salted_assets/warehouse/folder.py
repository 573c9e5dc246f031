"""A warehouse in a local folder."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from salted_assets.warehouse.exceptions import FULL, WarehouseUnusable
from salted_assets.warehouse.locks import file_lock
from salted_assets.warehouse.processes import ProcessIdentity

_PRIVATE_FOLDER = 0o700
_MAKE_ATTEMPTS = 10
_READ_AT_ONCE = 1 << 19


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
        with ExitStack() as held:
            with self._explained(folder):
                path = held.enter_context(_locked_scratch(folder))
            try:
                yield path
            except OSError as error:
                if error.errno not in FULL:
                    raise
                raise self._unusable(folder, error) from error

    def publish(self, source: Path, path: str) -> None:
        """Rename into place, flushed to disk first and its folder entry after."""
        target = self._root / path
        with self._explained(target):
            _flush(source)
            self._rename(source, target)
            _flush(target.parent)

    def open(self, path: str) -> BinaryIO:
        """Open the file for reading."""
        with self._explained(self._root / path):
            return (self._root / path).open("rb")

    def open_arrow(self, path: str) -> pa.NativeFile:
        """Open the file for Arrow, which asks for each column: a small one is read at once."""
        with self._explained(self._root / path):
            with (self._root / path).open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size <= _READ_AT_ONCE:
                    return pa.BufferReader(file.read())
            return pa.OSFile(str(self._root / path))

    def size(self, path: str) -> int | None:
        """Bytes of the file, or None."""
        with self._explained(self._root / path):
            try:
                return (self._root / path).stat().st_size
            except FileNotFoundError:
                return None

    def link_or_copy(self, path: str, target: Path) -> None:
        """Link to the file."""
        target.symlink_to((self._root / path).resolve(strict=True))

    def delete(self, path: str) -> None:
        """Remove the file, and the folders that it leaves empty."""
        target = self._root / path
        with self._explained(target):
            target.unlink(missing_ok=True)
        # another process may be filling a folder just now: then it stays
        with suppress(OSError):
            for folder in target.parents:
                if folder == self._root:
                    break
                folder.rmdir()

    def list_files(self, prefix: str) -> Iterator[str]:
        """Paths of all files below the folder."""
        yield from sorted(path.removeprefix(f"{self._root}/") for path in self._walk(prefix))

    def list_fingerprints(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Paths of all files below the folder, with what distinguishes a file from the one that it replaced."""
        with self._explained(self._root / prefix):
            for path in self._walk(prefix):
                # a file may go while the folder is walked
                with suppress(FileNotFoundError):
                    facts = os.stat(path)  # noqa: PTH116 - thousands of files: a Path for each takes longer
                    fingerprint = f"{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_size}"
                    yield path.removeprefix(f"{self._root}/"), fingerprint

    @contextmanager
    def lock(self, name: str, holder: ProcessIdentity) -> Iterator[Callable[[], None]]:
        """Hold an advisory file lock, which the kernel frees however the process ends."""
        path = self._make(self._root / ".locks") / name
        with ExitStack() as held:
            with self._explained(path):
                held.enter_context(file_lock(path, holder))
            yield lambda: None

    def _rename(self, source: Path, target: Path) -> None:
        """Rename, twice if need be: a deletion elsewhere may take the folder away in between."""
        self._make(target.parent)
        try:
            source.replace(target)
        except FileNotFoundError:
            self._make(target.parent)
            source.replace(target)

    def _make(self, folder: Path) -> Path:
        with self._explained(folder):
            for attempt in range(1, _MAKE_ATTEMPTS + 1):
                try:
                    self._make_parts(folder)
                    break
                except FileNotFoundError as error:
                    # a deletion elsewhere took a parent away in between, or nothing can be made there, as below /proc
                    if attempt == _MAKE_ATTEMPTS:
                        raise self._unusable(folder, error) from error
        return folder

    def _make_parts(self, folder: Path) -> None:
        self._root.parent.mkdir(parents=True, exist_ok=True)
        # the mode that mkdir is given is not that of the parents it makes
        for part in (*reversed(folder.relative_to(self._root).parents), folder.relative_to(self._root)):
            (self._root / part).mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)

    def _walk(self, prefix: str) -> Iterator[str]:
        """Paths of all files below the folder, from its root in this system on."""
        with self._explained(self._root / prefix):
            for folder, _, names in os.walk(self._root / prefix, onerror=_raise_unless_gone):
                yield from (f"{folder}/{name}" for name in names)

    @contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unusable(path, error) from error

    def _unusable(self, path: Path, error: OSError) -> WarehouseUnusable:
        if error.errno in FULL:
            advice = "Make room there; what was written before is intact."
        else:
            advice = "Give this user the right to read and write there, or name another folder in SALTED_WAREHOUSE."
        return WarehouseUnusable(f"cannot use the warehouse {self._root} ({error.strerror or error}: {path}). {advice}")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked_scratch(folder: Path) -> Iterator[Path]:
    """A fresh, empty file in the folder, readable by its owner alone; gone afterwards unless it was moved away.

    A scratch file is locked for as long as its process uses it, and the kernel frees the lock however the process ends:
    so files that nobody has locked, which killed processes left, are removed first. Raises OSError where the folder
    cannot be written.
    """
    _sweep(folder)
    path, handle = _make_locked(folder)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _make_locked(folder: Path) -> tuple[Path, int]:
    while True:
        handle, name = tempfile.mkstemp(dir=folder)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return Path(name), handle
        # another process swept it between its making and its locking
        os.close(handle)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(BlockingIOError, FileNotFoundError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _raise_unless_gone(error: OSError) -> None:
    """Of a folder that cannot be listed: days that are passed over would be missing in silence."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
