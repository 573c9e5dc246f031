"""A byte stream cut into chunks of whole records, by the parity of quotes.

Where quotes are unbalanced a cut is only a guess; the caller that finds it wrong gives the chunks back and reads on
from `buffered`.
"""

from collections.abc import Sequence

import pyarrow as pa

from salted_assets.ingest.contract import MAX_RECORD_BYTES, Source
from salted_assets.ingest.scan import Data, count_bytes

_READ_BYTES = 1 << 18
_GROWTH_BYTES = 1 << 24
_TAIL_BYTES = 1 << 16


class BoundedLines:
    """A stream whose lines end soon after the length at which no record counts as one; what is beyond is passed by.

    The quotes that are passed by are made up for, so that those behind them keep their sense.
    """

    def __init__(self, stream: Source) -> None:
        self._stream = stream
        self._held = b""
        self._line_size = 0
        self._passed_quotes: int | None = None

    def read(self, size: int, /) -> bytes:
        """At most so many of the next bytes; none at the end."""
        while not self._held:
            data = self._stream.read(size)
            if not data:
                return self._end_line()
            self._held = self._bounded(data)
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def _bounded(self, data: bytes) -> bytes:
        ended = b""
        if self._passed_quotes is not None:
            newline = data.find(b"\n")
            self._passed_quotes += data.count(b'"', 0, newline if newline >= 0 else len(data))
            if newline < 0:
                return b""
            ended, data = self._end_line(), data[newline:]
        line_start = data.rfind(b"\n") + 1
        self._line_size = len(data) - line_start + (0 if line_start else self._line_size)
        if (excess := self._line_size - MAX_RECORD_BYTES - 1) > 0:
            kept = max(len(data) - excess, line_start)
            self._passed_quotes = data.count(b'"', kept)
            data = data[:kept]
        return ended + data

    def _end_line(self) -> bytes:
        quotes, self._passed_quotes, self._line_size = self._passed_quotes, None, 0
        return b'"' * ((quotes or 0) % 2)


class ChunkReader:
    """Cuts a stream that stands at the start of a record into chunks of about `chunk_bytes`."""

    def __init__(self, stream: Source, chunk_bytes: int) -> None:
        self._stream = stream
        self._chunk_bytes = chunk_bytes
        self._held = b""
        self._at_end = False

    def next_chunk(self) -> pa.Buffer | None:
        """The next chunk, or None at the end.

        It ends after the last line end outside quotes; without one it grows to twice its size, and so on, up to the
        length at which a record no longer counts as one. Then it is cut anywhere, and ends without a line end.
        """
        size = self._chunk_bytes
        while True:
            known = self._held
            chunk = pa.allocate_buffer(size)
            filled = self._fill(memoryview(chunk).cast("B"))
            if self._at_end and len(known) <= size:
                self._held = b""
                return chunk.slice(0, filled) if filled else None
            cut = last_record_end(chunk.slice(0, filled))
            if not cut and size > MAX_RECORD_BYTES:
                cut = self._chunk_bytes
            self._held = bytes(chunk.slice(cut, filled - cut)) + known[size:]
            if cut:
                return chunk.slice(0, cut)
            size = min(2 * size, MAX_RECORD_BYTES + 1)

    def give_back(self, chunks: Sequence[Data]) -> None:
        """Put bytes back in front, to be read again."""
        self._held = b"".join((*chunks, self._held))

    def buffered(self) -> bytes:
        """Take out all bytes read so far, at least a chunk's worth unless the stream ends."""
        self._hold(self._chunk_bytes)
        data, self._held = self._held, b""
        return data

    def extended(self, data: bytes) -> bytes:
        """The bytes given and more behind them, from a chunk to as many again; no more at the end of the stream."""
        self._hold(max(min(len(data), _GROWTH_BYTES), self._chunk_bytes))
        more, self._held = self._held, b""
        return data + more

    def _hold(self, size: int) -> None:
        parts = [self._held]
        missing = size - len(self._held)
        while missing > 0 and not self._at_end:
            parts.append(self._read(missing))
            missing -= len(parts[-1])
        self._held = b"".join(parts)

    def _fill(self, chunk: memoryview) -> int:
        """Copy into the chunk what is held, and what can be read as far as there is room; gives the bytes in it."""
        filled = min(len(self._held), len(chunk))
        chunk[:filled] = self._held[:filled]
        while filled < len(chunk) and not self._at_end:
            part = self._read(min(len(chunk) - filled, _READ_BYTES))
            chunk[filled : filled + len(part)] = part
            filled += len(part)
        return filled

    def _read(self, size: int) -> bytes:
        part = self._stream.read(size)
        self._at_end = not part
        return part


def last_record_end(data: Data) -> int:
    """The position after the last line end that has an even number of quotes before it; 0 if there is none."""
    odd = count_bytes(data, b'"') % 2
    for start in (max(len(data) - _TAIL_BYTES, 0), 0):
        if end := _last_record_end(bytes(data[start:]), odd):
            return start + end
    return 0


def _last_record_end(data: bytes, odd: int) -> int:
    end = len(data)
    while (newline := data.rfind(b"\n", 0, end)) >= 0:
        odd ^= data.count(b'"', newline, end) % 2
        if not odd:
            return newline + 1
        end = max(data.rfind(b'"', 0, newline), 0)
        odd = 0
    return 0
