"""One landing's dealings with the vendor: which export is waited for, when one is ordered, what comes of it.

Exports that a run left pending are re-attached to; requests whose response was lost are looked for.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import quote

from salted_assets.landing.exceptions import LandingDamaged
from salted_assets.landing.manifest import Delivery, LandedFile, Manifest, PendingExport
from salted_assets.landing.raw_files import RawFileWriter
from salted_assets.landing.records import Records
from salted_assets.landing.rewrite import FileRewrite, copy_rewritten
from salted_assets.landing.windows import Window, format_instant
from salted_assets.salted_cx import (
    ApiKeyForbidden,
    ApiKeyRefused,
    DownloadReport,
    DownloadUrlExpired,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportStartUnknown,
    ExportStatus,
    SaltedApiError,
    Sink,
)
from salted_assets.warehouse import landing_folder

_REFRESH_LIFETIME = timedelta(hours=24)
_ORDER_ATTEMPTS = 3
_LOOK_PAUSES_SECONDS = (0.0, 1.0, 5.0, 15.0)
_APPEARS_WITHIN = timedelta(minutes=1)
_LONGEST_FOLDER_NAME = 150
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportSession:
    """What one run has to do with the vendor for one day.

    `ensure_held` raises if the day's lock was lost; it is asked before each order. `max_export_retries` bounds the
    orders after FAILED; after an export that is not found, or whose addresses are dead, one is ordered.
    """

    client: ExportClient
    records: Records
    day: date
    is_refresh: bool
    file_names: Mapping[str, str]
    rewrite: FileRewrite | None
    max_export_retries: int
    ensure_held: Callable[[], None]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def deliver(self, window: Window, wanted: Sequence[str], manifest: Manifest) -> Iterator[Delivery]:
        """Land the wanted datasets of a window: from exports that pending exports name, and one more for the rest."""
        rest = tuple(wanted)
        for pending in self._list_usable(window, manifest):
            if set(pending.datasets) & set(rest):
                yield self._bring(window, pending.datasets, pending)
                rest = tuple(name for name in rest if name not in pending.datasets)
        if rest:
            yield self._bring(window, rest, None)

    def _list_usable(self, window: Window, manifest: Manifest) -> list[PendingExport]:
        pending_exports = [
            pending
            for pending in self.records.read_pending_exports(self.day).open
            # a run that was cut off after its manifest leaves the pending export of what is landed already
            if pending.window == window and pending.export_id not in manifest.export_ids
        ]
        return [pending for pending in pending_exports if not self.is_refresh or self._is_fresh(pending)]

    def _is_fresh(self, pending: PendingExport) -> bool:
        return pending.is_refresh and self._age_of(pending) < _REFRESH_LIFETIME

    def _age_of(self, pending: PendingExport) -> timedelta:
        return self.now() - datetime.fromisoformat(pending.requested_at)

    def _bring(self, window: Window, datasets: tuple[str, ...], remembered: PendingExport | None) -> Delivery:
        left = Counter({ExportFailed: self.max_export_retries, ExportNotFound: 1, DownloadUrlExpired: 1})
        asked_again = self.client.retry_count
        given_up = 0
        pending = self._attach(remembered) if remembered else None
        while True:
            pending = pending or self._order(window, datasets)
            try:
                delivery = self._land(pending)
                retry_count = delivery.retry_count + given_up + self.client.retry_count - asked_again
                return replace(delivery, retry_count=retry_count)
            except (ExportFailed, ExportNotFound, DownloadUrlExpired) as error:
                if not isinstance(error, DownloadUrlExpired):
                    self.records.drop_pending(self.day, pending)
                if not left[type(error)]:
                    raise
                left[type(error)] -= 1
                given_up += 1
                _LOG.warning("%s Ordering a new export of %s.", error, self.day)
            pending = None

    def _attach(self, pending: PendingExport) -> PendingExport | None:
        """The remembered export with its id; None where its request was lost and cannot be found again."""
        if pending.export_id is not None:
            _LOG.info(
                "re-attaching to export %s of %s, ordered at %s", pending.export_id, self.day, pending.requested_at
            )
            return pending
        try:
            found = self._find_lost(pending)
        except SaltedApiError as error:
            if error.retryable or isinstance(error, ApiKeyRefused):
                raise
            found = None
            _LOG.warning("%s", error)
        if found and len(found) == 1:
            return self._adopt(pending, found[0])
        _LOG.warning("no export at the vendor can be told to be the one ordered for %s before; ordering it", self.day)
        return None

    def _order(self, window: Window, datasets: tuple[str, ...]) -> PendingExport:
        """Order an export; again where the answer was lost and the vendor's history shows that nothing began."""
        for attempt in range(1, _ORDER_ATTEMPTS + 1):
            pending = PendingExport(
                start=format_instant(window.start),
                end=format_instant(window.end),
                datasets=datasets,
                requested_at=format_instant(self.now()),
                is_refresh=self.is_refresh,
                known_ids=self._list_exports(),
            )
            self.ensure_held()
            self.records.keep_pending(self.day, pending)
            try:
                return self._keep(pending, self.client.start(window.start, window.end, datasets))
            except ExportStartUnknown as error:
                found = self._look_after(pending, error)
                if found and len(found) == 1:
                    return self._adopt(pending, found[0])
                if found != [] or attempt == _ORDER_ATTEMPTS:
                    raise
                _LOG.warning("%s The history shows none, so it is ordered again.", error)
            except SaltedApiError:
                self.records.drop_pending(self.day, pending)
                raise
        raise AssertionError("the last attempt returns or raises")

    def _keep(self, pending: PendingExport, export_id: str, *, is_adopted: bool = False) -> PendingExport:
        pending = replace(pending, export_id=export_id, is_adopted=is_adopted)
        self.records.keep_pending(self.day, pending)
        _LOG.info("ordered export %s of %s: %s to %s", export_id, self.day, pending.start, pending.end)
        return pending

    def _adopt(self, pending: PendingExport, export_id: str) -> PendingExport:
        _LOG.warning("the answer to an order for %s was lost; the vendor lists it as export %s", self.day, export_id)
        return self._keep(pending, export_id, is_adopted=True)

    def _list_exports(self) -> tuple[str, ...] | None:
        try:
            return tuple(status.export_id for status in self.client.history())
        except SaltedApiError as error:
            if isinstance(error, ApiKeyRefused) and not isinstance(error, ApiKeyForbidden):
                raise
            _LOG.warning("the vendor's history could not be read, so a lost order could not be found again: %s", error)
            return None

    def _look_after(self, pending: PendingExport, lost: ExportStartUnknown) -> list[str] | None:
        try:
            return self._find_lost(pending)
        except SaltedApiError as error:
            _LOG.warning("%s", error)
        # raised here, so that the error that began it is told and not the one of the look
        raise lost

    def _find_lost(self, pending: PendingExport) -> list[str] | None:
        """Ids of the exports that a lost answer may have left at the vendor; None if that cannot be told.

        The vendor's history tells neither window nor datasets before an export is completed. So an export of the same
        datasets that somebody else of the account ordered in the same moments could be taken for ours; two are never
        guessed between, and one that turns out to deliver other datasets is given up.
        """
        if pending.known_ids is None:
            return None
        is_old = self._age_of(pending) > _APPEARS_WITHIN
        for pause in _LOOK_PAUSES_SECONDS[:1] if is_old else _LOOK_PAUSES_SECONDS:
            self.sleep(pause)
            listed = {status.export_id for status in self.client.history()}
            new = listed - set(pending.known_ids) - self.records.list_known_exports()
            fitting = sorted(export_id for export_id in new if self._is_fitting(export_id, pending))
            if fitting:
                return fitting
        return []

    def _is_fitting(self, export_id: str, pending: PendingExport) -> bool:
        try:
            status = self.client.status(export_id)
        except ExportNotFound:
            return False
        return status.state == "PROCESSING" or _delivers(status, pending)

    def _land(self, pending: PendingExport) -> Delivery:
        export_id = _id_of(pending)
        status = self.client.wait(export_id)
        if pending.is_adopted and not _delivers(status, pending):
            raise ExportNotFound("taken for a lost order, but it delivers other datasets", export_id=export_id)
        with ExitStack() as open_files:
            writers: dict[str, RawFileWriter] = {}
            for dataset in pending.datasets:
                scratch = open_files.enter_context(self.records.warehouse.scratch())
                writers[dataset] = open_files.enter_context(RawFileWriter(scratch))
            report = self.client.download(status, {dataset: _sink_of(writer) for dataset, writer in writers.items()})
            # what the filter learns from engagements it needs for their turns and reviews
            landed = {
                dataset: self._publish(pending, dataset, writers[dataset])
                for dataset in sorted(report.files, key=lambda dataset: dataset != "engagement")
            }
            files = tuple(landed[dataset] for dataset in report.files)
        return _record(pending, report, files)

    def _publish(self, pending: PendingExport, dataset: str, writer: RawFileWriter) -> LandedFile:
        writer.close()
        name, now = self.file_names[dataset], format_instant(self.now())
        path = f"{landing_folder(self.day)}/{_folder_name(_id_of(pending))}/{name}.zst"
        delivered = LandedFile(
            dataset=dataset,
            name=name,
            path=path,
            row_count=writer.row_count,
            byte_count=writer.byte_count,
            stored_byte_count=writer.path.stat().st_size,
            sha256=writer.sha256,
            header=writer.header,
            landed_at=now,
        )
        warehouse = self.records.warehouse
        if self.rewrite is None:
            warehouse.publish(writer.path, path)
            return delivered
        with warehouse.scratch() as scratch:
            rewritten = copy_rewritten(delivered, writer.path.open("rb"), self.rewrite, scratch, now)
            warehouse.publish(writer.path if rewritten is None else scratch, path)
        return rewritten or delivered


def _record(pending: PendingExport, report: DownloadReport, files: tuple[LandedFile, ...]) -> Delivery:
    return Delivery(
        export_id=_id_of(pending),
        start=pending.start,
        end=pending.end,
        datasets=pending.datasets,
        requested_at=pending.requested_at,
        files=files,
        not_delivered=tuple(report.not_delivered),
        unasked=tuple(report.unasked),
        retry_count=sum(file.request_count - 1 for file in report.files.values()),
    )


def _delivers(status: ExportStatus, pending: PendingExport) -> bool:
    return set(status.download_urls) == set(pending.datasets)


def _id_of(pending: PendingExport) -> str:
    if pending.export_id is None:
        raise LandingDamaged("a pending export without an export id was waited for")
    return pending.export_id


def _sink_of(writer: RawFileWriter) -> Callable[[], Sink]:
    return lambda: writer


def _folder_name(export_id: str) -> str:
    """A vendor's id as a folder name that leads nowhere else, is not hidden and not too long for a file system."""
    name = quote(export_id, safe="")
    if len(name) > _LONGEST_FOLDER_NAME:
        return hashlib.sha256(export_id.encode()).hexdigest()
    return f"%2E{name[1:]}" if name.startswith(".") else name
