"""How long rejects stay: for ever by default, else until their export is as old as the setting says."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import CHANGES_RETENTION, REJECTS_RETENTION
from salted_assets.explain import record_changes
from salted_assets.history import Footer, read_requested_at
from salted_assets.history.table_files import write_frame
from salted_assets.landing.retention import RejectsRetention
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.schemas.scores import SCORE_MODELS
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
    pruning = build_defs(Settings(warehouse=warehouse.uri, rejects_retention_days=30, changes_retention_days=30))

    for key, group in (REJECTS_RETENTION, "rejects"), (CHANGES_RETENTION, "changes"):
        assert key not in kept.resolve_asset_graph().get_all_asset_keys()
        assert key in pruning.resolve_job_def("daily").asset_layer.executable_asset_keys
        assert pruning.resolve_asset_graph().get(key).group_name == group
    publish_counts(warehouse)
    with dg.DagsterInstance.ephemeral() as instance:
        result = pruning.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[REJECTS_RETENTION, CHANGES_RETENTION], run_config=QUIET
        )
        assert result.success
        found: dict[str, Any] = {}
        for key in REJECTS_RETENTION, CHANGES_RETENTION:
            event = instance.get_latest_materialization_event(key)
            assert event is not None
            assert event.asset_materialization is not None
            found |= {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert found["days_deleted"] == 2
    assert found["figures_deleted"] == 1
    assert warehouse.list_days(("changes", "agent_daily")) == []
    assert warehouse.list_days(("rejects", "turn")) == [THIRD]


def publish_counts(warehouse: Warehouse) -> None:
    """Two versions of a score with one figure, the second long ago."""
    fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["agent_daily"])]
    for count in (3, 4):
        rows = pa.Table.from_pylist([{"agent_pid": "ann", "engagement_count": count}], pa.schema(fields))
        with warehouse.create(warehouse.table_path(("scores", "agent_daily"), FIRST)) as path:
            write_frame(path, rows, Footer(file_id=f"file-{count}", scored_at=NOW))
            record_changes(warehouse, "agent_daily", FIRST, path)
