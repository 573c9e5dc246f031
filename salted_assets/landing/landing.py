"""Lands a day: one export per window, re-attached to rather than repeated, made real by its manifest.

Here: the order of events and what is written when. Not here: the protocol (`api`), file formats (`manifest`,
`rawfile`), storage (`warehouse`).

The order of events is what keeps it at one export. Under the day's lock, for each window that is not complete: a
ticket without an id is written, the export is ordered, the ticket gets its id, and only then is the export waited for.
Files become visible one by one, each whole; the manifest is written last. Whoever dies in between leaves a ticket
from which the next run goes on.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import BinaryIO
from urllib.parse import quote

from salted_assets.api import (
    DownloadAddressExpired,
    DownloadReport,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportStartUnknown,
    ExportStatus,
    SaltedApiError,
    Sink,
)
from salted_assets.days import Calendar, Window
from salted_assets.landing.errors import (
    DatasetNotDelivered,
    DayNotExportable,
    DayNotLanded,
    LandingBusy,
    LandingDamaged,
)
from salted_assets.landing.manifest import Delivery, LandedFile, Manifest, Ticket, Tickets, format_instant
from salted_assets.landing.rawfile import RawFileWriter, open_raw
from salted_assets.warehouse import Warehouse, WarehouseLocked, landing_folder

_REFRESH_TICKET_LIFETIME = timedelta(hours=24)
_LOG = logging.getLogger(__name__)

Connect = Callable[[], AbstractContextManager[ExportClient]]


@dataclass(frozen=True)
class Landing:
    """The raw landings of one warehouse. `connect` opens a client for as long as one landing takes.

    `file_names` gives each dataset's file name at the vendor; `lock_wait_seconds` is how long a run waits for another
    that is landing the same day.
    """

    warehouse: Warehouse
    calendar: Calendar
    connect: Connect
    file_names: dict[str, str]
    max_reorders: int = 2
    lock_wait_seconds: float = 0
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def land(self, day: date, datasets: Sequence[str], *, refresh: bool = False) -> Manifest:
        """Make sure that the day's landing holds the datasets, and return what it is made of.

        A landing that holds them already is returned as it is, without a request, unless `refresh` asks for a new
        export; the earlier one stays in force until the new one is whole.
        Raises DayNotExportable, LandingBusy, WarehouseError, or what the client raises.
        """
        self._refuse_early(day)
        with self._locked(day):
            manifest = self.find_manifest(day) or Manifest(day, self.warehouse.simulated)
            orders = [
                (window, wanted)
                for window in self.calendar.windows_of(day)
                if (wanted := tuple(datasets) if refresh else manifest.missing(window, datasets))
            ]
            if not orders:
                return manifest
            with self.connect() as client:
                visit = _Visit(self, client, day, is_refresh=refresh)
                for window, wanted in orders:
                    manifest = manifest.with_delivery(visit.deliver(window, wanted))
            self.warehouse.write_bytes(_manifest_path(day), manifest.to_json())
            self.warehouse.delete(_tickets_path(day))
            return manifest

    def find_manifest(self, day: date) -> Manifest | None:
        """What the day's landing is made of, or None where there is none. Raises LandingDamaged."""
        path = _manifest_path(day)
        try:
            return Manifest.from_json(self.warehouse.read_bytes(path), place=path)
        except FileNotFoundError:
            return None

    def is_landed(self, day: date, datasets: Sequence[str]) -> bool:
        """Whether every window of the day was delivered for all the datasets."""
        manifest = self.find_manifest(day)
        return manifest is not None and not any(
            manifest.missing(window, datasets) for window in self.calendar.windows_of(day)
        )

    def files_of(self, day: date, dataset: str) -> tuple[Manifest, list[LandedFile]]:
        """The dataset's landed files in the order of their windows, with the manifest that lists them.

        Never exports. Raises DayNotLanded or DatasetNotDelivered.
        """
        manifest = self.find_manifest(day)
        if manifest is None or not self.is_landed(day, [dataset]):
            raise DayNotLanded(f"{dataset} of {day} has not been landed. Materialize raw/export for this day first.")
        files = manifest.files(dataset)
        if len(files) < len(self.calendar.windows_of(day)):
            exports = ", ".join(d.export_id for d in manifest.deliveries if dataset in d.not_delivered)
            raise DatasetNotDelivered(
                f"the vendor gave no file for {dataset} of {day} (export {exports}). "
                "Ask the vendor why, then materialize raw/export for this day with refresh set."
            )
        return manifest, files

    def open_file(self, file: LandedFile) -> BinaryIO:
        """The plain bytes of a landed file. Raises LandingDamaged where it is gone."""
        try:
            return open_raw(self.warehouse.open(file.path))
        except FileNotFoundError:
            raise LandingDamaged(
                f"{file.path} is listed in its manifest but is not there. Restore it, or materialize raw/export "
                "for its day with refresh set."
            ) from None

    def read_tickets(self, day: date) -> Tickets:
        """The exports of the day that were ordered and are not landed yet."""
        path = _tickets_path(day)
        try:
            return Tickets.from_json(self.warehouse.read_bytes(path), place=path)
        except FileNotFoundError:
            return Tickets()

    def write_ticket(self, day: date, ticket: Ticket) -> None:
        """Keep the ticket, in place of an earlier one of its window."""
        self.warehouse.write_bytes(_tickets_path(day), self.read_tickets(day).put(ticket).to_json())

    def list_known_exports(self) -> set[str]:
        """The ids of all exports that tickets and manifests of any day name."""
        days = {path.split("/")[2] for path in self.warehouse.list_files("raw/export")}
        known: set[str] = set()
        for name in days:
            day = date.fromisoformat(name.removeprefix("date="))
            known |= {ticket.export_id for ticket in self.read_tickets(day).open if ticket.export_id}
            manifest = self.find_manifest(day)
            if manifest:
                known |= {delivery.export_id for delivery in (*manifest.deliveries, *manifest.superseded)}
        return known

    def _refuse_early(self, day: date) -> None:
        if self.calendar.is_exportable(day, self.now()):
            return
        start = self.calendar.exportable_from(day)
        local = start.astimezone(self.calendar.zone)
        raise DayNotExportable(
            f"{day} can be exported from {local:%Y-%m-%d %H:%M} {self.calendar.zone.key} ({format_instant(start)}) on: "
            "the day must be over, and the vendor loads data late (SALTED_EXPORT_LAG_MINUTES)."
        )

    @contextmanager
    def _locked(self, day: date) -> Iterator[None]:
        try:
            lock = self.warehouse.lock(f"export-{day}", wait_seconds=self.lock_wait_seconds)
            with ExitStack() as held:
                held.enter_context(lock)
                yield
        except WarehouseLocked as error:
            raise LandingBusy(
                f"{day} is being landed by another run ({error}). Run it again when that is done."
            ) from error


@dataclass
class _Visit:
    """One landing's dealings with the vendor."""

    landing: Landing
    client: ExportClient
    day: date
    is_refresh: bool

    def deliver(self, window: Window, datasets: tuple[str, ...]) -> Delivery:
        """Wait for the window's export, ordering one where none is usable, and land its files."""
        ticket = self._find_ticket(window, datasets)
        reorder_count, is_address_renewed = 0, False
        while True:
            ticket = ticket or self._order(window, datasets)
            try:
                return self._land(ticket, self.client.wait(_id_of(ticket)))
            except (ExportFailed, ExportNotFound) as error:
                reorder_count += 1
                if reorder_count > self.landing.max_reorders:
                    raise
                _LOG.warning("%s; ordering a new export of %s", error, self.day)
            except DownloadAddressExpired as error:
                if is_address_renewed:
                    raise
                is_address_renewed = True
                _LOG.warning("%s; ordering a new export of %s", error, self.day)
            ticket = None

    def _find_ticket(self, window: Window, datasets: tuple[str, ...]) -> Ticket | None:
        ticket = self.landing.read_tickets(self.day).find(window)
        if ticket is None or not self._is_usable(ticket, datasets):
            return None
        if ticket.export_id is None:
            return self._adopt(ticket)
        _LOG.info("re-attaching to export %s of %s, ordered at %s", ticket.export_id, self.day, ticket.ordered_at)
        return ticket

    def _is_usable(self, ticket: Ticket, datasets: tuple[str, ...]) -> bool:
        if not set(datasets) <= set(ticket.datasets) or ticket.is_refresh != self.is_refresh:
            return False
        age = self.landing.now() - datetime.fromisoformat(ticket.ordered_at)
        return not self.is_refresh or age < _REFRESH_TICKET_LIFETIME

    def _order(self, window: Window, datasets: tuple[str, ...]) -> Ticket:
        ticket = Ticket(
            start=format_instant(window.start),
            end=format_instant(window.end),
            datasets=datasets,
            ordered_at=format_instant(self.landing.now()),
            is_refresh=self.is_refresh,
            known_ids=self._list_exports(),
        )
        self.landing.write_ticket(self.day, ticket)
        return self._post(ticket)

    def _post(self, ticket: Ticket) -> Ticket:
        try:
            export_id = self.client.start(ticket.window.start, ticket.window.end, ticket.datasets)
        except ExportStartUnknown:
            adopted = self._adopt(ticket)
            if adopted is None:
                raise
            return adopted
        return self._keep(ticket, export_id)

    def _keep(self, ticket: Ticket, export_id: str) -> Ticket:
        ticket = replace(ticket, export_id=export_id)
        self.landing.write_ticket(self.day, ticket)
        _LOG.info("ordered export %s of %s: %s to %s", export_id, self.day, ticket.start, ticket.end)
        return ticket

    def _adopt(self, ticket: Ticket) -> Ticket | None:
        """The ticket with the id of the export that a lost answer left at the vendor, where exactly one can be it.

        The vendor's history tells neither window nor datasets before an export is completed, so an export that
        somebody else of the same account ordered in the same moments could be taken for ours; one whose delivered
        datasets differ from those asked for is not.
        """
        listed = self._list_exports()
        if listed is None or ticket.known_ids is None:
            return None
        new = set(listed) - set(ticket.known_ids) - self.landing.list_known_exports()
        fitting = [export_id for export_id in new if self._fits(self.client.status(export_id), ticket)]
        if len(fitting) != 1:
            return None
        _LOG.warning("the answer to an order for %s was lost; the vendor lists it as export %s", self.day, fitting[0])
        return self._keep(ticket, fitting[0])

    def _fits(self, status: ExportStatus, ticket: Ticket) -> bool:
        return status.state == "PROCESSING" or set(status.download_urls) == set(ticket.datasets)

    def _list_exports(self) -> tuple[str, ...] | None:
        try:
            return tuple(status.export_id for status in self.client.history())
        except SaltedApiError as error:
            if not error.retryable:
                raise
            _LOG.warning("the vendor's history could not be read (%s); a lost order could not be found again", error)
            return None

    def _land(self, ticket: Ticket, status: ExportStatus) -> Delivery:
        with ExitStack() as open_files:
            writers: dict[str, RawFileWriter] = {}
            for dataset in ticket.datasets:
                scratch = open_files.enter_context(self.landing.warehouse.scratch())
                writers[dataset] = open_files.enter_context(RawFileWriter(scratch))
            sinks = {dataset: _sink_of(writer) for dataset, writer in writers.items()}
            report = self.client.download(status, sinks)
            files = tuple(self._publish(ticket, dataset, writers[dataset]) for dataset in report.files)
        return self._record(ticket, report, files)

    def _publish(self, ticket: Ticket, dataset: str, writer: RawFileWriter) -> LandedFile:
        writer.close()
        name = self.landing.file_names[dataset]
        path = f"{landing_folder(self.day)}/{_folder_name(_id_of(ticket))}/{name}.zst"
        stored_byte_count = writer.path.stat().st_size
        self.landing.warehouse.publish(writer.path, path)
        return LandedFile(
            dataset=dataset,
            name=name,
            path=path,
            row_count=writer.row_count,
            byte_count=writer.byte_count,
            stored_byte_count=stored_byte_count,
            sha256=writer.sha256,
            header=writer.header,
            landed_at=format_instant(self.landing.now()),
        )

    def _record(self, ticket: Ticket, report: DownloadReport, files: tuple[LandedFile, ...]) -> Delivery:
        return Delivery(
            export_id=_id_of(ticket),
            start=ticket.start,
            end=ticket.end,
            datasets=ticket.datasets,
            ordered_at=ticket.ordered_at,
            files=files,
            not_delivered=tuple(report.not_delivered),
            unasked=tuple(report.unasked),
        )


def _id_of(ticket: Ticket) -> str:
    if ticket.export_id is None:
        raise LandingDamaged("a ticket without an export id was waited for")
    return ticket.export_id


def _sink_of(writer: RawFileWriter) -> Callable[[], Sink]:
    return lambda: writer


def _folder_name(export_id: str) -> str:
    """A vendor's id as a folder name that leads nowhere else and is not hidden."""
    name = quote(export_id, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _manifest_path(day: date) -> str:
    return f"{landing_folder(day)}/manifest.json"


def _tickets_path(day: date) -> str:
    return f"{landing_folder(day)}/tickets.json"
