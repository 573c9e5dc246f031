"""A warehouse under a prefix of an S3 bucket. Not here: paths' meaning, folders.

Credentials, region and endpoint come from the standard AWS variables, files and roles, through boto3.
"""

import io
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pyarrow as pa

from salted_assets.warehouse.errors import WarehouseLocked, WarehouseUnusable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LEASE_SECONDS = 600
_RENEWALS_A_LEASE = 5
_ABSENT = {"404", "NoSuchKey"}
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


class Bucket:
    """Objects below one prefix. An upload becomes visible when it is complete."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
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
            yield path

    def publish(self, source: Path, path: str) -> None:
        """Upload in parts where the file is large, with bounded memory."""
        with self._explained("write", path):
            self._client.upload_file(str(source), self._bucket, self._key(path))

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
                if _code(error) in _ABSENT:
                    return None
                raise

    def delete(self, path: str) -> None:
        """Remove the object."""
        with self._explained("delete", path):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(path))

    def list_files(self, prefix: str) -> Iterator[str]:
        """Paths of all objects below the folder."""
        own = self._key("")
        pages = self._client.get_paginator("list_objects_v2")
        with self._explained("list", prefix):
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._key(prefix.rstrip("/") + "/")):
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(own)

    @contextmanager
    def lock(self, name: str, holder: str) -> Iterator[None]:
        """Hold a lease: an object created only where none is, renewed while held, free for others once it has run out.

        The server must honour conditional puts, as AWS does.
        """
        lease = _Lease(self._client, self._bucket, self._key(f".locks/{name}"), holder)
        with self._explained("lock", name):
            lease.take()
        try:
            yield
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
            import boto3  # noqa: PLC0415 - takes a quarter of a second that a local warehouse need not pay
            from botocore.config import Config  # noqa: PLC0415

            settings = Config(
                retries={"mode": "standard", "max_attempts": 5},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
            self._connection = boto3.client("s3", config=settings)
        return self._connection

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    @contextmanager
    def _explained(self, verb: str, path: str) -> Iterator[None]:
        from boto3.exceptions import S3UploadFailedError  # noqa: PLC0415 - see _client
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see _client

        try:
            yield
        except (BotoCoreError, ClientError, S3UploadFailedError) as error:
            raise WarehouseUnusable(
                f"cannot {verb} {path} in the warehouse {self.uri}: {_code(error)}. "
                "Check the bucket's name, the AWS credentials and their rights, and AWS_ENDPOINT_URL where it is set."
            ) from error


class _Lease:
    def __init__(self, client: "S3Client", bucket: str, key: str, holder: str) -> None:
        self._client, self._bucket, self._key, self._holder = client, bucket, key, holder
        self._etag = ""
        self._released = threading.Event()

    def take(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see Bucket._client

        try:
            self._put(IfNoneMatch="*")
        except ClientError as error:
            if _code(error) not in _TAKEN:
                raise
            self._take_over()
        threading.Thread(target=self._renew, name=f"lease {self._key}", daemon=True).start()

    def release(self) -> None:
        self._released.set()
        self._client.delete_object(Bucket=self._bucket, Key=self._key)

    def _take_over(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see Bucket._client

        try:
            held = self._client.get_object(Bucket=self._bucket, Key=self._key)
            lease = json.loads(held["Body"].read())
            if lease["until"] < time.time():
                self._put(IfMatch=held["ETag"])
                return
        except ClientError as error:
            if _code(error) not in _TAKEN | _ABSENT:
                raise
            raise WarehouseLocked(f"{self._key} changed hands just now") from None
        raise WarehouseLocked(f"{self._key} is held by {lease['holder']}")

    def _renew(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see Bucket._client

        while not self._released.wait(_LEASE_SECONDS / _RENEWALS_A_LEASE):
            with suppress(BotoCoreError, ClientError):
                self._put(IfMatch=self._etag)

    def _put(self, **condition: Any) -> None:
        body = json.dumps({"holder": self._holder, "until": time.time() + _LEASE_SECONDS}).encode()
        self._etag = self._client.put_object(Bucket=self._bucket, Key=self._key, Body=body, **condition)["ETag"]


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
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        data = self._bucket.read_range(self._path, self._position, self._position + wanted - 1)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _code(error: Exception) -> str:
    answer = getattr(error, "response", None)
    return str(answer["Error"]["Code"]) if answer else type(error).__name__
