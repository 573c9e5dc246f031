"""Outcomes are recorded on the materialization that they are about, by one look-up a step."""

from collections.abc import Iterator

import dagster as dg
import pytest

from salted_assets.defs.asset_checks.table import TABLE_CHECKS
from salted_assets.defs.asset_keys import table_key
from salted_assets_tests.support.look_ups import LookUps
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


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
    evaluated = [(one.partition, one.check_name) for one in found if one.check_name in TABLE_CHECKS]
    assert sorted(evaluated, key=str) == sorted(
        ((day, check) for day in [None, *days] for check in TABLE_CHECKS), key=str
    )
    for check in TABLE_CHECKS:
        target = platform.evaluation("agent", check, last).target_materialization_data
        assert target is not None
        assert target.run_id == result.run_id
    assert platform.materialized_days(table_key("agent"))[: len(days)] == days
