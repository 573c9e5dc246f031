"""A file's bytes cut into records, with some of their cells as text: for copying a file without some of its records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from salted_assets.ingest.cells import WrongWidthError, read_typed
from salted_assets.ingest.chunks import ChunkReader
from salted_assets.ingest.contract import Source
from salted_assets.ingest.files import take_header, take_span
from salted_assets.ingest.header import Header
from salted_assets.ingest.records import (
    RecordFinder,
    has_mark,
    has_nul,
    has_plausible_keys,
    is_strict,
    is_utf8,
    record_extents,
)
from salted_assets.ingest.scan import Data
from salted_assets.schemas.base import ColumnFacts, DatasetTable, delivered_columns_of, facts_of

_CHUNK_BYTES = 4 << 20
_NEWLINE, _RETURN = b"\n\r"


@dataclass(frozen=True)
class SplitRecords:
    """Consecutive bytes of a file, and the records in them; bytes of no record (a header, blank lines) lie between.

    `starts` and `ends` are each record's first position and the one behind its line end. The records that can be
    read are at the indices `readable` and have their cells, in that order, in `cells`. `broken` has the indices of the
    others, grouped by broken record: the lines that follow it and do not begin with keys of their own belong to it.
    `continues` is whether the first of them may belong to a broken record that ended the bytes before.
    """

    data: Data
    cells: pa.Table
    starts: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    ends: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    readable: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    broken: list[list[int]] = field(default_factory=list)
    continues: bool = False


def split_records(
    stream: Source, model: type[DatasetTable], columns: Sequence[str], file_name: str
) -> Iterator[SplitRecords]:
    """All bytes of a file in order, the header first; `columns` are text columns, null where the file lacks one.

    In bounded memory. Raises EmptyFileError, HeaderError where a key column is missing, and LostSyncError.
    """
    facts = [each for each in delivered_columns_of(model) if each.name in columns]
    reader = ChunkReader(stream, _CHUNK_BYTES)
    line, header = take_header(reader, model, file_name, "null")
    yield SplitRecords(line, read_typed(b"", header.names, facts).table)
    needed = [header.names.index(name) for name in facts_of(model).needed]
    finder = RecordFinder(len(header.names), needed, file_name)
    rows_before = 0
    while (chunk := reader.next_chunk()) is not None:
        records = _split_well_formed(chunk, header, facts)
        if records is None:
            reader.give_back([chunk])
            records = _split_broken(finder, reader, len(chunk), rows_before, header, facts, needed)
        yield records
        rows_before += len(records.starts)


def _split_well_formed(data: Data, header: Header, facts: Sequence[ColumnFacts]) -> SplitRecords | None:
    """The records of a chunk that obeys the grammar throughout; None for any other."""
    if bytes(data[-1:]) != b"\n" or not is_strict(data) or has_mark(data) or has_nul(data) or not is_utf8(data):
        return None
    try:
        cells = read_typed(data, header.names, facts).table
    except WrongWidthError:
        return None
    starts, ends = record_extents(data)
    if cells.num_rows != len(starts):
        return None
    numbers = np.frombuffer(data, np.uint8)
    for line_end in (_RETURN, _NEWLINE):
        ends = ends + (numbers[np.minimum(ends, numbers.size - 1)] == line_end) * (ends < numbers.size)
    return SplitRecords(data, cells, starts, ends, np.arange(len(starts)))


def _split_broken(  # noqa: PLR0917 - where from and how, each of its own type
    finder: RecordFinder,
    reader: ChunkReader,
    target: int,
    rows_before: int,
    header: Header,
    facts: Sequence[ColumnFacts],
    needed: Sequence[int],
) -> SplitRecords:
    data, span = take_span(finder, reader, target, rows_before)
    extents = np.array(span.extents, np.int64).reshape(-1, 2)
    broken: list[list[int]] = []
    for bad in span.bad:
        if broken and broken[-1][-1] == bad.row - 2 and not has_plausible_keys(bad.raw, needed):
            broken[-1].append(bad.row - 1)
        else:
            broken.append([bad.row - 1])
    continues = bool(broken) and broken[0][0] == 0 and not has_plausible_keys(span.bad[0].raw, needed)
    cells = read_typed(span.data, header.names, facts).table
    return SplitRecords(data, cells, extents[:, 0], extents[:, 1], span.rows - 1, broken, continues)
