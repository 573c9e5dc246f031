"""When too little of a file could be read, and cells whose meaning the rest of the file decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.ingest import UnreadableFileError
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import DatasetTable, delivered_columns_of
from salted_assets.schemas.customer import Customer
from salted_assets.schemas.engagement import Engagement
from salted_assets.schemas.review import Review
from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import header, read_whole, record, refused

ESSENTIAL = {
    "engagement": [
        "conversation_start_time",
        "start_time",
        "end_time",
        "engagement_time",
        "preparation_time",
        "wait_time",
        "wrap_up_time",
        "updated_at",
    ],
    "customer": ["updated_at"],
    "turn": ["turn_time", "updated_at"],
    "review": ["review_time", "answer_score", "worst_score", "best_score", "engagement_start_time", "updated_at"],
    "agent": ["updated_at"],
}
NARROW = b"too,few\n"


def turns(count: int, start: int = 0, **cells: str) -> bytes:
    return b"".join(record(Turn, pid=f"p{number}", **cells) for number in range(start, start + count))


@pytest.mark.parametrize("dataset", DATASET_MODELS)
def test_what_scores_are_made_of_and_all_instants_are_essential(dataset: str) -> None:
    model = DATASET_MODELS[dataset]
    assert [facts.name for facts in delivered_columns_of(model) if facts.essential] == ESSENTIAL[dataset]


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
@pytest.mark.parametrize(
    ("refused_count", "read_count", "fails"),
    [(2, 0, False), (3, 3, False), (3, 2, True), (4, 3, True), (50, 51, False)],
)
def test_a_file_fails_when_more_than_half_and_three_of_its_records_are_refused(
    refused_count: int, read_count: int, fails: bool, chunk_bytes: int
) -> None:
    data = header(Turn) + turns(read_count) + NARROW * refused_count

    if fails:
        with pytest.raises(
            UnreadableFileError, match=f"^file.csv: {refused_count} of {refused_count + read_count} rec"
        ):
            read_whole(Turn, data, chunk_bytes=chunk_bytes)
    else:
        assert read_whole(Turn, data, chunk_bytes=chunk_bytes).table.num_rows == read_count


@pytest.mark.parametrize(
    ("model", "column", "cell"),
    [
        (Engagement, "start_time", "31.01.2024 10:00"),
        (Engagement, "engagement_time", "-5"),
        (Engagement, "wait_time", "00:05"),
        (Review, "worst_score", '"1,5"'),
        (Turn, "turn_time", "0001-01-01T00:00:00Z"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_a_file_fails_when_more_than_half_of_an_essential_columns_filled_cells_are_refused(
    model: type[DatasetTable], column: str, cell: str, chunk_bytes: int
) -> None:
    good = {"start_time": "2024-01-31T10:00:00Z", "turn_time": "2024-01-31T10:00:00Z"}.get(column, "1")
    empty = b"".join(record(model, pid=f"empty{number}") for number in range(9))
    read = b"".join(record(model, pid=f"read{number}", **{column: good}) for number in range(3))
    bad = [record(model, pid=f"bad{number}", **{column: cell}) for number in range(4)]

    half = read_whole(model, header(model) + empty + read + b"".join(bad[:3]), chunk_bytes=chunk_bytes)
    assert half.statistics.rejected_cells[column] == 3
    with pytest.raises(UnreadableFileError, match=f"4 of 7 filled cells of {column} could not be read, more than 50%"):
        read_whole(model, header(model) + empty + read + b"".join(bad), chunk_bytes=chunk_bytes)


def test_cells_of_other_columns_and_reserved_numbers_fail_nothing() -> None:
    data = header(Turn) + turns(9, length="?", quality="?", duration="-2147483648")
    assert read_whole(Turn, data).statistics.rejected_cells == {"length": 9, "quality": 9}
    reserved = b"".join(record(Engagement, pid=f"e{n}", engagement_time="-2147483648") for n in range(9))
    assert read_whole(Engagement, header(Engagement) + reserved).table.num_rows == 9


def test_conflicting_duplicates_could_be_read() -> None:
    data = header(Turn) + b"".join(record(Turn, content=str(number)) for number in range(9))

    assert read_whole(Turn, data).statistics.conflicting_duplicates == 8


def test_one_unreadable_file_of_several_fails_the_table() -> None:
    with pytest.raises(UnreadableFileError, match="3 of 3 records"):
        read_whole(Turn, header(Turn) + turns(50), header(Turn) + NARROW * 3)


def test_the_limit_is_a_rule() -> None:
    assert read_whole(Turn, header(Turn) + NARROW * 9, refused_max_ratio=1).statistics.rejected_records == 9
    with pytest.raises(UnreadableFileError, match="more than 10%"):
        read_whole(Turn, header(Turn) + turns(9) + NARROW * 3, refused_max_ratio=0.1)


@pytest.mark.parametrize("chunk_bytes", [16, 300, 1 << 20])
@pytest.mark.parametrize("evidence", ["1.234", "-1.234", " 0.001", "1.000.000"])
@pytest.mark.parametrize("is_first", [True, False])
def test_three_zeros_are_refused_where_a_point_separates_thousands_anywhere_in_the_column(
    evidence: str, is_first: bool, chunk_bytes: int
) -> None:
    doubtful = [("a", "600.000"), ("b", " 5.000"), ("c", "7"), ("d", "8.0"), ("e", "9.0000")]
    cells = [("x", evidence), *doubtful] if is_first else [*doubtful, ("x", evidence)]
    data = header(Turn) + b"".join(record(Turn, pid=pid, length=cell, duration="600.000") for pid, cell in cells)

    result = read_whole(Turn, data, chunk_bytes=chunk_bytes)

    assert dict(zip(*(result.table[name].to_pylist() for name in ("pid", "length")), strict=True)) == {
        "x": None,
        "a": None,
        "b": None,
        "c": 7,
        "d": 8,
        "e": 9,
    }
    assert {(column, raw) for _, column, raw in refused(result)} == {
        ("length", evidence),
        ("length", "600.000"),
        ("length", " 5.000"),
    }
    assert set(result.table["duration"].to_pylist()) == {600}


def test_what_a_point_means_is_decided_for_each_file() -> None:
    first = header(Turn) + record(Turn, pid="a", length="600.000")
    second = header(Turn) + record(Turn, pid="b", length="600.000") + record(Turn, pid="c", length="1.234")

    result = read_whole(Turn, first, second)

    assert dict(zip(*(result.table[name].to_pylist() for name in ("pid", "length")), strict=True)) == {
        "a": 600,
        "b": None,
        "c": None,
    }


def test_points_in_doubt_and_repeated_keys_together_take_three_passes() -> None:
    rows = [record(Turn, pid=f"p{n}", length="600.000") for n in range(20)] * 2
    data = header(Turn) + b"".join(rows) + record(Turn, pid="last", length="1.234")

    result = read_whole(Turn, data, chunk_bytes=300)

    assert result.table["length"].null_count == result.table.num_rows == 21
    assert result.statistics.identical_duplicates == 20
    assert result.pass_count == 3


@given(
    st.lists(st.sampled_from(["600.000", "1.234", "5.000", "7", "8.5", "1.000.000", "2.0", "", "?"]), max_size=12),
    st.sampled_from([16, 120, 1 << 20]),
)
def test_all_cells_with_three_decimals_are_read_or_none(cells: list[str], chunk_bytes: int) -> None:
    data = header(Turn) + b"".join(record(Turn, pid=f"p{n}", length=cell) for n, cell in enumerate(cells))

    lengths = read_whole(Turn, data, chunk_bytes=chunk_bytes).table["length"].to_pylist()

    has_thousands = not {"1.234", "1.000.000"}.isdisjoint(cells)
    readings = {"7": 7, "2.0": 2} | ({} if has_thousands else {"600.000": 600, "5.000": 5})
    assert lengths == [readings.get(cell) for cell in cells]


BLANKS = [" ", "\u00a0", "\ufeff", "\t \u00a0", "\u2003\ufeff", "\u3000", "\u200b\u2060", "\x01", "\x7f"]
BLANKS += [
    "\u3164",
    "\u2800",
    "\u115f\u1160",
    "\u034f",
    "\ufe0f",
    "\uffa0",
    "\u17b4\u180b",
    "\U000e0100",
    "\u2065\ufff0",
]


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_a_key_of_which_nothing_shows_is_none(blank: str, chunk_bytes: int) -> None:
    rows = [
        record(Turn, pid="a"),
        record(Turn, pid=f'"{blank}"'),
        record(Turn, pid="b", engagement_pid=blank, length="?"),
        record(Turn, pid=blank + "c"),
        record(Turn, pid="é", engagement_pid="ß"),
    ]

    result = read_whole(Turn, header(Turn) + b"".join(rows), chunk_bytes=chunk_bytes)

    expected = "c" if blank == "\ufeff" else blank + "c"
    assert result.table["pid"].to_pylist() == ["a", expected, "é"]
    assert [(row["row_number"], row["column"], row["reason"]) for row in result.rejects.to_pylist()] == [
        (2, None, "a blank pid"),
        (3, None, "a blank engagement_pid"),
    ]


@pytest.mark.parametrize("chunk_bytes", [16, 300, 1 << 20])
def test_a_byte_order_mark_goes_from_the_start_of_records_alone(chunk_bytes: int) -> None:
    mark = "\ufeff".encode()
    rows = [
        mark + record(Turn, pid="a", content="x"),
        mark + record(Turn, pid='"b"', content='"two\n\ufefflines"'),
        mark * 2 + record(Turn, pid="c"),
        record(Turn, pid="d", content="\ufeffkept"),
        mark + b"\n",
        mark + NARROW,
        mark,
    ]

    result = read_whole(Turn, header(Turn) + b"".join(rows), chunk_bytes=chunk_bytes)

    assert [(row["pid"], row["content"]) for row in result.table.to_pylist()] == [
        ("a", "x"),
        ("b", "two\n\ufefflines"),
        ("c", None),
        ("d", "\ufeffkept"),
    ]
    assert refused(result) == [(5, None, "too,few")]


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
@pytest.mark.parametrize(
    "repeated",
    [
        header(Turn),
        b"\xef\xbb\xbf" + header(Turn),
        header(Turn).replace(b"pid,", b'"pid",'),
        header(Turn).upper(),
        header(Turn).replace(b",", b" , ").replace(b" ,", b",", 1),
        header(Turn).replace(b"pid,engagement_pid", b"\xc2\xa0Pid\t,Engagement_Pid"),
        b",".join(reversed(header(Turn).strip().split(b","))) + b"\n",
        b"engagement_pid,pid" + header(Turn).removeprefix(b"pid,engagement_pid"),
    ],
)
def test_a_repeated_header_is_one_reject_however_it_is_written(repeated: bytes, chunk_bytes: int) -> None:
    data = header(Turn) + turns(2, length="1") + repeated + turns(2, 2, length="x")

    result = read_whole(Turn, data, chunk_bytes=chunk_bytes)

    assert result.table["pid"].to_pylist() == ["p0", "p1", "p2", "p3"]
    assert [(row["row_number"], row["column"]) for row in result.rejects.to_pylist()] == [
        (3, None),
        (4, "length"),
        (5, "length"),
    ]
    assert result.statistics.rejected_cells == {"length": 2}


def test_a_row_that_only_shares_words_with_the_header_stays() -> None:
    data = header(Customer) + record(Customer, pid="pid", name="name")

    assert read_whole(Customer, data).table["pid"].to_pylist() == ["pid"]
