"""Small files of the kind that vendors really send (`cases/`), each with its right outcome."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from salted_assets.ingest import UnreadableFileError
from salted_assets.schemas.agent import Agent
from salted_assets.schemas.base import DatasetTable
from salted_assets.schemas.customer import Customer
from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import Whole, read_whole

CASES = Path(__file__).with_name("cases")
KEY = "00000000-0000-4000-8000-{:012x}"
TEN = datetime(2024, 1, 1, 10, tzinfo=UTC)

pytestmark = pytest.mark.parametrize("chunk_bytes", [16, 300, 1 << 20])


def read_case(name: str, model: type[DatasetTable], chunk_bytes: int) -> Whole:
    return read_whole(model, (CASES / name).read_bytes(), chunk_bytes=chunk_bytes)


def keys(count: int) -> list[str]:
    return [KEY.format(number) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        ("agents_cp1252.csv", Agent, "60 of 60 records could not be read.*data row 1, the record is not UTF-8"),
        (
            "agents_trailing_comma.csv",
            Agent,
            "100 of 100 records .*data row 1, the record has 14 fields",
        ),
        ("turns_epoch_ms.csv", Turn, "11 of 11 filled cells of turn_time .*data row 1, not a date and time"),
    ],
)
def test_a_file_that_cannot_be_read_fails_its_table(
    name: str, model: type[DatasetTable], message: str, chunk_bytes: int
) -> None:
    with pytest.raises(UnreadableFileError, match=message):
        read_case(name, model, chunk_bytes)


def test_a_repeated_header_is_no_customer(chunk_bytes: int) -> None:
    result = read_case("customers_repeated_header.csv", Customer, chunk_bytes)

    assert result.table["pid"].to_pylist() == keys(4)
    assert [(row["row_number"], row["column"], row["reason"]) for row in result.rejects.to_pylist()] == [
        (3, None, "the record repeats the header")
    ]


def test_a_byte_order_mark_before_a_record_is_no_part_of_its_key(chunk_bytes: int) -> None:
    result = read_case("turns_bom_before_a_row.csv", Turn, chunk_bytes)

    assert result.table["pid"].to_pylist() == keys(4)
    assert result.rejects.num_rows == 0


def test_times_with_the_name_of_their_zone_are_read(chunk_bytes: int) -> None:
    result = read_case("turns_zone_name.csv", Turn, chunk_bytes)

    assert result.table["turn_time"].to_pylist() == [TEN] * 11
    assert result.statistics.naive_times.total() == 0
    assert result.rejects.num_rows == 0


def test_whole_numbers_as_a_java_double_prints_them_are_read(chunk_bytes: int) -> None:
    result = read_case("turns_java_double.csv", Turn, chunk_bytes)

    assert result.table["duration"].to_pylist() == [9_999_999, 10_000_000, 12_345_678]
    assert result.rejects.num_rows == 0


def test_points_that_separate_thousands_give_no_number(chunk_bytes: int) -> None:
    result = read_case("turns_german_thousands.csv", Turn, chunk_bytes)

    assert result.table["duration"].to_pylist() == [None, None, None, 999]
    assert result.rejects["raw_value"].to_pylist() == ["1.234", "600.000", "12.000"]
    assert result.table["refused_columns"].to_pylist() == [["duration"]] * 3 + [None]
