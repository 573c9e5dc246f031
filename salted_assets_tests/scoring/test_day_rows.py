"""Days are gone through one by one, and nothing of them is held afterwards."""

import weakref
from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores.daily import AgentDaily
from salted_assets.scoring.day_rows import pass_days

FIRST = date(2024, 1, 31)


def read(days: int, read_so_far: list["weakref.ref[pa.Table]"]) -> Iterator[pa.Table]:
    for ahead in range(days):
        table = pa.Table.from_pylist([{"start_date": FIRST + timedelta(days=ahead)}], schema=arrow_schema(AgentDaily))
        read_so_far.append(weakref.ref(table))
        yield table
        del table
        assert read_so_far[-1]() is None


def test_no_rows_are_held_when_the_last_end_date_is_worked_on() -> None:
    tables: list[weakref.ref[pa.Table]] = []
    seen: list[date] = []
    ends = [FIRST + timedelta(days=1), FIRST + timedelta(days=3)]
    whole = pass_days(read(3, tables), AgentDaily, ends, lambda day, _: seen.append(day))
    assert next(whole) == 0
    assert seen == [FIRST, FIRST + timedelta(days=1)]
    assert next(whole) == 1
    assert len(seen) == len(tables) == len(ends) + 1
    assert all(table() is None for table in tables)
