"""Everything that runs left on disk, as text to search. Not here: what is searched for."""

import base64
import binascii
import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import zstandard


def texts_below(folder: Path) -> Iterator[str]:
    """Names and contents of all files, with archives unpacked and values of databases inflated."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield str(path)
        data = path.read_bytes()
        yield data.decode(errors="replace")
        if data.startswith(b"SQLite format 3\0"):
            yield from _texts_in_database(path)
        elif data.startswith(b"\x28\xb5\x2f\xfd"):
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as plain:
                yield plain.read().decode(errors="replace")
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from (name + archive.read(name).decode(errors="replace") for name in archive.namelist())


def _texts_in_database(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield from _inflated(row)


def _inflated(values: Sequence[object]) -> Iterator[str]:
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode()
        yield data.decode(errors="replace")
        for candidate in (data, _from_base64(data)):
            try:
                yield zlib.decompress(candidate, wbits=47).decode(errors="replace")
            except zlib.error:
                continue


def _from_base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return b""
