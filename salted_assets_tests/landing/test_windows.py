"""Windows of days: every change of clocks, against plain arithmetic."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.landing.exceptions import DayNotExportable
from salted_assets.landing.windows import LONGEST_WINDOW, Calendar, Window, refuse_early

# Santiago and Beirut change at midnight: there a day begins at 01:00, or holds 23:00 twice
ZONES = [
    "UTC",
    "Europe/Prague",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Santiago",
    "Asia/Beirut",
    "America/Havana",
]
FIRST, LAST = date(2019, 1, 1), date(2027, 12, 31)
DAYS = st.dates(FIRST, LAST)
LAG = timedelta(hours=2)


def calendar_of(zone: str) -> Calendar:
    return Calendar(ZoneInfo(zone), LAG)


def days_of_changes(zone: str) -> list[date]:
    """Every day of the range whose two midnights have different offsets from UTC."""
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]

    def offset(day: date) -> timedelta | None:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).utcoffset()

    return [day for day in days if offset(day) != offset(day + timedelta(days=1))]


def assert_covers(zone: str, day: date) -> None:
    windows = calendar_of(zone).windows_of(day)
    following = calendar_of(zone).windows_of(day + timedelta(days=1))
    assert all(window.start.tzinfo is UTC and window.end.tzinfo is UTC for window in windows)
    assert all(timedelta(0) < window.end - window.start <= LONGEST_WINDOW for window in windows)
    chain = [*windows, following[0]]
    assert all(earlier.end == later.start for earlier, later in pairwise(chain))
    assert windows[0].start.astimezone(ZoneInfo(zone)).date() == day
    assert (windows[-1].end - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() == day


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_clocks(zone: str) -> None:
    changes = days_of_changes(zone)
    assert bool(changes) == (zone not in {"UTC", "Asia/Kathmandu"})
    for change in changes:
        for day in (change - timedelta(days=1), change, change + timedelta(days=1)):
            assert_covers(zone, day)


@given(zone=st.sampled_from(ZONES), day=DAYS)
def test_any_day(zone: str, day: date) -> None:
    assert_covers(zone, day)


@given(zone=st.sampled_from(ZONES), moment=st.datetimes(datetime(2019, 1, 2), datetime(2027, 12, 30)))  # noqa: DTZ001 - Hypothesis wants bounds without a zone
def test_an_instant_lies_in_one_window_of_its_day_alone(zone: str, moment: datetime) -> None:
    instant = moment.replace(tzinfo=UTC)
    day = instant.astimezone(ZoneInfo(zone)).date()
    around = [day + timedelta(days=n) for n in (-1, 0, 1)]

    found = [
        each for each in around for window in calendar_of(zone).windows_of(each) if window.start <= instant < window.end
    ]

    assert found == [day]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", date(2024, 3, 31), [24]),
        ("Asia/Kathmandu", date(2024, 3, 31), [24]),
        ("Europe/Prague", date(2024, 3, 31), [23]),
        ("Europe/Prague", date(2024, 10, 27), [24, 1]),
        ("America/New_York", date(2024, 3, 10), [23]),
        ("America/New_York", date(2024, 11, 3), [24, 1]),
        ("Australia/Lord_Howe", date(2024, 4, 7), [24, 0.5]),
        ("Australia/Lord_Howe", date(2024, 10, 6), [23.5]),
        ("America/Santiago", date(2024, 4, 6), [24, 1]),
        ("America/Santiago", date(2024, 9, 8), [23]),
    ],
)
def test_hours_of_a_day(zone: str, day: date, hours: list[float]) -> None:
    windows = calendar_of(zone).windows_of(day)

    assert [(window.end - window.start) / timedelta(hours=1) for window in windows] == hours


def test_a_day_in_a_zone_off_the_hour() -> None:
    assert calendar_of("Asia/Kathmandu").windows_of(date(2024, 1, 31)) == (
        Window(datetime(2024, 1, 30, 18, 15, tzinfo=UTC), datetime(2024, 1, 31, 18, 15, tzinfo=UTC)),
    )


def test_a_day_is_exportable_when_its_lag_has_passed() -> None:
    calendar, day = calendar_of("Europe/Prague"), date(2024, 10, 27)
    start = datetime(2024, 10, 28, 1, tzinfo=UTC)

    assert calendar.exportable_from(day) == start
    assert calendar.is_exportable(day, start)
    assert not calendar.is_exportable(day, start - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "2024-07-02 02:00 UTC on: "),
        ("Europe/London", "2024-07-02 02:00 Europe/London (2024-07-02T01:00:00Z) on: "),
    ],
)
def test_a_day_that_is_early_names_its_instant_once_where_the_zone_is_utc(zone: str, said: str) -> None:
    with pytest.raises(DayNotExportable, match=re.escape(f"2024-07-01 can be exported from {said}")):
        refuse_early(calendar_of(zone), date(2024, 7, 1), datetime(2024, 7, 1, tzinfo=UTC))


@given(
    zone=st.sampled_from(ZONES),
    moment=st.datetimes(datetime(2019, 1, 5), datetime(2027, 12, 30)),  # noqa: DTZ001 - see above
    lag_hours=st.integers(0, 72),
)
def test_the_last_exportable_day_is_the_last(zone: str, moment: datetime, lag_hours: int) -> None:
    calendar, now = Calendar(ZoneInfo(zone), timedelta(hours=lag_hours)), moment.replace(tzinfo=UTC)

    day = calendar.last_exportable_day(now)

    assert calendar.is_exportable(day, now)
    assert not calendar.is_exportable(day + timedelta(days=1), now)
