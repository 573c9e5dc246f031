"""The vendor's history of exports held against our own records: which are ours, and which another program's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from salted_assets.landing.contact_records import OwnContactExport
from salted_assets.landing.records import OwnExport
from salted_assets.salted_cx import ExportState, ExportStatus

Ownership = Literal["ours", "foreign", "failed", "orphaned"]
Purpose = Literal["landing", "contact_export"]

_WITHHELD = "withheld: the export was requested for a contact"


@dataclass(frozen=True)
class ListedExport:
    """One entry of the vendor's history; `position` is its number there, from 1, in an order the vendor does not tell.

    `ownership`: "failed" is what the vendor reports as FAILED, also if another program requested it; else "ours" is
    part of a landing (in force or superseded) or of a finished contact export, "orphaned" was requested by us and is
    part of neither, and "foreign" is in no record of ours. `is_pending` tells of an orphaned one that the next run of
    its day re-attaches to it. `day` and `purpose` are None for what is in no record.
    """

    position: int
    export_id: str
    state: ExportState
    ownership: Ownership
    error: str | None
    purpose: Purpose | None
    is_pending: bool
    day: date | None


def reconcile(
    statuses: Iterable[ExportStatus], landings: Mapping[str, OwnExport], contacts: Mapping[str, OwnContactExport]
) -> list[ListedExport]:
    """Every listed export with what our records say of it, in the vendor's order; nothing listed gives nothing."""
    return [
        _judge(position, status, landings.get(status.export_id), contacts.get(status.export_id))
        for position, status in enumerate(statuses, start=1)
    ]


def _judge(
    position: int, status: ExportStatus, landing: OwnExport | None, contact: OwnContactExport | None
) -> ListedExport:
    own = landing or contact
    is_used = (landing is not None and landing.is_landed) or (contact is not None and contact.is_delivered)
    # the vendor's words about a contact's export may repeat the contact in a form that nobody takes for one
    error = _WITHHELD if contact is not None and status.error is not None else status.error
    return ListedExport(
        position=position,
        export_id=status.export_id,
        state=status.state,
        ownership=_find_ownership(status, is_own=own is not None, is_used=is_used),
        error=error,
        purpose=None if own is None else "landing" if landing is not None else "contact_export",
        is_pending=landing is not None and landing.is_pending,
        day=None if own is None else own.day,
    )


def _find_ownership(status: ExportStatus, *, is_own: bool, is_used: bool) -> Ownership:
    if status.state == "FAILED":
        return "failed"
    if is_used:
        return "ours"
    return "orphaned" if is_own else "foreign"
