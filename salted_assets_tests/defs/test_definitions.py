"""The assembly: what is defined, under which settings, and that loading it needs and touches nothing."""

import os
import re
import subprocess
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from salted_assets.defs.instance.home import HIDDEN
from salted_assets.defs.resources import WarehouseResource
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import columns_of
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.settings import Settings
from salted_assets_tests.support.bare_commands import run_bare
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DEFINITIONS = ("-m", "salted_assets.definitions")
KEYS = [
    "raw/export",
    "report/scorecard",
    "scores/agent_segment_daily",
    "scores/agent_daily",
    "scores/agent_question",
    "scores/agent_rolling",
    "scores/answer",
    "scores/auto_reviewer_drift",
    "scores/engagement",
    "scores/fair",
    "scores/queue_daily",
    "scores/reviewer_calibration",
    "scores/settlement",
    "scores/team_rolling",
    "tables/agent",
    "tables/customer",
    "tables/engagement",
    "tables/review",
    "tables/turn",
]
"""All that is partitioned by day."""

KINDS = {"raw": "csv", "tables": "parquet", "scores": "duckdb", "report": "html"}

HISTORY = "raw/export_history"
CATALOG = "catalog"
REAL = Settings(api_url="https://api.example.test", start_date=date(2024, 3, 1))
SIMULATED = Settings.load({})


def keys_of(defs: dg.Definitions) -> list[str]:
    return sorted(key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys())


def spec_of(key: str, settings: Settings = SIMULATED) -> dg.AssetSpec:
    return build_defs(settings).resolve_asset_graph().get(dg.AssetKey.from_user_string(key)).to_asset_spec()


def run(command: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Dagster on the definitions in `folder`, with no variable of ours but those given."""
    name = f"{command.replace(' ', '_')}_command"
    # Dagster says of each command that `dg` is its successor, before any definitions are loaded.
    quiet = {"PYTHONWARNINGS": f"ignore:Function `{name}` is superseded", "HOME": str(folder.parent)}
    return run_bare(folder, "dagster", *command.split(), *DEFINITIONS, *arguments, **quiet, **environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty working directory."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_dagster_finds_nothing_to_say_of_the_definitions_in_an_empty_environment(folder: Path) -> None:
    done = run("definitions validate", folder)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Validation successful" in said
    assert "warning" not in said.lower()
    assert files_below(folder) == []


def test_a_warehouse_without_a_key_is_refused_and_nothing_is_written(folder: Path) -> None:
    done = run("asset materialize", folder, "--select", "*", "--partition", "2024-01-31", SALTED_WAREHOUSE="lake")
    assert done.returncode != 0
    assert "SALTED_API_KEY" in done.stdout + done.stderr
    assert files_below(folder) == []


def test_a_day_of_some_datasets_goes_through_the_headless_command_of_dagster(folder: Path) -> None:
    arguments = ("--select", "*", "--partition", "2024-01-31")
    done = run("asset materialize", folder, *arguments, SALTED_DATASETS="agent,review")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stdout + done.stderr
    written = [name for name in files_below(folder / "data/demo") if name.endswith(".parquet")]
    assert written == [
        f"{kind}/{dataset}/date=2024-01-31/part-0.parquet"
        for kind in ("rejects", "tables")
        for dataset in ("agent", "review")
    ]


def test_the_assets_have_the_keys_that_others_rely_on() -> None:
    assert keys_of(build_defs(SIMULATED)) == sorted([*KEYS, HISTORY, CATALOG])
    assert keys_of(build_defs(REAL)) == sorted([*KEYS, HISTORY, CATALOG])


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [
        (("agent", "review"), [CATALOG, "raw/export", HISTORY, "tables/agent", "tables/review"]),
        (
            ("engagement",),
            [
                *(CATALOG, "raw/export", HISTORY, "scores/agent_daily"),
                *(
                    "scores/agent_rolling",
                    "scores/agent_segment_daily",
                    "scores/engagement",
                    "scores/fair",
                    "scores/queue_daily",
                    "scores/team_rolling",
                ),
                "tables/engagement",
            ],
        ),
    ],
)
def test_datasets_left_out_have_no_table_and_without_engagements_nothing_is_scored(
    datasets: tuple[str, ...], expected: list[str]
) -> None:
    settings = Settings.load({"SALTED_DATASETS": ",".join(datasets)})
    defs = build_defs(settings)
    assert keys_of(defs) == expected
    job = defs.resolve_implicit_global_asset_job_def()
    assert sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys) == expected


@pytest.mark.parametrize("key", KEYS)
def test_every_asset_says_what_it_is(key: str) -> None:
    spec = spec_of(key)
    group = key.partition("/")[0]
    assert spec.group_name == group
    assert spec.description is not None
    assert spec.description.startswith("One ")
    assert spec.kinds >= {KINDS[group]}
    assert spec.tags["layer"] == group
    assert isinstance(spec.partitions_def, dg.DailyPartitionsDefinition)


@pytest.mark.parametrize("key", KEYS)
def test_assets_say_when_their_data_are_simulated(key: str) -> None:
    simulated, real = spec_of(key), spec_of(key, REAL)
    assert ("simulated" in simulated.kinds, simulated.tags["simulated"]) == (True, "true")
    assert ("simulated" in real.kinds, real.tags["simulated"]) == (False, "false")


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith(("tables/", "scores/"))])
def test_every_column_of_a_table_is_described(key: str) -> None:
    layer, name = key.split("/")
    model = DATASET_MODELS[name] if layer == "tables" else SCORE_MODELS[name]
    schema = spec_of(key).metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [column.name for column in schema.columns] == [facts.name for facts in columns_of(model)]
    for column, facts in zip(schema.columns, columns_of(model), strict=True):
        assert column.description is not None
        assert column.description.startswith(facts.description.replace("`", ""))
        assert column.type in {"text", "integer", "number", "boolean", "date", "timestamp", "list of texts"}
        assert column.constraints is not None
        assert column.constraints.nullable == facts.nullable


@pytest.mark.parametrize("dataset", DATASET_MODELS)
def test_every_table_has_its_checks_on_their_partition(dataset: str) -> None:
    graph = build_defs(SIMULATED).resolve_asset_graph()
    keys = graph.get(dg.AssetKey(["tables", dataset])).check_keys
    checks = {key.name: graph.get(key) for key in keys if key.name != "failed_partitions"}
    assert {name: check.blocking for name, check in checks.items()} == {
        "schema": True,
        "key": True,
        "values": False,
        "volume": False,
        "referential": False,
        "rejects": False,
    }
    for check in checks.values():
        assert isinstance(check.partitions_def, dg.DailyPartitionsDefinition)
        assert check.description


def test_every_daily_asset_has_a_check_of_its_failed_days_and_no_other_has() -> None:
    graph = build_defs(SIMULATED).resolve_asset_graph()
    checked = {key.asset_key for key in graph.asset_check_keys if key.name == "failed_partitions"}
    assert checked == {key for key in graph.get_all_asset_keys() if graph.get(key).partitions_def is not None}
    assert len(checked) > 10


@pytest.mark.parametrize("key", KEYS)
def test_partitions_begin_where_the_settings_say_and_are_there_when_the_day_is_over(key: str) -> None:
    spec = spec_of(key, Settings(start_date=date(2024, 3, 1), timezone="Europe/Prague"))
    assert isinstance(spec.partitions_def, dg.DailyPartitionsDefinition)
    assert spec.partitions_def.get_first_partition_key() == "2024-03-01"
    midnight = datetime(2024, 3, 9, 23, tzinfo=UTC)
    for now, last in ((midnight - timedelta(minutes=1), "2024-03-08"), (midnight, "2024-03-09")):
        assert spec.partitions_def.get_partition_keys(current_time=now)[-1] == last


def schedule_of(settings: Settings) -> dg.ScheduleDefinition:
    return build_defs(settings).resolve_schedule_def("daily_schedule")


def test_the_schedule_runs_by_itself_where_the_vendor_is_real_and_not_with_the_simulator() -> None:
    assert schedule_of(REAL).default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule_of(SIMULATED).default_status is dg.DefaultScheduleStatus.STOPPED


def test_the_hidden_warnings_are_those_that_come_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salted_assets.definitions.hide_known_warnings", lambda: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        defs = build_defs(SIMULATED)
        defs.resolve_implicit_global_asset_job_def()
        dg.AssetSelection.from_string("*").resolve(defs.resolve_asset_graph())
        dg.AssetSelection.from_string("group:tables").resolve(defs.resolve_asset_graph())
    came = [
        [kind for kind in HIDDEN if issubclass(warning.category, kind[0]) and re.match(kind[1], str(warning.message))]
        for warning in caught
    ]
    assert all(came), [str(warning.message) for warning in caught]
    assert {kind for kinds in came for kind in kinds} == set(HIDDEN)


def test_resources_can_be_replaced_by_name() -> None:
    other = WarehouseResource(address="elsewhere", simulated=False, timezone="UTC")
    assert (build_defs(SIMULATED, warehouse=other).resources or {})["warehouse"] is other


def test_the_key_is_in_no_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALTED_API_KEY", "s3cr3t-key")
    settings = Settings.load({**os.environ, "SALTED_START_DATE": "2024-03-01"})
    resources: Mapping[str, object] = build_defs(settings).resources or {}
    assert "s3cr3t-key" not in repr(settings) + repr(resources)
    assert "SALTED_API_KEY" in repr(resources)
