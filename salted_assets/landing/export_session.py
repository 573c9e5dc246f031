"""One export after the other of one purpose: requested or re-attached to, waited for, downloaded, replaced if it fails.

What is landed and what goes into a contact's archive is brought by the same session.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar

from salted_assets.landing.lost_requests import LostRequests, delivers
from salted_assets.landing.pending_exports import PendingExport
from salted_assets.landing.raw_files import RawFileWriter
from salted_assets.landing.window_fit import CountStarts, EngagementStarts
from salted_assets.landing.windows import Window
from salted_assets.salted_cx import (
    DownloadReport,
    DownloadUrlExpired,
    EmptyStartResponse,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportStartUnknown,
    ExportStatus,
    SaltedApiError,
    Sink,
    format_instant,
)
from salted_assets.warehouse import Warehouse

_REQUEST_ATTEMPTS = 3
_EMPTY_RESPONSES = 5
"""Responses without a body, as a gateway sends, after which a request is given up; they are no attempts."""

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class ExportMemory(Protocol):
    """What remembers the exports of one purpose beyond the run that requested them."""

    def keep(self, pending: PendingExport) -> None:
        """Remember an export; called before it is requested, when its id is known, and before it is waited for."""

    def drop(self, pending: PendingExport) -> None:
        """Forget an export that nothing can come of."""


@dataclass(frozen=True)
class DeliveredFiles:
    """The files of one export, each whole at a local path while they are stored.

    `files` are closed writers by dataset. `retry_count` counts what had to be done again to have them: exports that
    came to nothing, requests, downloads.
    """

    pending: PendingExport
    files: Mapping[str, RawFileWriter]
    report: DownloadReport
    retry_count: int
    engagement_starts: EngagementStarts | None


@dataclass(frozen=True)
class ExportSession:
    """What one run has to do with the vendor for one purpose, which `subject` names in messages.

    `max_export_retries` bounds the requests after FAILED; after an export that is not found, or whose addresses are
    dead, one more is made. `lost_requests` looks for an export whose request got no readable response; without it the
    request ends with ExportStartUnknown. With a `contact` the export is of that contact alone, whose value is in no
    record and no message. `count_starts` looks into the engagements of each export. `ensure_held` raises if the lock
    of the purpose was lost; it is called before each request.
    """

    client: ExportClient
    memory: ExportMemory
    warehouse: Warehouse
    subject: str
    now: Callable[[], datetime]
    max_export_retries: int
    is_refresh: bool = False
    lost_requests: LostRequests | None = None
    contact: str | None = field(default=None, repr=False)
    count_starts: CountStarts = lambda _open, _window: None
    ensure_held: Callable[[], None] = lambda: None

    def bring(
        self,
        window: Window,
        datasets: tuple[str, ...],
        store: Callable[[DeliveredFiles], T],
        remembered: PendingExport | None = None,
    ) -> T:
        """What `store` makes of an export of the window: of the remembered one, if something comes of it, or a new one.

        An adopted export whose engagements are not those of the window is another program's: it is given up once, and
        what is then requested is kept, whatever it holds.
        Raises what the client raises: ExportFailed, ExportNotFound or DownloadUrlExpired only where new exports fared
        no better.
        """
        left = Counter({ExportFailed: self.max_export_retries, ExportNotFound: 1, DownloadUrlExpired: 1})
        retries_before, given_up = self.client.retry_count, 0
        pending = self._attach(remembered) if remembered else None
        replaces = remembered.replaces if remembered else None
        while True:
            pending = pending or self._request(window, datasets, replaces)
            try:
                with self._download(pending, is_new=pending is not remembered) as (report, files):
                    starts = self._count_starts(window, files)
                    if not _is_foreign(pending, starts):
                        retry_count = self.client.retry_count - retries_before + given_up + _count_repeats(report)
                        return store(DeliveredFiles(pending, files, report, retry_count, starts))
                self.memory.drop(pending)
                replaces = pending.known_id
                message = (
                    "export %s was taken for a lost request, but its engagements are not of %s. Requesting a new one."
                )
                _LOG.warning(message, replaces, self.subject)
            except (ExportFailed, ExportNotFound, DownloadUrlExpired) as error:
                if not isinstance(error, DownloadUrlExpired):
                    self.memory.drop(pending)
                if not left[type(error)]:
                    raise
                left[type(error)] -= 1
                _LOG.warning("%s Requesting a new export of %s.", error, self.subject)
            given_up += 1
            pending = None

    def _attach(self, pending: PendingExport) -> PendingExport | None:
        """The remembered export with its id; None where its request was lost and cannot be found again."""
        if pending.export_id is not None:
            at = pending.requested_at
            _LOG.info("re-attaching to export %s of %s, requested at %s", pending.export_id, self.subject, at)
            return pending
        found = self.lost_requests.find_earlier(pending) if self.lost_requests else None
        if found is not None:
            return self._adopt(pending, found)
        _LOG.warning(
            "none of the vendor's exports is surely the one requested for %s before; requesting it", self.subject
        )
        return None

    def _request(self, window: Window, datasets: tuple[str, ...], replaces: str | None) -> PendingExport:
        """Request an export; again where the response was lost and the vendor's history shows that nothing began."""
        left = Counter({ExportStartUnknown: _REQUEST_ATTEMPTS, EmptyStartResponse: _EMPTY_RESPONSES})
        while True:
            pending = PendingExport(
                start=format_instant(window.start),
                end=format_instant(window.end),
                datasets=datasets,
                requested_at=format_instant(self.now()),
                is_refresh=self.is_refresh,
                known_ids=self.lost_requests.list_exports() if self.lost_requests else None,
                replaces=replaces,
            )
            self.ensure_held()
            self.memory.keep(pending)
            try:
                export_id = self.client.start(window.start, window.end, datasets, contact=self.contact)
                return self._keep(replace(pending, export_id=export_id))
            except ExportStartUnknown as error:
                if self.lost_requests is None:
                    raise
                found = self.lost_requests.find(pending, error)
                if found:
                    return self._adopt(pending, found)
                left[type(error)] -= 1
                if not left[type(error)]:
                    raise
                _LOG.warning("%s The history shows none, so it is requested again.", error)
            except SaltedApiError:
                self.memory.drop(pending)
                raise

    def _keep(self, pending: PendingExport) -> PendingExport:
        self.memory.keep(pending)
        _LOG.info("requested export %s of %s: %s to %s", pending.export_id, self.subject, pending.start, pending.end)
        return pending

    def _adopt(self, pending: PendingExport, export_id: str) -> PendingExport:
        message = "the response to a request for %s was lost; the vendor lists its export as %s"
        _LOG.warning(message, self.subject, export_id)
        return self._keep(replace(pending, export_id=export_id, is_adopted=True))

    @contextmanager
    def _download(
        self, pending: PendingExport, *, is_new: bool
    ) -> Iterator[tuple[DownloadReport, dict[str, RawFileWriter]]]:
        was_just_requested = pending.seconds_since(self.now()) < self.client.config.settling_seconds
        status = self._wait(pending, is_new=is_new or was_just_requested)
        if pending.is_adopted and not delivers(status, pending):
            raise ExportNotFound("taken for a lost request, but it delivers other datasets", export_id=status.export_id)
        with ExitStack() as open_files:
            writers = {
                dataset: open_files.enter_context(RawFileWriter(open_files.enter_context(self.warehouse.scratch())))
                for dataset in pending.datasets
            }
            report = self.client.download(status, {name: _sink_of(writer) for name, writer in writers.items()})
            for writer in writers.values():
                writer.close()
            yield report, {dataset: writers[dataset] for dataset in report.files}

    def _count_starts(self, window: Window, files: Mapping[str, RawFileWriter]) -> EngagementStarts | None:
        file = files.get("engagement")
        return None if file is None else self.count_starts(file.open_plain, window)

    def _wait(self, pending: PendingExport, *, is_new: bool) -> ExportStatus:
        try:
            return self.client.wait(pending.known_id, pending.datasets, is_new=is_new)
        except ExportFailed as error:
            if self.contact is None:
                raise
            code = error.code
        # the vendor's words may repeat the contact in a form that nobody takes for one
        raise ExportFailed(f"the vendor reports {code}", export_id=pending.export_id, code=code)


def _is_foreign(pending: PendingExport, starts: EngagementStarts | None) -> bool:
    """Whether an adopted export is to be given up; never one that took the place of such a one."""
    return pending.is_adopted and pending.replaces is None and starts is not None and starts.is_foreign_to_window()


def _count_repeats(report: DownloadReport) -> int:
    return sum(file.request_count - 1 for file in report.files.values())


def _sink_of(writer: RawFileWriter) -> Callable[[], Sink]:
    return lambda: writer
