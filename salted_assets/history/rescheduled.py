"""Engagements whose start was corrected to another day: found when a partition is written, recorded in its footer.

A newer version of an engagement affects the day on which it starts now. The day on which an older version starts is
affected as well: its score still counts the engagement, and turns and reviews are in the partitions of that day.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.affected_dates import Reschedule, day_bounds, day_of, parse_affected_dates
from salted_assets.history.footers import Footer
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets.warehouse.scans import damage_named

RESCHEDULE_REACH = timedelta(days=7)
"""How far every start is looked for from where it is now. One that was corrected by more is found if the export that
tells of it is of a later day than the new start; else it counts on both days until the exports that still have it on
the old one are made again."""

_LOG = logging.getLogger(__name__)
_KEY = ("tables", "engagement")
_COLUMNS = ["pid", "start_time"]
_US_PER_MINUTE = 60_000_000


def find_reschedules(warehouse: Warehouse, zone: str, day: date, rows: pa.Table) -> frozenset[Reschedule]:
    """For engagements that start on another day in some other partition: the day in these rows, and the day there.

    `rows` are `pid` and `start_time` of the engagement partition of `day`. Of the other partitions those are read that
    affect a day within `RESCHEDULE_REACH` of some row's, from the first such day on: the ids and times alone. A row of
    another day than `day` should be in one of them, from when it was exported first. If it is in none, it was further
    away, or came late: then all partitions are gone through for it (0.7 CPU s for 730 small ones, or for 3.6 million
    rows). Rows without a start have no reschedules, and no rows none. Two partitions that are being written at the same
    moment do not see each other.
    """
    calendar, (first, end) = ZoneInfo(zone), day_bounds(day, zone)
    own = rows.combine_chunks().filter(pc.is_valid(rows["start_time"]))
    pids, starts = own["pid"].combine_chunks(), own["start_time"].combine_chunks().cast(pa.int64())
    looked_at, reschedules = {day}, set[Reschedule]()
    is_stray = pc.or_(pc.less(starts, first), pc.greater_equal(starts, end))
    for other, theirs in _read_affecting(warehouse, zone, day, _days_near(starts, calendar)):
        looked_at.add(other)
        reschedules |= _compare(pids, starts, theirs, calendar)
        is_stray = pc.and_not(is_stray, pc.is_in(pids, value_set=theirs["pid"]))
    pids, starts = pids.filter(is_stray), starts.filter(is_stray)
    for other in warehouse.list_days(_KEY, _leave_out) if len(pids) else ():
        theirs = None if other in looked_at else _read(warehouse, other)
        if theirs is not None:
            reschedules |= _compare(pids, starts, theirs, calendar)
    return frozenset(reschedules)


def _compare(pids: pa.Array, starts: pa.Array, others: pa.Table, calendar: ZoneInfo) -> set[Reschedule]:
    """The reschedules between rows of these ids and starts and rows of another partition."""
    ours, theirs = starts.take(pc.index_in(others["pid"], value_set=pids)), others["start_time"].cast(pa.int64())
    differs = pc.fill_null(pc.not_equal(ours, theirs), fill_value=False)
    pairs = zip(ours.filter(differs).to_pylist(), theirs.filter(differs).to_pylist(), strict=True)
    days = ((day_of(here, calendar), day_of(there, calendar)) for here, there in pairs)
    return {(here, there) for here, there in days if here is not None and there is not None and here != there}


def linked_days(reschedules: Iterable[Reschedule], day: date) -> frozenset[date]:
    """The days to or from which engagements of the day were moved, by these reschedules.

    >>> sorted(str(day) for day in linked_days([(date(2024, 2, 1), date(2024, 1, 31))], date(2024, 1, 31)))
    ['2024-02-01']
    """
    return frozenset(other for reschedule in reschedules for one, other in (reschedule, reschedule[::-1]) if one == day)


def _days_near(starts: pa.Array, calendar: ZoneInfo) -> set[date]:
    minutes = pc.unique(pc.divide(starts, _US_PER_MINUTE))
    days = {day_of(minute * _US_PER_MINUTE, calendar) for minute in minutes.to_pylist()}
    reach = range(-RESCHEDULE_REACH.days, RESCHEDULE_REACH.days + 1)
    return {day + timedelta(days=shift) for day in days if day is not None for shift in reach}


def _read_affecting(warehouse: Warehouse, zone: str, day: date, days: set[date]) -> Iterator[tuple[date, pa.Table]]:
    for other in warehouse.list_days(_KEY, _leave_out):
        if other != day and other >= min(days, default=date.max):
            rows = _read(warehouse, other, zone, days)
            if rows is not None:
                yield other, rows


def _read(warehouse: Warehouse, day: date, zone: str = "", days: set[date] | None = None) -> pa.Table | None:
    """Ids and starts of a partition; None where it affects none of the days, if such are given, or is gone."""
    path = warehouse.table_path(_KEY, day)
    # it may be taken away while the others are looked at
    with suppress(FileNotFoundError), damage_named(warehouse, [path]), warehouse.open_parquet(path) as file:
        affected = parse_affected_dates(Footer.of(file).affected_dates, zone)
        if days is None or affected is None or day in days or not affected.isdisjoint(days):
            return file.read(columns=_COLUMNS)
    return None


def _leave_out(damage: WarehouseDamaged) -> None:
    _LOG.warning("%s It is left out.", damage)
