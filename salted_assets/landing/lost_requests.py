"""Exports whose request the vendor took and whose response was lost, looked for in the vendor's history.

The history tells neither window nor datasets before an export is completed. So an export of the same datasets that
another program of the account requested in the same moments could be taken for ours: one is adopted, two are never
guessed between, and what an adopted one delivers is looked at before it is landed.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from salted_assets.landing.pending_exports import PendingExport
from salted_assets.salted_cx import (
    ApiKeyForbidden,
    ApiKeyRefused,
    ExportClient,
    ExportNotFound,
    ExportStartUnknown,
    ExportStatus,
    SaltedApiError,
)

_LOOK_PAUSES_SECONDS = (0.0, 1.0, 5.0, 15.0)
_APPEARS_WITHIN_SECONDS = 60
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LostRequests:
    """Looks for them with one client; `list_known` gives the ids of all exports that our records name."""

    client: ExportClient
    list_known: Callable[[], set[str]]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def list_exports(self) -> tuple[str, ...] | None:
        """The exports that the vendor lists before a request; None where it cannot be asked.

        Raises ApiKeyRefused for a key that is no key.
        """
        try:
            return tuple(status.export_id for status in self.client.history())
        except SaltedApiError as error:
            if isinstance(error, ApiKeyRefused) and not isinstance(error, ApiKeyForbidden):
                raise
            _LOG.warning("the vendor's history could not be read, so a lost request could not be found: %s", error)
            return None

    def find(self, pending: PendingExport, lost: ExportStartUnknown) -> str | None:
        """The id of the export that a request just made has left at the vendor; None where none has begun.

        Raises `lost` where that stays open: no history, or several exports that it may be.
        """
        try:
            found = self._list_candidates(pending)
        except SaltedApiError as error:
            _LOG.warning("%s", error)
            found = None
        # raised here, so that the error that began it is reported and not the one of the look
        if found is None or len(found) > 1:
            raise lost
        return found[0] if found else None

    def find_earlier(self, pending: PendingExport) -> str | None:
        """The id of the export that an earlier run requested without learning its id; None if that stays open.

        Raises SaltedApiError where a later look may tell.
        """
        try:
            found = self._list_candidates(pending)
        except SaltedApiError as error:
            if error.retryable or isinstance(error, ApiKeyRefused):
                raise
            _LOG.warning("%s", error)
            return None
        return found[0] if found and len(found) == 1 else None

    def _list_candidates(self, pending: PendingExport) -> list[str] | None:
        if pending.known_ids is None:
            return None
        is_old = pending.seconds_since(self.now()) > _APPEARS_WITHIN_SECONDS
        for pause in _LOOK_PAUSES_SECONDS[:1] if is_old else _LOOK_PAUSES_SECONDS:
            self.sleep(pause)
            old = {*pending.known_ids, *self.list_known()}
            new = [status for status in self.client.history() if status.export_id not in old]
            candidates = sorted(status.export_id for status in new if self._is_candidate(status, pending))
            if candidates:
                return candidates
        return []

    def _is_candidate(self, listed: ExportStatus, pending: PendingExport) -> bool:
        try:
            status = self.client.status(listed.export_id)
        except ExportNotFound:
            # what is listed exists: its status comes a moment later
            status = listed
        return status.state in {"PROCESSING", "UNKNOWN"} or delivers(status, pending)


def delivers(status: ExportStatus, pending: PendingExport) -> bool:
    """Whether a completed export has exactly the files that were requested."""
    return set(status.download_urls) == set(pending.datasets)
