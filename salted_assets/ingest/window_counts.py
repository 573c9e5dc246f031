"""How the engagements of a delivered file lie to the window that was exported, without making a table of them."""

from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.contract import IngestRules, RawFile, Statistics
from salted_assets.ingest.files import TableFiles
from salted_assets.ingest.parse import ParseMode
from salted_assets.schemas.engagement import Engagement


class WindowCounts(NamedTuple):
    """Numbers of records: their start is before the window, in it, at its end or later, or not to be read."""

    before: int = 0
    within: int = 0
    after: int = 0
    unread: int = 0


def count_starts(file: RawFile, start: datetime, end: datetime) -> WindowCounts:
    """Count the engagements of a file by where they start, the window being `[start, end)`.

    Repeated records count each time. Records that cannot be split, and cells that hold no time, are `unread`. Raises
    IngestError for a file without a usable header.
    """
    counts = WindowCounts()
    files = TableFiles(Engagement, [file], IngestRules(missing_columns="null"), ())
    for each in files.parsed_chunks(Statistics(), ParseMode()):
        starts = each.chunk.table["start_time"]
        before = _count(pc.less(starts, pa.scalar(start, starts.type)))
        after = _count(pc.greater_equal(starts, pa.scalar(end, starts.type)))
        unread = each.chunk.span.record_count - len(starts) + starts.null_count
        within = len(starts) - starts.null_count - before - after
        counts = WindowCounts(*map(sum, zip(counts, (before, within, after, unread), strict=True)))
    return counts


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
