"""CSV files in the vendor's format, written batch by batch, with the faults of single rows.

RFC 4180 quoting, UTF-8, null as nothing between the commas, lines ended by LF alone. The vendor's page says nothing of
line ends; LF is what database exports on Unix write, and it keeps CRLF within a cell apart from line ends.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import BinaryIO, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import csv_header, delivered_columns_of
from salted_assets.simulator.data.columns import Rows, iso_second_texts
from salted_assets.simulator.data.options import SimulatorOptions
from salted_assets.simulator.data.randomness import number_of

T = TypeVar("T")
Cell = str | int | float | None

_QUOTED_CHARACTERS = (b'"', b",", b"\r", b"\n")
_QUOTED = '[",\r\n]'
_needs_quotes = re.compile(_QUOTED).search
_ROW_FAULTS = ("bad_cells", "null_pids", "identical_duplicates", "conflicting_duplicates", "broken_records")
_BAD_CELLS = ("n/a", "12:61", "1,5", "unknown", "2024-13-45T99:00:00Z")


def csv_record(record: Sequence[Cell]) -> str:
    """One record by RFC 4180 without its line end; null is nothing.

    The standard library's writer leaves a lone CR unquoted before Python 3.13.
    """
    cells = ["" if cell is None else str(cell) for cell in record]
    return ",".join('"' + cell.replace('"', '""') + '"' if _needs_quotes(cell) else cell for cell in cells)


class CsvFile:
    """One file being written: columns are given by name and come out in the order of the vendor's page."""

    def __init__(self, dataset: str, out: BinaryIO, options: SimulatorOptions) -> None:
        faults = options.faults.data
        missing = faults.missing_columns.get(dataset, ())
        columns = csv_header(DATASET_MODELS[dataset]) + (["updated_at"] if options.with_updated_at else [])
        self.row_count = 0
        self._out = out
        self._has_rows = dataset not in (*faults.zero_bytes, *faults.header_only)
        self._added = faults.added_columns.get(dataset, ())
        self._columns = [*(name for name in columns if name not in missing), *self._added]
        self._line_end = "\r\n" if dataset in faults.crlf else "\n"
        by_fault = {name: getattr(faults, name) for name in _ROW_FAULTS}
        ratios = {name: ratio_of[dataset] for name, ratio_of in by_fault.items() if dataset in ratio_of}
        is_damaged = ratios or self._added
        self._damage = _RowDamage(dataset, self._columns, ratios, options.seed) if is_damaged else None
        if dataset not in faults.zero_bytes:
            renamed = faults.renamed_columns.get(dataset, {})
            header = csv_record([renamed.get(name, name) for name in self._columns])
            mark = "\ufeff" if dataset in faults.byte_order_mark else ""
            out.write(f"{mark}{header}{self._line_end}".encode())

    def write(self, rows: Rows) -> None:
        """Write the rows, with the faults that are asked for."""
        if not self._has_rows or not len(rows):
            return
        nothing = pa.nulls(len(rows), pa.string())
        columns = {**rows.columns, "updated_at": iso_second_texts(rows.updated_ms)}
        columns |= dict.fromkeys(self._added, pa.repeat("new", len(rows)))
        wanted = [columns.get(name, nothing) for name in self._columns]
        if self._damage:
            records = pa.array([csv_record(record) for record in self._damage.damaged(wanted)], pa.string())
        else:
            records = _csv_records(wanted)
        self._out.write(_characters(pc.binary_join_element_wise(records, self._line_end, "")))
        self.row_count += len(records)


def _csv_records(columns: Sequence[pa.Array]) -> pa.Array:
    """The records of all rows; what several columns share is made once."""
    cells = {key: _csv_cells(column) for key, column in {id(column): column for column in columns}.items()}
    ordered = [cells[id(column)] for column in columns]
    return pc.binary_join_element_wise(*ordered, ",", null_handling="replace", null_replacement="")


def _csv_cells(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return _csv_cells(column.dictionary).take(column.indices)
    if not pa.types.is_string(column.type):
        return column.cast(pa.string())
    if not any(character in _characters(column) for character in _QUOTED_CHARACTERS):
        return column
    doubled = pc.replace_substring(column, '"', '""')
    quoted = pc.binary_join_element_wise('"', doubled, '"', "")
    return pc.if_else(pc.match_substring_regex(column, _QUOTED), quoted, column)


def _characters(texts: pa.Array) -> bytes:
    """All texts end to end."""
    _, offsets, data = texts.buffers()
    if data is None:
        return b""
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[ends[0] : ends[-1]].tobytes()


class _RowDamage:
    """Faults of single rows, at the ratios asked for and at the same rows each time."""

    def __init__(self, dataset: str, columns: Sequence[str], ratios: Mapping[str, float], seed: int) -> None:
        delivered = delivered_columns_of(DATASET_MODELS[dataset])
        typed = {facts.name for facts in delivered if not pa.types.is_string(facts.arrow_type)}
        self._typed = [position for position, name in enumerate(columns) if name in typed]
        self._columns = columns
        self._changed = "comment" if dataset == "review" else "external_id"
        self._ratios = ratios
        self._random = Random(number_of(seed, "damage", dataset))  # noqa: S311 - simulated data, no secret

    def damaged(self, columns: Sequence[pa.Array]) -> Iterator[list[Cell]]:
        """The records that come of the rows of these columns."""
        for record in zip(*(column.to_pylist() for column in columns), strict=True):
            yield from self._records(list(record))

    def _records(self, record: list[Cell]) -> Iterator[list[Cell]]:
        if self._happens("bad_cells") and self._typed:
            record[self._pick(self._typed)] = self._pick(_BAD_CELLS)
        if self._happens("null_pids"):
            record = self._with("pid", None, record)
        yield record
        if self._happens("identical_duplicates"):
            yield record
        if self._happens("conflicting_duplicates") and self._changed in self._columns:
            yield self._with(self._changed, "conflicting duplicate", record)
        if self._happens("broken_records"):
            yield record[: len(record) // 2]

    def _with(self, column: str, cell: Cell, record: list[Cell]) -> list[Cell]:
        return [cell if name == column else other for name, other in zip(self._columns, record, strict=True)]

    def _happens(self, fault: str) -> bool:
        return self._random.random() < self._ratios.get(fault, 0.0)

    def _pick(self, things: Sequence[T]) -> T:
        return things[int(self._random.random() * len(things))]
