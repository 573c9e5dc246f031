"""What has arrived of one file, and whether it is the file.

Length, checksum and ranges are those of the bytes on the wire; the sink gets them decoded.
"""

import hashlib
import re
from base64 import b64decode
from binascii import Error as Base64Error
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from salted_assets.salted_cx.content_coding import CodingError, Decoder, find_unknown, read_codings
from salted_assets.salted_cx.exceptions import DownloadCorrupted, DownloadInterrupted, DownloadRefused, DownloadTooLarge
from salted_assets.salted_cx.transport import Delivery

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")
_PLAIN_MD5 = re.compile(r'"([0-9a-fA-F]{32})"')
_MD5_BYTES = 16
_PAGE_TYPES = ("text/html", "text/xml", "application/xml", "application/xhtml+xml")
_HEAD_BYTES = 64


class Sink(Protocol):
    """Where one file's bytes go; used by one thread."""

    def write(self, data: bytes) -> object:
        """Take the next bytes."""

    def restart(self) -> None:
        """Forget everything written so far: the file begins again."""


@dataclass(frozen=True)
class EncodedBody:
    """A file as it was sent, where that is not what the sink got: its codings, its bytes, their hash (hex)."""

    codings: tuple[str, ...]
    byte_count: int
    sha256: str


class PartialFile:
    """One file as far as it has arrived.

    `byte_count` decoded bytes are in the sink. `resumed_count` counts the responses that went on where another was cut.
    """

    def __init__(self, sink: Sink, *, dataset: str, export_id: str, longest_bytes: int) -> None:
        self._sink = sink
        self._name = f"the file of {dataset}"
        self._export_id = export_id
        self._longest_bytes = longest_bytes
        self.resumed_count = 0
        self._forget()

    def _forget(self) -> None:
        self.byte_count = 0
        self._wire_count = 0
        self._whole_bytes: int | None = None
        self._etag: str | None = None
        self._promised_md5: str | None = None
        self._wire_md5 = hashlib.md5(usedforsecurity=False)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._wire_sha256 = hashlib.sha256()
        self._sha256 = hashlib.sha256()
        self._codings: tuple[str, ...] = ()
        self._decoder = Decoder(())
        self._head = b""

    @property
    def encoded(self) -> EncodedBody | None:
        """The file as it was sent, where it came encoded."""
        return EncodedBody(self._codings, self._wire_count, self._wire_sha256.hexdigest()) if self._codings else None

    @property
    def sha256(self) -> str:
        """The hex digest of what has arrived."""
        return self._sha256.hexdigest()

    @property
    def has_md5(self) -> bool:
        """Say whether the store sent an MD5 of the whole file."""
        return self._promised_md5 is not None

    def restart(self) -> None:
        """Begin again, in the sink as well."""
        if self.byte_count:
            self._sink.restart()
        self._forget()

    def build_range_headers(self) -> dict[str, str]:
        """Give the headers that ask for the rest alone; empty when the whole file is to be asked for.

        Only a strong ETag proves that the rest belongs to what is here (RFC 9110, 13.1.5); without one the file
        is asked for from its beginning. Ranges are of the encoded bytes.
        """
        if not self._wire_count or self._etag is None:
            return {}
        return {"Range": f"bytes={self._wire_count}-", "If-Range": self._etag}

    def begin(self, delivery: Delivery) -> None:
        """Take note of what a response 200 or 206 is about to bring.

        Raises DownloadRefused for what could never be verified, DownloadTooLarge, and DownloadInterrupted (after a
        restart) for a part that does not continue what is here.
        """
        headers = delivery.headers
        if headers.get("content-type", "").lower().startswith(_PAGE_TYPES):
            raise self._build_page_error()
        if delivery.status == HTTPStatus.PARTIAL_CONTENT:
            self._continue(headers)
        else:
            self.restart()
            self._begin_whole(headers)
        if not delivery.has_length and not self.has_md5:
            raise DownloadRefused(
                f"{self._name} came without length and checksum, so that a cut would look like its end",
                export_id=self._export_id,
            )
        self._check_size(self._whole_bytes or 0)

    def _begin_whole(self, headers: Mapping[str, str]) -> None:
        self._codings = read_codings(headers)
        if unknown := find_unknown(self._codings):
            raise DownloadRefused(
                f"{self._name} came in the content coding {unknown}, which is not read here", export_id=self._export_id
            )
        self._decoder = Decoder(self._codings)
        length = headers.get("content-length", "")
        self._whole_bytes = int(length) if length.isdecimal() else None
        self._etag = _read_strong_etag(headers)
        self._promised_md5 = _read_md5(headers)

    def _continue(self, headers: Mapping[str, str]) -> None:
        found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
        whole = None if found is None or found[2] == "*" else int(found[2])
        etag = _read_strong_etag(headers)
        fits = (
            found is not None
            and bool(self.build_range_headers())
            and int(found[1]) == self._wire_count
            and read_codings(headers) == self._codings
            and (whole is None or self._whole_bytes in {None, whole})
            and etag in {None, self._etag}
        )
        if not fits:
            self.restart()
            raise DownloadInterrupted(f"a part came that does not continue {self._name}", export_id=self._export_id)
        self._whole_bytes = whole if self._whole_bytes is None else self._whole_bytes
        self.resumed_count += 1

    def take(self, piece: bytes) -> None:
        """Write the next bytes. Raises DownloadTooLarge, DownloadCorrupted, and whatever the sink raises."""
        self._check_size(self._wire_count + len(piece))
        self._wire_count += len(piece)
        self._wire_md5.update(piece)
        if not self._codings:
            self._write(piece)
            return
        self._wire_sha256.update(piece)
        if problem := self._decode(piece):
            raise self._corrupted(problem)

    def _decode(self, piece: bytes) -> str | None:
        """What is wrong with it, as a value: no other exception is to hang on the one that is raised."""
        try:
            for decoded in self._decoder.feed(piece):
                self._write(decoded)
        except CodingError as error:
            return str(error)
        return None

    def _write(self, decoded: bytes) -> None:
        self._check_size(self.byte_count + len(decoded))
        self._check_head(decoded)
        self._sink.write(decoded)
        self.byte_count += len(decoded)
        self._sha256.update(decoded)
        if self._codings:
            self._md5.update(decoded)

    def _check_head(self, decoded: bytes) -> None:
        """Refuse a page that is called a file: no CSV begins with a tag."""
        if len(self._head) < _HEAD_BYTES:
            self._head += decoded[:_HEAD_BYTES]
            if self._head.removeprefix(BOM_UTF8).lstrip()[:1] == b"<":
                self.restart()
                raise self._build_page_error()

    def _build_page_error(self) -> DownloadInterrupted:
        return DownloadInterrupted(f"a page of HTML or XML came instead of {self._name}", export_id=self._export_id)

    def _corrupted(self, problem: str) -> DownloadCorrupted:
        count = self._wire_count
        self.restart()
        return DownloadCorrupted(f"{self._name} came with {count} bytes, but {problem}", export_id=self._export_id)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._longest_bytes:
            raise DownloadTooLarge(
                f"{self._name} is larger than the limit of {self._longest_bytes} bytes", export_id=self._export_id
            )

    def finish(self) -> None:
        """Verify what has arrived as the whole file.

        Raises DownloadInterrupted for a wrong length and DownloadCorrupted for a wrong checksum, both after a restart:
        neither can be mended by more bytes.
        """
        count, whole = self._wire_count, self._whole_bytes
        if whole is not None and count != whole:
            self.restart()
            raise DownloadInterrupted(f"{count} of {whole} bytes of {self._name} came", export_id=self._export_id)
        # a proxy that compresses leaves the checksum of what it compressed
        found = {self._wire_md5.hexdigest(), self._md5.hexdigest()}
        if self._promised_md5 is not None and self._promised_md5 not in found:
            raise self._corrupted("their MD5 is not the one sent with it")
        if not self._decoder.is_complete:
            raise self._corrupted("they end in the middle of compressed data")


def _read_strong_etag(headers: Mapping[str, str]) -> str | None:
    etag = headers.get("etag", "").strip()
    is_strong = len(etag) > len('""') and etag.startswith('"') and etag.endswith('"')
    return etag if is_strong else None


def _read_md5(headers: Mapping[str, str]) -> str | None:
    """Give the MD5 (hex) of the whole file that its headers promise, or None.

    An S3 ETag of 32 hex digits is the MD5, save for a multipart upload (which ends in "-N") and for an object
    encrypted under a key of KMS or of the customer, which the headers tell.
    """
    sent = headers.get("content-md5")
    if sent is not None:
        try:
            digest = b64decode(sent, validate=True)
        except Base64Error:
            digest = b""
        if len(digest) == _MD5_BYTES:
            return digest.hex()
    is_keyed = headers.get("x-amz-server-side-encryption", "").startswith("aws:kms") or (
        "x-amz-server-side-encryption-customer-algorithm" in headers
    )
    found = _PLAIN_MD5.fullmatch(headers.get("etag", "").strip())
    return None if found is None or is_keyed else found[1].lower()
