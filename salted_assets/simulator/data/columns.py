"""Columns of a file, all rows at once: text made from numbers, and the columns of a dataset together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.simulator.data.randomness import Flags, Integers, Keys, linked
from salted_assets.simulator.data.windows import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

Characters = npt.NDArray[np.uint8]


def _table(texts: Sequence[str]) -> Characters:
    return np.array([list(text.encode()) for text in texts], np.uint8)


_TWO_DIGITS = _table([f"{number:02d}" for number in range(100)])
_THREE_DIGITS = _table([f"{number:03d}" for number in range(1_000)])
_HEX_OF_BYTE = _table([f"{number:02x}" for number in range(256)]).view(np.uint16).ravel()
_SECONDS_FORM = np.frombuffer(b"0000-00-00T00:00:00Z", np.uint8)
_MS_FORM = np.frombuffer(b"0000-00-00T00:00:00.000Z", np.uint8)
_UUID_FORM = np.frombuffer(b"00000000-0000-4000-a000-000000000000", np.uint8)


def iso_second_texts(moments_ms: Integers, where: Flags | None = None) -> pa.Array:
    """ISO 8601 with second precision and `Z`, the precision that the vendor takes at ingest; null but `where` true."""
    return _fixed(_iso_characters(moments_ms, where, _SECONDS_FORM), where)


def iso_ms_texts(moments_ms: Integers) -> pa.Array:
    """ISO 8601 with milliseconds and `Z`."""
    characters = _iso_characters(moments_ms, None, _MS_FORM)
    characters[:, 20:23] = _THREE_DIGITS[moments_ms % SECOND_MS]
    return _fixed(characters, None)


def uuid_texts(keys: Keys, children: Integers | int, where: Flags | None = None) -> pa.Array:
    """The UUIDs of the children with these numbers, one of each key; null but `where` true."""
    low = linked(keys, children)
    low ^= low >> np.uint64(29)
    high_digits, low_digits = _hex_characters(keys), _hex_characters(low)
    characters = np.tile(_UUID_FORM, (len(keys), 1))
    characters[:, :8] = high_digits[:, :8]
    characters[:, 9:13] = high_digits[:, 8:12]
    characters[:, 15:18] = high_digits[:, 13:]
    characters[:, 20:23] = low_digits[:, 1:4]
    characters[:, 24:] = low_digits[:, 4:]
    return _fixed(characters, where)


def hex_texts(keys: Keys) -> pa.Array:
    """16 hexadecimal digits each."""
    return _fixed(_hex_characters(keys), None)


def digit_texts(numbers: Integers | Keys, width: int, where: Flags | None = None) -> pa.Array:
    """Decimal digits with zeros in front up to `width`; null but `where` true."""
    return pc.ascii_lpad(plain(numbers, where).cast(pa.string()), width, "0")


def coded(codes: Integers, values: tuple[str | None, ...]) -> pa.Array:
    """The value at each code, dictionary-encoded; a negative code is null, and so is a value of None."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, _values(values), safe=False)


def plain(values: npt.NDArray[Any], where: Flags | None = None) -> pa.Array:
    """Numbers as they are; null but `where` true."""
    return pa.array(values, mask=None if where is None else ~where)


def joined(*parts: pa.Array | str) -> pa.Array:
    """The parts of each row in one text; null where a part is null."""
    return pc.binary_join_element_wise(*[_decoded(part) for part in parts], "")


def chosen(where: Flags, yes: pa.Array | str | None, no: pa.Array | str | None) -> pa.Array:
    """`yes` where the flag is set, else `no`."""
    return pc.if_else(pa.array(where), _decoded(yes), _decoded(no))


def _decoded(part: pa.Array | str | None) -> Any:
    if part is None or isinstance(part, str):
        return pa.scalar(part, pa.string())
    return part.dictionary_decode() if pa.types.is_dictionary(part.type) else part


@lru_cache(maxsize=256)
def _values(values: tuple[str | None, ...]) -> pa.Array:
    return pa.array(values, pa.string())


def _iso_characters(moments_ms: Integers, where: Flags | None, form: Characters) -> Characters:
    known = moments_ms if where is None else moments_ms[where]
    first_ms, last_ms = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    moments = np.clip(moments_ms, first_ms, last_ms)
    characters = np.tile(form, (len(moments), 1))
    first_day = first_ms // DAY_MS
    characters[:, :10] = _date_characters(first_day, last_ms // DAY_MS)[moments // DAY_MS - first_day]
    for index, (unit_ms, limit) in ((11, (HOUR_MS, 24)), (14, (MINUTE_MS, 60)), (17, (SECOND_MS, 60))):
        characters[:, index : index + 2] = _TWO_DIGITS[moments // unit_ms % limit]
    return characters


@lru_cache(maxsize=256)
def _date_characters(first_day: int, last_day: int) -> Characters:
    days = np.arange(first_day, last_day + 1).astype("datetime64[D]")
    return _table([str(day) for day in days])


def _hex_characters(keys: Keys) -> Characters:
    return _HEX_OF_BYTE.take(keys.astype(">u8").view(np.uint8)).view(np.uint8).reshape(len(keys), 16)


def _fixed(characters: Characters, where: Flags | None) -> pa.Array:
    """Texts of one width, a row of the matrix each."""
    count, width = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    valid = None if where is None else pa.py_buffer(np.packbits(where, bitorder="little"))
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(characters), valid)


@dataclass(frozen=True)
class Rows:
    """Columns by name, and when each row last changed; a column that is not here is null."""

    columns: Mapping[str, pa.Array]
    updated_ms: Integers

    def __len__(self) -> int:
        return len(self.updated_ms)
