"""Runs of refused records are taken many at once, with the same outcome as one by one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salted_assets.ingest import IngestError, records
from salted_assets.ingest.plain_lines import find_plain_lines
from salted_assets.ingest.records import RecordFinder, RecordSpan

LINES = st.sampled_from(
    [b"a\n", b"1,2\n", b"p1,b,c\n", b"p2,,\r\n", b"\n", b"\r\n", b'p3,"x\ny",z\n', b'"a\n', b"a\rb\n", b"\0\n"]  # noqa: RUF005 - shorter lines
    + [
        "é,1\n".encode(),
        b"\xef\xbb\xbfp4,5,6\n",
        b"\xff\n",
        b'p5,6,"\n',
        b",,,,\r\n",
        b"a\r\r\n",
        b"p\0,1,2\n",
        b"p\xff,1,2\n",
    ]
)


def find(data: bytes, target: int) -> tuple[RecordSpan, int] | str:
    finder = RecordFinder(3, [0], "turns.csv")
    try:
        found = finder.find(data, target, lambda known: known)
    except IngestError as error:
        return str(error)
    assert found is not None
    return found


def plain(found: tuple[RecordSpan, int] | str) -> object:
    if isinstance(found, str):
        return found
    span, end = found
    return span.data, span.rows.tolist(), span.bad, span.record_count, span.extents, end


@given(st.lists(LINES, max_size=30).map(b"".join), st.sampled_from([1, 9, 1000]))
@example(b"a\n" * 9 + b"p1,b,c\n" + b"a\n", 1000)
@example(b"a\n" * 9, 9)
@example(b"a\np\0,1,2\n", 1000)
@example(b"a\n" * 2 + b"a\rb\n" + b'p1,"x\ny",z\n', 1000)
def test_many_at_once_and_one_by_one_are_the_same(data: bytes, target: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_REFUSED_IN_A_ROW", 1)
        at_once = plain(find(data, target))
        patch.setattr(records, "_REFUSED_IN_A_ROW", 1 << 20)
        assert at_once == plain(find(data, target))


def test_plain_lines_end_before_what_asks_for_a_closer_look() -> None:
    assert find_plain_lines(b'a,b\r\n\nc\n"d"\n').extents == [(0, 5, 2), (6, 8, 1)]
    assert find_plain_lines(b"a\nb").byte_count == 2
    assert find_plain_lines(b"\r\n\n").extents == []
    assert find_plain_lines(b"").byte_count == 0
