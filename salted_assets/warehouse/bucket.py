"""A warehouse under a prefix of an S3 bucket.

Credentials, region and endpoint come from the standard AWS variables, files and roles, through boto3.
"""

import io
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pyarrow as pa

from salted_assets.warehouse.exceptions import FULL, WarehouseInterrupted, WarehouseUnusable
from salted_assets.warehouse.locks import Lease
from salted_assets.warehouse.processes import ProcessIdentity
from salted_assets.warehouse.s3_errors import ABSENT, REPLACED, code_of, is_transient
from salted_assets.warehouse.stores import ObjectOptions

if TYPE_CHECKING:
    import boto3
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

_PAUSES = (0.1, 0.5, 2.0, 5.0)
_BODY_BYTES = 256 << 10
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
        """Open for reading by ranges, each of the object as it is now."""
        found = self._head(path)
        if found is None:
            raise FileNotFoundError(f"{self.uri}/{path}")
        return cast("BinaryIO", io.BufferedReader(_RangeReader(self, path, *found), buffer_size=1 << 20))

    def open_arrow(self, path: str) -> pa.NativeFile:
        """Open for reading by ranges, for Arrow."""
        return pa.PythonFile(self.open(path), mode="r")

    def size(self, path: str) -> int | None:
        """Bytes of the object, or None."""
        found = self._head(path)
        return None if found is None else found[0]

    def _head(self, path: str) -> tuple[int, str] | None:
        """Bytes and entity tag of the object, or None."""
        with self._explained("look up", path):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=self._key(path))
                return answer["ContentLength"], answer["ETag"]
            except self._client.exceptions.ClientError as error:
                if code_of(error) in ABSENT:
                    return None
                raise

    def link_or_copy(self, path: str, target: Path) -> None:
        """Download the object."""
        with self.open(path) as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy)

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
    def lock(self, name: str, holder: ProcessIdentity) -> Iterator[Callable[[], None]]:
        """Hold a lease; see `Lease`."""
        with self._explained("lock", name):
            key, arguments = self._key(f".locks/{name}"), self._options.for_locks()
            lease = Lease(self._client, self._bucket, key, holder, arguments=arguments, now=self._now)
            lease.take()
        try:
            yield lease.ensure_held
        finally:
            lease.release()

    def read_range(self, path: str, first: int, last: int, etag: str) -> bytearray:
        """Bytes `first` to `last`, both included, of the object with this entity tag.

        A body that is cut off is asked for again from where it ended. Raises WarehouseInterrupted where that does not
        help, or where the object was replaced.
        """
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - see _open_session
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - see _open_session

        data, wanted, pauses, cut = bytearray(), last - first + 1, list(_PAUSES), "the answer was too short"
        while True:
            held = len(data)
            body = self._open_body(path, f"bytes={first + held}-{last}", etag)
            try:
                for chunk in body.iter_chunks(_BODY_BYTES):
                    data += chunk
            # some of urllib3's errors come through boto3 as they are
            except (BotoCoreError, HTTPError) as error:
                cut = type(error).__name__
            if len(data) > wanted:
                raise WarehouseUnusable(f"the server of {self.uri} does not honour ranges. Use one that does.")
            if len(data) == wanted:
                return data
            if len(data) > held:
                pauses = list(_PAUSES)
            elif not pauses:
                raise self._interrupted(f"read {path}", f"{cut}, {len(_PAUSES) + 1} times in a row")
            time.sleep(pauses.pop(0))

    def _open_body(self, path: str, byte_range: str, etag: str) -> "StreamingBody":
        with self._explained("read", path):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._key(path), Range=byte_range, IfMatch=etag
                )
            except self._client.exceptions.ClientError as error:
                if code_of(error) not in REPLACED:
                    raise
                raise self._interrupted(f"read {path}", "it was replaced meanwhile") from error
            return answer["Body"]

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
            if is_transient(error):
                raise self._interrupted(
                    f"{verb} {path or 'files'}", f"{code_of(error)} after several attempts"
                ) from error
            raise WarehouseUnusable(
                f"cannot {verb} {path or 'files'} in the warehouse {self.uri}: {code_of(error)}. "
                "Check the bucket's name, the AWS credentials and their rights, and AWS_ENDPOINT_URL where it is set."
            ) from error

    def _interrupted(self, what: str, reason: str) -> WarehouseInterrupted:
        return WarehouseInterrupted(
            f"cannot {what} in the warehouse {self.uri}: {reason}. What was written before is intact; run it again."
        )


class _RangeReader(io.RawIOBase):
    def __init__(self, bucket: Bucket, path: str, size: int, etag: str) -> None:
        self._bucket, self._path, self._size, self._etag, self._position = bucket, path, size, etag, 0

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
        return bytes(self._take(self._size))

    def _take(self, byte_count: int) -> bytearray:
        wanted = min(byte_count, self._size - self._position)
        if wanted <= 0:
            return bytearray()
        data = self._bucket.read_range(self._path, self._position, self._position + wanted - 1, self._etag)
        self._position += len(data)
        return data


@cache
def _open_session() -> "boto3.Session":
    """The process's one session: it takes long to make, and not to be used by two threads at once."""
    import boto3  # noqa: PLC0415 - takes a second that a local warehouse need not pay

    return boto3.Session()
