"""Partitions are the days that the vendor is asked for; the newest materialization of each is found quickly."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets.defs.partitions import find_newest
from salted_assets_tests.landing.test_windows import DAYS, FIRST, ZONES, calendar_of, days_of_changes
from salted_assets_tests.support.look_ups import LookUps

pytestmark = pytest.mark.slow

KEY = dg.AssetKey("table")


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


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def record(instance: dg.DagsterInstance, *days: str) -> None:
    for day in days:
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=day))


def ids_of(found: dict[str, dg.EventLogRecord]) -> dict[str, int]:
    return {day: one.storage_id for day, one in sorted(found.items())}


def newest_ids(instance: dg.DagsterInstance, *days: str) -> dict[str, int]:
    records = {day: dg.AssetRecordsFilter(asset_key=KEY, asset_partitions=[day]) for day in days}
    return {day: instance.fetch_materializations(each, limit=1).records[0].storage_id for day, each in records.items()}


def test_days_that_were_just_written_are_found_at_once(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(instance, "1", "2", "3", "3", "1", "2", "3", "4")
    expected = newest_ids(instance, "1", "2", "3")
    look_ups = LookUps(monkeypatch)

    assert ids_of(find_newest(instance, KEY, ["1", "2", "3"])) == expected
    assert look_ups.days == [["1", "2", "3"]]


def test_a_day_that_others_have_overtaken_is_looked_up_by_itself(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(instance, "1", "2", "3", "3", "2", "3")
    expected = newest_ids(instance, "1", "2", "3")
    look_ups = LookUps(monkeypatch)

    assert ids_of(find_newest(instance, KEY, ["1", "2", "3"])) == expected
    assert look_ups.days == [["1", "2", "3"], ["1"]]


def test_days_that_never_were_have_none(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    record(instance, "1", "1")
    expected = newest_ids(instance, "1")
    look_ups = LookUps(monkeypatch)

    assert ids_of(find_newest(instance, KEY, ["1", "2", "3"])) == expected
    assert find_newest(instance, KEY, []) == {}
    assert look_ups.days == [["1", "2", "3"]]
