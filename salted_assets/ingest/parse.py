"""One chunk of a file to a checked part of the table, on worker threads that know nothing of other chunks."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.cells import RefusedCells, TypedRows, WrongWidthError, list_refused, read_typed
from salted_assets.ingest.checks import BrokenRule, Checker
from salted_assets.ingest.contract import SELF_REFERENCE, UnknownColumn
from salted_assets.ingest.formats import cast_texts
from salted_assets.ingest.header import Header
from salted_assets.ingest.keys import OpenReferences, find_blank, find_names, find_open_references, hash_texts
from salted_assets.ingest.records import (
    RecordFinder,
    RecordSpan,
    has_mark,
    has_nul,
    is_strict,
    is_utf8,
    record_extents,
    split_fields,
)
from salted_assets.ingest.scan import Data
from salted_assets.ingest.starts import CLOCK_COLUMNS, find_starts
from salted_assets.schemas.base import DatasetTable, delivered_columns_of, facts_of
from salted_assets.schemas.rejects import REJECTS_SCHEMA

_KINDS = (pa.int64(), pa.float64(), pa.timestamp("us", tz="UTC"))


def describe_texts(texts: pa.Array) -> UnknownColumn:
    """Count cells of an unknown column by what they would cast to, as the cells of known columns are cast."""
    filled = texts.drop_null()
    if not len(filled):
        return UnknownColumn(empty_count=len(texts))
    different = filled.value_counts()
    values, counts = different.field("values"), different.field("counts").to_numpy()
    integer_count, number_count, timestamp_count = (_cast_count(values, counts, kind) for kind in _KINDS)
    lengths = pc.min_max(pc.utf8_length(values)).as_py()
    return UnknownColumn(
        texts.null_count, len(filled), integer_count, number_count, timestamp_count, lengths["min"], lengths["max"]
    )


def _cast_count(values: pa.Array, counts: np.ndarray, kind: pa.DataType) -> int:
    is_cast = cast_texts(values, kind)[0].is_valid().to_numpy(zero_copy_only=False)
    return int(counts[is_cast].sum())


@dataclass
class ParseMode:
    """What chunks are parsed for: all that can be known of their rows, or the keys alone. It may change on the way.

    `thousands` are by file the whole-number columns in which a point is known to separate thousands.
    """

    keys_alone: bool = False
    thousands: Mapping[int, frozenset[str]] = field(default_factory=dict)


@dataclass
class ParsedChunk:
    """Consecutive records of a file: what stays in the table, what is refused, what was found out.

    `rows` are the numbers of the table's rows among the chunk's records, from 1; `rejects` are numbered likewise.
    Indices in the other fields are those of `table`. A chunk that was parsed for its keys alone has a table of the
    needed columns, rows and key hashes; nothing else was looked at.
    """

    span: RecordSpan
    table: pa.Table
    rows: np.ndarray
    rejects: pa.Table = field(default_factory=REJECTS_SCHEMA.empty_table)
    rejected_records: int = 0
    rejected_cells: Counter[str] = field(default_factory=Counter)
    naive_times: Counter[str] = field(default_factory=Counter)
    reserved_values: Counter[str] = field(default_factory=Counter)
    unknown_columns: dict[str, UnknownColumn] = field(default_factory=dict)
    three_zeros: set[str] = field(default_factory=set)
    thousands: set[str] = field(default_factory=set)
    broken_rules: list[BrokenRule] = field(default_factory=list)
    key_hashes: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    open_references: OpenReferences | None = None
    starts: np.ndarray | None = None


@dataclass(frozen=True)
class _RefusedRecords:
    """Records that can be split but not used: their indices among those of a span, and why."""

    indices: np.ndarray
    reasons: list[str]


class ChunkParser:
    """Parses chunks of one file. Safe to use on several threads at once."""

    def __init__(
        self,
        model: type[DatasetTable],
        header: Header,
        checker: Checker,
        file_name: str,
        *,
        mode: ParseMode,
        redacted: Collection[str] = (),
        thousands: frozenset[str] = frozenset(),
    ) -> None:
        self._thousands = thousands
        self._columns = delivered_columns_of(model)
        self._needed = facts_of(model).needed
        self._key_columns = [facts for facts in self._columns if facts.name in self._needed]
        self._header = header
        self._checker = checker
        self._mode = mode
        self._redacted = redacted
        self._careful_columns: set[str] = set()
        indices = [header.names.index(name) for name in self._needed]
        self.finder = RecordFinder(len(header.names), indices, file_name)

    def parse_chunk(self, data: Data) -> ParsedChunk | None:
        """Parse a chunk; None if a record in it is so broken that its end is in doubt."""
        if bytes(data[-1:]) != b"\n" or not is_strict(data):
            return None
        if not has_mark(data) and not has_nul(data) and is_utf8(data):
            try:
                return self._parse(data, None)
            except WrongWidthError:
                pass
        found = self.finder.find(bytes(data), len(data), None)
        return None if found is None else self.parse_span(found[0])

    def parse_span(self, span: RecordSpan) -> ParsedChunk:
        """Parse records that were found one by one."""
        return self._parse(span.data, span)

    def read_rows(self, chunk: ParsedChunk, indices: np.ndarray) -> pa.Table:
        """The rows at the indices given, with all columns, of a chunk that was perhaps parsed for its keys alone."""
        return self._read(chunk.span.data).table.take(pa.array(_indices_in_span(chunk, indices)))

    def raw_rows(self, chunk: ParsedChunk, indices: np.ndarray) -> list[str | None]:
        """The raw text of the rows at the indices given; null while a redaction is in force."""
        return self._raw_records(chunk.span, _indices_in_span(chunk, indices))

    def _parse(self, data: Data, span: RecordSpan | None) -> ParsedChunk:
        keys_alone = self._mode.keys_alone
        typed = read_typed(data, self._header.names, self._key_columns) if keys_alone else self._read(data)
        count = typed.table.num_rows
        if span is None:
            span = RecordSpan(data, np.arange(1, count + 1, dtype=np.int64), record_count=count)
        elif count != len(span.rows):
            raise RuntimeError(f"{len(span.rows)} records were found, {count} read")
        refused = self._find_refused_records(span, typed.table)
        chunk = self._keyed(span, typed.table, refused)
        return chunk if keys_alone else self._checked(chunk, typed, refused)

    def _read(self, data: Data) -> TypedRows:
        # A column that needed care once will again: reading it as text at once spares a vain attempt for each chunk.
        # The answer is the same, so it does not matter which thread learns of it first.
        typed = read_typed(
            data,
            self._header.names,
            self._columns,
            unknown=self._header.unknown,
            as_text=self._thousands.union(self._careful_columns),
            thousands=self._thousands,
        )
        self._careful_columns.update(typed.cast_carefully)
        typed.table = typed.table.append_column("refused_columns", list_refused(typed))
        return typed

    def _keyed(self, span: RecordSpan, table: pa.Table, refused: "_RefusedRecords") -> ParsedChunk:
        rows = span.rows
        if refused.indices.size:
            stays = np.ones(table.num_rows, bool)
            stays[refused.indices] = False
            table, rows = table.filter(pa.array(stays)).combine_chunks(), rows[stays]
        chunk = ParsedChunk(span, table, rows)
        if table.num_rows:
            chunk.key_hashes = hash_texts(table["pid"].combine_chunks())
        return chunk

    def _checked(self, chunk: ParsedChunk, typed: TypedRows, refused: "_RefusedRecords") -> ParsedChunk:
        span = chunk.span
        cells = [each for each in (cells.without(refused.indices) for cells in typed.refused) if each.indices.size]
        rejects = [
            *self._bad_records(span),
            *self._refused_cells(span, typed.table, cells),
            *self._refused_records(span, typed.table, refused),
        ]
        if rejects:
            chunk.rejects = pa.concat_tables(rejects)
        chunk.rejected_records = len(span.bad) + int(refused.indices.size)
        for each in cells:
            chunk.rejected_cells[each.column] += each.indices.size
        chunk.three_zeros, chunk.thousands = typed.three_zeros, typed.thousands
        chunk.naive_times = typed.naive_times
        chunk.reserved_values = Counter({name: len(indices) for name, indices in typed.reserved.items()})
        chunk.unknown_columns = {name: describe_texts(texts) for name, texts in typed.unknown.items()}
        chunk.broken_rules = self._checker.check(chunk.table)
        if chunk.table.num_rows:
            self._look_beyond(chunk)
        return chunk

    def _look_beyond(self, chunk: ParsedChunk) -> None:
        if SELF_REFERENCE in chunk.table.column_names:
            references = chunk.table[SELF_REFERENCE].combine_chunks()
            chunk.open_references = find_open_references(references, chunk.key_hashes)
        if set(chunk.table.column_names) >= CLOCK_COLUMNS:
            chunk.starts = find_starts(chunk.table)

    def _find_refused_records(self, span: RecordSpan, table: pa.Table) -> "_RefusedRecords":
        """The records without a key, and those that repeat the header."""
        reasons: dict[int, list[str]] = {}
        for name in self._needed:
            keys = table[name].combine_chunks()
            missing = np.flatnonzero(keys.is_null().to_numpy(zero_copy_only=False))
            for what, indices in (("no", missing), ("a blank", find_blank(keys))):
                for index in indices:
                    reasons.setdefault(int(index), []).append(f"{what} {name}")
        for index in self._find_headers(span, table):
            reasons[index] = ["the record repeats the header"]
        return _RefusedRecords(np.array(sorted(reasons), np.int64), [" and ".join(reasons[i]) for i in sorted(reasons)])

    def _find_headers(self, span: RecordSpan, table: pa.Table) -> list[int]:
        """The records whose cells are the header's names, whatever their case and order and the blanks around them."""
        names = sorted(map(_plain_name, self._header.names))
        indices = find_names(table[self._needed[0]].combine_chunks(), names)
        if not indices.size:
            return []
        starts, ends = record_extents(span.data)
        records = (bytes(span.data[int(starts[index]) : int(ends[index])]) for index in indices)
        is_header = [sorted(_plain_name(cell.decode()) for cell in split_fields(each)) == names for each in records]
        return [int(index) for index in indices[is_header]]

    def _bad_records(self, span: RecordSpan) -> list[pa.Table]:
        if not span.bad:
            return []
        rows = np.array([bad.row for bad in span.bad], np.int64)
        raw = [self._shown(bad.raw) for bad in span.bad]
        return [build_rejects(rows, None, None, raw, [bad.reason for bad in span.bad])]

    def _refused_cells(self, span: RecordSpan, table: pa.Table, refused: Sequence[RefusedCells]) -> list[pa.Table]:
        return [
            build_rejects(
                span.rows[cells.indices],
                table["pid"].take(pa.array(cells.indices)),
                cells.column,
                pa.nulls(len(cells.texts), pa.string()) if cells.column in self._redacted else cells.texts,
                [cells.reason] * len(cells.indices),
            )
            for cells in refused
        ]

    def _refused_records(self, span: RecordSpan, table: pa.Table, refused: "_RefusedRecords") -> list[pa.Table]:
        if not refused.indices.size:
            return []
        pids = table["pid"].take(pa.array(refused.indices))
        raw = self._raw_records(span, refused.indices)
        return [build_rejects(span.rows[refused.indices], pids, None, raw, refused.reasons)]

    def _raw_records(self, span: RecordSpan, indices: np.ndarray) -> list[str | None]:
        if self._redacted:
            return [None] * len(indices)
        starts, ends = record_extents(span.data)
        extents = zip(starts[indices].tolist(), ends[indices].tolist(), strict=True)
        return [self._shown(bytes(span.data[start:end])) for start, end in extents]

    def _shown(self, raw: bytes) -> str | None:
        return None if self._redacted else raw.decode(errors="backslashreplace").replace("\0", "\\x00")


def _plain_name(name: str) -> str:
    return name.strip().lower()


def _indices_in_span(chunk: ParsedChunk, indices: np.ndarray) -> np.ndarray:
    return np.asarray(np.searchsorted(chunk.span.rows, chunk.rows[indices]))


def build_rejects(
    rows: np.ndarray,
    pids: pa.Array | None,
    column: str | None,
    raw: pa.Array | Iterable[str | None],
    reasons: Iterable[str],
) -> pa.Table:
    """Rejects of one kind as a table, their file left null; `column` null means whole records."""
    count = len(rows)
    return pa.table(
        [
            pa.array(rows, pa.int64()),
            pa.nulls(count, pa.string()) if pids is None else pids,
            pa.nulls(count, pa.string()) if column is None else pa.repeat(column, count),
            raw if isinstance(raw, pa.Array) else pa.array(raw, pa.string()),
            pa.array(reasons, pa.string()),
            pa.nulls(count, pa.string()),
        ],
        schema=REJECTS_SCHEMA,
    )


def shifted(rejects: pa.Table, rows_before: int) -> pa.Table:
    """Rejects of a chunk in file order, numbered by the file."""
    if not rejects.num_rows:
        return rejects
    numbers = pc.add(rejects["row_number"], rows_before)
    return rejects.set_column(0, REJECTS_SCHEMA.field(0), numbers).sort_by("row_number")
