"""Nasty files, each with the exact outcome that the contract gives it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from salted_assets.ingest import EmptyFileError, HeaderError, IngestError, LostSyncError, TooManyRejectsError
from salted_assets.schemas.base import csv_header
from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import header, read_whole, record, refused

HEADER = header(Turn)
NOON = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)


def turn(pid: bytes | str = b"p1", **raw: bytes | str) -> bytes:
    return record(Turn, pid=pid, **raw)


@dataclass(frozen=True)
class Case:
    """`rows` are the table's rows, each as the cells that matter; `rejects` are (row number, column, raw value)."""

    name: str
    data: bytes
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[tuple[int, str | None, str | None]] = field(default_factory=list)


def row(pid: str = "p1", **cells: Any) -> dict[str, Any]:
    return {"pid": pid, **cells}


def text_of(data: bytes) -> str:
    return data.decode(errors="backslashreplace").rstrip("\r\n")


STRAY = turn(content='say "hi"')
OPEN = turn(content='"never closed')
WIDE = turn()[:-1] + b",too,many\n"
NARROW = b"p9,e9,\n"
OTHER = turn("p2")
TWO_LINED = b'"p8","two\nlines"\n'

CASES = [
    Case("header alone", HEADER),
    Case("header without line end", HEADER[:-1]),
    Case("header in CRLF", HEADER[:-1] + b"\r\n" + OTHER, [row("p2")]),
    Case("byte order mark", b"\xef\xbb\xbf" + HEADER + OTHER, [row("p2")]),
    Case("byte order mark and quoted header", b'\xef\xbb\xbf"pid"' + HEADER[3:] + OTHER, [row("p2")]),
    Case("last record without line end", HEADER + OTHER[:-1], [row("p2")]),
    Case("CRLF records", HEADER + turn(content="x")[:-1] + b"\r\n" + OTHER, [row(content="x"), row("p2")]),
    Case("mixed line ends", HEADER + turn()[:-1] + b"\r\n" + OTHER + turn("p3")[:-1], [row(), row("p2"), row("p3")]),
    Case("blank lines", HEADER + b"\n\r\n" + turn() + b"\n\n" + OTHER + b"\n", [row(), row("p2")]),
    Case("quoted LF", HEADER + turn(content='"a\nb"'), [row(content="a\nb")]),
    Case("quoted CRLF", HEADER + turn(content='"a\r\nb"'), [row(content="a\r\nb")]),
    Case("quoted lone CR", HEADER + turn(content='"a\rb"'), [row(content="a\rb")]),
    Case("quoted blank lines", HEADER + turn(content='"\n\n\n"'), [row(content="\n\n\n")]),
    Case("quoted comma", HEADER + turn(content='"a,b"'), [row(content="a,b")]),
    Case("doubled quotes", HEADER + turn(content='"""a"" b"'), [row(content='"a" b')]),
    Case("a quote alone", HEADER + turn(content='""""'), [row(content='"')]),
    Case("quoted nothing is null", HEADER + turn(content='""', length='""'), [row(content=None, length=None)]),
    Case("blanks are text", HEADER + turn(content=" ", type=" a "), [row(content=" ", type=" a ")]),
    Case(
        "words for null are text",
        HEADER + turn(content="NA", type="null", category="None"),
        [row(content="NA", type="null", category="None")],
    ),
    Case("emoji and accents", HEADER + turn(content="né 🙂\u2028x"), [row(content="né 🙂\u2028x")]),
    Case("formula and backslash", HEADER + turn(content="=1+1\\n\\"), [row(content="=1+1\\n\\")]),
    Case("a cell of 1 MB", HEADER + turn(content=b'"' + b"x\n" * 500_000 + b'"'), [row(content="x\n" * 500_000)]),
    Case(
        "leading zeros and long ids",
        HEADER + turn("007", external_id="9007199254740993"),
        [row("007", external_id="9007199254740993")],
    ),
    Case(
        "whole number with a fraction of zeros",
        HEADER + turn(length="1500.0", duration="-0.00"),
        [row(length=1500, duration=0)],
    ),
    Case("blanks around numbers", HEADER + turn(length=" 15\t", quality=" 1.5 "), [row(length=15, quality=1.5)]),
    Case("exponents and signs", HEADER + turn(quality="1e-3", sentiment="+.5"), [row(quality=0.001, sentiment=0.5)]),
    Case("a broken whole number", HEADER + turn(length="1500.5"), [row(length=None)], [(1, "length", "1500.5")]),
    Case("a hexadecimal number", HEADER + turn(length="0x1F"), [row(length=None)], [(1, "length", "0x1F")]),
    Case(
        "a number too large",
        HEADER + turn(length="9223372036854775808"),
        [row(length=None)],
        [(1, "length", "9223372036854775808")],
    ),
    Case("thousands separated", HEADER + turn(length='"1,500"'), [row(length=None)], [(1, "length", "1,500")]),
    Case("not a number", HEADER + turn(quality="NaN"), [row(quality=None)], [(1, "quality", "NaN")]),
    Case("infinity", HEADER + turn(quality="-inf"), [row(quality=None)], [(1, "quality", "-inf")]),
    Case("beyond a float", HEADER + turn(quality="1e400"), [row(quality=None)], [(1, "quality", "1e400")]),
    Case(
        "words in numbers",
        HEADER + turn(quality="n/a", length="?"),
        [row(quality=None, length=None)],
        [(1, "length", "?"), (1, "quality", "n/a")],
    ),
    Case(
        "reserved numbers",
        HEADER + turn(length="-2147483648", quality="-2147483648.0"),
        [row(length=None, quality=None)],
    ),
    Case("time in UTC", HEADER + turn(turn_time="2024-01-31T12:00:00Z"), [row(turn_time=NOON)]),
    Case("time with an offset", HEADER + turn(turn_time="2024-01-31T13:30:00+01:30"), [row(turn_time=NOON)]),
    Case("time with a blank", HEADER + turn(turn_time="2024-01-31 12:00:00+00"), [row(turn_time=NOON)]),
    Case("time without a zone", HEADER + turn(turn_time="2024-01-31T12:00:00"), [row(turn_time=NOON)]),
    *[
        Case(f"time written {written!r}", HEADER + turn(turn_time=written), [row(turn_time=NOON)])
        for written in (
            "2024-01-31 12:00:00 UTC",
            "2024-01-31T12:00:00UTC",
            "2024-01-31 12:00:00 Z",
            "2024-01-31T13:00:00 +01:00",
            "2024-01-31 13:00:00+1",
            "2024-01-31 06:30:00 -5:30",
            "2024-01-31T17:30:00+530",
        )
    ],
    *[
        Case(
            f"time written {written!r}",
            HEADER + turn(turn_time=written),
            [row(turn_time=None)],
            [(1, "turn_time", written)],
        )
        for written in ("2024-01-31 12:00:00 CET", "2024-01-31 12:00:00  UTC", "31.01.2024 12:00", "1706702400000")
    ],
    *[
        Case(f"whole number written {written}", HEADER + turn(length=written), [row(length=expected)])
        for written, expected in (
            ("1.2345678E7", 12345678),
            ("1.0E7", 10_000_000),
            ("9.007199254740991e15", 2**53 - 1),
            ("5E0", 5),
        )
    ],
    *[
        Case(f"no whole number: {written}", HEADER + turn(length=written), [row(length=None)], [(1, "length", written)])
        # from 2**53 on two whole numbers are one as a double
        for written in ("1.5E0", "1E-1", "9.007199254740992e15", "1.0E16", "1E99", "E7", "1.2345678E")
    ],
    Case(
        "time in milliseconds",
        HEADER + turn(turn_time="2024-01-31T12:00:00.250Z"),
        [row(turn_time=NOON.replace(microsecond=250_000))],
    ),
    Case(
        "time in nanoseconds",
        HEADER + turn(turn_time="2024-01-31T12:00:00.123456999Z"),
        [row(turn_time=NOON.replace(microsecond=123_456))],
    ),
    Case(
        "a day that is not",
        HEADER + turn(turn_time="2023-02-29T12:00:00Z"),
        [row(turn_time=None)],
        [(1, "turn_time", "2023-02-29T12:00:00Z")],
    ),
    Case(
        "a date alone", HEADER + turn(turn_time="2024-01-31"), [row(turn_time=None)], [(1, "turn_time", "2024-01-31")]
    ),
    Case(
        "the year 0",
        HEADER + turn(turn_time="0000-01-01T00:00:00Z"),
        [row(turn_time=None)],
        [(1, "turn_time", "0000-01-01T00:00:00Z")],
    ),
    Case("no pid", HEADER + turn("") + OTHER, [row("p2")], [(1, None, text_of(turn("")))]),
    Case(
        "no engagement_pid",
        HEADER + turn(engagement_pid="") + OTHER,
        [row("p2")],
        [(1, None, text_of(turn(engagement_pid="")))],
    ),
    Case("too many fields", HEADER + WIDE + OTHER, [row("p2")], [(1, None, text_of(WIDE))]),
    Case(
        "too few fields, twice",
        HEADER + NARROW + NARROW + OTHER,
        [row("p2")],
        [(1, None, "p9,e9,"), (2, None, "p9,e9,")],
    ),
    Case("too few fields at the end", HEADER + OTHER + NARROW[:-1], [row("p2")], [(2, None, "p9,e9,")]),
    Case("too few fields on two lines", HEADER + TWO_LINED + OTHER, [row("p2")], [(1, None, text_of(TWO_LINED))]),
    Case(
        "too few fields on two lines at the end",
        HEADER + OTHER + TWO_LINED,
        [row("p2")],
        [(2, None, text_of(TWO_LINED))],
    ),
    Case("stray quotes", HEADER + STRAY + OTHER, [row("p2")], [(1, None, text_of(STRAY))]),
    Case(
        "text behind a closing quote",
        HEADER + turn(content='"a"b') + OTHER,
        [row("p2")],
        [(1, None, text_of(turn(content='"a"b')))],
    ),
    Case("unbalanced quote", HEADER + OPEN + OTHER, [row("p2")], [(1, None, text_of(OPEN))]),
    Case(
        "unbalanced quote and lost lines",
        HEADER + OPEN + b"lost, line\n" + OTHER,
        [row("p2")],
        [(1, None, text_of(OPEN)), (2, None, "lost, line")],
    ),
    Case(
        "unbalanced quote and a line without a plausible key",
        HEADER + OPEN + turn("two words") + OTHER,
        [row("p2")],
        [(1, None, text_of(OPEN)), (2, None, text_of(turn("two words")))],
    ),
    Case(
        "two unbalanced quotes",
        HEADER + OPEN + OTHER + OPEN + turn("p3"),
        [row("p2"), row("p3")],
        [(1, None, text_of(OPEN)), (3, None, text_of(OPEN))],
    ),
    Case(
        "unbalanced quote before quoted lines",
        HEADER + OPEN + turn("p2", content='"a\nb"'),
        [row("p2", content="a\nb")],
        [(1, None, text_of(OPEN))],
    ),
    Case(
        "lone CR between fields",
        HEADER + turn(content="a\rb") + OTHER,
        [row("p2")],
        [(1, None, text_of(turn(content="a\rb")))],
    ),
    Case(
        "lone CR in the last, two-lined record",
        HEADER + OTHER + turn(type="a\rb", content='"c\nd"'),
        [row("p2")],
        [(2, None, text_of(turn(type="a\rb", content='"c'))[:-5]), (3, None, 'd",,,,,')],
    ),
    Case("NUL", HEADER + turn(content="a\0b") + OTHER, [row("p2")], [(1, None, text_of(turn(content="a\\x00b")))]),
    Case(
        "not UTF-8",
        HEADER + turn(content=b"caf\xe9") + OTHER,
        [row("p2")],
        [(1, None, text_of(turn(content=b"caf\xe9")))],
    ),
    Case(
        "half an emoji in quotes",
        HEADER + turn(content=b'"\xf0\x9f"') + OTHER,
        [row("p2")],
        [(1, None, text_of(turn(content=b'"\xf0\x9f"')))],
    ),
    Case(
        "all at once",
        HEADER + NARROW + turn(content="\0") + OPEN + turn("") + turn("p4", length="x"),
        [row("p4", length=None)],
        [
            (1, None, "p9,e9,"),
            (2, None, text_of(turn(content="\\x00"))),
            (3, None, text_of(OPEN)),
            (4, None, text_of(turn(""))),
            (5, "length", "x"),
        ],
    ),
    Case("identical duplicates", HEADER + turn() + turn() + turn(), [row()]),
    Case(
        "conflicting duplicates",
        HEADER + turn(content="a") + turn(content="b"),
        [row(content="b")],
        [(1, None, text_of(turn(content="a")))],
    ),
]

ERRORS: list[tuple[str, bytes, type[IngestError], str]] = [
    ("no bytes", b"", EmptyFileError, "empty"),
    ("a byte order mark alone", b"\xef\xbb\xbf", EmptyFileError, "empty"),
    ("a blank line first", b"\n" + HEADER, HeaderError, "header line is empty"),
    ("a header that is not UTF-8", b"\xff" + HEADER, HeaderError, "no UTF-8 CSV record"),
    ("an unbalanced quote in the header", b'"' + HEADER, HeaderError, "no UTF-8 CSV record"),
    ("a name twice", header(Turn, "content"), HeaderError, "'content' more than once"),
    ("no pid", HEADER.replace(b"pid,", b"", 1), HeaderError, "lacks 'pid'"),
    ("no engagement_pid", HEADER.replace(b"engagement_pid,", b""), HeaderError, "lacks 'engagement_pid'"),
    ("a column missing", HEADER.replace(b"origin,", b""), HeaderError, "lacks 'origin'"),
    ("a column renamed", HEADER.replace(b"sentiment", b"sentiment_2"), HeaderError, "may now be 'sentiment_2'"),
    ("semicolons", HEADER.replace(b",", b";"), HeaderError, "lacks 'pid'"),
    ("cut off within quotes", HEADER + OTHER + b'p3,e3,"cut', LostSyncError, "data row 2"),
    ("nothing but lost lines", HEADER + OPEN + b"lost\n" * 5, LostSyncError, "data row 1"),
    ("more than 4,096 columns", header(Turn, *(f"c{n}" for n in range(5000))), HeaderError, "5021 columns"),
    ("a header of 2 MB", b"pid" + b"x" * (2 << 20), HeaderError, "no line end within 1048576 bytes"),
    ("XML", b'<?xml version="1.0"?>\n<Error><Code>SlowDown</Code></Error>\n', HeaderError, "another delimiter"),
    ("JSON", b'{"error": "try again"}\n', HeaderError, "another delimiter"),
    ("UTF-16", "pid,engagement_pid\n".encode("utf-16"), HeaderError, "no UTF-8 CSV record"),
    ("101 of 101 records bad", HEADER + NARROW * 101, TooManyRejectsError, "101 of 101"),
]


@pytest.mark.parametrize("chunk_bytes", [32, 1 << 20])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_nasty_file_has_exactly_this_outcome(case: Case, chunk_bytes: int) -> None:
    result = read_whole(Turn, case.data, chunk_bytes=chunk_bytes, refused_max_ratio=1)

    rows = [
        {name: cells[name] for name in expected}
        for cells, expected in zip(result.table.to_pylist(), case.rows, strict=True)
    ]
    assert rows == case.rows
    assert refused(result) == case.rejects


@pytest.mark.parametrize("chunk_bytes", [32, 1 << 20])
@pytest.mark.parametrize(("data", "error", "message"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_a_file_that_cannot_be_a_table_fails(
    data: bytes, error: type[IngestError], message: str, chunk_bytes: int
) -> None:
    with pytest.raises(error, match=message):
        read_whole(Turn, data, chunk_bytes=chunk_bytes)


def test_a_hundred_bad_records_or_one_in_a_hundred_are_tolerated() -> None:
    hundred = b"".join(turn(f"r{number}") for number in range(100))
    assert read_whole(Turn, HEADER + NARROW * 100 + hundred).statistics.rejected_records == 100

    many = b"".join(turn(f"q{number}") for number in range(10_100))
    assert read_whole(Turn, HEADER + NARROW * 101 + many).statistics.rejected_records == 101


def test_a_file_without_a_header_is_not_quoted_in_the_error() -> None:
    with pytest.raises(HeaderError, match="no header") as caught:
        read_whole(Turn, turn(content="secret"))
    assert "secret" not in str(caught.value)


def test_columns_are_found_by_name() -> None:
    names = csv_header(Turn)[::-1]
    data = (",".join(names) + "\n").encode() + b",".join(b"v" if n.endswith("pid") else b"" for n in names) + b"\n"

    result = read_whole(Turn, data)

    assert result.table.to_pylist()[0] == dict.fromkeys(result.table.column_names, None) | {
        "pid": "v",
        "engagement_pid": "v",
    }


def test_an_unknown_column_is_left_out_and_named() -> None:
    result = read_whole(Turn, header(Turn, "mood") + record(Turn, [b"\xc3\xa9"]))

    assert list(result.statistics.unknown_columns) == ["mood"]
    assert "mood" not in result.table.column_names


def test_bad_bytes_in_an_unknown_column_refuse_the_record_all_the_same() -> None:
    result = read_whole(Turn, header(Turn, "mood") + record(Turn, [b"\xe9"]))

    assert result.statistics.rejected_records == 1


def test_updated_at_is_kept_where_it_comes() -> None:
    result = read_whole(Turn, header(Turn, "updated_at") + record(Turn, [b"2024-01-31T12:00:00Z"]))

    assert result.table["updated_at"].to_pylist() == [NOON]
    assert result.statistics.unknown_columns == {}


def test_missing_columns_may_be_null_but_never_the_keys() -> None:
    result = read_whole(Turn, b"pid,engagement_pid\np1,e1\n", missing_columns="null")

    assert result.statistics.missing_columns == csv_header(Turn)[2:]
    assert result.table["content"].to_pylist() == [None]
    with pytest.raises(HeaderError, match="Rows are useless"):
        read_whole(Turn, b"engagement_pid\ne1\n", missing_columns="null")


def test_what_was_read_leniently_is_counted() -> None:
    data = turn("a", turn_time="2024-01-31T12:00:00", length="-2147483648") + turn(
        "b", turn_time="2024-01-31T12:00:00Z", length="x"
    )

    statistics = read_whole(Turn, HEADER + data).statistics

    assert dict(statistics.naive_times) == {"turn_time": 1}
    assert dict(statistics.reserved_values) == {"length": 1}
    assert dict(statistics.rejected_cells) == {"length": 1}
