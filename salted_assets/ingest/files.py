"""A dataset's files as chunks in file order, parsed ahead on threads and again where a chunk's end proved wrong."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from salted_assets.ingest.checks import Checker
from salted_assets.ingest.chunks import BoundedLines, ChunkReader
from salted_assets.ingest.contract import IngestRules, RawFile, Statistics, UnknownColumn
from salted_assets.ingest.exceptions import EmptyFileError, HeaderError
from salted_assets.ingest.header import MAX_HEADER_BYTES, Header, read_header, strip_byte_order_mark
from salted_assets.ingest.parse import ChunkParser, ParsedChunk, ParseMode
from salted_assets.ingest.records import RecordFinder, RecordSpan, line_end_of_record
from salted_assets.ingest.scan import Data
from salted_assets.schemas.base import DatasetTable


@dataclass(frozen=True)
class FileChunk:
    """A parsed chunk, the file it is from, and the number of records before it in that file."""

    file_index: int
    file_name: str
    rows_before: int
    parser: ChunkParser
    chunk: ParsedChunk


class TableFiles:
    """The files of one dataset and day, to be read as often as needed."""

    def __init__(
        self, model: type[DatasetTable], files: Sequence[RawFile], rules: IngestRules, redacted: Sequence[str]
    ) -> None:
        self.count = len(files)
        self._model = model
        self._files = tuple(files)
        self._rules = rules
        self._redacted = redacted
        self._checker = Checker(model)

    def parsed_chunks(self, statistics: Statistics, mode: ParseMode) -> Iterator[FileChunk]:
        """All chunks of all files in order; fills the statistics that concern headers.

        A change of `mode` takes effect once the chunks are used up that were parsed ahead.
        """
        with ThreadPoolExecutor(self._rules.thread_count, thread_name_prefix="ingest") as pool:
            for index, file in enumerate(self._files):
                yield from self._parsed_file(pool, index, file, statistics, mode)

    def _parsed_file(
        self, pool: ThreadPoolExecutor, index: int, file: RawFile, statistics: Statistics, mode: ParseMode
    ) -> Iterator[FileChunk]:
        with file.open() as stream:
            lines = BoundedLines(stream)
            filtered = None if file.filter_erased is None else file.filter_erased(lines)
            reader = ChunkReader(filtered or lines, self._rules.chunk_bytes)
            _, header = take_header(reader, self._model, file.name, self._rules.missing_columns)
            statistics.missing_columns += [n for n in header.missing if n not in statistics.missing_columns]
            for name in header.unknown:
                statistics.unknown_columns.setdefault(name, UnknownColumn())
            parser = ChunkParser(
                self._model,
                header,
                self._checker,
                file.name,
                mode=mode,
                redacted=self._redacted,
                thousands=mode.thousands.get(index, frozenset()),
            )
            rows_before = 0
            for chunk in _in_order(pool, parser, reader, self._rules.thread_count):
                yield FileChunk(index, file.name, rows_before, parser, chunk)
                rows_before += chunk.span.record_count
            if filtered is not None:
                statistics.file_rows += filtered.erased_count
                statistics.erased_records += filtered.erased_count


def take_header(
    reader: ChunkReader, model: type[DatasetTable], file_name: str, missing_columns: Literal["fail", "null"]
) -> tuple[bytes, Header]:
    """Take the header off a reader that stands at a file's start: its bytes with a byte order mark, and what it says.

    Raises EmptyFileError or HeaderError.
    """
    data = reader.buffered()
    while not (end := line_end_of_record(data)) and len(data) <= MAX_HEADER_BYTES:
        longer = reader.extended(data)
        if len(longer) == len(data):
            end = len(data)
            break
        data = longer
    if not strip_byte_order_mark(data):
        raise EmptyFileError(
            f"{file_name}: the file is empty, without even a header. Reading it again won't help; export the day again"
        )
    if not end:
        raise HeaderError(
            f"{file_name}: no line end within {MAX_HEADER_BYTES} bytes. This is no CSV file. Reading it again won't "
            "help; look at it"
        )
    reader.give_back([data[end:]])
    return data[:end], read_header(strip_byte_order_mark(data[:end]), model, file_name, missing_columns)


def _in_order(
    pool: ThreadPoolExecutor, parser: ChunkParser, reader: ChunkReader, thread_count: int
) -> Iterator[ParsedChunk]:
    """Parse ahead on the threads and give chunks in order; where a chunk's end proves wrong, start again behind it."""
    ahead: deque[tuple[Data, Future[ParsedChunk | None]]] = deque()
    rows_before = 0
    while True:
        while len(ahead) <= thread_count and (data := reader.next_chunk()) is not None:
            ahead.append((data, pool.submit(parser.parse_chunk, data)))
        if not ahead:
            return
        data, future = ahead.popleft()
        chunk = future.result()
        if chunk is None:
            for _, later in ahead:
                later.cancel()
            reader.give_back([data, *(later for later, _ in ahead)])
            ahead.clear()
            chunk = parser.parse_span(take_span(parser.finder, reader, len(data), rows_before)[1])
        yield chunk
        rows_before += chunk.span.record_count


def take_span(finder: RecordFinder, reader: ChunkReader, target: int, rows_before: int) -> tuple[bytes, RecordSpan]:
    """Take the next `target` bytes off the reader, or as many as end with a record, and find their records one by one.

    Raises LostSyncError.
    """
    data = reader.buffered()

    def extend(known: bytes) -> bytes:
        nonlocal data
        data = reader.extended(known)
        return data

    found = finder.find(data, target, extend, rows_before)
    if found is None:
        raise RuntimeError("the end of a record stayed in doubt though the whole file could be read")
    span, end = found
    reader.give_back([data[end:]])
    return data[:end], span
