"""Lands a day: one export per window, re-attached to rather than repeated, made real by its manifest.

The order of events is what keeps it at one export. Under the day's lock, for each window that is not complete: a
pending export without an id is written, the export is requested, the pending export gets its id, and only then is the
export waited for. Files become visible one by one, each whole; the manifest is written last. A run that dies in between
leaves a pending export from which the next run goes on.

What remains: where the response to a request is lost and the vendor's history could not be read before it, or shows
several exports that may be it, the next run of the day requests the export again.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import BinaryIO

from salted_assets.landing.contact_records import ContactRecords
from salted_assets.landing.day_exports import DayExports, DayMemory
from salted_assets.landing.day_lock import lock_day
from salted_assets.landing.exceptions import (
    DatasetNotDelivered,
    DayNotLanded,
    LandingDamaged,
    RawFilesPruned,
)
from salted_assets.landing.export_session import ExportSession
from salted_assets.landing.lost_requests import LostRequests
from salted_assets.landing.manifest import LandedFile, Manifest
from salted_assets.landing.pending_exports import PendingExports
from salted_assets.landing.raw_files import open_raw
from salted_assets.landing.reconcile import ListedExport, reconcile
from salted_assets.landing.records import Records
from salted_assets.landing.rewrite import FileRewrite
from salted_assets.landing.window_fit import CountStarts
from salted_assets.landing.windows import Calendar, Window, refuse_early
from salted_assets.salted_cx import ExportClient, format_instant
from salted_assets.warehouse import Warehouse, day_of_path

Connect = Callable[[], AbstractContextManager[ExportClient]]


@dataclass(frozen=True)
class Landing:
    """The raw landings of one warehouse. `connect` opens a client for as long as one landing takes.

    `file_names` gives each dataset's file name at the vendor; `lock_wait_seconds` is how long a run waits for another
    that is landing the same day; `keep_superseded` is how many superseded versions of a file stay on disk (None: all).
    `open_rewrite` is asked at each landing for what leaves records of erased customers out of new files.
    `count_starts` tells where the engagements of an export start.
    """

    warehouse: Warehouse
    calendar: Calendar
    connect: Connect = field(repr=False)
    file_names: dict[str, str]
    max_export_retries: int = 2
    keep_superseded: int | None = None
    lock_wait_seconds: float = 0
    open_rewrite: Callable[[], FileRewrite | None] = lambda: None
    count_starts: CountStarts = lambda _open, _window: None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], None] = time.sleep

    def land(self, day: date, datasets: Sequence[str], *, refresh: bool = False) -> Manifest:
        """Make sure that the day's landing holds the datasets, and return what it is made of.

        A landing that holds them already is returned as it is, without a request, unless `refresh` asks for a new
        export; the earlier one stays in force until the new one is whole.
        Raises DayNotExportable, LandingBusy, WarehouseError, or what the client raises.
        """
        refuse_early(self.calendar, day, self.now())
        with self._locked(day) as ensure_held:
            manifest = self.find_manifest(day) or Manifest(day, self.warehouse.simulated)
            needed = [
                (window, wanted)
                for window in self.calendar.windows_of(day)
                if (wanted := tuple(datasets) if refresh else manifest.missing(window, datasets))
            ]
            if not needed:
                ensure_held()
                self._records.drop_landed(manifest)
                return self._prune(manifest, ensure_held)
            with self.connect() as client:
                exports = DayExports(self._records, day, self.file_names, self.open_rewrite(), self.now)
                session = self._open_session(client, exports.memory, ensure_held, is_refresh=refresh)
                deliveries = [
                    delivery
                    for window, wanted in needed
                    for delivery in exports.deliver(session, window, wanted, manifest)
                ]
            for delivery in deliveries:
                manifest = manifest.with_delivery(delivery)
            ensure_held()
            self._records.write_manifest(manifest)
            self._records.drop_delivered(day, deliveries)
            return self._prune(manifest, ensure_held)

    def find_manifest(self, day: date) -> Manifest | None:
        """What the day's landing is made of, or None where there is none. Raises LandingDamaged."""
        return self._records.find_manifest(day)

    def is_landed(self, day: date, datasets: Sequence[str]) -> bool:
        """Whether every window of the day was delivered for all the datasets."""
        return not self.list_missing(day, datasets)

    def list_missing(self, day: date, datasets: Sequence[str]) -> list[Window]:
        """The windows of the day that were not delivered for all the datasets, each of which takes an export."""
        manifest = self.find_manifest(day)
        windows = self.calendar.windows_of(day)
        return [window for window in windows if manifest is None or manifest.missing(window, datasets)]

    def files_of(self, day: date, dataset: str) -> tuple[Manifest, list[LandedFile]]:
        """The dataset's landed files in the order of their windows, with the manifest that lists them.

        Never exports. Raises DayNotLanded, DatasetNotDelivered or RawFilesPruned.
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
        if pruned_at := next((file.pruned_at for file in files if file.pruned_at), None):
            raise RawFilesPruned(
                f"the raw file of {dataset} of {day} was deleted at {pruned_at} (SALTED_RAW_RETENTION_DAYS); its table "
                "stays as it was made. Trying again won't help: to make it again, materialize raw/export for this day "
                "with refresh set, if the vendor still has the day."
            )
        return manifest, files

    def open_file(self, file: LandedFile) -> BinaryIO:
        """The plain bytes of a landed file.

        Raises LandingDamaged where it is gone, and while it is read where it is not what its manifest says.
        """
        try:
            return open_raw(self.warehouse.open(file.path), byte_count=file.byte_count, path=file.path)
        except FileNotFoundError:
            raise LandingDamaged(
                f"{file.path} is listed in its manifest but is not there. Restore it, or materialize raw/export "
                "for its day with refresh set."
            ) from None

    def list_raw_files(self) -> dict[date, set[str]]:
        """Paths of all raw files on disk, by day, in order."""
        files: dict[date, set[str]] = {}
        for path in self.warehouse.list_files("raw/export"):
            if path.endswith(".zst") and (day := day_of_path(path)):
                files.setdefault(day, set()).add(path)
        return files

    def prune(self, day: date, paths: Collection[str]) -> None:
        """Mark the raw files under these paths as deleted in the day's manifest, and delete them.

        The landing stays complete: it is not exported again unless it is refreshed. A run that is cut off in between
        leaves files that the manifest calls pruned. Raises LandingBusy or LandingDamaged.
        """
        with self._locked(day) as ensure_held:
            manifest = self.find_manifest(day)
            if manifest is None:
                return
            ensure_held()
            self._records.write_manifest(manifest.with_pruned(paths, format_instant(self.now())))
            for path in sorted(paths):
                self.warehouse.delete(path)

    def read_pending_exports(self, day: date) -> PendingExports:
        """The exports of the day that were requested and are not landed yet."""
        return self._records.read_pending_exports(day)

    def list_known_exports(self) -> set[str]:
        """The ids of all exports that pending exports and manifests of any day name."""
        return self._records.list_known_exports()

    def list_history(self) -> list[ListedExport]:
        """The vendor's most recent exports held against our records; empty where the vendor lists none.

        Raises LandingDamaged, or what the client's `history` raises.
        """
        with self.connect() as client:
            # before the records are read: what is requested in between is then not taken for another program's
            statuses = client.history()
        contact_exports = ContactRecords(self.warehouse).list_own_exports()
        return reconcile(statuses, self._records.list_own_exports(), contact_exports)

    @property
    def _records(self) -> Records:
        return Records(self.warehouse)

    def _open_session(
        self, client: ExportClient, memory: DayMemory, ensure_held: Callable[[], None], *, is_refresh: bool
    ) -> ExportSession:
        return ExportSession(
            client=client,
            memory=memory,
            warehouse=self.warehouse,
            subject=str(memory.day),
            now=self.now,
            max_export_retries=self.max_export_retries,
            is_refresh=is_refresh,
            count_starts=self.count_starts,
            lost_requests=LostRequests(client, self._records.list_known_exports, self.now, self.sleep),
            ensure_held=ensure_held,
        )

    def _prune(self, manifest: Manifest, ensure_held: Callable[[], None]) -> Manifest:
        """Delete the superseded files that are beyond what is kept, and mark them so in the manifest.

        Files first: a run that is cut off in between leaves a manifest that names deleted files as kept, which the
        next run of the day mends; the other way round files would stay that nobody looks for.
        """
        beyond = set() if self.keep_superseded is None else manifest.list_beyond(self.keep_superseded)
        if not beyond:
            return manifest
        ensure_held()
        for path in sorted(beyond):
            self.warehouse.delete(path)
        manifest = manifest.with_pruned(beyond, format_instant(self.now()))
        ensure_held()
        self._records.write_manifest(manifest)
        return manifest

    def _locked(self, day: date) -> AbstractContextManager[Callable[[], None]]:
        return lock_day(self.warehouse, day, self.lock_wait_seconds)
