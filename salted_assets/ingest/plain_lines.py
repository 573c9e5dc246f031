"""Lines in which only commas and line ends have a sense, found many at once: each of them is a record."""

from dataclasses import dataclass

import numpy as np

_LAST_OF_ASCII = 0x7F
_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'


@dataclass(frozen=True)
class PlainLines:
    """The start, the end behind the line end, and the number of fields of each line that is not blank.

    They fill the first `byte_count` bytes, with blank lines between them.
    """

    extents: list[tuple[int, int, int]]
    byte_count: int


def find_plain_lines(data: bytes) -> PlainLines:
    """The whole lines, from the first byte on, up to one that holds a quote, a lone return, NUL or more than ASCII."""
    cells = np.frombuffer(data, np.uint8)
    is_plain = (cells != _QUOTE) & (cells != 0) & (cells <= _LAST_OF_ASCII)
    is_plain[:-1] &= (cells[:-1] != _RETURN) | (cells[1:] == _NEWLINE)
    size = data.rfind(b"\n", 0, len(data) if is_plain.all() else int(is_plain.argmin())) + 1
    ends = np.flatnonzero(cells[:size] == _NEWLINE) + 1
    starts = np.concatenate([np.zeros(1, np.int64), ends])[: ends.size]
    commas = np.searchsorted(np.flatnonzero(cells[:size] == _COMMA), ends)
    field_counts = np.diff(commas, prepend=0) + 1
    content_ends = ends - 1 - (cells[np.maximum(ends - 2, 0)] == _RETURN)
    is_filled = content_ends > starts
    return PlainLines(
        list(zip(*(each[is_filled].tolist() for each in (starts, ends, field_counts)), strict=True)), size
    )
