"""Raw landings: what the vendor delivered for a day, kept byte for byte, and the record of how it came.

Here: one export per window whatever happens, files as delivered, the manifest that makes a landing real, reading a
landed file back; the vendor's history held against these records; exports of one contact; rewriting raw files without
some records.
Not here: the vendor's protocol (`salted_cx`), what is in the files (`ingest`), Dagster.
"""

from salted_assets.landing.contact_export import ContactExports
from salted_assets.landing.contact_records import (
    ContactDelivery,
    ContactManifest,
    ContactRecords,
    ContactRequest,
    archive_path,
)
from salted_assets.landing.exceptions import (
    DatasetNotDelivered,
    DayNotExportable,
    DayNotLanded,
    LandingBusy,
    LandingDamaged,
    LandingError,
    RawFilesPruned,
)
from salted_assets.landing.landing import Landing
from salted_assets.landing.manifest import Delivery, LandedFile, Manifest
from salted_assets.landing.raw_files import open_raw
from salted_assets.landing.reconcile import ListedExport
from salted_assets.landing.records import Records
from salted_assets.landing.rewrite import FileRewrite, RawRewrite, RewrittenFile
from salted_assets.landing.window_fit import EngagementStarts, WindowFit
from salted_assets.salted_cx import format_instant

__all__ = [
    "ContactDelivery",
    "ContactExports",
    "ContactManifest",
    "ContactRecords",
    "ContactRequest",
    "DatasetNotDelivered",
    "DayNotExportable",
    "DayNotLanded",
    "Delivery",
    "EngagementStarts",
    "FileRewrite",
    "LandedFile",
    "Landing",
    "LandingBusy",
    "LandingDamaged",
    "LandingError",
    "ListedExport",
    "Manifest",
    "RawFilesPruned",
    "RawRewrite",
    "Records",
    "RewrittenFile",
    "WindowFit",
    "archive_path",
    "format_instant",
    "open_raw",
]
