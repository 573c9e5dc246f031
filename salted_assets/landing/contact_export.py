"""Everything that the vendor holds under one contact, as one archive: what a data-subject request asks for.

Here: which exports are ordered for it, and the archive. Not here: where the contact's value comes from, what is kept
of a request (`contact_records`), the daily landings (`landing`), the protocol (`api`).

The contact's value goes to the vendor and nowhere else: no name, record or message holds it. The files in the archive
hold whatever the vendor delivered.
"""

import shutil
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
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
from salted_assets.landing.raw_files import RawFileWriter, open_raw
from salted_assets.landing.windows import Calendar, Window, format_instant, refuse_early
from salted_assets.salted_cx import (
    ContactNotFound,
    DownloadReport,
    DownloadUrlExpired,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportStatus,
    NoCustomersForContact,
    Sink,
)
from salted_assets.warehouse import Warehouse

_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class ContactExports:
    """Carries out requests, one export after the other; `max_export_retries` bounds the new orders for each window."""

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
        it had ordered: each is recorded before it is waited for.

        Raises DayNotExportable before anything is ordered, WarehouseError, LandingDamaged, or what the client raises.
        """
        refuse_early(self.calendar, request.last_day, self.now())
        with self.connect() as client, self.warehouse.scratch() as scratch:
            orders = _Orders(client, ContactRecords(self.warehouse), request, contact, self.now)
            try:
                deliveries = self._fill(scratch, orders, request, on_delivery)
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
        orders: "_Orders",
        request: ContactRequest,
        on_delivery: Callable[[ContactDelivery], None],
    ) -> tuple[ContactDelivery, ...]:
        deliveries = []
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if self.warehouse.simulated:
                archive.comment = b"simulated data"
            for day in request.days:
                for number, window in enumerate(self.calendar.windows_of(day), start=1):
                    folder = f"{day}" if number == 1 else f"{day}_part-{number}"
                    deliveries.append(self._deliver(archive, folder, orders, day, window))
                    on_delivery(deliveries[-1])
        return tuple(deliveries)

    def _deliver(
        self, archive: zipfile.ZipFile, folder: str, orders: "_Orders", day: date, window: Window
    ) -> ContactDelivery:
        order = orders.find(window)
        for reorders_left in range(self.max_export_retries, -1, -1):
            order = order or orders.place(day, window)
            try:
                return self._bring(archive, folder, orders, order)
            except (ExportFailed, ExportNotFound, DownloadUrlExpired):
                if not reorders_left:
                    raise
            order = None
        raise AssertionError("the last attempt returns or raises")

    def _bring(
        self, archive: zipfile.ZipFile, folder: str, orders: "_Orders", order: RequestedExport
    ) -> ContactDelivery:
        with ExitStack() as open_files:
            writers = {
                dataset: open_files.enter_context(RawFileWriter(open_files.enter_context(self.warehouse.scratch())))
                for dataset in orders.datasets
            }
            report = orders.download(order, writers)
            files = tuple(
                self._add(archive, f"{folder}/{self.file_names[dataset]}", dataset, writers[dataset])
                for dataset in report.files
            )
        return ContactDelivery(order, files, tuple(report.not_delivered))

    def _add(self, archive: zipfile.ZipFile, name: str, dataset: str, writer: RawFileWriter) -> ContactFile:
        writer.close()
        with (
            open_raw(writer.path.open("rb"), byte_count=writer.byte_count, place=name) as plain,
            archive.open(name, "w", force_zip64=True) as entry,
        ):
            shutil.copyfileobj(plain, entry, _COPY_BYTES)
        return ContactFile(dataset, name, writer.row_count, writer.byte_count, writer.sha256)


class _Orders:
    """The exports of one request: those that it remembers, and new ones. Keeps the contact out of its `repr`."""

    def __init__(
        self,
        client: ExportClient,
        records: ContactRecords,
        request: ContactRequest,
        contact: str,
        now: Callable[[], datetime],
    ) -> None:
        self.datasets = request.datasets
        self._client, self._records, self._contact, self._now = client, records, contact, now
        self._request_id = request.request_id
        self._known = list(records.read_exports(request.request_id))

    def find(self, window: Window) -> RequestedExport | None:
        """The newest export that was ordered for the window before this request was cut off."""
        start, end = format_instant(window.start), format_instant(window.end)
        return next((order for order in reversed(self._known) if (order.start, order.end) == (start, end)), None)

    def place(self, day: date, window: Window) -> RequestedExport:
        """Order an export, and record it before anybody waits for it."""
        requested_at = format_instant(self._now())
        export_id = self._client.start(window.start, window.end, self.datasets, contact=self._contact)
        order = RequestedExport(
            export_id, day.isoformat(), format_instant(window.start), format_instant(window.end), requested_at
        )
        self._known.append(order)
        self._records.write_exports(self._request_id, self._known)
        return order

    def download(self, order: RequestedExport, writers: dict[str, RawFileWriter]) -> DownloadReport:
        """Wait for the export and fetch its files."""
        return self._client.download(self._wait(order), {name: _sink_of(writer) for name, writer in writers.items()})

    def _wait(self, order: RequestedExport) -> ExportStatus:
        try:
            return self._client.wait(order.export_id)
        except ExportFailed as error:
            code = error.code
        # the vendor's words may repeat the contact in a form that nobody takes for one
        raise ExportFailed("the vendor reports FAILED", export_id=order.export_id, code=code)


def _sink_of(writer: RawFileWriter) -> Callable[[], Sink]:
    return lambda: writer
