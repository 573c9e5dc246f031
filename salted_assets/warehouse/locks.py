"""Named locks over all processes on one warehouse: a file lock in a folder, a lease in a bucket."""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from salted_assets.warehouse.exceptions import WarehouseLocked, WarehouseUnusable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEASE_SECONDS = 600
_RENEWALS_A_LEASE = 5
_PRIVATE_FILE = 0o600
_ABSENT = {"404", "NoSuchKey"}
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


@contextmanager
def file_lock(path: Path, holder: str) -> Iterator[None]:
    """Hold an advisory lock on a file, or raise WarehouseLocked at once. Raises OSError where it cannot be written."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
    # a buffer would be written again, and fail again, when the file is closed
    with os.fdopen(handle, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = file.read().decode(errors="replace").strip()
            raise WarehouseLocked(f"{path.name} is held by {other or 'another process'}") from None
        file.truncate(0)
        file.write(holder.encode())
        yield


class Lease:
    """A lease: taken where none is or where it has run out, renewed by a thread while held, given back at the end.

    Every change is a conditional put, so that of two processes one wins; giving back is a put of a lease that has
    run out, since a deletion could hit another process's. The server must honour conditional puts, as AWS does:
    WarehouseUnusable where it does not, as the lock would then keep nobody out. `arguments` go with every put.
    """

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        key: str,
        holder: str,
        *,
        now: Callable[[], float],
        arguments: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._client, self._bucket, self._key, self._holder, self._now = client, bucket, key, holder, now
        self._arguments = arguments
        self._token = uuid4().hex
        self._etag = ""
        self._until = 0.0
        self._released = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name=f"lease {key}", daemon=True)

    def take(self) -> None:
        """Take the lease, or raise WarehouseLocked at once."""
        if not self._try_put(IfNoneMatch="*"):
            self._take_over()
        if self._try_put(IfNoneMatch="*"):
            self._put(until=0.0)
            raise WarehouseUnusable(
                f"cannot lock {self._key} in bucket {self._bucket}: the server does not honour conditional puts "
                "(If-None-Match), so that two runs could export the same day. Use a server that does."
            )
        self._renewer.start()

    def ensure_held(self) -> None:
        """Raise WarehouseLocked if the lease ran out, so that another process may have it."""
        if self._now() >= self._until:
            raise WarehouseLocked(f"{self._key} ran out while it was held: this machine slept, or lost the bucket")

    def release(self) -> None:
        """Give the lease back, unless it is another's by now; where that fails it runs out by itself."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see bucket._open_session

        self._released.set()
        self._renewer.join()
        with suppress(BotoCoreError, ClientError):
            self._put(until=0.0, IfMatch=self._etag)

    def _take_over(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see bucket._open_session

        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if code_of(error) not in _ABSENT:
                raise
            raise WarehouseLocked(f"{self._key} changed hands just now") from None
        lease = json.loads(answer["Body"].read())
        if lease["token"] == self._token:
            # our own put, repeated by boto3 because its answer was lost
            self._etag, self._until = answer["ETag"], lease["until"]
        elif lease["until"] > self._now():
            raise WarehouseLocked(f"{self._key} is held by {lease['holder']}")
        elif not self._try_put(IfMatch=answer["ETag"]):
            raise WarehouseLocked(f"{self._key} changed hands just now")

    def _renew(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see bucket._open_session

        while not self._released.wait(LEASE_SECONDS / _RENEWALS_A_LEASE):
            with suppress(BotoCoreError, ClientError):
                self._put(until=self._now() + LEASE_SECONDS, IfMatch=self._etag)

    def _try_put(self, **condition: Any) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see bucket._open_session

        try:
            self._put(until=self._now() + LEASE_SECONDS, **condition)
        except ClientError as error:
            if code_of(error) not in _TAKEN:
                raise
            return False
        return True

    def _put(self, *, until: float, **condition: Any) -> None:
        body = json.dumps({"holder": self._holder, "token": self._token, "until": until}).encode()
        answer = self._client.put_object(Bucket=self._bucket, Key=self._key, Body=body, **self._arguments, **condition)
        self._etag, self._until = answer["ETag"], until


def code_of(error: BaseException) -> str:
    """The service's own code for an error of boto3, found behind it where boto3 hides it; else the error's class."""
    found: BaseException | None = error
    while found is not None:
        answer = getattr(found, "response", None)
        if answer:
            return str(answer["Error"]["Code"])
        found = found.__cause__ or found.__context__
    return type(error).__name__
