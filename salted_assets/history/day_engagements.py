"""The engagements that started on each of some days, by their newest versions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from salted_assets.history.affected_dates import day_bounds, day_of
from salted_assets.history.footers import Partition
from salted_assets.history.rescheduled import RESCHEDULE_REACH, linked_days
from salted_assets.history.versions import build_version_columns, create_outdated

_CANDIDATES = """
    CREATE TEMP TABLE candidate AS
    SELECT DISTINCT day.start_date, pid
    FROM affecting JOIN day ON start_time >= make_timestamptz(first_us) AND start_time < make_timestamptz(end_us)
    SEMI JOIN affecting_pair ON affecting_pair.start_date = day.start_date AND affecting_pair.date = affecting.date
    WHERE start_time >= make_timestamptz($first) AND start_time < make_timestamptz($end)
"""

_VERSIONS = f"""
    CREATE TEMP TABLE version AS
    SELECT start_date, {build_version_columns("engagement")}, epoch_us(start_time) AS start_us
    FROM near JOIN candidate USING (pid) SEMI JOIN near_pair USING (start_date, date)
"""  # noqa: S608 - names of our own columns

_NEWEST = """
    CREATE TEMP TABLE newest AS
    SELECT start_date, pid, date
    FROM version ANTI JOIN outdated USING (start_date, pid, date) JOIN day USING (start_date)
    WHERE start_us >= first_us AND start_us < end_us
"""

_ELSEWHERE = """
    SELECT DISTINCT start_date, start_us
    FROM version SEMI JOIN newest USING (start_date, pid) JOIN day USING (start_date)
    WHERE start_us < first_us OR start_us >= end_us
"""

_ROWS = """
    SELECT start_date, pid AS own_pid, (row_number() OVER () - 1)::INTEGER AS number, date AS newest_date FROM newest
"""

_DAYS = pa.schema({"start_date": pa.date32(), "first_us": pa.int64(), "end_us": pa.int64()})
_PAIRS = pa.schema({"start_date": pa.date32(), "date": pa.date32()})

Open = Callable[[Sequence[Partition]], duckdb.DuckDBPyRelation]
"""Opens the rows of engagement partitions, with their `date`."""

ByDay = Mapping[date, Sequence[Partition]]
"""The partitions of each start day."""


@dataclass(frozen=True)
class DayEngagements:
    """The engagements of some start days.

    `rows` has the id of each as `own_pid`, its `start_date`, its index as `number`, and as `newest_date` the partition
    with its newest version. `partitions` are those that affect the day, so that all these versions are in them.
    `start_days` are the day itself and all days to or from which some engagement of the day was rescheduled, perhaps
    more.
    """

    rows: pa.Table
    partitions: ByDay
    start_days: Mapping[date, frozenset[date]]


def find_day_engagements(
    connection: duckdb.DuckDBPyConnection,
    open_engagements: Open,
    partitions: Sequence[Partition],
    start_days: Sequence[date],
    zone: str,
) -> DayEngagements:
    """Find the engagements whose newest version starts on each of the days, in the zone's calendar.

    Each day is looked at by itself, as if it had been asked for alone, and all in the same queries. Of the partitions
    that affect it, the ids of the rows that start on it are read. Of these rows a newer version may start on another
    day: it is looked for, by the columns that say which is newer, in the partitions that affect a day within
    `RESCHEDULE_REACH`, and in those of days to or from which an engagement of the day was rescheduled.
    """
    calendar = ZoneInfo(zone)
    linked = {day: _linked(partitions, day) for day in start_days}
    affecting = {day: list_affecting(partitions, {day}, day) for day in start_days}
    near = {day: list_affecting(partitions, linked[day].union(_around(day)), day) for day in start_days}
    bounds = {day: day_bounds(day, zone) for day in start_days}
    connection.register("day", pa.table([[*bounds], *map(list, zip(*bounds.values(), strict=True))], schema=_DAYS))
    register_pairs(connection, "affecting_pair", affecting)
    register_pairs(connection, "near_pair", near)
    open_engagements(list_all(affecting)).create_view("affecting")
    open_engagements(list_all(near)).create_view("near")
    first, end = min(bounds.values())[0], max(bounds.values())[1]
    connection.execute(_CANDIDATES, {"first": first, "end": end})
    connection.execute(_VERSIONS)
    create_outdated(connection, list_all(near))
    connection.execute(_NEWEST)
    rows = connection.sql(_ROWS).to_arrow_table()
    elsewhere = {day: set[date | None]() for day in start_days}
    for start_day, start_us in connection.execute(_ELSEWHERE).fetchall():
        elsewhere[start_day].add(day_of(start_us, calendar))
    moved = {day: linked[day].union(other for other in elsewhere[day] if other is not None) for day in start_days}
    return DayEngagements(rows, affecting, moved)


def list_affecting(partitions: Iterable[Partition], days: Iterable[date], since: date) -> list[Partition]:
    """Those that affect one of the days, from `RESCHEDULE_REACH` before `since` on."""
    affected = frozenset(days)
    return [each for each in partitions if each.day >= since - RESCHEDULE_REACH and each.is_affecting(affected)]


def list_all(by_day: ByDay) -> list[Partition]:
    """The partitions of all the days, each once, in order."""
    found = {each.day: each for each in chain.from_iterable(by_day.values())}
    return [found[day] for day in sorted(found)]


def register_pairs(connection: duckdb.DuckDBPyConnection, name: str, by_day: ByDay) -> None:
    """Make the partitions of each start day known as a table of pairs, `start_date` and `date`."""
    pairs = [{"start_date": day, "date": each.day} for day, partitions in by_day.items() for each in partitions]
    connection.register(name, pa.Table.from_pylist(pairs, schema=_PAIRS))


def _linked(partitions: Sequence[Partition], day: date) -> frozenset[date]:
    read = (each for each in partitions if each.day >= day - RESCHEDULE_REACH)
    return linked_days((reschedule for each in read for reschedule in each.reschedules), day) | {day}


def _around(day: date) -> Iterator[date]:
    return (day + timedelta(days=shift) for shift in range(-RESCHEDULE_REACH.days, RESCHEDULE_REACH.days + 1))
