"""What goes into ingestion and what comes out: rules, raw files, batches, rejects, statistics."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol

import pyarrow as pa

from salted_assets.ingest.exceptions import AccountingError

MAX_RECORD_BYTES = 32 << 20
"""A record longer than this is taken for one with an unbalanced quote; the vendor's content cells hold 64 KB."""

MIN_CHUNK_BYTES = 16

FIRST_CASES_COUNT = 10

SELF_REFERENCE, SELF_REFERENCE_RULE = "response_to", "names_a_row_of_the_file"
"""The column of turns that names another turn, and the rule by which it is counted where that is not in the file."""


PARSE_VERSION = 1
"""Raised when the same file comes to other rows: tables made by an earlier one are then made again by a backfill."""


@dataclass(frozen=True)
class IngestRules:
    """What is allowed, what is hidden, and how much is held in memory at once.

    `redact` names columns or classes of personal data (`direct`, `indirect`, `content`) that become null in the table.
    A table fails when its rejected records exceed `rejected_records_max_count` and `rejected_records_max_ratio` both,
    or when of a file at least 3 records, or filled cells of an essential column, and a share above `refused_max_ratio`
    cannot be read. Raises ValueError when made with a value out of range.
    """

    missing_columns: Literal["fail", "null"] = "fail"
    redact: frozenset[str] = frozenset()
    rejected_records_max_count: int = 100
    rejected_records_max_ratio: float = 0.01
    refused_max_ratio: float = 0.5
    chunk_bytes: int = 6 << 20
    thread_count: int = 2

    def __post_init__(self) -> None:
        if not MIN_CHUNK_BYTES <= self.chunk_bytes <= MAX_RECORD_BYTES:
            raise ValueError(f"chunk_bytes is {self.chunk_bytes}, not from {MIN_CHUNK_BYTES} to {MAX_RECORD_BYTES}")
        if self.thread_count < 1:
            raise ValueError(f"thread_count is {self.thread_count}, not at least 1")


class Source(Protocol):
    """Bytes to be read once, from the first to the last."""

    def read(self, size: int, /) -> bytes:
        """At most so many of the next bytes; none at the end."""
        ...


class FilteredSource(Source, Protocol):
    """A file's bytes without some of its records; `erased_count` of them, once all is read."""

    @property
    def erased_count(self) -> int:
        """Records left out so far."""
        ...


@dataclass(frozen=True)
class RawFile:
    """A delivered CSV file: a name for messages, and how to open its decompressed bytes, more than once if need be.

    `filter_erased`, where it is given, leaves out records of those whose data were erased.
    """

    name: str
    open: Callable[[], BinaryIO]
    filter_erased: Callable[[Source], FilteredSource] | None = None


@dataclass(frozen=True)
class Batch:
    """Rows of the table in file order, and the rejects found among the same records; either may be empty."""

    table: pa.Table
    rejects: pa.Table


@dataclass
class CheckFailure:
    """How often a rule was broken, and the first cases as (pid, row number); never a value.

    `column` is null for a rule over several columns. The pid is null where it was no longer at hand.
    """

    rule: str
    column: str | None
    count: int = 0
    first_cases: list[tuple[str | None, int]] = field(default_factory=list)


@dataclass(frozen=True)
class UnknownColumn:
    """What the cells of an undocumented column look like, over all records that could be split; never a value.

    Counts of cells; the last three are of filled ones that would cast as a column of that kind. Lengths are in
    characters, null while no cell is filled.
    """

    empty_count: int = 0
    filled_count: int = 0
    integer_count: int = 0
    number_count: int = 0
    timestamp_count: int = 0
    min_length: int | None = None
    max_length: int | None = None

    def __add__(self, other: "UnknownColumn") -> "UnknownColumn":
        return UnknownColumn(
            self.empty_count + other.empty_count,
            self.filled_count + other.filled_count,
            self.integer_count + other.integer_count,
            self.number_count + other.number_count,
            self.timestamp_count + other.timestamp_count,
            min((each for each in (self.min_length, other.min_length) if each is not None), default=None),
            max((each for each in (self.max_length, other.max_length) if each is not None), default=None),
        )

    def describe(self) -> str:
        """One line for people.

        >>> UnknownColumn(1, 3, 2, 3, 0, 1, 12).describe()
        '3 of 4 cells filled, 1 to 12 characters; whole numbers 67 %, numbers 100 %, times 0 %'
        >>> UnknownColumn(4).describe()
        '0 of 4 cells filled'
        """
        filled = f"{self.filled_count} of {self.filled_count + self.empty_count} cells filled"
        if not self.filled_count:
            return filled
        integers, numbers, times = (
            _percentage(count, self.filled_count)
            for count in (self.integer_count, self.number_count, self.timestamp_count)
        )
        lengths = f"{self.min_length} to {self.max_length} characters"
        return f"{filled}, {lengths}; whole numbers {integers}, numbers {numbers}, times {times}"


def _percentage(part: int, whole: int) -> str:
    """A whole percentage, which is 0 and 100 for none and all alone."""
    rounded = round(100 * part / whole)
    if 0 < part < whole:
        rounded = min(max(rounded, 1), 99)
    return f"{rounded} %"


@dataclass
class Statistics:
    """What became of the records of a table's files; complete once the last pass is drained.

    `rejected_records` includes `conflicting_duplicates`; `erased_records` are left out before anything else is looked
    at, so no other figure but `file_rows` has them, and no reject's number counts them. Counters and `unknown_columns`
    are by column.
    """

    file_rows: int = 0
    table_rows: int = 0
    rejected_records: int = 0
    rejected_cells: Counter[str] = field(default_factory=Counter)
    identical_duplicates: int = 0
    conflicting_duplicates: int = 0
    superseded_rows: int = 0
    erased_records: int = 0
    reserved_values: Counter[str] = field(default_factory=Counter)
    naive_times: Counter[str] = field(default_factory=Counter)
    missing_columns: list[str] = field(default_factory=list)
    unknown_columns: dict[str, UnknownColumn] = field(default_factory=dict)
    redacted_columns: list[str] = field(default_factory=list)
    check_failures: list[CheckFailure] = field(default_factory=list)

    def assert_accounted(self) -> None:
        """Raise AccountingError unless every record of the files is found again exactly once."""
        accounted = self.table_rows + self.rejected_records + self.identical_duplicates + self.superseded_rows
        accounted += self.erased_records
        if self.file_rows != accounted:
            raise AccountingError(
                f"the files hold {self.file_rows} records, but {self.table_rows} table rows, {self.rejected_records} "
                f"rejected records, {self.identical_duplicates} identical duplicates, {self.superseded_rows} "
                f"superseded rows and {self.erased_records} erased records make {accounted}. This is a defect of the "
                "program: report it; trying again won't help"
            )
