"""The table of the vendor's export history, compared with our records."""

from salted_assets.schemas.base import Boolean, Date, Integer, Table, Text, derived, integer, text


class ExportHistory(Table):
    """The vendor lists up to 100 exports of the account, by any deployment, and gives neither window nor time."""

    position: Integer = integer(
        "Position in the vendor's list, whose order is not documented.", unit="position, from 1", nullable=False, ge=1
    )
    export_id: Text = text("The vendor's id of the export.", key=True)
    state: Text = text(
        "What the vendor reports; `UNKNOWN` stands for a word that its page does not list.",
        key=True,
        known_values=("PROCESSING", "COMPLETED", "FAILED", "UNKNOWN"),
    )
    ownership: Text = text(
        "`failed`: reported as FAILED, whichever deployment requested it. Else `ours`: part of a landing (superseded "
        "ones included) or of a finished contact export; `orphaned`: requested by us and part of neither; `foreign`: "
        "in no record here.",
        key=True,
        known_values=("ours", "foreign", "failed", "orphaned"),
    )
    error: Text = text(
        "The vendor's own words about a failed export, without addresses, e-mails and numbers; withheld where the "
        "export was requested for a contact.",
        personal="content",
    )
    purpose: Text = text(
        "What we requested it for; null for an export that is in no record here.",
        known_values=("landing", "contact_export"),
    )
    is_pending: Boolean = derived(
        "Whether a pending export remembers it, so that the next run of its day re-attaches to it.",
        sources=("raw/export.pending_exports",),
        nullable=False,
    )
    day: Date = derived(
        "The day that we requested it for; null for an export that is in no record here.",
        sources=("raw/export.manifest", "raw/export.pending_exports"),
    )
