"""Verdicts find the materialization that they are about, by as few look-ups as there are steps."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from salted_assets.defs.asset_checks.table import TABLE_CHECKS
from salted_assets.defs.asset_keys import table_key
from salted_assets.defs.step_days import find_newest
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

KEY = dg.AssetKey("table")


class LookUps:
    """The days of each query for materializations."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.days: list[list[str]] = []
        fetch = dg.DagsterInstance.fetch_materializations

        def note(instance: dg.DagsterInstance, records_filter: Any, **how: Any) -> Any:
            self.days.append(sorted(records_filter.asset_partitions))
            return fetch(instance, records_filter, **how)

        monkeypatch.setattr(dg.DagsterInstance, "fetch_materializations", note)


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


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("reports")) as platform:
        assert platform.materialize_range("2024-01-09", "2024-01-11", 'key:"raw/export"').success
        yield platform


@pytest.mark.parametrize("last", ["2024-01-09", "2024-01-11"])
def test_a_range_of_any_length_asks_once_for_a_table_and_records_each_check_on_each_day(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    days = [f"2024-01-{day:02}" for day in range(9, int(last[-2:]) + 1)]
    look_ups = LookUps(monkeypatch)
    result = platform.materialize_range(days[0], last, 'key:"tables/agent"')

    assert result.success
    assert look_ups.days == [days]
    events = platform.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.get_dagster_event().asset_check_evaluation_data for entry in events]
    evaluated = [(one.partition, one.check_name) for one in found]
    assert sorted(evaluated, key=str) == sorted(
        ((day, check) for day in [None, *days] for check in TABLE_CHECKS), key=str
    )
    for check in TABLE_CHECKS:
        target = platform.evaluation("agent", check, last).target_materialization_data
        assert target is not None
        assert target.run_id == result.run_id
    assert platform.materialized_days(table_key("agent"))[: len(days)] == days
