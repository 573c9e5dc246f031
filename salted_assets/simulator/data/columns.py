"""Columns of a file, all rows at once: text made from numbers, and the columns of a dataset together."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Keys, linked, number_of
from salted_assets.simulator.data.windows import SECOND_MS

Characters = npt.NDArray[np.uint8]
Columns = dict[str, pa.Array]

_DAY_SECONDS = 86_400
_DIGITS = np.frombuffer("".join(f"{number:03}" for number in range(1000)).encode(), np.uint8).reshape(-1, 3)
_COLON = np.full((_DAY_SECONDS, 1), ord(":"), np.uint8)
_ISO_SECOND, _ISO_MS = (
    np.frombuffer(form, np.uint8) for form in (b"0000-00-00T00:00:00Z", b"0000-00-00T00:00:00.000Z")
)
_HEX_OF_BYTE = np.frombuffer("".join(f"{number:02x}" for number in range(256)).encode(), np.uint16)
_UUID_FORM = np.frombuffer(b"00000000-0000-4000-a000-000000000000", np.uint8)


def iso_second_texts(moments_ms: Integers, where: Flags | None = None) -> pa.Array:
    """ISO 8601 with second precision and `Z`, the precision that the vendor takes at ingest; null but `where` true."""
    # in place of one that is null any that is not, so that the days are few
    known = moments_ms if where is None else np.where(where, moments_ms, moments_ms[where][:1].sum())
    return _fixed(_iso_characters(known, _ISO_SECOND), where)


def iso_ms_texts(moments_ms: Integers) -> pa.Array:
    """ISO 8601 with milliseconds and `Z`."""
    characters = _iso_characters(moments_ms, _ISO_MS)
    characters[:, 20:23] = _DIGITS.take(moments_ms % SECOND_MS, axis=0)
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


@lru_cache(maxsize=65_536)
def pid_of(*parts: str | int) -> str:
    """The permanent identifier, a UUID, that belongs to `parts`."""
    return str(uuid_texts(np.array([number_of(*parts)], np.uint64), 0)[0])


def hex_texts(keys: Keys) -> pa.Array:
    """16 hexadecimal digits each."""
    return _fixed(_hex_characters(keys), None)


def digit_texts(numbers: Integers | Keys, width: int, where: Flags | None = None) -> pa.Array:
    """Decimal digits with zeros in front up to `width`; null but `where` true."""
    return pc.ascii_lpad(_text(plain(numbers, where)), width, "0")


def coded(codes: Integers | Flags, values: tuple[str | None, ...], where: Flags | None = None) -> pa.Array:
    """The value at each code, or those of no and yes, dictionary-encoded; null at a negative code and but `where` true.

    A value of None is null too.
    """
    indices = pa.array(codes.astype(np.int32), mask=codes < 0 if where is None else ~where)
    return pa.DictionaryArray.from_arrays(indices, _values(values), safe=False)


def picked(dice: Dice, name: str, values: tuple[str | None, ...], where: Flags | None = None) -> pa.Array:
    """One of the values for each, by the draw of this name; null but `where` true."""
    return coded(dice.between(name, 0, len(values)), values, where)


def plain(values: npt.NDArray[Any], where: Flags | None = None) -> pa.Array:
    """Numbers as they are; null but `where` true."""
    return pa.array(values, mask=None if where is None else ~where)


def joined(*parts: pa.Array | str) -> pa.Array:
    """The parts of each row in one text; null where a part is null."""
    return pc.binary_join_element_wise(*[_text(part) for part in parts], "")


def chosen(where: Flags, yes: pa.Array | str | None, no: pa.Array | str | None) -> pa.Array:
    """`yes` where the flag is set, else `no`."""
    return pc.if_else(pa.array(where), _text(yes), _text(no))


def _text(part: pa.Array | str | None) -> Any:
    return part.cast(pa.string()) if isinstance(part, pa.Array) else pa.scalar(part, pa.string())


@lru_cache(maxsize=256)
def _values(values: tuple[str | None, ...]) -> pa.Array:
    return pa.array(values, pa.string())


def _iso_characters(moments_ms: Integers, form: Characters) -> Characters:
    """The form with day and time of each moment; of the few days there are each is written once."""
    seconds = moments_ms // SECOND_MS
    days = seconds // _DAY_SECONDS
    first, last = (days.min(), days.max()) if len(days) else (0, 0)
    every = np.arange(first, last + 1).astype("datetime64[D]").astype("S10")
    characters = np.tile(form, (len(days), 1))
    characters[:, :10] = every.view(np.uint8).reshape(-1, 10).take(days - first, axis=0)
    characters[:, 11:19] = _times_of_day().take(seconds - days * _DAY_SECONDS, axis=0)
    return characters


@lru_cache(maxsize=1)
def _times_of_day() -> Characters:
    """The characters of each second of a day."""
    hours, minutes, seconds = np.unravel_index(np.arange(_DAY_SECONDS), (24, 60, 60))
    return np.hstack([_DIGITS[hours, 1:], _COLON, _DIGITS[minutes, 1:], _COLON, _DIGITS[seconds, 1:]])


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

    columns: Columns
    updated_ms: Integers

    def __len__(self) -> int:
        return len(self.updated_ms)
