"""Where certain bytes stand in a chunk, looked for block by block, which spares memory of the chunk's own size."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa

Data: TypeAlias = bytes | pa.Buffer
"""A chunk as it was read, or bytes where records had to be looked at one by one.

A chunk lies in pyarrow's memory: Python's own is fragmented by a stream of large and short-lived blocks, which
cost 100 MB in a day of 5 million turns.
"""

_BLOCK_BYTES = 1 << 18


def find_bytes(data: Data, wanted: bytes) -> np.ndarray:
    """The positions of all bytes in `data` that are the one wanted, in order."""
    (code,) = wanted
    found = [np.flatnonzero(is_one) + start for start, block in _blocks(data) if (is_one := block == code).any()]
    return np.concatenate([np.empty(0, np.int64), *found])


def find_pairs(data: Data, first: bytes, seconds: bytes) -> np.ndarray:
    """The positions of all bytes in `data` that are the one wanted first, one of `seconds` behind it, in order."""
    (code,) = first
    found = [np.empty(0, np.int64)]
    for start, block in _blocks(data, overlap=1):
        after = block[1:]
        is_one = after == seconds[0]
        for other in seconds[1:]:
            is_one |= after == other
        is_one &= block[:-1] == code
        if is_one.any():
            found.append(np.flatnonzero(is_one) + start)
    return np.concatenate(found)


def count_bytes(data: Data, wanted: bytes) -> int:
    """How many bytes in `data` are the one wanted."""
    (code,) = wanted
    return sum(int(np.count_nonzero(block == code)) for _, block in _blocks(data))


def _blocks(data: Data, overlap: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks with where each begins, and with so many bytes of the next one."""
    cells = np.frombuffer(data, np.uint8)
    for start in range(0, cells.size, _BLOCK_BYTES):
        yield start, cells[start : start + _BLOCK_BYTES + overlap]
