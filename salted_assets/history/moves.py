"""Engagements whose start was corrected to another day: found when a partition is written, noted in its footer.

A newer version of an engagement touches the day on which it starts now. The day on which an older version starts is
concerned as well: its score still counts the engagement, and turns and reviews are in the partitions of that day.
Here: the search for such days in the other partitions. Not here: the note (`touches`), what is made of it (`reader`).
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.touches import Move, day_of, touched_days
from salted_assets.warehouse import Warehouse, read_notes

MOVE_REACH = timedelta(days=7)
"""How far a start is looked for from where it is now. One that was corrected by more is found by nobody: it counts on
both days until the exports that still have it on the old one are made again."""

_COLUMNS = ["pid", "start_time"]
_US_PER_MINUTE = 60_000_000


def find_moves(warehouse: Warehouse, zone: str, day: date, rows: pa.Table) -> frozenset[Move]:
    """For engagements that start on another day in some other partition: the day in these rows, and the day there.

    `rows` are `pid` and `start_time` of the engagement partition of `day`. Of the other partitions those are read that
    touch a day within `MOVE_REACH` of some row's, from the first such day on: the ids and times alone. Rows without a
    start have no moves, and no rows none. Two partitions that are being written at the same moment do not see each
    other.
    """
    own, calendar = rows.combine_chunks().filter(pc.is_valid(rows["start_time"])), ZoneInfo(zone)
    pids, starts = own["pid"].combine_chunks(), own["start_time"].combine_chunks().cast(pa.int64())
    near = _days_near(starts, calendar)
    moves = set()
    for others in _read_touching(warehouse, zone, day, near):
        ours, theirs = starts.take(pc.index_in(others["pid"], value_set=pids)), others["start_time"].cast(pa.int64())
        differs = pc.fill_null(pc.not_equal(ours, theirs), fill_value=False)
        for pair in zip(ours.filter(differs).to_pylist(), theirs.filter(differs).to_pylist(), strict=True):
            here, there = (day_of(instant, calendar) for instant in pair)
            if here is not None and there is not None and here != there:
                moves.add((here, there))
    return frozenset(moves)


def linked_days(moves: Iterable[Move], day: date) -> frozenset[date]:
    """The days to or from which engagements of the day were moved, by these moves.

    >>> sorted(str(day) for day in linked_days([(date(2024, 2, 1), date(2024, 1, 31))], date(2024, 1, 31)))
    ['2024-02-01']
    """
    return frozenset(other for move in moves for one, other in (move, move[::-1]) if one == day)


def _days_near(starts: pa.Array, calendar: ZoneInfo) -> set[date]:
    minutes = pc.unique(pc.divide(starts, _US_PER_MINUTE))
    days = {day_of(minute * _US_PER_MINUTE, calendar) for minute in minutes.to_pylist()}
    reach = range(-MOVE_REACH.days, MOVE_REACH.days + 1)
    last, first = date.max - MOVE_REACH, date.min + MOVE_REACH
    return {day + timedelta(days=shift) for day in days if day is not None and first <= day <= last for shift in reach}


def _read_touching(warehouse: Warehouse, zone: str, day: date, days: set[date]) -> Iterator[pa.Table]:
    key = ("tables", "engagement")
    for other in warehouse.list_days(key):
        if other == day or other < min(days, default=date.max):
            continue
        # it may be taken away while the others are looked at
        with suppress(FileNotFoundError), warehouse.open_parquet(warehouse.table_path(key, other)) as file:
            touched = touched_days(read_notes(file).get("salted.touches"), zone)
            if touched is None or other in days or not touched.isdisjoint(days):
                yield file.read(columns=_COLUMNS)
