"""The engagements that started on a day, by their newest versions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from salted_assets.history.affected_dates import day_bounds, day_of
from salted_assets.history.footers import Partition
from salted_assets.history.rescheduled import RESCHEDULE_REACH, linked_days
from salted_assets.history.versions import build_version_columns, create_outdated

_CANDIDATES = """
    CREATE TEMP TABLE candidate AS
    SELECT DISTINCT pid FROM affecting
    WHERE start_time >= make_timestamptz($first) AND start_time < make_timestamptz($end)
"""

_VERSIONS = f"""
    CREATE TEMP TABLE version AS
    SELECT {build_version_columns("engagement")}, epoch_us(start_time) AS start_us
    FROM near SEMI JOIN candidate USING (pid)
"""  # noqa: S608 - names of our own columns

_NEWEST = """
    CREATE TEMP TABLE newest AS
    SELECT pid, date FROM version ANTI JOIN outdated USING (pid, date) WHERE start_us >= $first AND start_us < $end
"""

_ELSEWHERE = """
    SELECT DISTINCT start_us FROM version SEMI JOIN newest USING (pid) WHERE start_us < $first OR start_us >= $end
"""

Open = Callable[[Sequence[Partition]], duckdb.DuckDBPyRelation]
"""Opens the rows of engagement partitions, with their `date`."""


@dataclass(frozen=True)
class DayEngagements:
    """The engagements of a start day.

    `rows` has the id of each as `own_pid`, its index as `number`, and as `newest_date` the partition with its newest
    version. `partitions` are those that affect the day, so that all these versions are in them. `start_days` are the
    day itself and all days to or from which some engagement of the day was rescheduled, perhaps more.
    """

    rows: pa.Table
    partitions: tuple[Partition, ...]
    start_days: frozenset[date]


def find_day_engagements(
    connection: duckdb.DuckDBPyConnection,
    open_engagements: Open,
    partitions: Sequence[Partition],
    start_day: date,
    zone: str,
) -> DayEngagements:
    """Find the engagements whose newest version starts on the day, in the zone's calendar.

    Of the partitions that affect the day, the ids of the rows that start on it are read. Of these rows a newer version
    may start on another day: it is looked for, by the columns that say which is newer, in the partitions that
    affect a day within `RESCHEDULE_REACH`, and in those of days to or from which an engagement of the day was
    rescheduled.
    """
    first, end = day_bounds(start_day, zone)
    bounds = {"first": first, "end": end}
    linked = linked_days((reschedule for each in partitions for reschedule in each.reschedules), start_day) | {
        start_day
    }
    reach = range(-RESCHEDULE_REACH.days, RESCHEDULE_REACH.days + 1)
    nearby = linked.union(start_day + timedelta(days=shift) for shift in reach)
    affecting = tuple(each for each in partitions if each.is_affecting(frozenset({start_day})))
    near = [each for each in partitions if each.is_affecting(nearby)]
    open_engagements(affecting).create_view("affecting")
    open_engagements(near).create_view("near")
    connection.execute(_CANDIDATES, bounds)
    connection.execute(_VERSIONS)
    create_outdated(connection, near)
    connection.execute(_NEWEST, bounds)
    rows = connection.sql(
        "SELECT pid AS own_pid, (row_number() OVER () - 1)::INTEGER AS number, date AS newest_date FROM newest"
    ).to_arrow_table()
    calendar = ZoneInfo(zone)
    elsewhere = {day_of(start_us, calendar) for (start_us,) in connection.execute(_ELSEWHERE, bounds).fetchall()}
    return DayEngagements(rows, affecting, linked.union(day for day in elsewhere if day is not None))
