"""CSV files in the vendor's format, written batch by batch, with the faults of single rows.

RFC 4180 quoting, UTF-8, null as nothing between the commas, lines ended by LF alone. The vendor's page says nothing of
line ends; LF is what database exports on Unix write, and it keeps CRLF within a cell apart from line ends.
"""

import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import csv_header, delivered_columns_of
from salted_assets.simulator.data.columns import Rows, iso_second_texts
from salted_assets.simulator.data.options import DataFaults, SimulatorOptions
from salted_assets.simulator.data.randomness import keyed_random, pick
from salted_assets.simulator.data.windows import Cell

_QUOTED_CHARACTERS = (b'"', b",", b"\r", b"\n")
_QUOTED = '[",\r\n]'
_needs_quotes = re.compile(_QUOTED).search
_BAD_CELLS = ("n/a", "12:61", "1,5", "unknown", "2024-13-45T99:00:00Z")
_NULL = pa.scalar(None, pa.string())


def csv_record(record: Sequence[Cell]) -> str:
    """One record by RFC 4180 without its line end; null is nothing.

    The standard library's writer leaves a lone CR unquoted before Python 3.13.
    """
    return ",".join(
        [
            ""
            if cell is None
            else str(cell)
            if type(cell) is not str
            else cell
            if _needs_quotes(cell) is None
            else '"' + cell.replace('"', '""') + '"'
            for cell in record
        ]
    )


class CsvFile:
    """One file being written: columns are given by name and come out in the order of the vendor's page."""

    def __init__(self, dataset: str, out: BinaryIO, options: SimulatorOptions) -> None:
        faults = options.faults.data
        model = DATASET_MODELS[dataset]
        self.row_count = 0
        self._out = out
        self._is_empty = dataset in faults.zero_bytes
        self._is_header_only = dataset in faults.header_only
        missing = faults.missing_columns.get(dataset, ())
        columns = csv_header(model) + (["updated_at"] if options.with_updated_at else [])
        self._columns = [name for name in columns if name not in missing] + list(faults.added_columns.get(dataset, ()))
        is_damaged = _is_damaged(dataset, faults)
        self._damage = _RowDamage(dataset, self._columns, faults, options.seed) if is_damaged else None
        self._line_end = "\r\n" if dataset in faults.crlf else "\n"
        if not self._is_empty:
            renamed = faults.renamed_columns.get(dataset, {})
            header = csv_record([renamed.get(name, name) for name in self._columns])
            mark = "\ufeff" if dataset in faults.byte_order_mark else ""
            out.write(f"{mark}{header}{self._line_end}".encode())

    def write(self, rows: Rows) -> None:
        """Write the rows, with the faults that are asked for."""
        if self._is_empty or self._is_header_only or not len(rows):
            return
        columns = {**rows.columns, "updated_at": iso_second_texts(rows.updated_ms)}
        if self._damage is None:
            self._out.write(_csv_records([columns.get(name) for name in self._columns], self._line_end))
            self.row_count += len(rows)
            return
        lists = [columns[name].to_pylist() if name in columns else [None] * len(rows) for name in self._columns]
        records = [each for record in zip(*lists, strict=True) for each in self._damage.apply(list(record))]
        self._out.write("".join(csv_record(record) + self._line_end for record in records).encode())
        self.row_count += len(records)


def _csv_records(columns: Sequence[pa.Array | None], line_end: str) -> bytes:
    """The records of all rows; a column that is None is null. At least one column is not."""
    made: dict[int, Any] = {}
    for column in columns:
        if column is not None and id(column) not in made:
            made[id(column)] = _csv_cells(column)
    cells = [_NULL if column is None else made[id(column)] for column in columns]
    records = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
    lines = pc.binary_join_element_wise(records, line_end, "")
    return _characters(lines)


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

    def __init__(self, dataset: str, columns: list[str], faults: DataFaults, seed: int) -> None:
        delivered = delivered_columns_of(DATASET_MODELS[dataset])
        typed = {facts.name for facts in delivered if not pa.types.is_string(facts.arrow_type)}
        self.typed_positions = [position for position, name in enumerate(columns) if name in typed]
        self.added_positions = [columns.index(name) for name in faults.added_columns.get(dataset, ())]
        self.pid_position = columns.index("pid") if "pid" in columns else None
        changed_column = "comment" if dataset == "review" else "external_id"
        self.conflict_position = columns.index(changed_column) if changed_column in columns else None
        self.bad_cells = faults.bad_cells.get(dataset, 0.0)
        self.null_pids = faults.null_pids.get(dataset, 0.0)
        self.broken = faults.broken_records.get(dataset, 0.0)
        self.identical = faults.identical_duplicates.get(dataset, 0.0)
        self.conflicting = faults.conflicting_duplicates.get(dataset, 0.0)
        self.random = keyed_random(seed, "damage", dataset)

    def apply(self, record: list[Cell]) -> list[list[Cell]]:
        chance = self.random.random
        for position in self.added_positions:
            record[position] = "new"
        if chance() < self.bad_cells and self.typed_positions:
            record[pick(self.random, self.typed_positions)] = pick(self.random, _BAD_CELLS)
        if chance() < self.null_pids and self.pid_position is not None:
            record[self.pid_position] = None
        records = [record]
        if chance() < self.identical:
            records.append(record)
        if chance() < self.conflicting and self.conflict_position is not None:
            conflicting = list(record)
            conflicting[self.conflict_position] = "conflicting duplicate"
            records.append(conflicting)
        if chance() < self.broken:
            records.append(record[: len(record) // 2])
        return records


def _is_damaged(dataset: str, faults: DataFaults) -> bool:
    by_row = (
        faults.added_columns,
        faults.bad_cells,
        faults.null_pids,
        faults.broken_records,
        faults.identical_duplicates,
        faults.conflicting_duplicates,
    )
    return any(dataset in ratios for ratios in by_row)
