"""Opens connections: requests out, responses or the plain reason for none back.

httpx logs whole URLs and puts them into its exceptions. So nothing of it leaves this module: its exceptions become
values (`NoResponse`, `Delivery.broken`) instead of being chained to ours.
"""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self

import httpx

from salted_assets.salted_cx.config import ClientConfig, Clock
from salted_assets.salted_cx.content_coding import CodingError, decode_body, read_codings
from salted_assets.salted_cx.log_silence import HTTPX, silenced
from salted_assets.salted_cx.responses import Response
from salted_assets.salted_cx.urls import LOOPBACK_HOSTS

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    UnicodeError,  # a host name with a label too long for DNS
)
_TROUBLES = (httpx.HTTPError, httpx.StreamError, *_NEVER_SENT)

# a loopback address must reach this machine, whatever proxy the environment names
_PAST_PROXIES = [f"all://[{host}]" if ":" in host else f"all://{host}" for host in sorted(LOOPBACK_HOSTS)]


@dataclass(frozen=True)
class NoResponse:
    """A request without a whole response: `reason` in plain words, `is_sent` unless it surely never left."""

    reason: str
    is_sent: bool


@dataclass
class Delivery:
    """A response that is still arriving; only within the `with` that opened it.

    `read` gives its bytes as they come and ends early when the connection does; `broken` then says why.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    _response: httpx.Response = field(repr=False)
    broken: str | None = None

    @property
    def has_length(self) -> bool:
        """Say whether the end of the body is marked, so that a cut cannot pass for it."""
        return "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "").lower()

    def read(self) -> Iterator[bytes]:
        """Give the body in pieces, never decompressed."""
        try:
            yield from self._response.iter_raw()
        except _TROUBLES as error:
            self.broken = _explain(error)


class Transport:
    """Connections of one client, safe to be used by several threads.

    No connection is kept for the next request (a stale one would make a lost POST out of a mere hang-up), no cookie
    is kept, no redirect followed, and no header added that the caller did not give, save `User-Agent`.
    """

    def __init__(self, config: ClientConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._client = httpx.Client(
            verify=_build_tls(),
            timeout=config.request_timeout_seconds,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"User-Agent": "salted_assets", "Accept-Encoding": "identity"},
            mounts=dict.fromkeys(_PAST_PROXIES),
            event_hooks={"response": [_hold_location]},
        )

    def close(self) -> None:
        """Close what is open."""
        with silenced(*HTTPX):
            self._client.close()

    def ask(
        self, method: str, address: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> Response | NoResponse:
        """Give the whole response, with at most `json_bytes` and one more of its body, or the reason for none.

        A body that takes longer than `request_timeout_seconds` in all is given up: single reads in time could
        otherwise go on for ever.
        """
        started = self._clock.monotonic()
        body = bytearray()
        with self.open(method, address, headers=headers, params=params) as delivery:
            if isinstance(delivery, NoResponse):
                return delivery
            for piece in delivery.read():
                body += piece
                if len(body) > self._config.json_bytes:
                    break
                if self._clock.monotonic() - started > self._config.request_timeout_seconds:
                    return NoResponse(f"the response took longer than {self._config.request_timeout_seconds:g} s", True)
            if delivery.broken is not None:
                return NoResponse(delivery.broken, is_sent=True)
            return self._decode(Response(delivery.status, delivery.headers, bytes(body[: self._config.json_bytes + 1])))

    def _decode(self, response: Response) -> Response:
        """The response without its content codings, or as it is where they cannot be undone."""
        try:
            body = decode_body(response.body, read_codings(response.headers), self._config.json_bytes)
        except CodingError:
            return response
        return Response(response.status, {**response.headers, "content-encoding": "identity"}, body)

    @contextmanager
    def open(
        self, method: str, address: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> Iterator[Delivery | NoResponse]:
        """Give a response as it arrives, or the reason for none."""
        with silenced(*HTTPX):
            response = self._send(method, address, headers, params)
            if isinstance(response, NoResponse):
                yield response
                return
            try:
                yield Delivery(response.status_code, _plain_headers(response), response)
            finally:
                response.close()

    def _send(
        self, method: str, address: str, headers: Mapping[str, str], params: Mapping[str, str] | None
    ) -> httpx.Response | NoResponse:
        limit = self._config.request_timeout_seconds
        with _Deadline(limit) as deadline:
            try:
                request = self._client.build_request(
                    method, address, headers=dict(headers), params=params, extensions={"trace": deadline.watch}
                )
                return self._client.send(request, stream=True)
            except _TROUBLES as error:
                if deadline.has_passed:
                    return NoResponse(f"the response's headers took longer than {limit:g} s", is_sent=True)
                return NoResponse(_explain(error), is_sent=not isinstance(error, _NEVER_SENT))


class _Deadline:
    """Breaks a connection off unless the headers of its response are there in time, counted from when it is open.

    httpx bounds each read alone: headers that come a byte at a time would go on for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self._timer = threading.Timer(seconds, self._break_off)
        self._timer.daemon = True
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of the socket as it is opened, and again as it is wrapped (httpx's trace extension)."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            is_first = self._socket is None
            self._socket = info["return_value"].get_extra_info("socket")
            if is_first:
                self._timer.start()

    def _break_off(self) -> None:
        self.has_passed = True
        with suppress(OSError):
            if self._socket is not None:
                # that of TLS would pull the rug from under the thread that reads
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@cache
def _build_tls() -> ssl.SSLContext:
    """Build what all clients of a process share: reading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


def _hold_location(response: httpx.Response) -> None:
    """Keep a redirect's target away from httpx, which would turn an unreadable one into a broken connection."""
    response.extensions["location"] = response.headers.pop("location", None)


def _plain_headers(response: httpx.Response) -> dict[str, str]:
    headers = {name.lower(): value for name, value in response.headers.items()}
    location = response.extensions["location"]
    return headers if location is None else {**headers, "location": location}


def _explain(error: Exception) -> str:
    words = "the connection broke"
    if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)):
        words = "no connection in time"
    elif isinstance(error, httpx.TimeoutException):
        words = "nothing came in time"
    elif isinstance(error, (httpx.ConnectError, httpx.ProxyError, UnicodeError)):
        words = "no connection"
    elif isinstance(error, httpx.RemoteProtocolError):
        words = "the connection was closed before the response was whole"
    system = _find_system_words(error)
    return words if system is None else f"{words}: {system}"


def _find_system_words(error: BaseException | None) -> str | None:
    """Give the operating system's words for it: they name no address, unlike the library's."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return None
