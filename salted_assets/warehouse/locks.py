"""Named locks over all processes on one warehouse: a file lock in a folder, a lease in a bucket."""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from salted_assets.warehouse.exceptions import WarehouseLocked, WarehouseUnusable
from salted_assets.warehouse.processes import ProcessIdentity
from salted_assets.warehouse.s3_errors import ABSENT, code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEASE_SECONDS = 180
_RENEWALS_A_LEASE = 9
_MARGIN_SECONDS = 5
"""What a server's times of whole seconds, and the clocks of its machines, may be apart."""
_PRIVATE_FILE = 0o600
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


@contextmanager
def file_lock(path: Path, holder: ProcessIdentity) -> Iterator[None]:
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
        file.write(str(holder).encode())
        yield


class Lease:
    """A lease: taken where none is or where its holder is gone, renewed by a thread while held, given back at the end.

    A holder is gone when it has not renewed the lease for `LEASE_SECONDS` by the server's clock, or at once when its
    process is known to be dead. Every change is a conditional put, so that of two processes one wins; giving back is a
    put too, since a deletion could hit another process's. The server must honour conditional puts, as AWS does:
    WarehouseUnusable where it does not, as the lock would then keep nobody out. `arguments` go with every put; `now` is
    the holder's own clock, by which it learns that it lost the lease.
    """

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        key: str,
        holder: ProcessIdentity,
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
            self._put(is_released=True)
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
            self._put(is_released=True, IfMatch=self._etag)

    def _take_over(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see bucket._open_session

        try:
            lease, answer = self._read()
        except ClientError as error:
            if code_of(error) not in ABSENT:
                raise
            raise WarehouseLocked(f"{self._key} changed hands just now") from None
        if self._take_in_own(lease, answer):
            return
        etag = answer["ETag"]
        holder = ProcessIdentity.from_json(lease.get("holder"))
        is_alive = holder.is_alive() if holder else None
        is_free = lease.get("is_released") or is_alive is False or _age_of(answer) > LEASE_SECONDS + _MARGIN_SECONDS
        if not is_free:
            unsure = None if is_alive else etag
            raise WarehouseLocked(f"{self._key} is held by {holder or 'another process'}", unsure_of=unsure)
        if not self._try_put(IfMatch=etag):
            raise WarehouseLocked(f"{self._key} changed hands just now")

    def _renew(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see bucket._open_session
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - see bucket._open_session

        while not self._released.wait(LEASE_SECONDS / _RENEWALS_A_LEASE):
            with suppress(BotoCoreError, ClientError, HTTPError):
                if not self._try_put(IfMatch=self._etag):
                    self._take_in_own(*self._read())

    def _read(self) -> tuple[dict[str, Any], Any]:
        """The lease as it is now, and the server's answer that holds it."""
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key)
        return json.loads(answer["Body"].read()), answer

    def _take_in_own(self, lease: Mapping[str, Any], answer: Any) -> bool:
        """Whether the lease is our own put, which boto3 repeated, and so was refused, because its answer was lost."""
        if lease["token"] != self._token:
            return False
        self._etag, self._until = answer["ETag"], self._now() + LEASE_SECONDS - _age_of(answer)
        return True

    def _try_put(self, **condition: Any) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see bucket._open_session

        try:
            self._put(**condition)
        except ClientError as error:
            if code_of(error) not in _TAKEN:
                raise
            return False
        return True

    def _put(self, *, is_released: bool = False, **condition: Any) -> None:
        until = 0.0 if is_released else self._now() + LEASE_SECONDS
        # the time makes every renewal another content, and so another entity tag
        values = {
            "holder": self._holder.to_json(),
            "token": self._token,
            "is_released": is_released,
            "put_at": self._now(),
        }
        body = json.dumps(values).encode()
        answer = self._client.put_object(Bucket=self._bucket, Key=self._key, Body=body, **self._arguments, **condition)
        self._etag, self._until = answer["ETag"], until


def _age_of(answer: Any) -> float:
    """Seconds since the object was written, both by the server's clock: clocks of machines differ."""
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    age: float = (parsedate_to_datetime(headers["date"]) - answer["LastModified"]).total_seconds()
    return age
