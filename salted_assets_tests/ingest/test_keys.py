"""Keys that come twice, in one file and over two, and references within a file."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.ingest import IngestRules, read_table
from salted_assets.ingest.keys import find_names, hash_texts, is_among
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import DatasetTable
from salted_assets.schemas.customer import Customer
from salted_assets.schemas.engagement import Engagement
from salted_assets.schemas.review import Review
from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import header, raw_file, read_whole, record, refused

HEADER = header(Customer)
HEADER_WITH_UPDATES = header(Customer, "updated_at")


def customer(pid: str, name: str = "", updated_at: str | None = None) -> bytes:
    return record(Customer, [] if updated_at is None else [updated_at.encode()], pid=pid, name=name)


def names(table: pa.Table) -> list[tuple[str, str | None]]:
    return list(zip(table["pid"].to_pylist(), table["name"].to_pylist(), strict=True))


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_identical_duplicates_are_kept_once_and_counted(chunk_bytes: int) -> None:
    data = HEADER + customer("a", "x") * 3 + customer("b", "y") + customer("a", "x")

    result = read_whole(Customer, data, chunk_bytes=chunk_bytes)

    assert names(result.table) == [("b", "y"), ("a", "x")]
    assert result.statistics.identical_duplicates == 3
    assert result.rejects.num_rows == 0
    assert result.pass_count == 2


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_of_conflicting_duplicates_the_last_stays_and_the_others_are_refused(chunk_bytes: int) -> None:
    rows = [customer("a", "old"), customer("b"), customer("a", "old"), customer("a", "new")]

    result = read_whole(Customer, HEADER + b"".join(rows), chunk_bytes=chunk_bytes)

    assert names(result.table) == [("b", None), ("a", "new")]
    assert refused(result) == [(3, None, "a,,old,,,,,,,,")]
    assert result.rejects["pid"].to_pylist() == ["a"]
    assert (result.statistics.conflicting_duplicates, result.statistics.identical_duplicates) == (1, 1)


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_of_conflicting_duplicates_the_newest_stays_where_all_carry_times(chunk_bytes: int) -> None:
    data = HEADER_WITH_UPDATES + b"".join(
        [
            customer("a", "newest", "2024-01-02T00:00:00Z"),
            customer("a", "old", "2024-01-01T00:00:00Z"),
            customer("b", "dated", "2024-01-02T00:00:00Z"),
            customer("b", "last", ""),
        ]
    )

    result = read_whole(Customer, data, chunk_bytes=chunk_bytes)

    assert names(result.table) == [("a", "newest"), ("b", "last")]
    assert [row for row, _, _ in refused(result)] == [2, 3]


def test_over_files_the_newest_stays_where_all_carry_times_and_else_the_last() -> None:
    first = HEADER_WITH_UPDATES + customer("a", "newest", "2024-01-09T00:00:00Z") * 2 + customer("b", "x", "")
    second = (
        HEADER_WITH_UPDATES + customer("a", "old", "2024-01-01T00:00:00Z") + customer("b", "y", "2024-01-01T00:00:00Z")
    )

    result = read_whole(Customer, first, second)

    assert names(result.table) == [("a", "newest"), ("b", "y")]
    assert result.statistics.superseded_rows == 2
    assert result.statistics.identical_duplicates == 1
    assert result.statistics.rejected_records == 0
    assert result.statistics.file_rows == 5


def engagement(time: str, **raw: str) -> bytes:
    return record(Engagement, engagement_time=time, **raw)


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
@pytest.mark.parametrize("column", ["start_time", "preparation_time", "engagement_time", "wrap_up_time", "wait_time"])
def test_a_row_that_cannot_be_read_takes_no_readable_rows_place_in_a_later_file(column: str, chunk_bytes: int) -> None:
    readable = record(Engagement, name="readable", start_time="2024-01-31T10:00:00Z", wait_time="5")
    files = [header(Engagement) + row for row in (readable, record(Engagement, name="damaged", **{column: "?"}))]

    result = read_whole(Engagement, *files, chunk_bytes=chunk_bytes)

    assert names(result.table) == [("p1", "readable")]
    assert (result.statistics.superseded_rows, result.statistics.rejected_records) == (1, 0)
    assert refused(result) == [(1, column, "?")]


@pytest.mark.parametrize("damaged_cell", ["?", "-5", "-2147483648"])
@pytest.mark.parametrize("is_last", [True, False])
def test_a_row_that_cannot_be_read_takes_no_readable_rows_place_in_its_file(damaged_cell: str, is_last: bool) -> None:
    rows = [engagement("600000"), engagement(damaged_cell)]

    result = read_whole(Engagement, header(Engagement) + b"".join(rows if is_last else reversed(rows)))

    assert result.table["engagement_time"].to_pylist() == [600000]
    (conflicting,) = result.rejects.filter(result.rejects["column"].is_null()).to_pylist()
    assert conflicting["row_number"] == (2 if is_last else 1)


def test_of_rows_that_cannot_be_read_the_last_stays() -> None:
    rows = [engagement("?", name="first"), engagement("?", name="last")]

    assert names(read_whole(Engagement, header(Engagement) + b"".join(rows)).table) == [("p1", "last")]


@pytest.mark.parametrize(
    ("status", "stays"), [("Deleted", "newer"), (" IGNORE", "newer"), ("rejected", "newer"), ("Completed", "older")]
)
@pytest.mark.parametrize("over_files", [True, False])
def test_a_review_that_is_withdrawn_wins_whatever_of_its_scores_can_be_read(
    status: str, stays: str, over_files: bool
) -> None:
    rows = [
        record(Review, status="Completed", answer_score="1", comment="older"),
        record(Review, status=status, answer_score="?", comment="newer"),
    ]
    files = [header(Review) + row for row in rows] if over_files else [header(Review) + b"".join(rows)]

    assert read_whole(Review, *files).table["comment"].to_pylist() == [stays]


def test_a_cell_that_is_refused_for_points_elsewhere_in_its_file_takes_no_readable_rows_place() -> None:
    first = header(Engagement) + engagement("601000")
    second = header(Engagement) + engagement("601.000") + record(Engagement, pid="p2", engagement_time="1.234")

    result = read_whole(Engagement, first, second)

    assert result.table["pid"].to_pylist() == ["p1", "p2"]
    assert result.table["engagement_time"].to_pylist() == [601000, None]


def test_rejects_name_the_file_by_which_their_rows_are_numbered() -> None:
    files = [raw_file(HEADER + customer(""), "a.csv"), raw_file(HEADER + customer("b") + customer(""), "b.csv")]
    stream = read_table(Customer, files)
    batches = [batch for one_pass in stream.passes() for batch in one_pass]

    rejects = [row for batch in batches for row in batch.rejects.to_pylist()]
    assert [(row["file"], row["row_number"], row["reason"]) for row in rejects] == [
        ("a.csv", 1, "no pid"),
        ("b.csv", 2, "no pid"),
    ]


def test_different_keys_take_one_pass() -> None:
    assert read_whole(Customer, HEADER + customer("a") + customer("A")).pass_count == 1


def test_keys_whose_hashes_meet_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salted_assets.ingest.keys._mixed", lambda words, _: np.zeros(len(words), np.uint64))

    result = read_whole(Customer, HEADER + customer("a") + customer("b") + customer("a"))

    assert names(result.table) == [("b", None), ("a", None)]


def test_a_second_pass_needs_the_first_drained() -> None:
    passes = read_table(Customer, [raw_file(HEADER + customer("a") * 2)], IngestRules()).passes()
    next(passes)

    with pytest.raises(RuntimeError, match="drained"):
        next(passes)


@pytest.mark.parametrize("model", DATASET_MODELS.values(), ids=DATASET_MODELS)
def test_every_table_has_unique_keys(model: type[DatasetTable]) -> None:
    result = read_whole(model, header(model) + record(model) * 2)

    assert result.table.num_rows == 1
    assert result.statistics.identical_duplicates == 1


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)))
def test_equal_texts_have_equal_hashes_wherever_they_stand(texts: list[str]) -> None:
    together = hash_texts(pa.array([*texts, "end"], pa.string()))
    alone = [hash_texts(pa.array(["x", text], pa.string())[1:])[0] for text in texts]

    assert together[:-1].tolist() == alone
    assert len(set(together.tolist())) == len({*texts, "end"})


def test_nothing_is_among_no_hashes() -> None:
    assert not is_among(np.array([1], np.uint64), np.array([], np.uint64)).any()


def turn(pid: str, **raw: str) -> bytes:
    return record(Turn, pid=pid, **raw)


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_answers_to_turns_outside_the_file_are_flagged(chunk_bytes: int) -> None:
    rows = [
        turn("a", response_to="c"),
        turn("b", response_to="a"),
        turn("c", response_to="elsewhere"),
        turn("d"),
    ]

    result = read_whole(Turn, header(Turn) + b"".join(rows), chunk_bytes=chunk_bytes)

    (failure,) = result.statistics.check_failures
    assert (failure.rule, failure.column, failure.count) == ("names_a_row_of_the_file", "response_to", 1)
    assert failure.first_cases == [("c", 3)]


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_turns_of_an_engagement_whose_clocks_disagree_are_flagged(chunk_bytes: int) -> None:
    rows = [
        turn("a", engagement_pid="e", turn_time="2024-01-31T12:00:10Z", turn_time_relative_ms="10000"),
        turn("b", engagement_pid="e", turn_time="2024-01-31T12:02:00Z", turn_time_relative_ms="59000"),
        turn("c", engagement_pid="f", turn_time="2024-01-31T12:00:10Z", turn_time_relative_ms="10000"),
        turn("d", engagement_pid="f", turn_time="2024-01-31T12:02:00Z", turn_time_relative_ms="60000"),
        turn("e", engagement_pid="e", turn_time="2024-01-31T12:09:00Z"),
    ]

    result = read_whole(Turn, header(Turn) + b"".join(rows), chunk_bytes=chunk_bytes)

    (failure,) = result.statistics.check_failures
    assert (failure.rule, failure.column, failure.count) == ("turns_agree_on_start", "turn_time_relative_ms", 1)
    assert failure.first_cases == [("b", 2)]


def test_dropped_rows_are_not_checked() -> None:
    data = header(Turn) + turn("a", length="-1", response_to="no") + turn("a", length="1")

    assert read_whole(Turn, data).statistics.check_failures == []


blanks = st.sampled_from(["", "", " ", "\t\n", "\x1f", "\u00a0", "   " * 9])
words = st.sampled_from(["kip", "PI", "\u212aip", "\u212aKip", "é", "x", ""])


@given(st.lists(st.tuples(blanks, words, blanks).map("".join) | st.none(), max_size=3))
def test_names_are_found_whatever_their_case_and_the_blanks_around_them(texts: list[str | None]) -> None:
    array, names = pa.array(["", *texts, "kip"], pa.string()), ["kip", "pi"]
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(array))
    expected = np.flatnonzero(pc.is_in(plain, pa.array(names)).to_numpy(zero_copy_only=False))

    assert find_names(array, names).tolist() == expected.tolist()
