"""The HTTP side: the vendor's export API, the file store behind it, and the switches for tests."""

import asyncio
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from salted_assets.schemas import DATASET_MODELS, FILE_NAMES
from salted_assets.simulator.data.contact_centre import build_contact_centre
from salted_assets.simulator.data.contacts import profile_of
from salted_assets.simulator.data.options import Faults, FaultSwitches, RequestKind, SimulatorOptions
from salted_assets.simulator.data.windows import DAY_MS, HOUR_MS, Window, to_ms
from salted_assets.simulator.server.responses import (
    DroppedAnswer,
    FileAnswer,
    FileSlice,
    MarkSimulated,
    error_json,
    error_xml,
    refusal_answer,
)
from salted_assets.simulator.server.store import (
    STORE_PATH,
    AddressSigner,
    ExportStore,
    StoredExport,
    StoredFile,
    account_of,
    recipe_of,
)

HISTORY_LIMIT = 100
_SETTLING_MS = 2 * HOUR_MS
_PATIENCE_SECONDS = 5.0
_DEAD_SINCE_MS = 1_000_000_000_000


class _RefusedError(Exception):
    """A request for an export that the vendor's page refuses with 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class _ExportRequest:
    window: Window
    datasets: tuple[str, ...]
    contacts: frozenset[int] | None


class ExportServer:
    """The endpoints over one store; counts what was asked."""

    def __init__(self, options: SimulatorOptions, store: ExportStore, now: Callable[[], datetime]) -> None:
        self.options = options
        self.store = store
        self.switches = FaultSwitches(options.faults)
        self.counts: Counter[str] = Counter(post=0, status=0, history=0, download=0, exports=0)
        self._now = now
        self._account = account_of(options.key)
        self._signer = AddressSigner(store.signing_secret())
        self._writing: dict[str, asyncio.Task[StoredFile]] = {}

    async def post(self, request: Request) -> Response:
        """POST /api/v1/export: check the request, keep it, begin to write its files."""
        if refused := self._refuse("post", request):
            return refused
        try:
            wanted = self._read_request(request)
        except _RefusedError as error:
            return error_json(400, error.code, error.message)
        export = await asyncio.to_thread(self._keep, wanted)
        self.counts["exports"] += 1
        if not export.is_failed:
            self._begin_writing(export)
        if self.switches.take("lost_posts"):
            return DroppedAnswer()
        faults = self.switches.current
        path = f"api/v1/export/{export.id}/status"
        url = f"{request.base_url}{path}" if faults.absolute_status_url else path
        return JSONResponse({"exportId": self._shown_id(export), "statusUrl": faults.foreign_status_url or url})

    async def status(self, request: Request) -> Response:
        """GET /api/v1/export/{exportId}/status."""
        if refused := self._refuse("status", request):
            return refused
        export = await asyncio.to_thread(self.store.find, self._account, request.path_params["export_id"])
        if export is None:
            return error_json(404, "NOT_FOUND", "Export not found or does not belong to your account.")
        if self.switches.take("unknown_statuses"):
            return JSONResponse(
                {"exportId": self._shown_id(export), "status": "QUEUED", "downloadUrls": {}, "error": None}
            )
        body = self._status_of(await self._with_files(export), request)
        if body["status"] == "COMPLETED" and self.switches.take("statuses_without_addresses"):
            del body["downloadUrls"]
        return JSONResponse(body)

    async def history(self, request: Request) -> Response:
        """GET /api/v1/export/history: the newest exports, newest first."""
        if refused := self._refuse("history", request):
            return refused
        exports = await asyncio.to_thread(self.store.newest, self._account, HISTORY_LIMIT)
        return JSONResponse([self._status_of(export, request) for export in exports])

    async def download(self, request: Request) -> Response:
        """GET a file under a signed address."""
        export = await asyncio.to_thread(self.store.find, None, request.path_params["export_id"])
        name = request.path_params["name"]
        dataset = next((each for each in export.datasets if FILE_NAMES[each] == name), None) if export else None
        self.counts["download"] += 1
        if refusal := self.switches.take_refusal("download", dataset):
            return refusal_answer(refusal, str(request.url))
        if denied := self._deny(request, dataset):
            return denied
        if export is None or dataset is None or export.is_failed:
            return error_xml(404, "NoSuchKey", "The specified key does not exist.")
        file = await asyncio.to_thread(self.store.file_of, export, dataset)
        if self.switches.current.gzip_downloads:
            file = await asyncio.to_thread(file.compress)
        return self._file_answer(request, export, dataset, file)

    async def log(self, _request: Request) -> Response:
        """GET /simulator/log: requests by kind, and the number of exports requested."""
        return JSONResponse(dict(self.counts))

    async def set_faults(self, request: Request) -> Response:
        """POST /simulator/faults: replace all switches by those of the JSON body; a wrong one is answered with 400."""
        try:
            self.switches.set(Faults.from_json(await request.json()))
        except (ValueError, TypeError) as error:
            return error_json(400, "INVALID_FAULTS", str(error))
        return JSONResponse(self.switches.current.to_json())

    def _refuse(self, kind: RequestKind, request: Request) -> Response | None:
        self.counts[kind] += 1
        if refusal := self.switches.take_refusal(kind):
            return refusal_answer(refusal, str(request.url))
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self.options.key}".encode()):
            return None
        return error_json(401, "UNAUTHORIZED", "The API key is missing or wrong.", {"WWW-Authenticate": "Bearer"})

    def _read_request(self, request: Request) -> _ExportRequest:
        query = request.query_params
        now_ms = to_ms(self._now())
        start_ms, end_ms = _instant(query.get("from"), "from"), _instant(query.get("to"), "to")
        if start_ms >= end_ms:
            raise _RefusedError("INVALID_DATE_RANGE", "from is not before to")
        if end_ms - start_ms > DAY_MS:
            raise _RefusedError("INVALID_DATE_RANGE", "the range exceeds 24 hours")
        return _ExportRequest(
            Window(start_ms, end_ms, now_ms), _included(query.get("include")), self._contacts(query.get("contact"))
        )

    def _contacts(self, contact: str | None) -> frozenset[int] | None:
        if contact is None:
            return None
        contacts = profile_of(build_contact_centre(self.options), contact)
        if contacts is None:
            raise _RefusedError("CONTACT_NOT_FOUND", "the contact could not be resolved")
        if not contacts:
            raise _RefusedError("NO_CUSTOMERS_FOR_CONTACT", "the contact has no customers")
        return contacts

    def _keep(self, wanted: _ExportRequest) -> StoredExport:
        faults = self.switches.current
        now_ms = wanted.window.as_of_ms
        window = wanted.window
        if self.switches.take("misplaced_windows"):
            window = window._replace(start_ms=window.start_ms + DAY_MS, end_ms=window.end_ms + DAY_MS)
        is_first = not self.store.is_exported(self._account, window, wanted.datasets, wanted.contacts)
        if self.options.as_of == "window" and is_first:
            window = window._replace(as_of_ms=min(now_ms, window.end_ms + _SETTLING_MS))
        seconds = self.options.export_seconds + faults.slow_export_seconds
        export = StoredExport(
            id="",
            window=window,
            requested_ms=now_ms,
            ready_ms=now_ms + round(seconds * 1000),
            datasets=wanted.datasets,
            contacts=wanted.contacts,
            recipe=recipe_of(replace(self.options, faults=faults)),
            is_failed=self.switches.take("failed_exports"),
        )
        return self.store.add(self._account, export, integer_id=self.options.integer_ids)

    def _status_of(self, export: StoredExport, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"exportId": self._shown_id(export), "status": "PROCESSING", "downloadUrls": {}}
        body["error"] = None
        if not self._is_due(export):
            return body
        if export.is_failed:
            return body | {"status": "FAILED", "error": "The export failed (simulated fault)."}
        if not export.is_written:
            return body
        return body | {"status": "COMPLETED", "downloadUrls": self._addresses(export, request)}

    def _is_due(self, export: StoredExport) -> bool:
        return to_ms(self._now()) >= export.ready_ms

    async def _with_files(self, export: StoredExport) -> StoredExport:
        """The export, written if that takes no more than a moment; a process that is gone may not have come to it."""
        if export.is_written or export.is_failed or not self._is_due(export):
            return export
        writing = self._begin_writing(export)
        await asyncio.wait([writing], timeout=_PATIENCE_SECONDS)
        if writing.done():
            writing.result()
        return replace(export, is_written=writing.done())

    def _begin_writing(self, export: StoredExport) -> asyncio.Task[StoredFile]:
        if export.id not in self._writing:
            writing = asyncio.to_thread(self.store.file_of, export, export.datasets[0])
            self._writing[export.id] = asyncio.create_task(writing)
            self._writing[export.id].add_done_callback(lambda _task: self._writing.pop(export.id))
        return self._writing[export.id]

    def _addresses(self, export: StoredExport, request: Request) -> dict[str, str]:
        faults = self.switches.current
        signed_ms, lifetime = to_ms(self._now()), self.options.address_seconds
        if self.switches.take("dead_addresses"):
            signed_ms = _DEAD_SINCE_MS
        host = str(request.base_url).rstrip("/")
        addresses = {
            dataset: host + self._signer.sign(f"{STORE_PATH}/{export.id}/{FILE_NAMES[dataset]}", signed_ms, lifetime)
            for dataset in export.datasets
            if dataset not in faults.missing_addresses
        }
        for name, address in faults.extra_addresses.items():
            addresses[name] = address or next(iter(addresses.values()), "")
        return addresses

    def _deny(self, request: Request, dataset: str | None) -> Response | None:
        if "authorization" in request.headers:
            return error_xml(400, "InvalidArgument", "Only one auth mechanism allowed")
        state = self._signer.check(request.url.path, request.url.query, to_ms(self._now()))
        if state == "valid" and self.switches.take("expired_downloads", dataset):
            state = "expired"
        denied = 400 if self.switches.current.expired_as_400 else 403
        return {
            "valid": None,
            "unsigned": error_xml(403, "AccessDenied", "Access Denied"),
            "tampered": error_xml(403, "SignatureDoesNotMatch", "The request signature does not match."),
            "expired": error_xml(denied, "AccessDenied", "Request has expired"),
        }[state]

    def _file_answer(self, request: Request, export: StoredExport, dataset: str, file: StoredFile) -> Response:
        faults, take = self.switches.current, self.switches.take
        etag = f'"{file.md5[:31]}-2"' if faults.foreign_etag else f'"{file.md5}"'
        headers = {} if faults.no_etag else {"ETag": etag}
        start, stop, status = 0, file.size, 200
        if faults.gzip_downloads or faults.encoding_word:
            headers["Content-Encoding"] = "gzip" if faults.gzip_downloads else faults.encoding_word
        if not faults.no_ranges:
            headers["Accept-Ranges"] = "bytes"
            wanted = _range_of(request, etag, file.size)
            if wanted is not None:
                start, stop = wanted
                status = 206
                if start >= file.size:
                    return error_xml(416, "InvalidRange", "The requested range is not satisfiable")
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        if take("truncated_downloads", dataset):
            stop = start + (stop - start) // 2
        promised = stop - start + (10 if take("wrong_lengths", dataset) else 0)
        cut_after = faults.cut_at_byte if take("cut_downloads", dataset) else None
        if promised != stop - start and cut_after is None:
            cut_after = stop - start
        if not faults.no_length:
            headers["X-Length"] = str(promised)
        is_corrupt = take("corrupt_downloads", dataset)
        is_whole = stop == file.size and cut_after is None and not is_corrupt
        return FileAnswer(
            FileSlice(file.path, start, stop, is_corrupt=is_corrupt),
            status_code=status,
            headers=headers,
            cut_after=cut_after,
            on_sent=(lambda: self.store.mark_fetched(export.id)) if is_whole else None,
        )

    def _shown_id(self, export: StoredExport) -> str | int:
        return int(export.id) if export.id.isdigit() else export.id


def build_app(
    options: SimulatorOptions, store_path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Starlette:
    """The simulator as an ASGI application over the SQLite file `store_path`, which it creates if absent."""
    server = ExportServer(options, ExportStore(store_path), now)
    routes = [
        _route("/api/v1/export", server.post, "POST"),
        _route("/api/v1/export/history", server.history, "GET"),
        _route("/api/v1/export/{export_id}/status", server.status, "GET"),
        _route(STORE_PATH + "/{export_id}/{name}", server.download, "GET"),
        _route("/simulator/log", server.log, "GET"),
        _route("/simulator/faults", server.set_faults, "POST"),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(MarkSimulated)],
        exception_handlers={HTTPException: _plain_error},
    )
    app.state.server = server
    return app


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]], method: str) -> Route:
    return Route(path, endpoint, methods=[method])


async def _plain_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return error_json(status, "NOT_FOUND" if status == 404 else "NOT_ALLOWED", "No such endpoint.", headers)  # noqa: PLR2004 - HTTP's own number


def _instant(value: str | None, name: str) -> int:
    if value is None:
        raise _RefusedError("INVALID_DATE_RANGE", f"{name} is missing")
    try:
        return to_ms(datetime.fromisoformat(value))
    except ValueError as error:
        raise _RefusedError("INVALID_DATE_RANGE", f"{name} is not an ISO 8601 time with a zone") from error


def _included(include: str | None) -> tuple[str, ...]:
    if include is None:
        return tuple(DATASET_MODELS)
    names = [name.strip() for name in include.split(",")]
    if not any(names):
        raise _RefusedError("EMPTY_INCLUDE", "include is present but empty")
    unknown = [name for name in names if name not in DATASET_MODELS]
    if unknown:
        raise _RefusedError("INVALID_INCLUDE", f"unknown dataset; valid are {', '.join(DATASET_MODELS)}")
    return tuple(dataset for dataset in DATASET_MODELS if dataset in names)


def _range_of(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Start and stop of a single byte range; None when the whole file is due, as for a range it cannot read."""
    unit, _, span = request.headers.get("range", "").partition("=")
    if unit != "bytes" or request.headers.get("if-range", etag) != etag:
        return None
    first, _, last = span.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return None
    return int(first), min(size, int(last) + 1) if last else size
