"""Raw files: written compressed while they are measured, read back as they were delivered."""

import csv
import hashlib
import io
import re
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import zstandard

from salted_assets.landing.exceptions import LandingDamaged

_HEADER_BYTES = 1 << 16
_READ_BYTES = 1 << 17
_LEVEL = 3
_BLANK_LINE = re.compile(rb"(?<=\n)\r?\n")


class RawFileWriter:
    """Takes a file's bytes as they arrive and stores them zstd-compressed at a local path; a context manager.

    After `close`: `byte_count`, `sha256`, `row_count` and `header` describe the plain bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._writer.write(data)
        self._digest.update(data)
        self._rows.add(data)
        self.byte_count += len(data)
        if len(self._head) < _HEADER_BYTES:
            self._head += data[: _HEADER_BYTES - len(self._head)]

    def restart(self) -> None:
        """Forget everything taken so far."""
        self.close()
        self._start()

    def close(self) -> None:
        """Finish the compressed file."""
        self._writer.close()  # type: ignore[no-untyped-call] # zstandard's stubs leave it out

    def open_plain(self) -> BinaryIO:
        """The plain bytes again, once it is closed."""
        return open_raw(self.path.open("rb"), byte_count=self.byte_count, path=self.path.name)

    @property
    def sha256(self) -> str:
        """Hex digest of the plain bytes."""
        return self._digest.hexdigest()

    @property
    def row_count(self) -> int:
        """Data rows: records less the header."""
        return max(self._rows.record_count - 1, 0)

    @property
    def header(self) -> tuple[str, ...]:
        """The first record; empty for an empty file."""
        text = self._head.decode("utf-8-sig", errors="replace")
        return tuple(next(csv.reader(io.StringIO(text, newline="")), ()))

    def _start(self) -> None:
        self._digest = hashlib.sha256()
        self._rows = _RecordCounter()
        self._head = b""
        self.byte_count = 0
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._writer = compressor.stream_writer(self.path.open("wb"), closefd=True)


def open_raw(stored: BinaryIO, *, byte_count: int | None, path: str) -> BinaryIO:
    """The plain bytes of a stored raw file, decompressed as they are read: `byte_count` of them, if that is known.

    Reading raises LandingDamaged naming `path` where the file is cut off, longer, or otherwise not as it was written
    (each file carries a checksum).
    """
    return cast("BinaryIO", io.BufferedReader(_PlainReader(stored, byte_count, path), buffer_size=_READ_BYTES))


class _PlainReader(io.RawIOBase):
    def __init__(self, stored: BinaryIO, byte_count: int | None, path: str) -> None:
        self._plain = zstandard.ZstdDecompressor().stream_reader(stored, closefd=True, read_across_frames=True)
        self._expected, self._path = byte_count, path
        self._byte_count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count = self._plain.readinto(buffer)
        except zstandard.ZstdError:
            raise self._damaged("cannot be decompressed") from None
        self._byte_count += count
        is_over, is_at_end = self._byte_count > (self._expected or 0), not count and len(buffer)
        if self._expected is not None and (is_over or (is_at_end and self._byte_count != self._expected)):
            raise self._damaged(f"does not hold the {self._expected} bytes that its manifest lists")
        return count

    def close(self) -> None:
        if not self.closed:
            self._plain.close()  # type: ignore[no-untyped-call] # zstandard's stubs leave it out
        super().close()

    def _damaged(self, what: str) -> LandingDamaged:
        return LandingDamaged(
            f"{self._path} {what}. Restore it, or materialize raw/export for its day with refresh set."
        )


class _RecordCounter:
    """Counts CSV records in pieces of any size: line ends outside quotes, and a last line without one.

    Lines without anything are none, as they are to who parses the file.
    """

    def __init__(self) -> None:
        self._line_ends = self._blank_lines = 0
        self._is_quoted = False
        self._last = b"\n"

    def add(self, data: bytes) -> None:
        self._blank_lines += self._count_blank(data)
        for index, part in enumerate(data.split(b'"')):
            if index:
                self._is_quoted = not self._is_quoted
            if not self._is_quoted:
                self._line_ends += part.count(b"\n")
        self._last = (self._last + data[-2:])[-2:]

    @property
    def record_count(self) -> int:
        return self._line_ends - self._blank_lines + (not self._last.endswith(b"\n"))

    def _count_blank(self, data: bytes) -> int:
        """The blank lines outside quotes that end in the piece; few files have any, so these are looked for first."""
        seam = self._last + data[:2]
        if not any(ends in part for ends in (b"\n\n", b"\n\r\n") for part in (seam, data)):
            return 0
        text, position = self._last + data, len(self._last)
        count, is_quoted = 0, self._is_quoted
        for blank in _BLANK_LINE.finditer(text):
            # one within the end of the piece before was counted with it
            if (end := blank.end()) > len(self._last):
                is_quoted ^= text.count(b'"', position, end) % 2 == 1
                position = end
                count += not is_quoted
        return count
