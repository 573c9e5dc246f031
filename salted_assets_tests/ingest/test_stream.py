"""How a table is read: lazily, in order, ahead on threads, in bounded pieces, and how it is let go."""

import io
import threading
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salted_assets.ingest import AccountingError, IngestRules, LostSyncError, RawFile, Statistics, read_table
from salted_assets.ingest.chunks import BoundedLines, ChunkReader, last_record_end
from salted_assets.ingest.records import is_strict, is_utf8, record_extents, split_fields
from salted_assets.schemas.customer import Customer
from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import header, raw_file, read_whole, record, refused

ROWS = b"".join(record(Turn, pid=f"p{number}") for number in range(50))


def test_nothing_is_opened_before_a_pass_is_drained() -> None:
    def refuse() -> BinaryIO:
        raise AssertionError

    passes = read_table(Turn, [RawFile("turns.csv", refuse)]).passes()
    batches = next(passes)
    assert next(batches).table.num_rows == 0

    with pytest.raises(AssertionError):
        next(batches)


@pytest.mark.parametrize("thread_count", [1, 2, 5])
def test_rows_come_in_the_order_of_the_file(thread_count: int) -> None:
    result = read_whole(Turn, header(Turn) + ROWS, chunk_bytes=100, thread_count=thread_count)

    assert result.table["pid"].to_pylist() == [f"p{number}" for number in range(50)]


def test_a_stream_that_is_let_go_closes_its_file_and_ends_its_threads() -> None:
    opened: list[io.BytesIO] = []

    def open_file() -> BinaryIO:
        opened.append(io.BytesIO(header(Turn) + ROWS))
        return opened[0]

    batches = next(read_table(Turn, [RawFile("turns.csv", open_file)], IngestRules(chunk_bytes=100)).passes())
    next(batches)
    next(batches)
    assert not opened[0].closed
    batches.close()  # type: ignore[attr-defined]  # a generator, typed as what it is used for

    assert opened[0].closed
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ingest")]


def test_a_file_is_not_read_far_ahead_of_what_was_taken() -> None:
    data = io.BytesIO(header(Turn) + ROWS)
    batches = next(read_table(Turn, [RawFile("t.csv", lambda: data)], IngestRules(chunk_bytes=100)).passes())
    next(batches)
    next(batches)

    assert data.tell() <= len(header(Turn)) + 6 * 100


def test_a_stream_that_gives_a_few_bytes_at_a_time_is_read_whole() -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 7))

    stream = read_table(Turn, [RawFile("turns.csv", lambda: Dripping(header(Turn) + ROWS))])
    assert sum(batch.table.num_rows for batch in next(stream.passes())) == 50


def test_a_stream_can_be_read_again() -> None:
    stream = read_table(Turn, [raw_file(header(Turn) + ROWS)])

    for _ in range(2):
        assert sum(batch.table.num_rows for one_pass in stream.passes() for batch in one_pass) == 50
        assert stream.statistics.file_rows == 50


@pytest.mark.parametrize("chunk_bytes", [16, 300])
@pytest.mark.parametrize(
    ("cell", "kept"), [('"' + "x\n" * 300 + '"', 10_000), ("x" * 600, 40), ('"' + "x" * 600 + '"', 40)]
)
def test_an_endless_record_is_refused_and_reading_goes_on(
    monkeypatch: pytest.MonkeyPatch, cell: str, kept: int, chunk_bytes: int
) -> None:
    monkeypatch.setattr("salted_assets.ingest.chunks.MAX_RECORD_BYTES", 500)
    monkeypatch.setattr("salted_assets.ingest.records.MAX_RECORD_BYTES", 500)
    monkeypatch.setattr("salted_assets.ingest.records.HEAD_BYTES", 40)
    rows = [record(Customer, pid="a"), record(Customer, pid="b", name=cell), record(Customer, pid="c")]

    result = read_whole(
        Customer,
        header(Customer) + b"".join(rows),
        chunk_bytes=chunk_bytes,
        rejected_records_max_count=1000,
        refused_max_ratio=1,
    )

    assert result.table["pid"].to_pylist() == ["a", "c"]
    assert "".join(raw or "" for _, _, raw in refused(result)) == rows[1].decode().replace("\n", "")[:kept]


@pytest.mark.parametrize("chunk_bytes", [16, 300, 1 << 20])
def test_too_many_lines_lost_behind_a_quote_lose_sync(monkeypatch: pytest.MonkeyPatch, chunk_bytes: int) -> None:
    monkeypatch.setattr("salted_assets.ingest.records.MAX_LOST_LINES", 9)

    def file_with(lost: int) -> bytes:
        return header(Customer) + b'a,"open\n' + b"x\n" * (lost - 1) + record(Customer, pid="b") * 2

    result = read_whole(Customer, file_with(9), chunk_bytes=chunk_bytes, refused_max_ratio=1)
    assert result.table["pid"].to_pylist() == ["b"]
    assert result.statistics.rejected_records == 9
    with pytest.raises(LostSyncError, match="data row 1"):
        read_whole(Customer, file_with(10), chunk_bytes=chunk_bytes, refused_max_ratio=1)


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_of_a_file_of_broken_records_few_are_held_at_once(monkeypatch: pytest.MonkeyPatch, chunk_bytes: int) -> None:
    monkeypatch.setattr("salted_assets.ingest.records.MAX_LOST_LINES", 4)
    data = header(Customer) + b"x\n" * 30 + record(Customer, pid="b")
    stream = read_table(Customer, [raw_file(data)], IngestRules(chunk_bytes=chunk_bytes, refused_max_ratio=1))

    batches = [batch for one_pass in stream.passes() for batch in one_pass]

    assert sum(batch.table.num_rows for batch in batches) == 1
    assert [row["row_number"] for batch in batches for row in batch.rejects.to_pylist()] == list(range(1, 31))
    assert max(batch.rejects.num_rows for batch in batches) <= 8


@pytest.mark.parametrize(("line", "count"), [(b'"a,b",c,"d"",e"', 3), (b",", 2), (b'"a\n,",""', 2), (b'x,y,"",', 4)])
def test_a_record_of_wrong_width_says_its_fields(line: bytes, count: int) -> None:
    rejects = read_whole(Customer, header(Customer) + line + b"\n" + record(Customer)).rejects

    assert rejects["reason"].to_pylist() == [f"the record has {count} fields, the header 11"]


@example([b'"' * 13 + b"x" * 40, b"c", b"y" * 40], 3)
@given(st.lists(st.text(st.sampled_from('ab"'), max_size=40).map(str.encode), max_size=8), st.integers(1, 20))
def test_lines_are_cut_soon_after_the_longest_record_and_keep_the_parity_of_quotes(
    given_lines: list[bytes], size: int
) -> None:
    data = b"\n".join(given_lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salted_assets.ingest.chunks.MAX_RECORD_BYTES", 9)
        lines = BoundedLines(io.BytesIO(data))
        read = b"".join(iter(lambda: lines.read(size), b""))

    assert read.count(b"\n") == data.count(b"\n")
    for given_line, line in zip(data.split(b"\n"), read.split(b"\n"), strict=True):
        assert line.removesuffix(b'"') == given_line[: len(line.removesuffix(b'"'))]
        assert line.count(b'"') % 2 == given_line.count(b'"') % 2
        assert line == given_line if len(given_line) <= 10 else 10 <= len(line) <= 11 + size


def test_accounts_that_do_not_add_up_are_an_error() -> None:
    with pytest.raises(AccountingError, match="3 records"):
        Statistics(file_rows=3, table_rows=2).assert_accounted()


@pytest.mark.parametrize("rules", [{"chunk_bytes": 1}, {"chunk_bytes": 1 << 40}, {"thread_count": 0}])
def test_rules_out_of_range_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is "):
        IngestRules(**rules)


@pytest.mark.parametrize(
    ("data", "end"),
    [(b"", 0), (b"a", 0), (b"a\nb", 2), (b'"a\nb', 0), (b'a\n"b\n', 2), (b'"\n"\n"\n', 4), (b'a\n"\n""\n"\n"', 9)],
)
def test_a_chunk_ends_where_quotes_are_balanced(data: bytes, end: int) -> None:
    assert last_record_end(data) == end


def test_chunks_make_up_the_file() -> None:
    reader = ChunkReader(io.BytesIO(ROWS), 100)
    chunks = []
    while (chunk := reader.next_chunk()) is not None:
        chunks.append(chunk)

    assert b"".join(chunks) == ROWS
    assert all(bytes(chunk[-1:]) == b"\n" for chunk in chunks)
    assert len(chunks) > 5


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'a,"b"\n', True),
        (b'"a""b",""\r\n"","\r"\n', True),
        (b'""""\n', True),
        (b'a"b"\n', False),
        (b'"a"b\n', False),
        (b'"a\n', False),
        (b'"a" "b"\n', False),
        (b'a\rb,"c"\n', False),
        (b"a\rb\n", False),
    ],
)
def test_only_strictly_quoted_records_take_the_fast_path(data: bytes, expected: bool) -> None:
    assert is_strict(data) is expected


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b'a,"b,""c""",\r\n\n"d\ne",f,""\n', [b'a,"b,""c""",', b'"d\ne",f,""']),
        (b"", []),
        (b"\r\n\n", []),
        (b"a", [b"a"]),
        (b'\r\na\n"\r\n"\r\n\r\nb\r', [b"a", b'"\r\n"', b"b"]),
    ],
)
def test_records_are_found_between_line_ends(data: bytes, records: list[bytes]) -> None:
    starts, ends = record_extents(data)

    assert [data[start:end] for start, end in zip(starts, ends, strict=True)] == records


def test_fields_are_split_as_they_were_written() -> None:
    assert split_fields(b'a,"b,""c""",\r\n') == [b"a", b'b,"c"', b""]
    assert split_fields(b'"d\ne",f,""') == [b"d\ne", b"f", b""]


def test_utf8_is_distinguished_from_other_bytes() -> None:
    assert is_utf8("é🙂".encode())
    assert not is_utf8(b"\xe9")
    assert not is_utf8(b"\xed\xa0\x80")
