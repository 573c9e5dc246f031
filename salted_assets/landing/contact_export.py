"""Everything that the vendor holds under one contact, as one archive: what answers a contact's request for their data.

The contact's value goes to the vendor and nowhere else: no name, record or message holds it. The files in the archive
hold whatever the vendor delivered.
"""

import shutil
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from salted_assets.landing.contact_records import (
    ContactDelivery,
    ContactFile,
    ContactManifest,
    ContactRecords,
    ContactRequest,
    Outcome,
    RequestedExport,
    archive_path,
)
from salted_assets.landing.export_session import DeliveredFiles, ExportSession
from salted_assets.landing.pending_exports import PendingExport
from salted_assets.landing.raw_files import RawFileWriter
from salted_assets.landing.windows import Calendar, Window, refuse_early
from salted_assets.salted_cx import ContactNotFound, ExportClient, NoCustomersForContact, format_instant
from salted_assets.warehouse import Warehouse

_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class ContactExports:
    """Carries out requests, one export after the other; `max_export_retries` is as in `ExportSession`."""

    warehouse: Warehouse
    calendar: Calendar
    connect: Callable[[], AbstractContextManager[ExportClient]] = field(repr=False)
    file_names: dict[str, str]
    max_export_retries: int = 2
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def export(
        self, request: ContactRequest, contact: str, on_delivery: Callable[[ContactDelivery], None] = lambda _: None
    ) -> ContactManifest:
        """Export every day of the request for the contact into one archive, and conclude the request with a manifest.

        A contact that the vendor cannot resolve, or that has no customers, ends the request with that outcome and
        without an archive. A request that was cut off and is given again under its id goes on with the exports that
        it had requested: each is recorded before it is waited for.

        Raises DayNotExportable before anything is requested, WarehouseError, LandingDamaged, or what the client raises.
        """
        refuse_early(self.calendar, request.last_day, self.now())
        exports = _RequestMemory(ContactRecords(self.warehouse), request, self.calendar)
        with self.connect() as client, self.warehouse.scratch() as scratch:
            session = ExportSession(
                client=client,
                memory=exports,
                warehouse=self.warehouse,
                subject=f"contact request {request.request_id}",
                now=self.now,
                max_export_retries=self.max_export_retries,
                # none is looked for: what another program requested must not get into somebody's archive
                lost_requests=None,
                contact=contact,
            )
            try:
                deliveries = self._fill(scratch, session, exports, on_delivery)
            except ContactNotFound:
                return self._conclude(request, "contact_not_found")
            except NoCustomersForContact:
                return self._conclude(request, "no_customers")
            byte_count = scratch.stat().st_size
            self.warehouse.publish(scratch, archive_path(request.request_id))
        return self._conclude(request, "complete", byte_count, deliveries)

    def _conclude(
        self,
        request: ContactRequest,
        outcome: Outcome,
        archive_byte_count: int | None = None,
        deliveries: tuple[ContactDelivery, ...] = (),
    ) -> ContactManifest:
        manifest = ContactManifest(
            request_id=request.request_id,
            simulated=self.warehouse.simulated,
            outcome=outcome,
            first_day=request.first_day.isoformat(),
            last_day=request.last_day.isoformat(),
            datasets=request.datasets,
            concluded_at=format_instant(self.now()),
            archive=None if archive_byte_count is None else archive_path(request.request_id),
            archive_byte_count=archive_byte_count,
            deliveries=deliveries,
        )
        ContactRecords(self.warehouse).write_manifest(manifest)
        return manifest

    def _fill(
        self,
        path: Path,
        session: ExportSession,
        exports: "_RequestMemory",
        on_delivery: Callable[[ContactDelivery], None],
    ) -> tuple[ContactDelivery, ...]:
        request, deliveries = exports.request, list[ContactDelivery]()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if self.warehouse.simulated:
                archive.comment = b"simulated data"
            for day in request.days:
                for number, window in enumerate(self.calendar.windows_of(day), start=1):
                    folder = f"{day}" if number == 1 else f"{day}_part-{number}"
                    store = partial(self._store, archive, folder, day)
                    deliveries.append(session.bring(window, request.datasets, store, exports.find(window)))
                    on_delivery(deliveries[-1])
        return tuple(deliveries)

    def _store(self, archive: zipfile.ZipFile, folder: str, day: date, delivered: DeliveredFiles) -> ContactDelivery:
        files = tuple(
            _add(archive, f"{folder}/{self.file_names[dataset]}", dataset, writer)
            for dataset, writer in delivered.files.items()
        )
        return ContactDelivery(_record(delivered.pending, day), files, tuple(delivered.report.not_delivered))


class _RequestMemory:
    """The exports of one request, as an export session remembers them: each is recorded before it is waited for."""

    def __init__(self, records: ContactRecords, request: ContactRequest, calendar: Calendar) -> None:
        self.request = request
        self._records = records
        self._days = {window: day for day in request.days for window in calendar.windows_of(day)}
        self._known = list(records.read_exports(request.request_id))

    def find(self, window: Window) -> PendingExport | None:
        """The newest export that was requested for the window before this request was cut off."""
        start, end = format_instant(window.start), format_instant(window.end)
        found = next((each for each in reversed(self._known) if (each.start, each.end) == (start, end)), None)
        if found is None:
            return None
        return PendingExport(start, end, self.request.datasets, found.requested_at, export_id=found.export_id)

    def keep(self, pending: PendingExport) -> None:
        """Record an export as soon as it has an id."""
        if pending.export_id is not None:
            self._known.append(_record(pending, self._days[pending.window]))
            self._records.write_exports(self.request.request_id, self._known)

    def drop(self, pending: PendingExport) -> None:
        """Nothing: what came to nothing stays recorded as requested from here."""


def _record(pending: PendingExport, day: date) -> RequestedExport:
    return RequestedExport(pending.known_id, day.isoformat(), pending.start, pending.end, pending.requested_at)


def _add(archive: zipfile.ZipFile, name: str, dataset: str, writer: RawFileWriter) -> ContactFile:
    with (
        writer.open_plain() as plain,
        archive.open(name, "w", force_zip64=True) as entry,
    ):
        shutil.copyfileobj(plain, entry, _COPY_BYTES)
    return ContactFile(dataset, name, writer.row_count, writer.byte_count, writer.sha256)
