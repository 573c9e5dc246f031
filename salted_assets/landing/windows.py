"""Days and instants: a partition's day as windows in UTC, when it can be exported, lists of days.

A partition is a calendar day of one time zone. The vendor takes windows of at most 24 hours, `[from, to)`: a day on
which clocks go back has more hours than that and takes two windows that chain without a gap.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from salted_assets.landing.exceptions import DayNotExportable
from salted_assets.salted_cx import format_instant

LONGEST_WINDOW = timedelta(hours=24)
"""The vendor's limit for the range of one export."""


@dataclass(frozen=True)
class Window:
    """A half-open range of instants in UTC: `start` included, `end` excluded."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Calendar:
    """The days of a time zone. `lag` is how long after its end a day can be exported: the vendor loads data late."""

    zone: ZoneInfo
    lag: timedelta

    def start_of(self, day: date) -> datetime:
        """The first instant of the day, in UTC; where midnight is skipped, the instant of the change."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    def windows_of(self, day: date) -> tuple[Window, ...]:
        """The windows that cover the day exactly, in order: one, two on a day of more than 24 hours.

        >>> prague = Calendar(ZoneInfo("Europe/Prague"), timedelta(hours=2))
        >>> [str(w.end - w.start) for w in prague.windows_of(date(2024, 10, 27))]
        ['1 day, 0:00:00', '1:00:00']
        """
        start, end = self.start_of(day), self.start_of(day + timedelta(days=1))
        middle = min(start + LONGEST_WINDOW, end)
        windows = (Window(start, middle), Window(middle, end))
        return tuple(window for window in windows if window.start < window.end)

    def exportable_from(self, day: date) -> datetime:
        """The instant from which the day's data can be expected to be complete at the vendor, in UTC."""
        return self.start_of(day + timedelta(days=1)) + self.lag

    def is_exportable(self, day: date, now: datetime) -> bool:
        """Whether the day's lag has passed."""
        return now >= self.exportable_from(day)

    def last_exportable_day(self, now: datetime) -> date:
        """The newest day whose lag has passed."""
        day = now.astimezone(self.zone).date()
        while not self.is_exportable(day, now):
            day -= timedelta(days=1)
        return day


def refuse_early(calendar: Calendar, day: date, now: datetime) -> None:
    """Raise DayNotExportable, naming the time from which the day can be exported, unless that time has come."""
    if calendar.is_exportable(day, now):
        return
    start = calendar.exportable_from(day)
    local = start.astimezone(calendar.zone)
    instant = "" if local.utcoffset() == timedelta() else f" ({format_instant(start)})"
    raise DayNotExportable(
        f"{day} can be exported from {local:%Y-%m-%d %H:%M} {calendar.zone.key}{instant} on: "
        "the day must be over, and the vendor loads data late (SALTED_EXPORT_LAG_MINUTES)."
    )


def list_days(first: date, last: date) -> list[date]:
    """All days from the first to the last, both included.

    >>> list_days(date(2024, 2, 28), date(2024, 3, 1))[1]
    datetime.date(2024, 2, 29)
    """
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
