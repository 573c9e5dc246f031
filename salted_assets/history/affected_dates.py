"""Which start days the rows of a partition affect: recorded when it is written, asked for when a day is read."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets.warehouse.scans import damage_named

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US_PER_MINUTE = 60_000_000
_US_PER_MS = 1_000
_LONGEST_ENGAGEMENT_MS = 10 * 366 * 86_400_000
"""A relative time beyond this is an error of the data, and not to be calculated with."""

_YEARS = range(1999, 2101)
"""Years of possible starts as any zone sees them. Others are in tables from before such times were refused: no day is
counted from them, so that whatever is added to a delivered date is a date."""

START_COLUMNS = {
    "engagement": ("start_time",),
    "turn": ("turn_time", "turn_time_relative_ms"),
    "review": ("engagement_start_time",),
}
"""The columns of a dataset that tell when a row's engagement started; agent and customer rows affect no day."""

Reschedule = tuple[date, date]
"""The start day of an engagement in a partition's row, and another one in some other version of it."""


class AffectedDates:
    """Gathers the start days that a partition's rows affect, batch by batch, and counts the rows of each.

    A turn tells the start only by its relative time, so a minute on both sides is affected too. A row that does not
    tell its start makes the days unknown: then every day has to read the partition. Agent and customer rows affect
    nothing. The days from which or to which engagements were rescheduled are affected too.
    """

    def __init__(self, dataset: str, zone: str) -> None:
        self._dataset = dataset
        self._zone = ZoneInfo(zone)
        self._counts: Counter[date] = Counter()
        self._days: set[date] = set()
        self._reschedules: frozenset[Reschedule] = frozenset()
        self._is_unknown = False
        self._day_of_minute: dict[int, date | None] = {}

    @property
    def days(self) -> tuple[date, ...]:
        """The affected days in order."""
        return tuple(sorted(self._days))

    def add(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Take the rows into account; of an empty batch, nothing."""
        if self._dataset not in START_COLUMNS or not rows.num_rows:
            return
        starts = row_starts(self._dataset, rows)
        self._is_unknown |= bool(starts.null_count)
        if starts.null_count == len(starts):
            return
        bounds = pc.min_max(starts)
        first, last = (bounds[name].as_py() // _US_PER_MINUTE for name in ("min", "max"))
        if self._is_within_a_day(first, last):
            self._add_minutes([first, last], [len(starts) - starts.null_count, 0])
        else:
            known = starts.drop_null().to_numpy(zero_copy_only=False)
            minutes, counts = np.unique(known // _US_PER_MINUTE, return_counts=True)
            self._add_minutes(minutes.tolist(), counts.tolist())

    def _is_within_a_day(self, first: int, last: int) -> bool:
        """Whether all minutes from first to last are of one possible day; of a day on which clocks are moved, no."""
        day = self._day(first)
        if day is None or day != self._day(last):
            return False
        offsets = {_instant(minute * _US_PER_MINUTE).astimezone(self._zone).utcoffset() for minute in (first, last)}
        return len(offsets) == 1

    def _add_minutes(self, minutes: Iterable[int], counts: Iterable[int]) -> None:
        reach = 1 if self._dataset == "turn" else 0
        for minute, count in zip(minutes, counts, strict=True):
            day = self._day(minute)
            if day is None:
                self._is_unknown = True
                continue
            self._counts[day] += count
            near = (self._day(minute + shift) for shift in range(-reach, reach + 1))
            self._days.update(neighbour for neighbour in near if neighbour is not None)

    def add_reschedules(self, reschedules: Iterable[Reschedule]) -> None:
        """Take reschedules of the rows' engagements into account; see `find_reschedules`."""
        self._reschedules |= frozenset(reschedules)
        self._days.update(day for reschedule in self._reschedules for day in reschedule)

    def late_rows(self, day: date) -> int:
        """Number of rows whose engagement started before `day`; rows that do not tell their start are not in it."""
        return sum(count for start, count in self._counts.items() if start < day)

    def to_json(self) -> str:
        """The text for the partition's footer, read back by `parse_affected_dates` and `parse_reschedules`."""
        days = [day.isoformat() for day in self.days]
        content: dict[str, object] = {"zone": self._zone.key, "days": days, "unknown": self._is_unknown}
        if self._reschedules:
            content["moves"] = [[day.isoformat() for day in reschedule] for reschedule in sorted(self._reschedules)]
        return json.dumps(content)

    def _day(self, minute: int) -> date | None:
        if minute not in self._day_of_minute:
            self._day_of_minute[minute] = day_of(minute * _US_PER_MINUTE, self._zone)
        return self._day_of_minute[minute]


def parse_affected_dates(text: str | None, zone: str) -> frozenset[date] | None:
    """The days in a footer's text; None (every day must look) without one, in another zone, or when unknown."""
    if text is None:
        return None
    content = json.loads(text)
    if content["unknown"] or content["zone"] != zone:
        return None
    return frozenset(day for day in map(date.fromisoformat, content["days"]) if day.year in _YEARS)


def parse_reschedules(text: str | None, zone: str) -> frozenset[Reschedule]:
    """The reschedules in a footer's text; none without one, or in another zone."""
    content = json.loads(text or "{}")
    reschedules = content.get("moves", []) if content.get("zone") == zone else []
    days = ((date.fromisoformat(here), date.fromisoformat(there)) for here, there in reschedules)
    return frozenset((here, there) for here, there in days if here.year in _YEARS and there.year in _YEARS)


def day_of(microseconds: int, zone: ZoneInfo) -> date | None:
    """The calendar day in the zone of an instant since 1970; None for one that is no possible time."""
    try:
        day = _instant(microseconds).astimezone(zone).date()
    except OverflowError:
        return None
    return day if day.year in _YEARS else None


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def row_starts(dataset: str, rows: pa.RecordBatch | pa.Table) -> pa.Array:
    """When each row's engagement started, in microseconds since 1970 as far as the row tells, else null."""
    times = _whole(rows, START_COLUMNS[dataset][0])
    if dataset != "turn":
        return times
    relative = _whole(rows, "turn_time_relative_ms")
    is_sane = pc.and_(pc.less(relative, _LONGEST_ENGAGEMENT_MS), pc.greater(relative, -_LONGEST_ENGAGEMENT_MS))
    return pc.if_else(is_sane, pc.subtract(times, pc.multiply(pc.if_else(is_sane, relative, 0), _US_PER_MS)), None)


def day_bounds(day: date, zone: str) -> tuple[int, int]:
    """First microsecond of the calendar day in the zone and of the next one, since 1970.

    >>> first, end = day_bounds(date(2024, 3, 31), "Europe/Prague")
    >>> (end - first) // 3_600_000_000
    23
    """
    midnights = (datetime.combine(each, time(), ZoneInfo(zone)) for each in (day, day + timedelta(days=1)))
    first, end = ((midnight - _EPOCH) // timedelta(microseconds=1) for midnight in midnights)
    return first, end


def find_affected_dates(  # noqa: PLR0917 - of what, by what and how damage is told, each of its own type
    warehouse: Warehouse,
    zone: str,
    dataset: str,
    day: date,
    engagement_days: Iterable[date],
    on_damage: Callable[[WarehouseDamaged], None],
) -> frozenset[date]:
    """The start days of the partition's rows; of those that do not tell, by the engagement partitions of these days.

    A turn without a time, or a review without the start of its engagement, belongs to some day all the same: that on
    which its engagement started, as far as any export has told. Rows of engagements that no export has brought concern
    no score; when one brings the engagement, that affects the day by itself.

    These are looked at in the order given until each row's engagement is found: the first or second holds it as a rule,
    where they begin with the partition's own day. What is gone tells nothing, nor does what cannot be read, of which
    `on_damage` is told.
    """
    affected, name = AffectedDates(dataset, zone), "pid" if dataset == "engagement" else "engagement_pid"
    undated = []
    for batch in _read_columns(warehouse, dataset, day, [name, *START_COLUMNS[dataset]], on_damage):
        affected.add(batch)
        undated.append(batch[name].filter(row_starts(dataset, batch).is_null()))
    sought = pc.unique(pa.chunked_array(undated, pa.string())).drop_null()
    found = AffectedDates("engagement", zone)
    for other in engagement_days:
        if not len(sought):
            break
        for batch in _read_columns(warehouse, "engagement", other, ["pid", "start_time"], on_damage):
            known = batch.filter(pc.and_(pc.is_in(batch["pid"], value_set=sought), batch["start_time"].is_valid()))
            found.add(known)
            sought = sought.filter(pc.invert(pc.is_in(sought, value_set=known["pid"])))
    return frozenset({*affected.days, *found.days})


def _whole(rows: pa.RecordBatch | pa.Table, column: str) -> pa.Array:
    values = rows.column(column)
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return array.cast(pa.int64())


def _read_columns(
    warehouse: Warehouse, dataset: str, day: date, columns: list[str], on_damage: Callable[[WarehouseDamaged], None]
) -> Iterator[pa.RecordBatch]:
    path = warehouse.table_path(("tables", dataset), day)
    try:
        with damage_named(warehouse, [path]), warehouse.open_parquet(path) as file:
            yield from file.iter_batches(columns=columns)
    except FileNotFoundError:
        return
    except WarehouseDamaged as damage:
        on_damage(damage)
