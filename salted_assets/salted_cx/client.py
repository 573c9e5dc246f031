"""The vendor's Export API as five calls: start, status, wait, history, download.

It decides which request is sent, with which key, and when it may be repeated; it keeps nothing.
"""

import logging
import random as chance
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from salted_assets.salted_cx.config import ClientConfig, Clock, utc_now
from salted_assets.salted_cx.downloads import DownloadReport, DownloadUrls, TransferContext, download_all
from salted_assets.salted_cx.exceptions import (
    ApiKeyUnusable,
    ApiUnavailable,
    EmptyStartResponse,
    ExportFailed,
    ExportNotFound,
    ExportNotReady,
    ExportStartUnknown,
    SaltedApiError,
    UnexpectedResponse,
)
from salted_assets.salted_cx.instants import format_instant
from salted_assets.salted_cx.partial_file import Sink
from salted_assets.salted_cx.responses import (
    ExportStatus,
    Response,
    build_refusal,
    is_success,
    make_printable,
    parse_history,
    parse_json,
    parse_status,
    read_export_id,
)
from salted_assets.salted_cx.retry import growing_pause, keep_trying
from salted_assets.salted_cx.transport import NoResponse, Transport
from salted_assets.salted_cx.urls import check_origin, is_loopback

EXPORT_PATH = "/api/v1/export"
HISTORY_PATH = f"{EXPORT_PATH}/history"

T = TypeVar("T")

logger = logging.getLogger(__name__)

_SHORTEST_PAUSE_SECONDS = 0.001
_SURELY_NOT_ACCEPTED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class ExportClient:
    """The vendor's Export API at one origin; safe to be used by several threads.

    `read_key` is called for each request and its value kept nowhere; `key_name` is what errors call it. The key goes
    to paths under `base_url` alone: a redirect of the API is an error, and a `statusUrl` in a response is never
    opened, since ids are opaque and the status address is documented to follow from the id. `sleep`, `monotonic`,
    `now` and `random` are given by tests alone.

    Raises ApiUrlRefused for a `base_url` that is neither https nor on loopback, or more than an origin.
    """

    def __init__(
        self,
        base_url: str,
        read_key: Callable[[], str],
        *,
        config: ClientConfig | None = None,
        key_name: str = "SALTED_API_KEY",
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._origin = check_origin(base_url)
        self._read_key = read_key
        self._key_name = key_name
        self._config = config or ClientConfig()
        self._clock = Clock(sleep=sleep, monotonic=monotonic, now=now, random=random)
        self._transport = Transport(self._config, self._clock)
        self._post_lock = threading.Lock()
        self._last_post: float | None = None
        self._retry_count = 0

    def __repr__(self) -> str:
        return f"ExportClient({self._origin!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def config(self) -> ClientConfig:
        """The bounds that it keeps to."""
        return self._config

    @property
    def retry_count(self) -> int:
        """Requests to the API that were made again because the vendor could not answer the ones before."""
        return self._retry_count

    def close(self) -> None:
        """Close all connections; the client is of no use afterwards."""
        self._transport.close()

    def start(self, start: datetime, end: datetime, datasets: Sequence[str], contact: str | None = None) -> str:
        """Request one export of `[start, end)` and give its id as text, whether the vendor sent text or a number.

        Both times need a zone and are sent in UTC; ValueError for a time without one, or for no datasets.

        A request is repeated only where the vendor surely did not take it: no connection was made, or the response was
        429 or 503, by which a server says that it did not handle the request (RFC 6585, 4; RFC 9110, 15.6.4). After
        anything else that leaves it open (the connection broke or timed out once the request had begun, 500, 502,
        504, a 2xx that cannot be read) ExportStartUnknown is raised, and the caller looks into the history; for a 2xx
        without a body it is EmptyStartResponse, which says so little that it need not count as an attempt. What
        remains: a gateway that says 503 although the vendor behind it did take the request.

        Raises ApiKeyRefused, RequestRefused and their kinds, ApiUrlRefused, ApiUnavailable, RateLimited,
        ExportStartUnknown.
        """
        if not datasets:
            raise ValueError("name at least one dataset to export")
        window = {"from": format_instant(start), "to": format_instant(end)}
        names = ",".join(datasets)
        params = {**window, "include": names}
        tried = f"POST {self._origin}{EXPORT_PATH} from {window['from']} to {window['to']} for {names}"
        if contact is not None:
            params["contact"] = contact
            tried += " of one contact"
        return self._repeat(lambda: self._post(params, tried))

    def status(self, export_id: str) -> ExportStatus:
        """Ask once (repeated within the retry bounds) how an export stands; FAILED is given, not raised.

        Raises ExportNotFound, UnexpectedResponse, ApiKeyRefused, RequestRefused, ApiUnavailable, RateLimited.
        """
        path = f"{EXPORT_PATH}/{quote(export_id, safe='')}/status"
        tried = f"GET {self._origin}{path}"
        return parse_status(self._get_json(path, tried, export_id=export_id), asked_id=export_id, tried=tried)

    def wait(
        self,
        export_id: str,
        datasets: Collection[str] = (),
        *,
        is_new: bool = False,
    ) -> ExportStatus:
        """Ask until the export is COMPLETED, and give that status.

        The pauses grow from `poll_first_seconds` to `poll_longest_seconds`; the last is cut so that one poll falls on
        the limit.

        What the vendor may only be late with is polled on: a status word that is not documented, up to the limit; for
        `settling_seconds` a 404 of an export that was just requested (`is_new`) or seen, and COMPLETED without an
        address for each of the `datasets`. What is missing after that is not delivered.

        Raises ExportFailed when the vendor says FAILED, or another word that means an end, ExportNotReady when
        `wait_seconds` have passed (the export goes on and can be attached to again), UnexpectedResponse for COMPLETED
        without a single address, and what `status` raises.
        """
        watch = _Watch(self._clock.monotonic, self._config, export_id, frozenset(datasets))
        if is_new:
            watch.note_seen()
        while True:
            status = self._poll(export_id, watch)
            if status is not None and watch.is_done(status):
                return status
            remaining = self._config.wait_seconds - watch.elapsed_seconds
            # a rest below a clock's resolution would be slept for without ever passing
            if remaining < _SHORTEST_PAUSE_SECONDS:
                raise ExportNotReady(watch.describe(), export_id=export_id)
            pause = growing_pause(
                watch.poll_count,
                first_seconds=self._config.poll_first_seconds,
                longest_seconds=self._config.poll_longest_seconds,
                random=self._clock.random,
            )
            self._clock.sleep(min(pause, remaining))

    def _poll(self, export_id: str, watch: "_Watch") -> ExportStatus | None:
        watch.poll_count += 1
        try:
            return self.status(export_id)
        except ExportNotFound:
            if not watch.may_be_late():
                raise
            return None

    def history(self) -> list[ExportStatus]:
        """Give the account's most recent exports (the vendor keeps up to 100), in the vendor's order; may be empty.

        COMPLETED may be without addresses.

        Raises UnexpectedResponse, ApiKeyRefused, RequestRefused, ApiUnavailable, RateLimited.
        """
        tried = f"GET {self._origin}{HISTORY_PATH}"
        return parse_history(self._get_json(HISTORY_PATH, tried, export_id=None), tried=tried)

    def download(self, status: ExportStatus, sinks: Mapping[str, Callable[[], Sink]]) -> DownloadReport:
        """Fetch the file of each dataset in `sinks`, all at the same time, each into a sink made for it.

        A sink is made and used in one thread, which differs from the caller's. When this returns, each file in the
        report is whole and verified; when it raises, no sink's content is to be used. A dataset without an address
        is reported as not delivered and its sink never made. ValueError unless the status is COMPLETED.

        Raises DownloadFailed and its kinds, what `status` raises (when an address had to be renewed), and what a sink
        raises.
        """
        if status.state != "COMPLETED":
            raise ValueError(f"export {status.export_id} is {status.state}; only COMPLETED has files")
        wanted = {dataset: make for dataset, make in sinks.items() if dataset in status.download_urls}
        urls = DownloadUrls(status, lambda: self.status(status.export_id))
        context = TransferContext(
            transport=self._transport,
            config=self._config,
            clock=self._clock,
            loopback_allowed=is_loopback(self._origin),
            stop=threading.Event(),
        )
        return DownloadReport(
            files=download_all(urls, wanted, context),
            not_delivered=tuple(dataset for dataset in sinks if dataset not in wanted),
            unasked=tuple(make_printable(name) for name in status.download_urls if name not in sinks),
        )

    def _repeat(self, call: Callable[[], T], on: tuple[type[SaltedApiError], ...] = (ApiUnavailable,)) -> T:
        is_first = True

        def ask() -> T:
            nonlocal is_first
            self._retry_count += not is_first
            is_first = False
            return call()

        return keep_trying(
            ask,
            on=on,
            attempts=self._config.retry_attempts,
            seconds=self._config.retry_seconds,
            config=self._config,
            clock=self._clock,
        )

    def _post(self, params: Mapping[str, str], tried: str) -> str:
        key_header = self._build_key_header()
        self._await_post_turn()
        response = self._transport.ask("POST", self._origin + EXPORT_PATH, headers=key_header, params=params)
        if isinstance(response, NoResponse):
            kind = ExportStartUnknown if response.is_sent else ApiUnavailable
            raise kind(f"{tried} got no response ({response.reason})")
        if is_success(response.status):
            return self._read_started_id(response, tried)
        refusal = self._build_refusal(response, tried, export_id=None)
        if isinstance(refusal, ApiUnavailable) and response.status not in _SURELY_NOT_ACCEPTED:
            raise ExportStartUnknown(refusal.problem)
        raise refusal

    def _read_started_id(self, response: Response, tried: str) -> str:
        problem = None
        try:
            value = parse_json(response, tried=tried)
        except UnexpectedResponse as error:
            value, problem = None, error.problem
        export_id = read_export_id(value.get("exportId")) if isinstance(value, dict) else None
        if export_id is None:
            kind = ExportStartUnknown if response.body.strip() else EmptyStartResponse
            raise kind(problem or f"{tried} gave JSON without a readable exportId")
        return export_id

    def _await_post_turn(self) -> None:
        with self._post_lock:
            if self._last_post is not None:
                pause = self._last_post + self._config.min_export_interval_seconds - self._clock.monotonic()
                if pause > 0:
                    self._clock.sleep(pause)
            self._last_post = self._clock.monotonic()

    def _get_json(self, path: str, tried: str, *, export_id: str | None) -> Any:
        def get() -> Any:
            response = self._transport.ask("GET", self._origin + path, headers=self._build_key_header())
            if isinstance(response, NoResponse):
                raise ApiUnavailable(f"{tried} got no response ({response.reason})", export_id=export_id)
            if not is_success(response.status):
                raise self._build_refusal(response, tried, export_id=export_id)
            if len(response.body) > self._config.json_bytes:
                raise UnexpectedResponse(f"{tried} gave more than {self._config.json_bytes} bytes", export_id=export_id)
            return parse_json(response, tried=tried, export_id=export_id)

        # a stray page or a response without a body says something of a gateway, nothing of the export
        return self._repeat(get, on=(ApiUnavailable, UnexpectedResponse))

    def _build_refusal(self, response: Response, tried: str, *, export_id: str | None) -> SaltedApiError:
        return build_refusal(response, tried=tried, now=self._clock.now(), key_name=self._key_name, export_id=export_id)

    def _build_key_header(self) -> dict[str, str]:
        key = self._read_key().strip()
        if not key or not key.isascii() or not key.isprintable():
            what = "is empty" if not key else "holds characters that no header may carry"
            raise ApiKeyUnusable(f"{self._key_name} {what}; nothing was sent", hint=f"Set {self._key_name}.")
        return {"Authorization": f"Bearer {key}", "Accept": "application/json"}


@dataclass
class _Watch:
    """What one wait has seen of its export so far."""

    monotonic: Callable[[], float]
    config: ClientConfig
    export_id: str
    datasets: frozenset[str]
    poll_count: int = 0
    word: str = "PROCESSING"
    seen_at: float | None = None
    completed_at: float | None = None

    def __post_init__(self) -> None:
        self.started_at = self.monotonic()

    @property
    def elapsed_seconds(self) -> float:
        return self.monotonic() - self.started_at

    def describe(self) -> str:
        return f"still {self.word} after {self.elapsed_seconds:.0f} s and {self.poll_count} polls, our own limit"

    def note_seen(self) -> None:
        self.seen_at = self.monotonic()

    def may_be_late(self) -> bool:
        """Whether a 404 may only mean that the vendor has not come to know the export everywhere."""
        return self.seen_at is not None and self.monotonic() - self.seen_at <= self.config.settling_seconds

    def is_done(self, status: ExportStatus) -> bool:
        """Whether the export is completed, as far as it will be. Raises ExportFailed, UnexpectedResponse."""
        self.note_seen()
        if status.state == "FAILED":
            said = "gave no reason" if status.error is None else f"said: {status.error}"
            word = status.word.upper()
            raise ExportFailed(f"the vendor reports {word} and {said}", export_id=self.export_id, code=word)
        if status.state == "UNKNOWN" and status.word != self.word:
            logger.warning(
                "Export %s has a status that is not documented: %s. Polling on.", self.export_id, status.word
            )
        self.word = status.word
        if status.state != "COMPLETED":
            self.completed_at = None
            return False
        if self.datasets <= status.download_urls.keys() and status.download_urls:
            return True
        now = self.monotonic()
        self.completed_at = now if self.completed_at is None else self.completed_at
        if now - self.completed_at < self.config.settling_seconds:
            return False
        if not status.download_urls:
            raise UnexpectedResponse(
                "the vendor reports COMPLETED without downloadUrls",
                export_id=self.export_id,
                hint="Ask again later; if it stays so, request a new export.",
            )
        return True
