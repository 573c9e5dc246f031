"""Which start days the rows of a partition touch: noted when it is written, asked when a day is read.

Here: the start of a row's engagement as far as the row tells, calendar days of a zone, the note's text form.
Not here: reading of partitions.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US_PER_MINUTE = 60_000_000
_US_PER_MS = 1_000
_LONGEST_ENGAGEMENT_MS = 10 * 366 * 86_400_000
"""A relative time beyond this is an error of the data, and not to be calculated with."""

START_COLUMNS = {
    "engagement": ("start_time",),
    "turn": ("turn_time", "turn_time_relative_ms"),
    "review": ("engagement_start_time",),
}
"""The columns of a dataset that tell when a row's engagement started; agent and customer rows touch no day."""

Reschedule = tuple[date, date]
"""The start day of an engagement in a partition's row, and another one in some other version of it."""


class AffectedDates:
    """Gathers the start days that a partition's rows touch, batch by batch, and counts the rows of each.

    A turn tells the start only by its relative time, so a minute on both sides is affected too. A row that does not
    tell its start makes the days unknown: then every day has to read the partition. Agent and customer rows touch
    nothing. The days from which or to which engagements moved are affected too.
    """

    def __init__(self, dataset: str, zone: str) -> None:
        self._dataset = dataset
        self._zone = ZoneInfo(zone)
        self._counts: Counter[date] = Counter()
        self._touched: set[date] = set()
        self._reschedules: frozenset[Reschedule] = frozenset()
        self._is_unknown = False
        self._day_of_minute: dict[int, date | None] = {}

    @property
    def days(self) -> tuple[date, ...]:
        """The affected days in order."""
        return tuple(sorted(self._touched))

    @property
    def is_unknown(self) -> bool:
        """Whether some row does not tell when its engagement started."""
        return self._is_unknown

    def add(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Take the rows into account; of an empty batch, nothing."""
        if self._dataset not in START_COLUMNS or not rows.num_rows:
            return
        starts = row_starts(self._dataset, rows)
        self._is_unknown |= bool(starts.null_count)
        known = starts.drop_null().to_numpy(zero_copy_only=False)
        minutes, counts = np.unique(known // _US_PER_MINUTE, return_counts=True)
        reach = 1 if self._dataset == "turn" else 0
        for minute, count in zip(minutes.tolist(), counts.tolist(), strict=True):
            day = self._day(minute)
            if day is None:
                self._is_unknown = True
                continue
            self._counts[day] += count
            near = (self._day(minute + shift) for shift in range(-reach, reach + 1))
            self._touched.update(neighbour for neighbour in near if neighbour is not None)

    def add_reschedules(self, reschedules: Iterable[Reschedule]) -> None:
        """Take reschedules of the rows' engagements into account; see `find_reschedules`."""
        self._reschedules |= frozenset(reschedules)
        self._touched.update(day for reschedule in self._reschedules for day in reschedule)

    def late_rows(self, day: date) -> int:
        """Number of rows whose engagement started before `day`; rows that do not tell their start are not in it."""
        return sum(count for start, count in self._counts.items() if start < day)

    def to_json(self) -> str:
        """The note for the partition's footer, read back by `touched_days` and `parse_reschedules`."""
        days = [day.isoformat() for day in self.days]
        note: dict[str, object] = {"zone": self._zone.key, "days": days, "unknown": self._is_unknown}
        if self._reschedules:
            note["moves"] = [[day.isoformat() for day in reschedule] for reschedule in sorted(self._reschedules)]
        return json.dumps(note)

    def _day(self, minute: int) -> date | None:
        if minute not in self._day_of_minute:
            self._day_of_minute[minute] = day_of(minute * _US_PER_MINUTE, self._zone)
        return self._day_of_minute[minute]


def parse_affected_dates(note: str | None, zone: str) -> frozenset[date] | None:
    """The days in a partition's note; None (every day must look) without a note, in another zone, or when unknown."""
    if note is None:
        return None
    content = json.loads(note)
    if content["unknown"] or content["zone"] != zone:
        return None
    return frozenset(date.fromisoformat(day) for day in content["days"])


def parse_reschedules(note: str | None, zone: str) -> frozenset[Reschedule]:
    """The reschedules in a partition's note; none without a note, or in another zone."""
    content = json.loads(note or "{}")
    reschedules = content.get("moves", []) if content.get("zone") == zone else []
    return frozenset((date.fromisoformat(here), date.fromisoformat(there)) for here, there in reschedules)


def day_of(microseconds: int, zone: ZoneInfo) -> date | None:
    """The calendar day in the zone of an instant since 1970; None where the calendar does not reach."""
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).astimezone(zone).date()
    except OverflowError:
        return None


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


def _whole(rows: pa.RecordBatch | pa.Table, column: str) -> pa.Array:
    values = rows.column(column)
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return array.cast(pa.int64())
