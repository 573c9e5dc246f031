"""A proxy on loopback in front of an S3 server, which cuts bodies that are read, or answers with errors."""

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from benchmarks.deployment.s3_server import S3Server


class CuttingProxy(ThreadingHTTPServer):
    """Passes everything on; of the next `cuts` objects read it sends `kept_bytes` and drops the connection."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.cuts = 0
        self.cut_listings = 0
        """So many listings are cut too, half through."""
        self.cut_every = 0
        """Of objects read, each of this number is cut as well; 0 is none."""
        self.kept_bytes = 0
        self.resets = False
        """Whether the connection is reset instead of closed."""
        self.errors = 0
        """So many requests are answered with 503 SlowDown."""
        self.ranges: list[str] = []
        self._lock = threading.Lock()

    @property
    def server(self) -> S3Server:
        """The way through the proxy."""
        return S3Server(f"http://127.0.0.1:{self.server_port}")

    def take(self, name: str) -> bool:
        with self._lock:
            left: int = getattr(self, name)
            if left > 0:
                setattr(self, name, left - 1)
            return left > 0


@contextmanager
def running_proxy(server: S3Server) -> Iterator[CuttingProxy]:
    with CuttingProxy(server.url) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CuttingProxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def pass_on(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.take("errors"):
            body = b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"
            self._answer(503, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))], body)
            return
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                connection.putheader(name, value)
        connection.endheaders(data)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() != "transfer-encoding"]
        if not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("Content-Length", str(len(body))))
        if self.command == "GET" and "Range" in self.headers:
            self.server.ranges.append(self.headers["Range"])
            is_due = self.server.cut_every and len(self.server.ranges) % self.server.cut_every == 0
            if is_due or self.server.take("cuts"):
                self._answer(response.status, headers, body[: self.server.kept_bytes])
                self._drop()
                return
        if self.command == "GET" and "list-type" in self.path and self.server.take("cut_listings"):
            self._answer(response.status, headers, body[: len(body) // 2])
            self._drop()
            return
        self._answer(response.status, headers, body)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _drop(self) -> None:
        self.close_connection = True
        if self.server.resets:
            # a lingering time of nothing makes closing a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
    setattr(_Handler, f"do_{method}", _Handler.pass_on)
