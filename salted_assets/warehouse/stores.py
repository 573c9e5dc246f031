"""What a folder and a bucket have in common."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from salted_assets.warehouse.processes import ProcessIdentity


@dataclass(frozen=True)
class ObjectOptions:
    """How objects of a bucket are kept, in S3's own words; nothing means what the bucket does by itself."""

    encryption: str = ""
    kms_key: str = ""
    storage_class: str = ""

    def for_locks(self) -> dict[str, str]:
        """The arguments of a put of a lock: never of a class that charges a month for what lives for minutes."""
        given = {"ServerSideEncryption": self.encryption, "SSEKMSKeyId": self.kms_key}
        return {name: value for name, value in given.items() if value}

    def for_files(self) -> dict[str, str]:
        """The arguments of an upload."""
        return self.for_locks() | ({"StorageClass": self.storage_class} if self.storage_class else {})


class Store(Protocol):
    """Files under relative paths; a published file is whole, or absent."""

    @property
    def uri(self) -> str:
        """The address that a person or a query engine uses."""
        ...

    def scratch(self) -> AbstractContextManager[Path]:
        """A fresh local path to write a file at before it is published; removed afterwards."""
        ...

    def publish(self, source: Path, path: str) -> None:
        """Make the local file the content of `path`, replacing it in one step."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open for random access. Raises FileNotFoundError."""
        ...

    def open_arrow(self, path: str) -> pa.NativeFile:
        """Open for random access by Arrow. Raises FileNotFoundError."""
        ...

    def size(self, path: str) -> int | None:
        """Bytes of the file, or None when there is none."""
        ...

    def link_or_copy(self, path: str, target: Path) -> None:
        """Make the file readable at a local path. Raises FileNotFoundError."""
        ...

    def delete(self, path: str) -> None:
        """Remove the file if it is there."""
        ...

    def list_files(self, prefix: str) -> Iterator[str]:
        """Paths of all files below the folder `prefix`, in order."""
        ...

    def list_fingerprints(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Paths of all files below the folder `prefix`, each with a fingerprint that differs for another content."""
        ...

    def lock(self, name: str, holder: ProcessIdentity) -> AbstractContextManager[Callable[[], None]]:
        """Hold the named lock, or raise WarehouseLocked at once.

        Gives a function that raises WarehouseLocked if the lock was lost meanwhile.
        """
        ...
