"""What is kept of contact exports: the exports requested, and how a request ended.

Below `contact_exports/<request id>/` lie `orders.json`, `contact_export.zip`, and `manifest.json`, written last. No
name and no record holds the contact's value.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from salted_assets.landing.exceptions import LandingDamaged
from salted_assets.landing.stored_records import from_stored, refuse_newer, to_stored
from salted_assets.landing.windows import list_days
from salted_assets.warehouse import Warehouse

FOLDER = "contact_exports"
SCHEMA_VERSION = 1
_ARCHIVE = "contact_export.zip"

Outcome = Literal["complete", "contact_not_found", "no_customers"]


@dataclass(frozen=True)
class ContactRequest:
    """What is asked for, both days included; `request_id` is a random name. The contact itself is no part of it."""

    request_id: str
    first_day: date
    last_day: date
    datasets: tuple[str, ...]

    @property
    def days(self) -> list[date]:
        """The days in order."""
        return list_days(self.first_day, self.last_day)


@dataclass(frozen=True)
class RequestedExport:
    """An export that was requested for a window of a request."""

    export_id: str
    day: str
    start: str
    end: str
    requested_at: str


@dataclass(frozen=True)
class ContactFile:
    """One CSV of the archive, byte for byte as delivered: `name` is its name there, `row_count` its data rows."""

    dataset: str
    name: str
    row_count: int
    byte_count: int
    sha256: str


@dataclass(frozen=True)
class ContactDelivery:
    """What one export delivered. `not_delivered` names datasets that the vendor gave no file for."""

    export: RequestedExport
    files: tuple[ContactFile, ...]
    not_delivered: tuple[str, ...]


@dataclass(frozen=True)
class ContactManifest:
    """How a request ended; `archive`, its path in the warehouse, is None unless it is complete.

    `erased_at` is when the archive was deleted because a customer in it was erased.
    """

    request_id: str
    simulated: bool
    outcome: Outcome
    first_day: str
    last_day: str
    datasets: tuple[str, ...]
    concluded_at: str
    archive: str | None = None
    archive_byte_count: int | None = None
    deliveries: tuple[ContactDelivery, ...] = ()
    erased_at: str | None = None


@dataclass(frozen=True)
class OwnContactExport:
    """An export that was requested for a request: for which day, and whether it is in that request's archive."""

    day: date
    is_delivered: bool


@dataclass(frozen=True)
class ContactRecords:
    """The records of all requests of one warehouse. Every write is whole or absent."""

    warehouse: Warehouse

    def read_exports(self, request_id: str) -> tuple[RequestedExport, ...]:
        """The exports that the request has made so far, oldest first. Raises LandingDamaged."""
        path = _path(request_id, "orders.json")
        try:
            return tuple(RequestedExport(**from_stored(values)) for values in self._read(path)["orders"])
        except FileNotFoundError:
            return ()
        except (KeyError, TypeError) as error:
            raise _damaged(path) from error

    def write_exports(self, request_id: str, exports: Sequence[RequestedExport]) -> None:
        """Keep what was requested for the request so far."""
        self._write(_path(request_id, "orders.json"), {"orders": [to_stored(export) for export in exports]})

    def write_manifest(self, manifest: ContactManifest) -> None:
        """Conclude a request."""
        self._write(_path(manifest.request_id, "manifest.json"), to_stored(manifest))

    def list_archives(self) -> list[str]:
        """The requests whose archive is there, by id."""
        return [path.split("/")[1] for path in self.warehouse.list_files(FOLDER) if path.endswith(_ARCHIVE)]

    def list_promised_archives(self) -> list[str]:
        """Paths of the archives that manifests name; what is no manifest names none."""
        found = []
        for path in self.warehouse.list_files(FOLDER):
            if path.endswith("/manifest.json"):
                with suppress(LandingDamaged):
                    found.append(self._read(path).get("archive"))
        return [path for path in found if path]

    def erase_archive(self, request_id: str, erased_at: str) -> None:
        """Delete a request's archive, and say so in its manifest where it has one. Raises LandingDamaged."""
        path = _path(request_id, "manifest.json")
        try:
            values = {**self._read(path), "archive": None, "archive_byte_count": None, "erased_at": erased_at}
        except FileNotFoundError:
            pass
        else:
            self._write(path, values)
        self.warehouse.delete(archive_path(request_id))

    def list_own_exports(self) -> dict[str, OwnContactExport]:
        """All exports that were made for requests, by id; empty where there was none. Raises LandingDamaged."""
        files = set(self.warehouse.list_files(FOLDER))
        own: dict[str, OwnContactExport] = {}
        for request_id in sorted({path.split("/")[1] for path in files}):
            path = _path(request_id, "manifest.json")
            manifest = self._read(path) if path in files else {"deliveries": []}
            delivered = {delivery["order"]["export_id"] for delivery in manifest["deliveries"]}
            for export in self.read_exports(request_id):
                day = date.fromisoformat(export.day)
                own[export.export_id] = OwnContactExport(day, export.export_id in delivered)
        return own

    def _read(self, path: str) -> Any:
        try:
            values = json.loads(self.warehouse.read_bytes(path))
        except ValueError as error:
            raise _damaged(path) from error
        refuse_newer(values, SCHEMA_VERSION, path)
        return values

    def _write(self, path: str, values: dict[str, Any]) -> None:
        self.warehouse.write_bytes(path, json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=2).encode())


def archive_path(request_id: str) -> str:
    """Where the archive of a request lies.

    >>> archive_path("4b1d")
    'contact_exports/4b1d/contact_export.zip'
    """
    return _path(request_id, _ARCHIVE)


def _path(request_id: str, name: str) -> str:
    return f"{FOLDER}/{request_id}/{name}"


def _damaged(path: str) -> LandingDamaged:
    return LandingDamaged(f"{path} is no record this version can read. Restore it, or remove its folder.")
