"""Files as the vendor delivers them, without the records of erased customers: every other byte as it was.

One stream does it, in bounded memory; landing and ingestion each take it in their own form.
"""

import logging
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np

from salted_assets.ingest import EmptyFileError, FilteredSource, IngestError, Source, SplitRecords, split_records
from salted_assets.landing import FileRewrite
from salted_assets.privacy.erasure_filter import KEY_COLUMNS, ErasureFilter
from salted_assets.privacy.register import Register
from salted_assets.schemas import DATASET_MODELS
from salted_assets.warehouse import Warehouse

_COPY_BYTES = 1 << 20
_LOG = logging.getLogger(__name__)


class FilteredStream:
    """The bytes of a dataset's file without erased records. Raises IngestError where it cannot be split into records.

    A record that cannot be read goes, with the lines that belong to it, if a pid of theirs stands in it.
    """

    def __init__(self, source: Source, dataset: str, erasure_filter: ErasureFilter, name: str) -> None:
        self._dataset, self._filter = dataset, erasure_filter
        self._parts = self._read_kept(split_records(source, DATASET_MODELS[dataset], KEY_COLUMNS[dataset], name))
        self._held = memoryview(b"")
        self._ends_in_theirs = False
        self.erased_count = 0

    def read(self, size: int, /) -> bytes:
        """At most so many of the next bytes; none at the end."""
        while not self._held:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._held = memoryview(part)
        taken, self._held = self._held[:size], self._held[size:]
        return bytes(taken)

    def _read_kept(self, chunks: Iterator[SplitRecords]) -> Iterator[bytes]:
        for chunk in chunks:
            gone = self._find_gone(chunk)
            self.erased_count += len(gone)
            start = 0
            for record in gone:
                yield bytes(chunk.data[start : int(chunk.starts[record])])
                start = int(chunk.ends[record])
            yield bytes(chunk.data[start : len(chunk.data)])

    def _find_gone(self, chunk: SplitRecords) -> list[int]:
        found = self._filter.find_rows(self._dataset, chunk.cells) if chunk.cells.num_rows else np.empty(0, bool)
        gone = chunk.readable[found].tolist()
        for lines in chunk.broken:
            raw = b"".join(bytes(chunk.data[int(chunk.starts[line]) : int(chunk.ends[line])]) for line in lines)
            is_rest_of_theirs = chunk.continues and lines[0] == 0 and self._ends_in_theirs
            if is_rest_of_theirs or self._filter.is_named_in(raw.decode(errors="backslashreplace")):
                gone += lines
        if last := len(chunk.starts):
            self._ends_in_theirs = last - 1 in gone and any(last - 1 in lines for lines in chunk.broken)
        return sorted(gone)


def build_rewrite(erasure_filter: ErasureFilter, on_problem: Callable[[str], None]) -> FileRewrite:
    """What raw files are copied through: a file that cannot be split is reported and stays as it is."""

    def rewrite(dataset: str, plain: IO[bytes], write: Callable[[bytes], object], name: str) -> int:
        if dataset not in KEY_COLUMNS:
            return 0
        stream = FilteredStream(plain, dataset, erasure_filter, name)
        try:
            while data := stream.read(_COPY_BYTES):
                write(data)
        except EmptyFileError:
            return 0
        except IngestError as error:
            on_problem(f"{name} may hold rows of erased customers, but it cannot be split into records: {error}")
            return 0
        return stream.erased_count

    return rewrite


def open_landing_rewrite(warehouse: Warehouse) -> FileRewrite | None:
    """What new files of a landing are copied through; None where nobody was erased. Raises RegisterDamaged.

    Engagements of erased customers that come for the first time are registered at once, for their turns and reviews
    may come in later exports.
    """
    register = Register(warehouse)
    erased = register.read()
    if erased is None or not erased.customers:
        return None
    erasure_filter = ErasureFilter(erased)
    copy = build_rewrite(erasure_filter, lambda problem: _LOG.warning("%s", problem))

    def rewrite(dataset: str, plain: IO[bytes], write: Callable[[bytes], object], name: str) -> int:
        count = copy(dataset, plain, write, name)
        if erasure_filter.learned != erased:
            register.add(erasure_filter.learned)
        return count

    return rewrite


def open_ingest_filter(warehouse: Warehouse) -> Callable[[str, str], Callable[[Source], FilteredSource] | None]:
    """For a dataset and a file's name what the file is read through; None where nobody was erased, and for agents.

    Raises RegisterDamaged.
    """
    erased = Register(warehouse).read()

    def of_file(dataset: str, name: str) -> Callable[[Source], FilteredSource] | None:
        if erased is None or not erased.customers or dataset not in KEY_COLUMNS:
            return None
        return lambda plain: FilteredStream(plain, dataset, ErasureFilter(erased), name)

    return of_file
