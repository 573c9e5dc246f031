"""The grammar of records, and how to find them again where a file breaks it.

The grammar is RFC 4180, strictly: a quote opens a field only at its start, closes it only at its end and is doubled
within; a record ends with LF or CRLF. Lines of no bytes between records and a byte order mark before one are skipped.
Where a record breaks the grammar or has the wrong number of fields, its line alone is refused if the quotes in it are
balanced. Otherwise reading resumes at the next line that begins a record of the header's width with a plausible key,
and each line between is refused; a record that is well-formed but too wide or too narrow is refused whole if no such
line lies in it. Where the file ends first, the lines are refused if their quotes are balanced after all; otherwise, and
after too many lines, sync is lost and the table fails.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pyarrow as pa

from salted_assets.ingest.contract import MAX_RECORD_BYTES
from salted_assets.ingest.exceptions import LostSyncError
from salted_assets.ingest.plain_lines import find_plain_lines
from salted_assets.ingest.scan import Data, find_bytes

_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_END = rb"(?:\r?\n|\Z)"
_FIELD_PATTERN = re.compile(rb'(?:"((?:[^"]++|"")*+)"|([^",\r\n]*+))(?:,|\r?\n|\Z)')
_ANY_RECORD = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+" + _END)
_PART_OF_RECORD = rb"(?:" + _FIELD + rb',)*+(?:"(?:[^"]++|"")*+"?|[^",\r\n]*+)\r?\Z'
_UNFINISHED = re.compile(_PART_OF_RECORD)
_BLANK_LINE = re.compile(rb"\r?\n")
_KEY = rb"[0-9A-Za-z][0-9A-Za-z_.:\-]{0,127}+"
_PLAUSIBLE_KEY = re.compile(_KEY)
_QUOTED = re.compile(rb'"[^"]*+"')
_COMMA, _NEWLINE, _RETURN = b",\n\r"
HEAD_BYTES = 1 << 16
"""What is kept of a record that is too long to be one."""
MAX_LOST_LINES = 1 << 18
"""So many lines are refused one by one behind a misplaced quote; where more would be, sync is lost.

Also so many refused records, or about as many, are held at once.
"""
_REFUSED_IN_A_ROW, _PLAIN_BYTES = 8, 1 << 16
"""After so many refused records in a row those that follow are looked for many at once, in so many bytes."""
_FIRST_OF_MARK = codecs.BOM_UTF8[:1]
_FIRST_OF_OTHERS_THAN_ASCII = 0x80


@dataclass(frozen=True)
class BadRecord:
    """A refused record: its number within the span it was found in (from 1), its bytes, and what is wrong."""

    row: int
    raw: bytes
    reason: str


@dataclass
class RecordSpan:
    """Consecutive records of a file: the good ones' bytes and numbers, the bad ones, and how many there were.

    `extents` are the start and end of each record, line ends included, where they were found one by one.
    """

    data: Data
    rows: np.ndarray
    bad: list[BadRecord] = field(default_factory=list)
    record_count: int = 0
    extents: list[tuple[int, int]] = field(default_factory=list)


def is_strict(data: Data) -> bool:
    """True if the bytes, begun at a record's start, obey the grammar as far as quotes and line ends go.

    Widths of records are not looked at. What is strict ends where a record ends.
    """
    cells = np.frombuffer(data, np.uint8)
    quotes = find_bytes(data, b'"')
    if quotes.size % 2:
        return False
    if not _are_lone_returns_quoted(data, quotes):
        return False
    if not quotes.size:
        return True
    opening, closing = quotes[0::2], quotes[1::2]
    is_doubled = opening[1:] == closing[:-1] + 1
    before = cells[opening - 1]
    opens = (before == _COMMA) | (before == _NEWLINE)
    opens[0] |= opening[0] == 0
    opens[1:] |= is_doubled
    after = cells[np.minimum(closing + 1, cells.size - 1)]
    closes = (after == _COMMA) | (after == _NEWLINE) | (after == _RETURN)
    closes[-1] |= closing[-1] + 1 == cells.size
    closes[:-1] |= is_doubled
    return bool(opens.all() and closes.all())


def _are_lone_returns_quoted(data: Data, quotes: np.ndarray) -> bool:
    cells = np.frombuffer(data, np.uint8)
    returns = find_bytes(data, b"\r")
    after = cells[np.minimum(returns + 1, cells.size - 1)]
    quotes_before = np.searchsorted(quotes, returns[after != _NEWLINE])
    return bool((quotes_before % 2 == 1).all())


def has_mark(data: Data) -> bool:
    """True if a byte order mark may stand before a record: at the start of a line, perhaps one within quotes."""
    cells = np.frombuffer(data, np.uint8)
    if cells.max(initial=0) < _FIRST_OF_MARK[0]:
        return False
    marks = find_bytes(data, _FIRST_OF_MARK)
    marks = marks[(marks == 0) | (cells[marks - 1] == _NEWLINE)]
    return any(bytes(data[mark : mark + len(codecs.BOM_UTF8)]) == codecs.BOM_UTF8 for mark in marks.tolist())


def has_nul(data: Data) -> bool:
    """True if there is a NUL byte."""
    return bool(np.frombuffer(data, np.uint8).min(initial=1) == 0)


def is_utf8(data: Data) -> bool:
    """True if the bytes are valid UTF-8."""
    if np.frombuffer(data, np.uint8).max(initial=0) < _FIRST_OF_OTHERS_THAN_ASCII:
        return True
    offsets = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(data)]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def split_fields(record: bytes) -> list[bytes]:
    """The cells of one well-formed record, unquoted, without its line end."""
    fields, position = [], 0
    while match := _FIELD_PATTERN.match(record, position):
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted.replace(b'""', b'"'))
        position = match.end()
        if not match.group().endswith(b","):
            break
    return fields


def has_plausible_keys(record: bytes, needed: Sequence[int]) -> bool:
    """True if the cells at the needed indices are there and look like keys, whatever else is wrong with the record."""
    cells = split_fields(record)
    return len(cells) > max(needed) and all(_PLAUSIBLE_KEY.fullmatch(cells[index]) for index in needed)


def record_extents(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Where the records of well-formed bytes begin and end, without their line ends; blank lines are left out."""
    cells = np.frombuffer(data, np.uint8)
    line_ends = find_bytes(data, b"\n")
    ends = line_ends[np.searchsorted(find_bytes(data, b'"'), line_ends) % 2 == 0]
    if cells.size and cells[-1] != _NEWLINE:
        ends = np.append(ends, len(data))
    starts = np.concatenate([np.zeros(1, np.int64), ends + 1])[: ends.size]
    ends = ends - ((ends > starts) & (cells[ends - 1] == _RETURN))
    return starts[ends > starts], ends[ends > starts]


def _plausible_record(width: int, needed: Sequence[int]) -> bytes:
    """The pattern of a record of so many fields, whose cells at the needed indices look like keys."""
    key = rb"(?:" + _KEY + rb'|"' + _KEY + rb'")'
    patterns = (key if index in needed else _FIELD for index in range(width))
    counted = ((pattern, len(list(run)) - 1) for pattern, run in groupby(patterns))
    return b",".join(pattern + rb"(?:," + pattern + rb"){%d}" % more for pattern, more in counted) + _END


class RecordFinder:
    """Finds the records of a file of known width, good and bad.

    `needed` are the indices of the columns that a record must fill plausibly where reading resumes.
    """

    def __init__(self, width: int, needed: Sequence[int], file_name: str) -> None:
        self.width = width
        self.right_record = re.compile(_FIELD + rb"(?:," + _FIELD + rb"){%d}" % (width - 1) + _END)
        self.candidate = re.compile(rb"\n(?:" + _plausible_record(width, needed) + rb"|" + _PART_OF_RECORD + rb")")
        """The end of a line and, behind it, a plausible record, or what may be the beginning of one that is cut."""
        self._needed = needed
        self._file_name = file_name

    def find(
        self, data: bytes, target: int, extend: Callable[[bytes], bytes] | None, rows_before: int = 0
    ) -> tuple[RecordSpan, int] | None:
        """Find the records that begin before `target`; gives them and the position where the next record begins.

        That is earlier where very many are refused.

        `extend` gives the same bytes and more, or the very same at the file's end. None means that `data` may not be
        looked beyond: then the answer is None if a record is so broken that its end is in doubt, or if the records
        found end earlier. `rows_before` is the number of records already found in the file, for messages.
        Raises LostSyncError if reading cannot resume after an unbalanced quote.
        """
        search = _Search(self, data, extend, rows_before)
        while search.position < min(target, len(search.data)):
            if search.refused_count >= MAX_LOST_LINES:
                return None if extend is None else (search.span(), search.position)
            if not search.take_plain(target) and not search.step():
                return None
        return search.span(), search.position

    def is_plausible(self, record: bytes) -> bool:
        """True if the record's key cells look like keys."""
        return has_plausible_keys(record, self._needed)

    def lost(self, row: int) -> LostSyncError:
        """The error for an unbalanced quote after which nothing was found."""
        return LostSyncError(
            f"{self._file_name}: a quote is unbalanced in data row {row}, and no later line begins "
            f"a record of {self.width} fields with a plausible key. The file is probably cut off: "
            "reading it again won't help, export the day again"
        )


class _Search:
    """One walk of a RecordFinder over bytes that may grow."""

    def __init__(
        self, finder: RecordFinder, data: bytes, extend: Callable[[bytes], bytes] | None, rows_before: int
    ) -> None:
        self._finder = finder
        self._extend = extend
        self._rows_before = rows_before
        self.data = data
        self.position = 0
        self._at_end = extend is None
        self._row = 0
        self._good: list[tuple[int, int]] = []
        self._good_rows: list[int] = []
        self._bad: list[BadRecord] = []
        self._extents: list[tuple[int, int]] = []
        self._valid = is_utf8(data)

    @property
    def refused_count(self) -> int:
        return len(self._bad)

    def span(self) -> RecordSpan:
        data = b"".join(self.data[start:end] for start, end in _joined(self._good))
        return RecordSpan(data, np.array(self._good_rows, np.int64), self._bad, self._row, self._extents)

    def step(self) -> bool:
        """Take the record, or the lost lines, at the position; False if their end is in doubt."""
        if blank := _BLANK_LINE.match(self.data, self.position):
            self.position = blank.end()
            return True
        if self._has_mark():
            self.position += len(codecs.BOM_UTF8)
            return True
        if match := self._match(self._finder.right_record):
            self._take_good(match.end())
            return True
        whole = self._match(_ANY_RECORD)
        line_end = self._line_end(self.position)
        if self.data.count(b'"', self.position, line_end) % 2 == 0:
            self._refuse(line_end, self._reason(whole))
            return True
        if self._extend is None:
            return False
        self._resume(whole.end() if whole else None, self._reason(whole))
        return True

    def take_plain(self, target: int) -> bool:
        """Take the plain records that end before the target, many at once; False where few were refused just now."""
        recent = self._bad[-_REFUSED_IN_A_ROW:]
        if len(recent) < _REFUSED_IN_A_ROW or recent[0].row <= self._row - _REFUSED_IN_A_ROW:
            return False
        lines = find_plain_lines(self.data[self.position : min(target, self.position + _PLAIN_BYTES)])
        for start, end, field_count in lines.extents:
            begin, position = self.position + start, self.position + end
            self._row += 1
            self._extents.append((begin, position))
            if field_count == self._finder.width:
                self._good.append((begin, position))
                self._good_rows.append(self._row)
            else:
                raw = self.data[begin:position].rstrip(b"\r\n")
                self._bad.append(BadRecord(self._row, raw, self._wrong_width(field_count)))
        self.position += lines.byte_count
        return lines.byte_count > 0

    def _wrong_width(self, field_count: int) -> str:
        return f"the record has {field_count} fields, the header {self._finder.width}"

    def _has_mark(self) -> bool:
        while not self._at_end and len(self.data) - self.position < len(codecs.BOM_UTF8):
            self._grow()
        return self.data.startswith(codecs.BOM_UTF8, self.position)

    def _reason(self, whole: re.Match[bytes] | None) -> str:
        if whole is None:
            return "a quote or carriage return stands where none may, so the record cannot be split"
        field_count = _QUOTED.sub(b"", whole.group()).count(b",") + 1
        return self._wrong_width(field_count)

    def _take_good(self, end: int) -> None:
        record = self.data[self.position : end]
        if b"\0" in record:
            self._refuse(end, "the record holds a NUL byte")
        elif not self._valid and not is_utf8(record):
            self._refuse(end, "the record is not UTF-8")
        else:
            self._row += 1
            self._good.append((self.position, end))
            self._good_rows.append(self._row)
            self._extents.append((self.position, end))
            self.position = end

    def _refuse(self, end: int, reason: str) -> None:
        self._row += 1
        raw = self.data[self.position : min(end, self.position + MAX_RECORD_BYTES + 1)].rstrip(b"\r\n")
        if len(raw) > MAX_RECORD_BYTES:
            raw, reason = raw[:HEAD_BYTES], f"the record is longer than {MAX_RECORD_BYTES} bytes: its first are kept"
        self._bad.append(BadRecord(self._row, raw, reason))
        self._extents.append((self.position, end))
        self.position = end

    def _resume(self, whole_end: int | None, reason: str) -> None:
        """Refuse lines up to the next plausible record, or the well-formed record whole if none lies within it."""
        begin, start = self.position, self._next_candidate(self._line_end(self.position), whole_end)
        while whole_end is None or start < whole_end:
            is_end = self._is_end(start)
            are_too_many = self.data.count(b"\n", begin, start) > MAX_LOST_LINES
            if is_end and not are_too_many and self.data.count(b'"', begin) % 2 == 0:
                break
            if is_end or are_too_many or start - begin > 2 * MAX_RECORD_BYTES:
                raise self._finder.lost(self._rows_before + self._row + 1)
            match = self._match(self._finder.right_record, start)
            if match and self._finder.is_plausible(match.group()):
                return self._refuse_lines(start, reason)
            start = self._next_candidate(self._line_end(start), whole_end)
        if whole_end is None:
            return self._refuse_lines(start, reason)
        return self._refuse(whole_end, reason)

    def _next_candidate(self, start: int, whole_end: int | None) -> int:
        """The first line, from the start of one on, at which a plausible record may begin: those between are passed."""
        match = self._finder.candidate.search(self.data, start - 1, len(self.data) if whole_end is None else whole_end)
        return match.start() + 1 if match else start

    def _refuse_lines(self, end: int, reason: str) -> None:
        while self.position < end:
            if blank := _BLANK_LINE.match(self.data, self.position):
                self.position = blank.end()
            else:
                self._refuse(self._line_end(self.position), reason)
                reason = "lost between a misplaced quote and the next plausible record"

    def _match(self, pattern: re.Pattern[bytes], start: int | None = None) -> re.Match[bytes] | None:
        """Match at the start, with as many further bytes as it takes to be sure."""
        start = self.position if start is None else start
        while not self._at_end and len(self.data) - start <= MAX_RECORD_BYTES and _UNFINISHED.match(self.data, start):
            self._grow()
        match = pattern.match(self.data, start, start + MAX_RECORD_BYTES + 1)
        if match and match.end() - start > MAX_RECORD_BYTES:
            return None
        return match

    def _line_end(self, start: int) -> int:
        while (newline := self.data.find(b"\n", start)) < 0 and not self._at_end:
            self._grow()
        return newline + 1 or len(self.data)

    def _is_end(self, start: int) -> bool:
        while start >= len(self.data) and not self._at_end:
            self._grow()
        return start >= len(self.data)

    def _grow(self) -> None:
        if self._extend is None:
            return
        longer = self._extend(self.data)
        self._at_end = len(longer) == len(self.data)
        self._valid = self._valid and is_utf8(longer)
        self.data = longer


def _joined(extents: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same extents with neighbours joined."""
    start = end = -1
    for next_start, next_end in extents:
        if next_start != end:
            if end > start:
                yield start, end
            start = next_start
        end = next_end
    if end > start:
        yield start, end


def line_end_of_record(data: bytes) -> int:
    """The position after the first record's line end; 0 if none is there, as quotes are counted."""
    end = quotes = 0
    while (newline := data.find(b"\n", end)) >= 0:
        quotes += data.count(b'"', end, newline)
        end = newline + 1
        if quotes % 2 == 0:
            return end
    return 0
