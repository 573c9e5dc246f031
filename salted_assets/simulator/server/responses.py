"""Answers as they go over the wire, the broken ones too."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from salted_assets.simulator.data.options import Refusal

MARK = (b"x-salted-simulator", b"1")
"""The header by which every answer of a simulator can be distinguished from the vendor's."""

_CHUNK_BYTES = 256 * 1024
_HUGE_CHUNKS = 1024
_open_connections: dict[tuple[str, int], "DroppableConnection"] = {}


class DroppableConnection(H11Protocol):
    """uvicorn's HTTP/1.1 connection that an answer can cut; ASGI alone knows no way to."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as H11Protocol itself has it
        """Be found by `drop_connection` under the client's address."""
        super().connection_made(transport)
        self.lost = asyncio.Event()
        if self.client:
            _open_connections[self.client] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """Be found no more."""
        if self.client:
            _open_connections.pop(self.client, None)
        super().connection_lost(exc)
        self.lost.set()


async def drop_connection(scope: Scope) -> None:
    """Close the connection after what was written so far, and return when it is closed."""
    connection = _open_connections[tuple(scope["client"])]
    connection.transport.close()
    await connection.lost.wait()


class MarkSimulated:
    """Puts `MARK` on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the mark."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), MARK]}
            await send(message)

        await self.app(scope, receive, send_marked)


class DroppedAnswer(Response):
    """No answer: the connection ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Drop the connection without a byte."""
        await drop_connection(scope)


@dataclass(frozen=True)
class FileSlice:
    """Bytes `start` to `stop` of a file, with one byte flipped if `is_corrupt`."""

    path: Path
    start: int
    stop: int
    is_corrupt: bool = False

    def chunks(self) -> Iterator[bytes]:
        """The bytes, in parts that do not grow with the file."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left, is_corrupt = self.stop - self.start, self.is_corrupt
            while left > 0 and (chunk := file.read(min(_CHUNK_BYTES, left))):
                left -= len(chunk)
                yield bytes([chunk[0] ^ 1]) + chunk[1:] if is_corrupt else chunk
                is_corrupt = False


class FileAnswer(Response):
    """A slice of a file; `cut_after` ends the connection after so many bytes of it, `on_sent` is called at the end."""

    def __init__(
        self,
        part: FileSlice,
        *,
        status_code: int,
        headers: dict[str, str],
        cut_after: int | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(status_code=status_code, headers=headers, media_type="text/csv")
        self.part = part
        self.cut_after = cut_after
        self.on_sent = on_sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Send the slice, or as much of it as the fault allows."""
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        if length := self.headers.get("x-length"):
            headers = [(name, value) for name, value in headers if name != b"x-length"]
            headers.append((b"content-length", length.encode()))
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        left = self.part.stop - self.part.start if self.cut_after is None else self.cut_after
        for chunk in self.part.chunks():
            left -= len(chunk)
            if left <= 0:
                await self._report_sent()
            await send({"type": "http.response.body", "body": chunk[: len(chunk) + min(left, 0)], "more_body": True})
            if left <= 0:
                break
        if self.cut_after is not None:
            await drop_connection(scope)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _report_sent(self) -> None:
        """Report the answer as sent just before its last bytes: a client that has them may ask on at once."""
        if self.on_sent:
            await asyncio.to_thread(self.on_sent)


def error_json(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error of the API; the vendor's page names codes and no shape."""
    return JSONResponse({"code": code, "message": message}, status, headers=headers)


def error_xml(status: int, code: str, message: str) -> Response:
    """An error of the file store, in S3's shape."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, media_type="application/xml")


def refusal_answer(refusal: Refusal, own_url: str) -> Response:
    """The answer that a refusal describes; a `location` of "self" leads to the address that was asked for."""
    if refusal.status == 0:
        return DroppedAnswer()
    headers = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = refusal.retry_after
    if refusal.location is not None:
        headers["Location"] = own_url if refusal.location == "self" else refusal.location
    if refusal.body == "huge":
        return StreamingResponse(_huge_json(), refusal.status, headers, "application/json")
    code, message = refusal.code, "simulated fault"
    body, media_type = {
        "json": (f'{{"code":"{code}","message":"{message}"}}', "application/json"),
        "nested": (f'{{"errors":[{{"detail":{{"code":"{code}","message":"{message}"}}}}]}}', "application/json"),
        "text": (f"{code}: {message}", "text/plain"),
        "html": (f"<!DOCTYPE html><html><body><h1>{refusal.status} Bad gateway</h1></body></html>", "text/html"),
        "xml": (f"<Error><Code>{code}</Code><Message>{message}</Message></Error>", "application/xml"),
        "empty": ("", "application/json"),
        "invalid": (f'{{"code":"{code}","mess', "application/json"),
    }[refusal.body]
    return Response(body, refusal.status, headers, media_type)


def _huge_json() -> Iterator[bytes]:
    yield b'{"padding":"'
    for _ in range(_HUGE_CHUNKS):
        yield b" " * (64 * 1024)
    yield b'"}'
