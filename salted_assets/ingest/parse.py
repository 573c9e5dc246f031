"""One chunk of a file to a checked piece of the table. It runs on worker threads and knows nothing of other chunks.

Here: the order of work on a chunk. Not here: how it is cut (`chunks`), what is counted over chunks (`stream`).
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.cells import TypedRows, WrongWidthError, read_typed
from salted_assets.ingest.checks import BrokenRule, Checker
from salted_assets.ingest.contract import REJECTS_SCHEMA
from salted_assets.ingest.header import Header
from salted_assets.ingest.keys import OpenReferences, find_open_references, find_starts, hash_texts
from salted_assets.ingest.records import Piece, RecordFinder, is_strict, is_utf8, iterate_records
from salted_assets.tables.base import DatasetTable, columns_of, facts_of

SELF_REFERENCE = "response_to"
_CLOCK_COLUMNS = {"turn_time", "turn_time_relative_ms", "engagement_pid"}


@dataclass
class ParsedChunk:
    """Consecutive records of a file: what stays in the table, what is refused, what was found out.

    `rows` are the numbers of the table's rows among the chunk's records, from 1; `rejects` are numbered likewise.
    Places in the other fields are places in `table`.
    """

    piece: Piece
    table: pa.Table
    rows: np.ndarray
    rejects: pa.Table
    rejected_records: int
    rejected_cells: Counter[str]
    naive_times: Counter[str]
    reserved_values: Counter[str]
    broken_rules: list[BrokenRule] = field(default_factory=list)
    key_hashes: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    open_references: OpenReferences | None = None
    starts: pd.DataFrame | None = None


class ChunkParser:
    """Parses chunks of one file. Safe to use on several threads at once."""

    def __init__(
        self,
        model: type[DatasetTable],
        header: Header,
        checker: Checker,
        file_name: str,
        *,
        redacted: Collection[str] = (),
    ) -> None:
        self._columns = columns_of(model)
        self._needed = facts_of(model).needed
        self._header = header
        self._checker = checker
        self._redacted = redacted
        self._careful_columns: set[str] = set()
        places = [header.names.index(name) for name in self._needed]
        self.finder = RecordFinder(len(header.names), places, file_name)

    def parse_chunk(self, data: bytes) -> ParsedChunk | None:
        """Parse a chunk; None if a record in it is so broken that its end is in doubt."""
        if not data.endswith(b"\n") or not is_strict(data):
            return None
        if b"\0" not in data and is_utf8(data):
            try:
                return self._checked(Piece(data, np.empty(0, np.int64)), self._read(data))
            except WrongWidthError:
                pass
        found = self.finder.find(data, len(data), None)
        return None if found is None else self.parse_piece(found[0])

    def parse_piece(self, piece: Piece) -> ParsedChunk:
        """Parse records that were found one by one."""
        typed = self._read(piece.data)
        if typed.table.num_rows != len(piece.rows):
            raise RuntimeError(f"{len(piece.rows)} records were found, {typed.table.num_rows} read")
        return self._checked(piece, typed)

    def _read(self, data: bytes) -> TypedRows:
        # A column that needed care once will again: reading it as text at once spares a vain attempt for each chunk.
        # The answer is the same, so it does not matter which thread learns of it first.
        typed = read_typed(data, self._header.names, self._columns, as_text=frozenset(self._careful_columns))
        self._careful_columns.update(typed.cast_carefully)
        return typed

    def _checked(self, piece: Piece, typed: TypedRows) -> ParsedChunk:
        if not piece.bad and not piece.rows.size:
            piece.rows = np.arange(1, typed.table.num_rows + 1, dtype=np.int64)
            piece.record_count = typed.table.num_rows
        keyless = self._keyless_places(typed.table)
        rejects = [
            *self._bad_records(piece),
            *self._refused_cells(piece, typed),
            *self._keyless_records(piece, typed.table, keyless),
        ]
        table, rows = typed.table, piece.rows
        if keyless.size:
            stays = np.ones(table.num_rows, bool)
            stays[keyless] = False
            table, rows = table.filter(pa.array(stays)).combine_chunks(), rows[stays]
        chunk = ParsedChunk(
            piece=piece,
            table=table,
            rows=rows,
            rejects=pa.concat_tables(rejects) if rejects else REJECTS_SCHEMA.empty_table(),
            rejected_records=len(piece.bad) + int(keyless.size),
            rejected_cells=Counter({cells.column: len(cells.places) for cells in typed.refused}),
            naive_times=typed.naive_times,
            reserved_values=typed.reserved_values,
            broken_rules=self._checker.check(table),
        )
        if table.num_rows:
            self._look_beyond(chunk)
        return chunk

    def _look_beyond(self, chunk: ParsedChunk) -> None:
        chunk.key_hashes = hash_texts(chunk.table["pid"].combine_chunks())
        if SELF_REFERENCE in chunk.table.column_names:
            references = chunk.table[SELF_REFERENCE].combine_chunks()
            chunk.open_references = find_open_references(references, chunk.key_hashes)
        if set(chunk.table.column_names) >= _CLOCK_COLUMNS:
            chunk.starts = find_starts(chunk.table)

    def _keyless_places(self, table: pa.Table) -> np.ndarray:
        is_keyless = np.zeros(table.num_rows, bool)
        for name in self._needed:
            if table[name].null_count:
                is_keyless |= table[name].is_null().to_numpy()
        return np.flatnonzero(is_keyless)

    def _bad_records(self, piece: Piece) -> list[pa.Table]:
        if not piece.bad:
            return []
        rows = np.array([bad.row for bad in piece.bad], np.int64)
        raw = [self._shown(bad.raw) for bad in piece.bad]
        return [build_rejects(rows, None, None, raw, [bad.reason for bad in piece.bad])]

    def _refused_cells(self, piece: Piece, typed: TypedRows) -> list[pa.Table]:
        return [
            build_rejects(
                piece.rows[cells.places],
                typed.table["pid"].take(pa.array(cells.places)),
                cells.column,
                pa.nulls(len(cells.texts), pa.string()) if cells.column in self._redacted else cells.texts,
                [cells.reason] * len(cells.places),
            )
            for cells in typed.refused
        ]

    def _keyless_records(self, piece: Piece, table: pa.Table, places: np.ndarray) -> list[pa.Table]:
        if not places.size:
            return []
        reasons = [self._why_keyless(table, int(place)) for place in places]
        raw = self.record_texts(piece, places)
        return [build_rejects(piece.rows[places], table["pid"].take(pa.array(places)), None, raw, reasons)]

    def _why_keyless(self, table: pa.Table, place: int) -> str:
        return "no " + " and no ".join(name for name in self._needed if not table[name][place].is_valid)

    def record_texts(self, piece: Piece, places: np.ndarray) -> list[str | None]:
        """The raw text of the piece's good records at the places given, sorted; null while a redaction is in force."""
        if self._redacted:
            return [None] * len(places)
        wanted = set(places.tolist())
        return [
            self._shown(record.rstrip(b"\r\n"))
            for place, record in enumerate(iterate_records(piece.data))
            if place in wanted
        ]

    def _shown(self, raw: bytes) -> str | None:
        return None if self._redacted else raw.decode(errors="backslashreplace").replace("\0", "\\x00")


def build_rejects(
    rows: np.ndarray,
    pids: pa.Array | None,
    column: str | None,
    raw: pa.Array | Iterable[str | None],
    reasons: Iterable[str],
) -> pa.Table:
    """Rejects of one kind as a table; `column` null means whole records."""
    count = len(rows)
    return pa.table(
        [
            pa.array(rows, pa.int64()),
            pa.nulls(count, pa.string()) if pids is None else pids,
            pa.nulls(count, pa.string()) if column is None else pa.repeat(column, count),
            raw if isinstance(raw, pa.Array) else pa.array(raw, pa.string()),
            pa.array(reasons, pa.string()),
        ],
        schema=REJECTS_SCHEMA,
    )


def shifted(rejects: pa.Table, rows_before: int) -> pa.Table:
    """Rejects of a chunk in file order, numbered by the file."""
    numbers = pc.add(rejects["row_number"], rows_before)
    return rejects.set_column(0, REJECTS_SCHEMA.field(0), numbers).sort_by("row_number")
