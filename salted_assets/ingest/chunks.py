"""A byte stream cut into chunks of whole records, by the parity of quotes.

Here: reading, cutting, giving back. Not here: whether the records are any good; where quotes are unbalanced a cut is
only a guess, and whoever finds that out gives the chunks back and reads on from `buffered`.
"""

from collections.abc import Sequence
from typing import BinaryIO

from salted_assets.ingest.contract import MAX_RECORD_BYTES
from salted_assets.ingest.scan import count_bytes


class ChunkReader:
    """Cuts a stream that stands at the start of a record into chunks of about `chunk_bytes`."""

    def __init__(self, stream: BinaryIO, chunk_bytes: int) -> None:
        self._stream = stream
        self._chunk_bytes = chunk_bytes
        self._held = b""
        self._at_end = False

    def next_chunk(self) -> bytes | None:
        """The next chunk, or None at the end.

        It ends after the last line end outside quotes; without one it grows to twice its size, and so on, up to the
        length at which a record no longer counts as one. Then it is cut anywhere, and ends without a line end.
        """
        size = self._chunk_bytes
        while True:
            self._hold(size)
            if len(self._held) <= size and self._at_end:
                chunk, self._held = self._held, b""
                return chunk or None
            cut = last_record_end(self._held[:size])
            if cut or size > MAX_RECORD_BYTES:
                cut = cut or self._chunk_bytes
                chunk, self._held = self._held[:cut], self._held[cut:]
                return chunk
            size = min(2 * size, MAX_RECORD_BYTES + 1)

    def give_back(self, chunks: Sequence[bytes]) -> None:
        """Put bytes back in front, to be read again."""
        self._held = b"".join((*chunks, self._held))

    def buffered(self) -> bytes:
        """Take out all bytes read so far, at least a chunk's worth unless the stream ends."""
        self._hold(self._chunk_bytes)
        data, self._held = self._held, b""
        return data

    def extended(self, data: bytes) -> bytes:
        """The bytes given, with as many again or at least a chunk behind them; no more at the end of the stream."""
        self._hold(max(len(data), self._chunk_bytes))
        more, self._held = self._held, b""
        return data + more

    def _hold(self, size: int) -> None:
        pieces = [self._held]
        missing = size - len(self._held)
        while missing > 0 and not self._at_end:
            piece = self._stream.read(missing)
            self._at_end = not piece
            pieces.append(piece)
            missing -= len(piece)
        self._held = b"".join(pieces)


def last_record_end(data: bytes) -> int:
    """The place after the last line end that has an even number of quotes before it; 0 if there is none."""
    end = len(data)
    odd = count_bytes(data, b'"') % 2
    while (newline := data.rfind(b"\n", 0, end)) >= 0:
        odd ^= data.count(b'"', newline, end) % 2
        if not odd:
            return newline + 1
        end = max(data.rfind(b'"', 0, newline), 0)
        odd = 0
    return 0
