"""The exports of one day: which are re-attached to, and how their files become a delivery in the raw folder."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from salted_assets.landing.export_session import DeliveredFiles, ExportSession
from salted_assets.landing.manifest import Delivery, LandedFile, Manifest
from salted_assets.landing.pending_exports import PendingExport
from salted_assets.landing.raw_files import RawFileWriter
from salted_assets.landing.records import Records
from salted_assets.landing.rewrite import FileRewrite, copy_rewritten
from salted_assets.landing.windows import Window
from salted_assets.salted_cx import EncodedBody, format_instant
from salted_assets.warehouse import landing_folder

_REFRESH_LIFETIME_SECONDS = 24 * 3600
_LONGEST_FOLDER_NAME = 150


@dataclass(frozen=True)
class DayMemory:
    """The pending exports of a day, as an export session remembers them."""

    records: Records
    day: date

    def keep(self, pending: PendingExport) -> None:
        """Write it, in place of those of its window that it shares datasets with."""
        self.records.keep_pending(self.day, pending)

    def drop(self, pending: PendingExport) -> None:
        """Forget it, but for its id, which stays among those given up."""
        self.records.drop_pending(self.day, pending)


@dataclass(frozen=True)
class DayExports:
    """Lands what a session brings for a day; `rewrite` leaves records of erased customers out of new files."""

    records: Records
    day: date
    file_names: Mapping[str, str]
    rewrite: FileRewrite | None
    now: Callable[[], datetime]

    @property
    def memory(self) -> DayMemory:
        """What a session for this day remembers its exports in."""
        return DayMemory(self.records, self.day)

    def deliver(
        self, session: ExportSession, window: Window, wanted: Sequence[str], manifest: Manifest
    ) -> Iterator[Delivery]:
        """Land the wanted datasets of a window: from exports that are pending, and one more for the rest."""
        rest = tuple(wanted)
        for pending in self._list_usable(window, manifest, is_refresh=session.is_refresh):
            if set(pending.datasets) & set(rest):
                yield session.bring(window, pending.datasets, self._store, pending)
                rest = tuple(name for name in rest if name not in pending.datasets)
        if rest:
            yield session.bring(window, rest, self._store)

    def _list_usable(self, window: Window, manifest: Manifest, *, is_refresh: bool) -> list[PendingExport]:
        return [
            pending
            for pending in self.records.read_pending_exports(self.day).open
            # a run that was cut off after its manifest leaves what is landed already
            if pending.window == window and pending.export_id not in manifest.export_ids
            if not is_refresh or self._is_fresh(pending)
        ]

    def _is_fresh(self, pending: PendingExport) -> bool:
        return pending.is_refresh and pending.seconds_since(self.now()) < _REFRESH_LIFETIME_SECONDS

    def _store(self, delivered: DeliveredFiles) -> Delivery:
        pending = delivered.pending
        # what a rewrite learns from engagements it needs for their turns and reviews
        landed = {
            dataset: self._publish(pending, dataset, delivered.files[dataset], delivered.report.files[dataset].encoded)
            for dataset in sorted(delivered.files, key=lambda dataset: dataset != "engagement")
        }
        return Delivery(
            export_id=pending.known_id,
            start=pending.start,
            end=pending.end,
            datasets=pending.datasets,
            requested_at=pending.requested_at,
            files=tuple(landed[dataset] for dataset in delivered.files),
            not_delivered=tuple(delivered.report.not_delivered),
            unasked=tuple(delivered.report.unasked),
            retry_count=delivered.retry_count,
            is_adopted=pending.is_adopted,
            replaces=pending.replaces,
            engagement_starts=delivered.engagement_starts,
        )

    def _publish(
        self, pending: PendingExport, dataset: str, writer: RawFileWriter, encoded: EncodedBody | None
    ) -> LandedFile:
        name, now = self.file_names[dataset], format_instant(self.now())
        path = f"{landing_folder(self.day)}/{_folder_name(pending.known_id)}/{name}.zst"
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
            content_coding=None if encoded is None else ", ".join(encoded.codings),
            encoded_byte_count=None if encoded is None else encoded.byte_count,
            encoded_sha256=None if encoded is None else encoded.sha256,
        )
        warehouse = self.records.warehouse
        if self.rewrite is None:
            warehouse.publish(writer.path, path)
            return delivered
        with warehouse.scratch() as scratch:
            rewritten = copy_rewritten(delivered, writer.path.open("rb"), self.rewrite, scratch, now)
            warehouse.publish(writer.path if rewritten is None else scratch, path)
        return rewritten or delivered


def _folder_name(export_id: str) -> str:
    """A vendor's id as a folder name that leads nowhere else, is not hidden and not too long for a file system."""
    name = quote(export_id, safe="")
    if len(name) > _LONGEST_FOLDER_NAME:
        return hashlib.sha256(export_id.encode()).hexdigest()
    return f"%2E{name[1:]}" if name.startswith(".") else name
