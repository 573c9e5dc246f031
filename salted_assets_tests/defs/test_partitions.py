"""Dagster's partitions are the days that the vendor is asked for, at every change of clocks."""

from datetime import UTC, date, timedelta

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets_tests.landing.test_windows import DAYS, FIRST, ZONES, calendar_of, days_of_changes

pytestmark = pytest.mark.slow


def assert_like_dagster(zone: str, day: date) -> None:
    partitions = dg.DailyPartitionsDefinition(start_date=FIRST.isoformat(), timezone=zone)
    whole = partitions.time_window_for_partition_key(day.isoformat())
    windows = calendar_of(zone).windows_of(day)
    assert (windows[0].start, windows[-1].end) == (whole.start.astimezone(UTC), whole.end.astimezone(UTC))


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_clocks(zone: str) -> None:
    for change in days_of_changes(zone):
        for day in (change - timedelta(days=1), change, change + timedelta(days=1)):
            assert_like_dagster(zone, day)


@settings(max_examples=100, deadline=None)
@given(zone=st.sampled_from(ZONES), day=DAYS)
def test_any_day(zone: str, day: date) -> None:
    assert_like_dagster(zone, day)
