"""A warehouse under a prefix of an S3 bucket.

Credentials, region and endpoint come from the standard AWS variables, files and roles, through boto3.
"""

import io
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pyarrow as pa

from salted_assets.warehouse.exceptions import FULL, WarehouseUnusable
from salted_assets.warehouse.locks import Lease, code_of
from salted_assets.warehouse.stores import ObjectOptions

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

_ABSENT = {"404", "NoSuchKey"}
_SESSION_LOCK = threading.Lock()


class Bucket:
    """Objects below one prefix. An upload becomes visible when it is complete."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        options: ObjectOptions = ObjectOptions(),  # noqa: B008 - frozen
        now: Callable[[], float] = time.time,
    ) -> None:
        self._bucket = bucket
        self._options = options
        self._now = now
        self._prefix = prefix.strip("/")
        self._connection: S3Client | None = None

    @property
    def uri(self) -> str:
        """The `s3://` address of the prefix."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A fresh local path in the system's temporary folder (TMPDIR)."""
        with tempfile.TemporaryDirectory(prefix="salted-") as folder:
            path = Path(folder) / "upload"
            path.touch(mode=0o600)
            try:
                yield path
            except OSError as error:
                if error.errno not in FULL:
                    raise
                raise WarehouseUnusable(
                    f"no room for uploads in {folder} ({error.strerror}). Make room there, or name another folder in "
                    "TMPDIR."
                ) from error

    def publish(self, source: Path, path: str) -> None:
        """Upload in parts where the file is large, with bounded memory."""
        with self._explained("write", path):
            self._client.upload_file(str(source), self._bucket, self._key(path), ExtraArgs=self._options.for_files())

    def open(self, path: str) -> BinaryIO:
        """Open for reading by ranges."""
        size = self.size(path)
        if size is None:
            raise FileNotFoundError(f"{self.uri}/{path}")
        return cast("BinaryIO", io.BufferedReader(_RangeReader(self, path, size), buffer_size=1 << 20))

    def open_arrow(self, path: str) -> pa.NativeFile:
        """Open for reading by ranges, for Arrow."""
        return pa.PythonFile(self.open(path), mode="r")

    def size(self, path: str) -> int | None:
        """Bytes of the object, or None."""
        with self._explained("look up", path):
            try:
                return self._client.head_object(Bucket=self._bucket, Key=self._key(path))["ContentLength"]
            except self._client.exceptions.ClientError as error:
                if code_of(error) in _ABSENT:
                    return None
                raise

    def delete(self, path: str) -> None:
        """Remove the object."""
        with self._explained("delete", path):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(path))

    def list_files(self, prefix: str) -> Iterator[str]:
        """Paths of all objects below the folder."""
        return (path for path, _ in self.list_fingerprints(prefix))

    def list_fingerprints(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Paths of all objects below the folder, with their entity tags."""
        own = self._key("")
        folder = self._key(f"{prefix.rstrip('/')}/") if prefix else own
        with self._explained("list", prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=folder):
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(own), entry["ETag"]

    @contextmanager
    def lock(self, name: str, holder: str) -> Iterator[Callable[[], None]]:
        """Hold a lease; see `Lease`."""
        with self._explained("lock", name):
            key, arguments = self._key(f".locks/{name}"), self._options.for_locks()
            lease = Lease(self._client, self._bucket, key, holder, arguments=arguments, now=self._now)
            lease.take()
        try:
            yield lease.ensure_held
        finally:
            lease.release()

    def read_range(self, path: str, first: int, last: int) -> bytes:
        """Bytes `first` to `last`, both included."""
        with self._explained("read", path):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(path), Range=f"bytes={first}-{last}")
            return answer["Body"].read()

    @property
    def _client(self) -> "S3Client":
        if self._connection is None:
            from botocore.config import Config  # noqa: PLC0415 - see _open_session

            settings = Config(
                retries={"mode": "standard", "max_attempts": 5},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
            try:
                with _SESSION_LOCK:
                    self._connection = _open_session().client("s3", config=settings)
            except ValueError as error:
                raise WarehouseUnusable(f"cannot reach {self.uri}: {error}. Check AWS_ENDPOINT_URL.") from error
        return self._connection

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    @contextmanager
    def _explained(self, verb: str, path: str) -> Iterator[None]:
        from boto3.exceptions import S3UploadFailedError  # noqa: PLC0415 - see _open_session
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see _open_session

        try:
            yield
        except (BotoCoreError, ClientError, S3UploadFailedError) as error:
            raise WarehouseUnusable(
                f"cannot {verb} {path or 'files'} in the warehouse {self.uri}: {code_of(error)}. "
                "Check the bucket's name, the AWS credentials and their rights, and AWS_ENDPOINT_URL where it is set."
            ) from error


class _RangeReader(io.RawIOBase):
    def __init__(self, bucket: Bucket, path: str, size: int) -> None:
        self._bucket, self._path, self._size, self._position = bucket, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        # the inherited one would ask for 8 KiB at a time
        return self._take(self._size)

    def _take(self, byte_count: int) -> bytes:
        wanted = min(byte_count, self._size - self._position)
        if wanted <= 0:
            return b""
        data = self._bucket.read_range(self._path, self._position, self._position + wanted - 1)
        self._position += len(data)
        return data


@cache
def _open_session() -> "boto3.Session":
    """The process's one session: it takes long to make, and not to be used by two threads at once."""
    import boto3  # noqa: PLC0415 - takes a second that a local warehouse need not pay

    return boto3.Session()
