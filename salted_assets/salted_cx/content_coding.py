"""Content codings (RFC 9110, 8.4): which ones a response has, and how they are undone as a stream.

None is asked for, and one comes all the same where a store keeps files compressed or a proxy compresses them.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping

NO_CODINGS = frozenset({"", "identity", "none", "utf-8", "utf8", "aws-chunked", "chunked"})
"""Words that are sent as content codings and say nothing of the body: a charset, a way of uploading, nothing."""

_KNOWN_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_NAMES = _KNOWN_CODINGS | {"br", "zstd", "compress"}
_PIECE_BYTES = 1 << 20
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 31, 15, -15


class CodingError(Exception):
    """A body that cannot be decoded; the message says why, in words that hold nothing of it."""


def read_codings(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The codings of a body, in the order in which they were applied; none for words that are no codings.

    A word that is no coding's name either is given as "unknown", never as it came.

    >>> read_codings({"content-encoding": "aws-chunked, GZIP"})
    ('gzip',)
    """
    words = (word.strip().lower() for word in headers.get("content-encoding", "").split(","))
    return tuple(word if word in _NAMES else "unknown" for word in words if word not in NO_CODINGS)


def find_unknown(codings: tuple[str, ...]) -> str | None:
    """A coding that is not read here, if there is one."""
    return next((coding for coding in codings if coding not in _KNOWN_CODINGS), None)


class Decoder:
    """Undoes codings that are known piece by piece, in pieces of at most 1 MiB whatever they were compressed to."""

    def __init__(self, codings: tuple[str, ...]) -> None:
        self._stages = [_build_stage(coding) for coding in reversed(codings)]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decoded bytes as far as these go. Raises CodingError."""
        pieces: Iterator[bytes] = iter((data,))
        for stage in self._stages:
            pieces = _feed_all(stage, pieces)
        return pieces

    @property
    def is_complete(self) -> bool:
        """Whether the encoded body has come to its end."""
        return all(stage.is_complete for stage in self._stages)


def decode_body(body: bytes, codings: tuple[str, ...], longest_bytes: int) -> bytes:
    """A whole body decoded, as much of it as `longest_bytes` and one more. Raises CodingError."""
    if find_unknown(codings):
        raise CodingError("its content coding is not read here")
    decoder, decoded = Decoder(codings), bytearray()
    for piece in decoder.feed(body):
        decoded += piece
        if len(decoded) > longest_bytes:
            return bytes(decoded[: longest_bytes + 1])
    if not decoder.is_complete:
        raise CodingError("it ends in the middle of compressed data")
    return bytes(decoded)


class _Stage:
    """One coding of the zlib family, of as many members as come."""

    def __init__(self, choose_bits: Callable[[bytes], int]) -> None:
        self._choose_bits = choose_bits
        self._member = zlib.decompressobj()
        self.is_complete = True
        """Whether the last member came to its end; so it is before anything came."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self.is_complete:
                # zeros may pad what is before them
                data = data.lstrip(b"\0") if self._member.eof else data
                if not data:
                    return
                self._member = zlib.decompressobj(self._choose_bits(data))
                self.is_complete = False
            yield from self._inflate(data)
            data = self._member.unused_data

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        piece = b""
        while data or len(piece) == _PIECE_BYTES:
            try:
                piece = self._member.decompress(data, _PIECE_BYTES)
            except zlib.error:
                raise CodingError("what should be compressed data is damaged, or is none") from None
            if piece:
                yield piece
            data = self._member.unconsumed_tail
            if self._member.eof:
                self.is_complete = True
                return


def _feed_all(stage: _Stage, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from stage.feed(piece)


def _build_stage(coding: str) -> _Stage:
    if coding == "deflate":
        # some senders leave out the header that the name promises
        return _Stage(lambda data: _ZLIB_BITS if data[0] & 0x0F == zlib.DEFLATED else _RAW_BITS)
    return _Stage(lambda _: _GZIP_BITS)
