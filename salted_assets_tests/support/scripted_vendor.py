"""A server on a real socket that answers by a script, and writes down what it was asked.

Here: the server, replies, a stored file with its faults, a clock that nobody waits for.
Not here: any rule of the vendor (the strict vendor is the simulator); this one knows only its script.
"""

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query, strict_parsing=True).items()}


@dataclass(frozen=True)
class Reply:
    """What to answer: whole, cut after some bytes of its body (closed or reset), silent, or raw bytes.

    With `drip_seconds` the headers come a byte at a time, with that pause between them.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    is_reset: bool = False
    is_silent: bool = False
    has_length: bool = True
    raw: bytes | None = None
    drip_seconds: float = 0.0


Script = Reply | Callable[[Asked], Reply]


def say(value: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


HANG_UP = Reply(raw=b"")
RESET = Reply(raw=b"", is_reset=True)
SILENCE = Reply(is_silent=True)
HTML = Reply(200, b"<!DOCTYPE html><html>Maintenance</html>", {"Content-Type": "text/html"})


class ScriptedVendor:
    """Plays, for each method and path, its replies in turn; what has no reply left is answered with 599."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[Asked] = []
        self._scripts: dict[tuple[str, str], deque[Script]] = {}
        self._standing: dict[tuple[str, str], Script] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def play(self, method: str, path: str, *replies: Script) -> None:
        self._scripts.setdefault((method, path), deque()).extend(replies)

    def always(self, method: str, path: str, reply: Script) -> None:
        self._standing[method, path] = reply

    def asked_of(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        # closing a listening socket does not wake its accept(); a last connection does
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname()).close()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            connection, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            asked = _read_request(connection)
            if asked is None:
                return
            with self._lock:
                self.asked.append(asked)
                script = self._find(asked)
            self._answer(connection, script(asked) if callable(script) else script)

    def _find(self, asked: Asked) -> Script:
        waiting = self._scripts.get((asked.method, asked.path))
        if waiting:
            return waiting.popleft()
        return self._standing.get((asked.method, asked.path), Reply(599, b"nothing scripted"))

    def _answer(self, connection: socket.socket, reply: Reply) -> None:
        if reply.is_silent:
            self._closing.wait(10)
            return
        if reply.raw is not None:
            connection.sendall(reply.raw)
        else:
            length = {"Content-Length": str(len(reply.body))} if reply.has_length else {}
            headers = {**length, "Connection": "close", **reply.headers}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            self._send_head(
                connection, f"HTTP/1.1 {reply.status} X\r\n{head}\r\n".encode("latin-1"), reply.drip_seconds
            )
            connection.sendall(reply.body[: reply.cut_after])
        if reply.is_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _send_head(self, connection: socket.socket, head: bytes, drip_seconds: float) -> None:
        if not drip_seconds:
            connection.sendall(head)
            return
        for byte in head:
            connection.sendall(bytes([byte]))
            if self._closing.wait(drip_seconds):
                return


def _read_request(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    return Asked(method, target, {name.lower(): value for name, value in headers.items()})


Fault = Callable[[Asked, Reply], Reply]


def cut(byte_count: int, *, is_reset: bool = False) -> Fault:
    """End the connection after some bytes of the body."""
    return lambda _, whole: replace(whole, cut_after=byte_count, is_reset=is_reset)


def instead(reply: Reply) -> Fault:
    return lambda _asked, _whole: reply


def corrupt(_: Asked, whole: Reply) -> Reply:
    """Alter the last byte, leaving length and checksum as they are."""
    return replace(whole, body=whole.body[:-1] + bytes([whole.body[-1] ^ 1]) if whole.body else b"")


def with_headers(**headers: str) -> Fault:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _, whole: replace(whole, headers={**whole.headers, **named})


class StoredFile:
    """A file as an object store serves it: strong ETag, Range under If-Range; then its faults, one per request."""

    def __init__(self, content: bytes, *faults: Fault, etag: str | None = None, knows_ranges: bool = True) -> None:
        self._content = content
        self._faults = deque(faults)
        self._etag = etag if etag is not None else f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        self._knows_ranges = knows_ranges

    def __call__(self, asked: Asked) -> Reply:
        whole = self._serve(asked)
        return self._faults.popleft()(asked, whole) if self._faults else whole

    def _serve(self, asked: Asked) -> Reply:
        headers = {"ETag": self._etag} if self._etag else {}
        wanted = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        if wanted is None or not self._knows_ranges or asked.headers.get("if-range") != self._etag:
            return Reply(200, self._content, headers)
        begin, size = int(wanted[1]), len(self._content)
        if begin >= size:
            return Reply(416, b"", {"Content-Range": f"bytes */{size}"})
        return Reply(206, self._content[begin:], {**headers, "Content-Range": f"bytes {begin}-{size - 1}/{size}"})


class FakeTime:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._lock = threading.Lock()
        self._start = datetime(2024, 1, 31, 12, 0, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.pauses.append(seconds)

    def monotonic(self) -> float:
        with self._lock:
            return 1000.0 + sum(self.pauses)

    def now(self) -> datetime:
        with self._lock:
            return self._start + timedelta(seconds=sum(self.pauses))


class MemorySink:
    """A sink that keeps its bytes and counts its restarts."""

    def __init__(self) -> None:
        self.data = b""
        self.restart_count = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def restart(self) -> None:
        self.data = b""
        self.restart_count += 1
