"""The files of a bucket as DuckDB's Python package reads them.

DuckDB's own way to S3 is an extension that it downloads; where that is not to be had, this is. It takes the place of
`s3://` in one connection, and gives it only the files of one warehouse.
"""

import io
import threading
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, BinaryIO

from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]  # fsspec has no types

from salted_assets.warehouse import Warehouse

_WILDCARDS = "*?["


class BucketFiles(AbstractFileSystem):  # type: ignore[misc]  # as above
    """A warehouse's files under their full addresses, for reading."""

    protocol = "s3"
    cachable = False

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__()
        self._warehouse = warehouse

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def glob(self, path: str, **_: Any) -> list[str]:
        """The addresses that match, in order; what lies before the first wildcard is listed."""
        pattern = self._relative(path)
        plain = pattern[: min((index for sign in _WILDCARDS if (index := pattern.find(sign)) >= 0), default=None)]
        found = self._warehouse.list_files(plain.rpartition("/")[0])
        depth = pattern.count("/")
        return [
            f"{self._warehouse.uri}/{name}" for name in found if name.count("/") == depth and fnmatchcase(name, pattern)
        ]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size and kind of a file. Raises FileNotFoundError."""
        size = self._warehouse.size(self._relative(path))
        if size is None:
            raise FileNotFoundError(path)
        return {"name": path, "size": size, "type": "file"}

    def modified(self, path: str) -> datetime:  # noqa: ARG002 - fsspec's signature
        """Always the same: who reads through this keeps nothing (`opening`)."""
        return datetime.fromtimestamp(0, UTC)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        if mode != "rb":
            raise PermissionError(f"{path} is opened for reading only")
        return _SharedFile(self._warehouse.open(self._relative(path)))

    def _relative(self, path: str) -> str:
        return path.removeprefix(f"{self._warehouse.uri}/")


class _SharedFile(io.RawIOBase):
    """A file in which every thread has a position of its own.

    DuckDB reads one file from several threads, each with a `seek` and then a `read`; with one position for all, a
    thread would read from where another has just gone.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        position: int = getattr(self._of_thread, "position", 0)
        return position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset, whence = offset + self.tell(), io.SEEK_SET
        with self._lock:
            self._of_thread.position = self._file.seek(offset, whence)
        return self.tell()

    def read(self, size: int = -1, /) -> bytes:
        with self._lock:
            self._file.seek(self.tell())
            data = self._file.read(size)
        self._of_thread.position = self.tell() + len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
