"""How the engagements of a delivered file lie to the window that was exported, without making a table of them."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.contract import IngestRules, RawFile, Statistics
from salted_assets.ingest.files import TableFiles
from salted_assets.ingest.parse import ParseMode
from salted_assets.schemas.engagement import Engagement


def count_starts(file: RawFile, start: datetime, end: datetime) -> tuple[int, int, int, int]:
    """Count the engagements of a file by where they start: before the window `[start, end)`, in it, after it, unread.

    Repeated records count each time. Records that cannot be split, and cells that hold no time, are unread. Raises
    IngestError for a file without a usable header.
    """
    counts = (0, 0, 0, 0)
    files = TableFiles(Engagement, [file], IngestRules(missing_columns="null"), ())
    for each in files.parsed_chunks(Statistics(), ParseMode()):
        starts = each.chunk.table["start_time"]
        before = _count(pc.less(starts, pa.scalar(start, starts.type)))
        after = _count(pc.greater_equal(starts, pa.scalar(end, starts.type)))
        unread = each.chunk.span.record_count - len(starts) + starts.null_count
        within = len(starts) - starts.null_count - before - after
        counts = (counts[0] + before, counts[1] + within, counts[2] + after, counts[3] + unread)
    return counts


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
