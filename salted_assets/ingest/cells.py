"""Text to typed columns: every cell cast once, what does not cast kept apart with its text.

Two paths with one answer. The fast one lets pyarrow's CSV reader parse straight to the column's type and gives up at
the first cell that it cannot take. The careful one reads columns as text and casts each cell by its form.

Cells: empty is null. Integers may have a fraction of zeros (`1500.0`). Numbers are finite decimals. Times are ISO 8601
with date and time; without a zone they are taken as UTC and counted, digits beyond microseconds are cut off. Blanks and
tabs around numbers are ignored. The lowest 32-bit integer in a numeric column is the vendor's reserved "no value".
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from salted_assets.ingest.scan import Data, find_bytes
from salted_assets.schemas.base import ColumnFacts

RESERVED_NO_VALUE = -2147483648

_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?"
_ZONE = r"(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)"
_NAIVE_TIME = rf"^{_DAY}[T ]{_CLOCK}$"
_TIME = rf"^{_DAY}[T ]{_CLOCK}{_ZONE}?$"
_INTEGER = r"^-?0*\d{1,19}(?:\.0+)?$"
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_BEFORE_A_CELL = np.isin(np.arange(256), list(b',\n" \t'))
(_ZERO,) = b"0"
_AT_THE_START = 2
_CALENDAR_MICROSECONDS = (-62_135_596_800_000_000, 253_402_300_799_999_999)
"""The years 1 to 9999, beyond which neither Python nor a calendar follows."""


@dataclass
class RefusedCells:
    """Cells of one column that did not cast: their indices in the table and their text."""

    column: str
    indices: np.ndarray
    texts: pa.Array
    reason: str


@dataclass
class TypedRows:
    """Well-formed records as typed columns in the model's order, and what was set to null on the way.

    `reserved` are the indices of cells with the vendor's reserved number, by column. `cast_carefully` are the columns
    that hold what pyarrow cannot take as it is; `unknown` are the columns that the model does not name, as text.
    """

    table: pa.Table
    refused: list[RefusedCells] = field(default_factory=list)
    cast_carefully: set[str] = field(default_factory=set)
    naive_times: Counter[str] = field(default_factory=Counter)
    reserved: dict[str, np.ndarray] = field(default_factory=dict)
    unknown: dict[str, pa.Array] = field(default_factory=dict)


class WrongWidthError(Exception):
    """A record has more or fewer fields than the header: the records need to be looked at one by one."""


def read_typed(
    data: Data,
    names: Sequence[str],
    columns: Sequence[ColumnFacts],
    *,
    unknown: Collection[str] = (),
    as_text: Collection[str] = (),
) -> TypedRows:
    """Cast well-formed records; the columns in `as_text` take the careful path at once, others only when they must.

    Columns that the file lacks are null, those in `unknown` are read too. No records give zero rows.
    Raises WrongWidthError if pyarrow does not find the header's number of fields in each record.
    """
    present = [facts for facts in columns if facts.name in names]
    texts = dict.fromkeys((*(facts.name for facts in present), *unknown), pa.string())
    types = texts | {facts.name: facts.arrow_type for facts in present if facts.name not in as_text}
    if bytes(data[:1]) in b"\r\n" and not bytes(data).strip(b"\r\n"):
        return _completed(pa.table({name: pa.array([], kind) for name, kind in types.items()}), columns, unknown)
    try:
        table = _parse(data, names, types)
    except pa.ArrowInvalid:
        table = None
    if table is None or _has_doubtful_values(table, data):
        table = _parse(data, names, texts)
    return _completed(table, columns, unknown)


def list_refused(typed: TypedRows) -> pa.Array:
    """For each row the columns, in the model's order, that were set to null on the way; null where there is none."""
    count = typed.table.num_rows
    found = {cells.column: cells.indices for cells in typed.refused}
    found |= {name: np.union1d(found.get(name, []), indices).astype(int) for name, indices in typed.reserved.items()}
    columns = [name for name in typed.table.column_names if name in found]
    if not columns:
        return pa.nulls(count, pa.list_(pa.string()))
    rows = np.concatenate([found[name] for name in columns])
    names = np.repeat(np.arange(len(columns)), [found[name].size for name in columns])
    counts = np.bincount(rows, minlength=count)
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts)]).astype(np.int32)
    values = pa.array(columns, pa.string()).take(pa.array(names[np.argsort(rows, kind="stable")]))
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array(counts == 0))


def cast_texts(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast each text as a cell of a column of that type; what does not cast is null."""
    return _cast_prepared(_prepared(texts, kind), kind)


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


def _has_doubtful_values(table: pa.Table, data: Data) -> bool:
    """True if pyarrow may have taken what we refuse: hexadecimal integers, infinities, far-off years."""
    if any(pa.types.is_integer(kind) for kind in table.schema.types) and _may_hold_hexadecimal(data):
        return True
    for column in table.columns:
        if pa.types.is_floating(column.type) and pc.all(pc.is_finite(column)).as_py() is False:
            return True
        if pa.types.is_timestamp(column.type) and pc.all(_is_in_calendar(column)).as_py() is False:
            return True
    return False


def _may_hold_hexadecimal(data: Data) -> bool:
    cells = np.frombuffer(data, np.uint8)
    marks = find_bytes(data, b"xX")
    marks = marks[cells[marks - 1] == _ZERO]
    return bool(((marks < _AT_THE_START) | _BEFORE_A_CELL[cells[marks - 2]]).any())


def _is_in_calendar(times: pa.ChunkedArray) -> pa.ChunkedArray:
    lowest, highest = (pa.scalar(bound, pa.int64()).cast(times.type) for bound in _CALENDAR_MICROSECONDS)
    return pc.and_(pc.greater_equal(times, lowest), pc.less_equal(times, highest))


def _completed(table: pa.Table, columns: Sequence[ColumnFacts], unknown: Collection[str]) -> TypedRows:
    typed = TypedRows(table, unknown={name: _array(table[name]) for name in unknown})
    arrays = [_column(typed, facts) for facts in columns]
    fields = [pa.field(facts.name, facts.arrow_type) for facts in columns]
    typed.table = pa.table(arrays, schema=pa.schema(fields))
    return typed


def _column(typed: TypedRows, facts: ColumnFacts) -> pa.Array:
    if facts.name not in typed.table.column_names:
        return pa.nulls(typed.table.num_rows, facts.arrow_type)
    column = _array(typed.table[facts.name])
    if column.type != facts.arrow_type:
        column = _cast_carefully(typed, column, facts)
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


def _cast_carefully(typed: TypedRows, texts: pa.Array, facts: ColumnFacts) -> pa.Array:
    prepared = _prepared(texts, facts.arrow_type)
    cast = _cast_prepared(prepared, facts.arrow_type)
    indices = np.flatnonzero(pc.and_(pc.is_valid(texts), pc.is_null(cast)).to_numpy(zero_copy_only=False))
    if indices.size:
        reason = _reason(facts.arrow_type)
        typed.refused.append(RefusedCells(facts.name, indices, texts.take(pa.array(indices)), reason))
    if not prepared.equals(texts):
        typed.cast_carefully.add(facts.name)
    if pa.types.is_timestamp(facts.arrow_type):
        is_naive = pc.and_(pc.is_valid(cast), pc.match_substring_regex(texts, _NAIVE_TIME))
        if naive_count := pc.sum(is_naive).as_py():
            typed.naive_times[facts.name] += naive_count
    return cast


def _reason(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "not a date and time of ISO 8601"
    return "not a whole number of 64 bits" if pa.types.is_integer(kind) else "not a finite decimal number"


def _prepared(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """The texts as pyarrow reads them, null where their form is not the kind's."""
    if pa.types.is_timestamp(kind):
        return _prepared_times(texts)
    return _prepared_integers(texts) if pa.types.is_integer(kind) else _prepared_numbers(texts)


def _cast_prepared(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    cast = _cast_or_null(texts, kind)
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(cast), cast, pa.scalar(None, kind))
    if pa.types.is_timestamp(kind):
        return pc.if_else(_is_in_calendar(cast), cast, pa.scalar(None, kind))
    return cast


def _prepared_times(texts: pa.Array) -> pa.Array:
    kept = _only(texts, _TIME)
    kept = pc.replace_substring_regex(kept, r"(\.\d{6})\d+", r"\1")
    return pc.if_else(pc.match_substring_regex(kept, _NAIVE_TIME), pc.binary_join_element_wise(kept, "Z", ""), kept)


def _prepared_integers(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(_only(pc.utf8_trim(texts, " \t"), _INTEGER), r"\.0+$", "")


def _prepared_numbers(texts: pa.Array) -> pa.Array:
    return _only(pc.utf8_trim(texts, " \t"), _NUMBER)


def _only(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(texts, pattern), texts, pa.scalar(None, texts.type))


def _cast_or_null(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast; what does not cast, which is rare once the pattern holds (30 February), becomes null."""
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, kind)
    encoded = texts.dictionary_encode()
    if len(encoded.dictionary) < len(texts):
        return _cast_or_null(encoded.dictionary, kind).take(encoded.indices)
    half = len(texts) // 2
    return pa.concat_arrays([_cast_or_null(texts[:half], kind), _cast_or_null(texts[half:], kind)])
