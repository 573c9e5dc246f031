"""The files of a completed export: fetched at the same time, resumed when cut, renewed when expired.

No request of this module carries the key.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from threading import Event, Lock

from salted_assets.salted_cx.config import ClientConfig, Clock
from salted_assets.salted_cx.exceptions import (
    DownloadCorrupted,
    DownloadInterrupted,
    DownloadRefused,
    DownloadUrlExpired,
    DownloadUrlRefused,
    SaltedApiError,
)
from salted_assets.salted_cx.partial_file import EncodedBody, PartialFile, Sink
from salted_assets.salted_cx.responses import ExportStatus, is_redirect, is_transient
from salted_assets.salted_cx.retry import keep_trying, read_retry_after
from salted_assets.salted_cx.transport import Delivery, NoResponse, Transport
from salted_assets.salted_cx.urls import check_download_address, describe_url, resolve_redirect

ERROR_BODY_BYTES = 64 * 1024
LONGEST_SLEEP_SECONDS = 1.0

_DEAD_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_DEAD_WORDS = re.compile(rb"AccessDenied|TokenRefreshRequired|InvalidToken|expired", re.IGNORECASE)
_STORE_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")


@dataclass(frozen=True)
class Downloaded:
    """One file that arrived whole.

    `byte_count` and `sha256` (hex) are of the bytes as the sink got them; `encoded` is of the bytes as they were sent,
    None if these are the same. `md5_verified` says whether the store sent an MD5 to hold them against; where it did
    not, the length was verified. `request_count` counts the requests for the file (redirects apart), `resumed_count`
    the responses that went on where another was cut, `renewed_count` the addresses that took the place of a dead one.
    """

    dataset: str
    byte_count: int
    sha256: str
    md5_verified: bool
    request_count: int
    resumed_count: int
    renewed_count: int
    encoded: EncodedBody | None = None


@dataclass(frozen=True)
class DownloadReport:
    """What came of one export's files.

    `files` are those that arrived, by dataset; `not_delivered` the datasets that were wanted and had no address;
    `unasked` the names in `downloadUrls` that nobody asked for, made printable, never opened.
    """

    files: Mapping[str, Downloaded]
    not_delivered: tuple[str, ...]
    unasked: tuple[str, ...]


class DownloadUrls:
    """The current addresses of one export, renewed once for all transfers that see theirs dead."""

    def __init__(self, status: ExportStatus, ask_status: Callable[[], ExportStatus]) -> None:
        self.export_id = status.export_id
        self._addresses = dict(status.download_urls)
        self._ask_status = ask_status
        self._lock = Lock()

    def find(self, dataset: str) -> str:
        """Give the dataset's current address."""
        with self._lock:
            return self._addresses[dataset]

    def renew(self, dataset: str, *, dead: str) -> str | None:
        """Give another address than the dead one, asking the status if none is known; None if there is none."""
        with self._lock:
            if self._addresses.get(dataset) == dead:
                self._addresses.update(self._ask_status().download_urls)
            current = self._addresses.get(dataset)
            return None if current == dead else current


@dataclass(frozen=True)
class TransferContext:
    """What all transfers of one export share. `stop` is set when one of them has failed for good."""

    transport: Transport
    config: ClientConfig
    clock: Clock
    loopback_allowed: bool
    stop: Event


class _AbandonedError(Exception):
    """Another file of the same export failed; seen by nobody outside of this module."""


class Transfer:
    """One file on its way from the store to its sink; used by one thread."""

    def __init__(self, dataset: str, urls: DownloadUrls, sink: Sink, context: TransferContext) -> None:
        self._dataset = dataset
        self._urls = urls
        self._context = context
        self._address = urls.find(dataset)
        self._file = PartialFile(
            sink, dataset=dataset, export_id=urls.export_id, longest_bytes=context.config.download_bytes
        )
        self._ends = context.clock.monotonic() + context.config.download_seconds
        self._request_count = 0
        self._renewed_count = 0

    def run(self) -> Downloaded:
        """Fetch the file. Raises one of the DownloadFailed family, or what the sink or the status call raises."""
        config = self._context.config
        keep_trying(
            self._attempt,
            on=(DownloadInterrupted, DownloadCorrupted),
            attempts=config.download_attempts,
            seconds=config.download_seconds,
            config=config,
            clock=self._context.clock,
            sleep=self._sleep,
        )
        return Downloaded(
            dataset=self._dataset,
            byte_count=self._file.byte_count,
            sha256=self._file.sha256,
            md5_verified=self._file.has_md5,
            request_count=self._request_count,
            resumed_count=self._file.resumed_count,
            renewed_count=self._renewed_count,
            encoded=self._file.encoded,
        )

    def _attempt(self) -> None:
        while True:
            self._request_count += 1
            with self._open() as delivery:
                if delivery.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                    self._receive(delivery)
                    return
                dead = self._explain_dead(delivery)
            self._renew(dead)

    def _receive(self, delivery: Delivery) -> None:
        self._file.begin(delivery)
        for piece in delivery.read():
            self._give_up_if_abandoned()
            self._file.take(piece)
            if self._context.clock.monotonic() > self._ends:
                raise DownloadInterrupted(self._describe("took longer than the limit"), export_id=self._urls.export_id)
        if delivery.broken is not None:
            raise DownloadInterrupted(
                self._describe(f"broke off after {self._file.byte_count} bytes ({delivery.broken})"),
                export_id=self._urls.export_id,
            )
        self._file.finish()

    @contextmanager
    def _open(self) -> Iterator[Delivery]:
        """Open the address, following redirects to addresses that may be opened."""
        headers = self._file.build_range_headers()
        address = self._address
        for _ in range(self._context.config.redirects + 1):
            self._give_up_if_abandoned()
            check_download_address(
                address,
                dataset=self._dataset,
                export_id=self._urls.export_id,
                loopback_allowed=self._context.loopback_allowed,
            )
            with self._context.transport.open("GET", address, headers=headers) as delivery:
                if isinstance(delivery, NoResponse):
                    raise DownloadInterrupted(
                        self._describe(f"failed ({delivery.reason})"), export_id=self._urls.export_id
                    )
                if not is_redirect(delivery.status) or "location" not in delivery.headers:
                    yield delivery
                    return
                address = resolve_redirect(address, delivery.headers["location"])
        raise DownloadUrlRefused(
            self._describe(f"was redirected more than {self._context.config.redirects} times"),
            export_id=self._urls.export_id,
        )

    def _explain_dead(self, delivery: Delivery) -> str:
        """Give the reason why the address is dead; raise for a response that says something else.

        S3 says 403 for an expired address, look-alikes also 400 with AccessDenied in the body. 404 and 410 mean that
        the file is gone from there, which only another address can mend.
        """
        status, body = delivery.status, _read_head(delivery)
        found = _STORE_CODE.search(body)
        code = None if found is None else found[1].decode("ascii")
        if status in _DEAD_STATUSES or (status == HTTPStatus.BAD_REQUEST and _DEAD_WORDS.search(body)):
            return f"HTTP {status}" if code is None else f"HTTP {status} {code}"
        problem = self._describe(f"was answered with HTTP {status}")
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._file.restart()
        elif not is_transient(status):
            raise DownloadRefused(problem, export_id=self._urls.export_id, code=code)
        raise DownloadInterrupted(
            problem,
            export_id=self._urls.export_id,
            code=code,
            retry_after_seconds=read_retry_after(
                delivery.headers.get("retry-after"),
                answered=delivery.headers.get("date"),
                now=self._context.clock.now(),
            ),
        )

    def _renew(self, reason: str) -> None:
        is_allowed = self._renewed_count < self._context.config.address_renewals
        address = self._urls.renew(self._dataset, dead=self._address) if is_allowed else None
        if address is None:
            outcome = "the status gives no other address" if is_allowed else "so were its renewals"
            raise DownloadUrlExpired(
                self._describe(f"found a dead address ({reason}) and {outcome}"), export_id=self._urls.export_id
            )
        self._renewed_count += 1
        self._address = address

    def _describe(self, what: str) -> str:
        return f"the download of {self._dataset} from {describe_url(self._address)} {what}"

    def _sleep(self, seconds: float) -> None:
        """Sleep in short pieces, so that the failure of another file is not held up."""
        remaining = seconds
        while remaining > 0 and not self._context.stop.is_set():
            self._context.clock.sleep(min(remaining, LONGEST_SLEEP_SECONDS))
            remaining -= LONGEST_SLEEP_SECONDS

    def _give_up_if_abandoned(self) -> None:
        if self._context.stop.is_set():
            raise _AbandonedError


def _read_head(delivery: Delivery) -> bytes:
    body = bytearray()
    for piece in delivery.read():
        body += piece
        if len(body) >= ERROR_BODY_BYTES:
            break
    return bytes(body[:ERROR_BODY_BYTES])


def download_all(
    urls: DownloadUrls, sinks: Mapping[str, Callable[[], Sink]], context: TransferContext
) -> dict[str, Downloaded]:
    """Fetch one file for each sink, `concurrent_downloads` at a time, and give them by dataset.

    When one fails the others are broken off. Of several errors the one that a retry would not mend is raised, and
    anything that is not the API's (a full disk, say) before all.
    """
    if not sinks:
        return {}

    def fetch(dataset: str) -> Downloaded:
        if context.stop.is_set():
            raise _AbandonedError
        try:
            return Transfer(dataset, urls, sinks[dataset](), context).run()
        except BaseException:
            context.stop.set()
            raise

    workers = min(context.config.concurrent_downloads, len(sinks))
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="salted-download") as pool:
        futures = {dataset: pool.submit(fetch, dataset) for dataset in sinks}
        try:
            wait(futures.values())
        except BaseException:
            # an interrupt must not wait for gigabytes
            context.stop.set()
            raise
    error = _choose_error(list(futures.values()))
    if error is not None:
        raise error
    return {dataset: future.result() for dataset, future in futures.items()}


def _choose_error(futures: Sequence[Future[Downloaded]]) -> BaseException | None:
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    relevant = [error for error in errors if not isinstance(error, _AbandonedError)]
    return min(relevant, key=_rank, default=None)


def _rank(error: BaseException) -> int:
    if not isinstance(error, SaltedApiError):
        return 0
    return 2 if error.retryable else 1
