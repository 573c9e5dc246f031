"""Where the engagements of a file start, counted without making a table: every record is in one of four numbers."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.ingest import EmptyFileError, HeaderError, RawFile, count_starts
from salted_assets.schemas.base import delivered_columns_of
from salted_assets.schemas.engagement import Engagement

START, END = datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
COLUMNS = [facts.name for facts in delivered_columns_of(Engagement)]
HEADER = ",".join(COLUMNS) + "\n"
KINDS = {
    "before": "2024-01-30T23:59:59.999Z",
    "within": "2024-01-31T00:00:00Z",
    "after": "2024-02-01T00:00:00Z",
    "unread": "yesterday",
}


def record(pid: str, start: str) -> str:
    cells = dict.fromkeys(COLUMNS, "") | {"pid": pid, "start_time": start}
    return ",".join(cells.values()) + "\n"


def count(text: str) -> tuple[int, int, int, int]:
    return count_starts(RawFile("engagements.csv", lambda: io.BytesIO(text.encode())), START, END)


@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=40))
def test_every_record_is_counted_once(kinds: list[str]) -> None:
    text = HEADER + "".join(record(f"e{number}", KINDS[kind]) for number, kind in enumerate(kinds))

    assert count(text) == tuple(kinds.count(kind) for kind in ("before", "within", "after", "unread"))


@pytest.mark.parametrize(
    ("start", "counts"),
    [
        ("", (0, 0, 0, 1)),
        ("0001-01-01T00:00:00Z", (1, 0, 0, 0)),
        ("9999-12-31T23:59:59Z", (0, 0, 1, 0)),
        ("2024-01-31T23:59:59.999999Z", (0, 1, 0, 0)),
    ],
)
def test_a_start_at_the_edges(start: str, counts: tuple[int, int, int, int]) -> None:
    found = count(HEADER + record("e", start))

    # an impossible time may be refused: it is then not read, and never taken for one in the window
    assert found in {counts, (0, 0, 0, 1)}
    assert found[1] == counts[1]


def test_repeated_and_broken_records_count_too() -> None:
    text = HEADER + record("e", KINDS["within"]) * 2 + "too,short\n"

    assert count(text) == (0, 2, 0, 1)


def test_a_file_of_a_header_alone_has_none() -> None:
    assert count(HEADER) == (0, 0, 0, 0)


def test_a_file_without_a_usable_header_is_refused() -> None:
    with pytest.raises(EmptyFileError):
        count("")
    with pytest.raises(HeaderError):
        count("<html></html>\n")
