"""A delivered CSV file to a stream of typed, checked batches: every cell and every record accounted for.

Here: parsing, casting, rejects, checks over rows and over the file, statistics, in bounded memory. Not here: where
files come from, writing tables or rejects, Dagster, the description of columns (`salted_assets.schemas`).
"""

from salted_assets.ingest.contract import (
    PARSE_VERSION,
    Batch,
    CheckFailure,
    FilteredSource,
    IngestRules,
    RawFile,
    Source,
    Statistics,
    UnknownColumn,
)
from salted_assets.ingest.exceptions import (
    AccountingError,
    ChecksDisabledError,
    EmptyFileError,
    HeaderError,
    IngestError,
    LostSyncError,
    TooManyRejectsError,
    UnreadableFileError,
)
from salted_assets.ingest.record_spans import SplitRecords, split_records
from salted_assets.ingest.records import has_plausible_keys
from salted_assets.ingest.stream import TableStream, read_table
from salted_assets.ingest.window_counts import count_starts

__all__ = [
    "PARSE_VERSION",
    "AccountingError",
    "Batch",
    "CheckFailure",
    "ChecksDisabledError",
    "EmptyFileError",
    "FilteredSource",
    "HeaderError",
    "IngestError",
    "IngestRules",
    "LostSyncError",
    "RawFile",
    "Source",
    "SplitRecords",
    "Statistics",
    "TableStream",
    "TooManyRejectsError",
    "UnknownColumn",
    "UnreadableFileError",
    "count_starts",
    "has_plausible_keys",
    "read_table",
    "split_records",
]
