"""Text to typed columns: every cell cast once, what does not cast kept apart with its text.

Two paths with one answer. The fast one lets pyarrow's CSV reader parse straight to the column's type and gives up at
the first cell that it cannot take. The careful one reads columns as text and casts each cell by its form.

An empty cell is null. The lowest 32-bit integer in a numeric column is the vendor's reserved "no value". Negative
durations and times outside the years 2000 to 2099 are impossible, and refused as what has no form that is read.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from salted_assets.ingest import formats
from salted_assets.ingest.scan import Data, find_pairs
from salted_assets.schemas.base import ColumnFacts

RESERVED_NO_VALUE = -2147483648

_BEFORE_A_CELL = np.isin(np.arange(256), list(b',\n" \t'))
_EARLIEST, _LATEST = (
    pa.scalar(datetime(year, 1, 1, tzinfo=UTC), pa.timestamp("us", tz="UTC")) for year in (2000, 2100)
)
"""Between which times are possible: others are mistakes of a clock or stand for no value."""


@dataclass
class RefusedCells:
    """Cells of one column that are refused for one reason: their indices in the table and their text."""

    column: str
    indices: np.ndarray
    texts: pa.Array
    reason: str

    def without(self, indices: np.ndarray) -> "RefusedCells":
        """The cells of other rows than those at the indices."""
        if not indices.size:
            return self
        stays = ~np.isin(self.indices, indices)
        return RefusedCells(self.column, self.indices[stays], self.texts.filter(pa.array(stays)), self.reason)


@dataclass
class TypedRows:
    """Well-formed records as typed columns in the model's order, and what was set to null on the way.

    `reserved` are the indices of cells with the vendor's reserved number, by column. `cast_carefully` are the columns
    that hold what pyarrow cannot take as it is; `unknown` are the columns that the model does not name, as text. Of
    whole-number columns, `three_zeros` are those with cells such as `600.000` that were read, and `thousands` those in
    which a point separates thousands.
    """

    table: pa.Table
    refused: list[RefusedCells] = field(default_factory=list)
    cast_carefully: set[str] = field(default_factory=set)
    naive_times: Counter[str] = field(default_factory=Counter)
    reserved: dict[str, np.ndarray] = field(default_factory=dict)
    unknown: dict[str, pa.Array] = field(default_factory=dict)
    three_zeros: set[str] = field(default_factory=set)
    thousands: set[str] = field(default_factory=set)


class WrongWidthError(Exception):
    """A record has more or fewer fields than the header: the records need to be looked at one by one."""


def read_typed(
    data: Data,
    names: Sequence[str],
    columns: Sequence[ColumnFacts],
    *,
    unknown: Collection[str] = (),
    as_text: Collection[str] = (),
    thousands: Collection[str] = (),
) -> TypedRows:
    """Cast well-formed records; the columns in `as_text` take the careful path at once, others only when they must.

    Of the whole-number columns in `thousands` cells such as `600.000` are refused. Columns that the file lacks are
    null, those in `unknown` are read too. No records give zero rows.
    Raises WrongWidthError if pyarrow does not find the header's number of fields in each record.
    """
    present = [facts for facts in columns if facts.name in names]
    texts = dict.fromkeys((*(facts.name for facts in present), *unknown), pa.string())
    types = texts | {facts.name: facts.arrow_type for facts in present if facts.name not in as_text}
    if bytes(data[:1]) in b"\r\n" and not bytes(data).strip(b"\r\n"):
        table = pa.table({name: pa.array([], kind) for name, kind in types.items()})
        return _completed(table, columns, unknown, thousands)
    try:
        table = _parse(data, names, types)
    except pa.ArrowInvalid:
        table = None
    if table is None or _has_doubtful_values(table, data, present):
        table = _parse(data, names, texts)
    return _completed(table, columns, unknown, thousands)


def list_refused(typed: TypedRows) -> pa.Array:
    """For each row the columns, in the model's order, that were set to null on the way; null where there is none."""
    count = typed.table.num_rows
    found = [(cells.column, cells.indices) for cells in typed.refused] + list(typed.reserved.items())
    if not found:
        return pa.nulls(count, pa.list_(pa.string()))
    columns = typed.table.column_names
    found.sort(key=lambda each: columns.index(each[0]))
    rows = np.concatenate([indices for _, indices in found])
    names = np.repeat([columns.index(name) for name, _ in found], [indices.size for _, indices in found])
    counts = np.bincount(rows, minlength=count)
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts)]).astype(np.int32)
    values = pa.array(columns, pa.string()).take(pa.array(names[np.argsort(rows, kind="stable")]))
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array(counts == 0))


def _parse(data: Data, names: Sequence[str], types: dict[str, pa.DataType]) -> pa.Table:
    """Parse as a single block: pyarrow loses a byte of CRLF in a quoted value at the border of two blocks."""
    wrong_width: list[int] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        wrong_width.append(row.actual_columns)
        return "error"

    try:
        return pyarrow.csv.read_csv(
            pa.py_buffer(data),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(names)),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse),
            convert_options=pyarrow.csv.ConvertOptions(
                check_utf8=False,
                column_types=types,
                include_columns=list(types),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        if wrong_width:
            raise WrongWidthError from error
        raise


def _has_doubtful_values(table: pa.Table, data: Data, columns: Sequence[ColumnFacts]) -> bool:
    """True if pyarrow may have taken what we refuse: hexadecimal integers, infinities, impossible values."""
    if any(pa.types.is_integer(kind) for kind in table.schema.types) and _may_hold_hexadecimal(data):
        return True
    for facts in columns:
        column = table[facts.name]
        if pa.types.is_floating(column.type) and pc.all(pc.is_finite(column)).as_py() is False:
            return True
        is_impossible = _find_impossible(column, facts)
        if is_impossible is not None and pc.any(is_impossible).as_py():
            return True
    return False


def _may_hold_hexadecimal(data: Data) -> bool:
    cells = np.frombuffer(data, np.uint8)
    zeros = find_pairs(data, b"0", b"xX")
    return bool(((zeros == 0) | _BEFORE_A_CELL[cells[zeros - 1]]).any())


def _completed(
    table: pa.Table, columns: Sequence[ColumnFacts], unknown: Collection[str], thousands: Collection[str]
) -> TypedRows:
    typed = TypedRows(table, unknown={name: _array(table[name]) for name in unknown})
    arrays = [_column(typed, facts, has_thousands=facts.name in thousands) for facts in columns]
    fields = [pa.field(facts.name, facts.arrow_type) for facts in columns]
    typed.table = pa.table(arrays, schema=pa.schema(fields))
    return typed


def _column(typed: TypedRows, facts: ColumnFacts, *, has_thousands: bool) -> pa.Array:
    if facts.name not in typed.table.column_names:
        return pa.nulls(typed.table.num_rows, facts.arrow_type)
    column = _array(typed.table[facts.name])
    if column.type != facts.arrow_type:
        column = _cast_carefully(typed, column, facts, has_thousands=has_thousands)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        column = _without_reserved(typed, column, facts.name)
    return column


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _without_reserved(typed: TypedRows, column: pa.Array, name: str) -> pa.Array:
    is_reserved = pc.equal(column, pa.scalar(RESERVED_NO_VALUE, column.type))
    if not pc.any(is_reserved).as_py():
        return column
    typed.reserved[name] = np.flatnonzero(is_reserved.fill_null(False).to_numpy(zero_copy_only=False))
    return pc.if_else(is_reserved, pa.scalar(None, column.type), column)


def _cast_carefully(typed: TypedRows, texts: pa.Array, facts: ColumnFacts, *, has_thousands: bool) -> pa.Array:
    kind = facts.arrow_type
    cast, is_plain = formats.cast_texts(texts, kind)
    if not is_plain:
        typed.cast_carefully.add(facts.name)
    _refuse(typed, facts, texts, pc.and_(pc.is_valid(texts), pc.is_null(cast)), formats.describe_form(kind))
    if pa.types.is_integer(kind) and not is_plain:
        cast = _without_thousands(typed, texts, cast, facts, has_thousands=has_thousands)
    if pa.types.is_timestamp(kind):
        is_naive = pc.and_(pc.is_valid(cast), formats.is_naive_time(texts))
        if naive_count := pc.sum(is_naive).as_py():
            typed.naive_times[facts.name] += naive_count
    return _without_impossible(typed, texts, cast, facts)


def _without_thousands(
    typed: TypedRows, texts: pa.Array, cast: pa.Array, facts: ColumnFacts, *, has_thousands: bool
) -> pa.Array:
    """Note what the points of a whole-number column show; null where they are known to separate thousands."""
    if formats.has_thousands(texts):
        typed.thousands.add(facts.name)
    is_doubtful = formats.has_three_zeros(texts).fill_null(False)
    if not pc.any(is_doubtful).as_py():
        return cast
    if not has_thousands:
        typed.three_zeros.add(facts.name)
        return cast
    _refuse(typed, facts, texts, is_doubtful, "three decimals, which are thousands in other cells of this column")
    return pc.if_else(is_doubtful, pa.scalar(None, cast.type), cast)


def _without_impossible(typed: TypedRows, texts: pa.Array, cast: pa.Array, facts: ColumnFacts) -> pa.Array:
    is_impossible = _find_impossible(cast, facts)
    if is_impossible is None or not pc.any(is_impossible).as_py():
        return cast
    typed.cast_carefully.add(facts.name)
    reason = "a negative duration" if facts.is_duration else "a time outside the years 2000 to 2099"
    _refuse(typed, facts, texts, is_impossible.fill_null(False), reason)
    return pc.if_else(is_impossible, pa.scalar(None, cast.type), cast)


def _find_impossible(column: pa.Array | pa.ChunkedArray, facts: ColumnFacts) -> pa.Array | pa.ChunkedArray | None:
    """For each value whether it cannot be; None for a column of which any value can."""
    if pa.types.is_timestamp(column.type):
        return pc.or_(pc.less(column, _EARLIEST), pc.greater_equal(column, _LATEST))
    if facts.is_duration and pa.types.is_integer(column.type):
        return pc.and_(pc.less(column, 0), pc.not_equal(column, RESERVED_NO_VALUE))
    return None


def _refuse(typed: TypedRows, facts: ColumnFacts, texts: pa.Array, is_refused: pa.Array, reason: str) -> None:
    indices = np.flatnonzero(is_refused.to_numpy(zero_copy_only=False))
    if indices.size:
        typed.refused.append(RefusedCells(facts.name, indices, texts.take(pa.array(indices)), reason))
