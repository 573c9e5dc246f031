"""How long rejects stay: for ever by default, else until their export is as old as the setting says."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import REJECTS_RETENTION
from salted_assets.history import read_requested_at
from salted_assets.landing.retention import RejectsRetention
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND, THIRD = (date(2024, 1, day) for day in (9, 10, 11))
NOW = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Rejects of three days, requested 40 and 30 days before and at an unknown time."""
    warehouse = Warehouse(str(tmp_path / "warehouse"), simulated=True)
    for day, age in ((FIRST, 40), (SECOND, 30), (THIRD, None)):
        requested_at = None if age is None else (NOW - timedelta(days=age)).isoformat()
        for key in (("rejects", "turn"), ("tables", "turn")):
            metadata = {} if requested_at is None else {"salted.ordered_at": requested_at}
            with warehouse.create(warehouse.table_path(key, day)) as path:
                pq.write_table(REJECTS_SCHEMA.empty_table().replace_schema_metadata(metadata), path)
    return warehouse


@pytest.mark.parametrize(("keep_days", "kept"), [(39, [SECOND, THIRD]), (40, [FIRST, SECOND, THIRD]), (1, [THIRD])])
def test_rejects_go_when_their_export_is_old_enough_and_tables_stay(
    warehouse: Warehouse, keep_days: int, kept: list[date]
) -> None:
    report = RejectsRetention(
        warehouse, ["turn", "review"], keep_days, partial(read_requested_at, warehouse), lambda: NOW
    ).prune()

    assert warehouse.list_days(("rejects", "turn")) == kept
    assert report.damaged == []
    assert report.pruned == {day: ["turn"] for day in (FIRST, SECOND, THIRD) if day not in kept}
    assert warehouse.list_days(("tables", "turn")) == [FIRST, SECOND, THIRD]


def test_a_damaged_file_stays_and_is_named_and_the_others_go(warehouse: Warehouse) -> None:
    path = warehouse.table_path(("rejects", "turn"), SECOND)
    warehouse.write_bytes(path, b"no table")

    report = RejectsRetention(warehouse, ["turn"], 1, partial(read_requested_at, warehouse), lambda: NOW).prune()

    assert warehouse.list_days(("rejects", "turn")) == [SECOND, THIRD]
    assert report.pruned == {FIRST: ["turn"]}
    (damage,) = report.damaged
    assert path in damage


def test_there_is_an_asset_of_the_daily_job_only_where_the_setting_asks_for_it(warehouse: Warehouse) -> None:
    kept = build_defs(Settings(warehouse=warehouse.uri))
    pruning = build_defs(Settings(warehouse=warehouse.uri, rejects_retention_days=30))

    assert REJECTS_RETENTION not in kept.resolve_asset_graph().get_all_asset_keys()
    assert REJECTS_RETENTION in pruning.resolve_job_def("daily").asset_layer.executable_asset_keys
    assert pruning.resolve_asset_graph().get(REJECTS_RETENTION).group_name == "rejects"
    with dg.DagsterInstance.ephemeral() as instance:
        result = pruning.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[REJECTS_RETENTION], run_config=QUIET
        )
        event = instance.get_latest_materialization_event(REJECTS_RETENTION)
    assert result.success
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["days_deleted"].value == 2
    assert warehouse.list_days(("rejects", "turn")) == [THIRD]
