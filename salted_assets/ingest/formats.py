"""The forms in which numbers and times are read, and the cast of texts that have one of them.

Whole numbers may have a fraction of zeros (`1500.0`) or an exponent (`1.2345678E7`). Numbers are finite decimals. Times
are ISO 8601 with date and time, a blank or `T` between them, then `Z`, `UTC` or an offset, with a blank before it or
none; without a zone they are taken as UTC, digits beyond microseconds are cut off. Blanks and tabs around numbers are
ignored.
"""

import pyarrow as pa
import pyarrow.compute as pc

_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?"
_INSTANT = rf"{_DAY}[T ]{_CLOCK}"
_NAIVE_TIME = rf"^{_INSTANT}$"
_TIME = rf"^{_INSTANT}(?: ?(?:Z|UTC|[+-](?:[01]?\d|2[0-3])(?::?[0-5]\d)?))?$"
_UTC = r" ?UTC$"
_OFFSET = rf"^({_INSTANT}) ?([+-])"
_SHORT_OFFSET = rf"^({_INSTANT}[+-])(\d(?::[0-5]\d|[0-5]\d)?)$"
_INTEGER = r"^-?0*\d{1,19}(?:\.0+)?$"
_SCIENTIFIC_INTEGER = r"^-?\d(?:\.\d{1,15})?[eE][+-]?\d{1,2}$"
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_EXACT_IN_DOUBLES = 2.0**53 - 1
_THOUSANDS = r"^-?\d{1,3}(?:\.\d{3}){2,}$"
_THREE_DECIMALS = r"^-?\d+\.\d{3}$"
_THREE_ZEROS = r"^-?\d+\.000$"


def cast_texts(texts: pa.Array, kind: pa.DataType) -> tuple[pa.Array, bool]:
    """Cast each text as a cell of a column of that type, null where it has none of its forms.

    Also gives whether pyarrow could have read them all as they are.
    """
    prepared = _prepare(texts, kind)
    cast = _cast_or_null(prepared, kind)
    if pa.types.is_floating(kind):
        cast = pc.if_else(pc.is_finite(cast), cast, pa.scalar(None, kind))
    return cast, prepared.equals(texts)


def describe_form(kind: pa.DataType) -> str:
    """Why a text that does not cast is refused."""
    if pa.types.is_timestamp(kind):
        return "not a date and time of ISO 8601"
    return "not a whole number of 64 bits" if pa.types.is_integer(kind) else "not a finite decimal number"


def is_naive_time(texts: pa.Array) -> pa.Array:
    """For each text whether it is a time without a zone."""
    return pc.match_substring_regex(texts, _NAIVE_TIME)


def has_thousands(texts: pa.Array) -> bool:
    """Whether one of the texts of a whole-number column has points that can only separate thousands."""
    trimmed = pc.utf8_trim(texts, " \t")
    is_grouped = pc.match_substring_regex(trimmed, _THOUSANDS)
    is_fraction = pc.match_substring_regex(trimmed, _THREE_DECIMALS)
    is_fraction = pc.and_not(is_fraction, pc.match_substring_regex(trimmed, _THREE_ZEROS))
    return pc.any(pc.or_(is_grouped, is_fraction)).as_py() is True


def has_three_zeros(texts: pa.Array) -> pa.Array:
    """For each text whether it ends with a fraction of three zeros, which could also be thousands."""
    return pc.match_substring_regex(pc.utf8_trim(texts, " \t"), _THREE_ZEROS)


def _prepare(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """The texts as pyarrow reads them, null where their form is not the kind's."""
    if pa.types.is_timestamp(kind):
        return _prepare_times(texts)
    trimmed = pc.utf8_trim(texts, " \t")
    return _prepare_integers(trimmed) if pa.types.is_integer(kind) else _only(trimmed, _NUMBER)


def _prepare_times(texts: pa.Array) -> pa.Array:
    kept = _only(texts, _TIME)
    kept = pc.replace_substring_regex(kept, r"(\.\d{6})\d+", r"\1")
    kept = pc.replace_substring_regex(kept, _UTC, "Z")
    kept = pc.replace_substring_regex(kept, " Z$", "Z")
    kept = pc.replace_substring_regex(kept, _OFFSET, r"\1\2")
    kept = pc.replace_substring_regex(kept, _SHORT_OFFSET, r"\10\2")
    return pc.if_else(is_naive_time(kept), pc.binary_join_element_wise(kept, "Z", ""), kept)


def _prepare_integers(texts: pa.Array) -> pa.Array:
    plain = pc.replace_substring_regex(_only(texts, _INTEGER), r"\.0+$", "")
    return pc.coalesce(plain, _prepare_scientific(_only(texts, _SCIENTIFIC_INTEGER)))


def _prepare_scientific(texts: pa.Array) -> pa.Array:
    """Whole numbers with an exponent in plain digits, as far as a double holds them exactly."""
    if texts.null_count == len(texts):
        return texts
    numbers = texts.cast(pa.float64())
    is_whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less_equal(pc.abs(numbers), _EXACT_IN_DOUBLES))
    return pc.if_else(is_whole, numbers, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.string())


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
