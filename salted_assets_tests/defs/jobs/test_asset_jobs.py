"""The jobs of the launchpad: what each takes along, says, and is preset to."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from salted_assets.settings import Settings
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

REAL = Settings(api_url="https://api.example.test", start_date=date(2024, 3, 1))
JOBS = ["daily", "refresh_day", "reparse", "restate_scores"]
REFRESH = {"ops": {"raw__export": {"config": {"refresh": True}}}}


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return build_defs(REAL).get_repository_def()


def groups_of(job: dg.JobDefinition) -> set[str]:
    return {key.path[0] for key in job.asset_layer.executable_asset_keys}


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("daily", {"raw", "tables", "scores"}),
        ("refresh_day", {"raw", "tables", "scores"}),
        ("reparse", {"tables", "scores"}),
        ("restate_scores", {"scores"}),
    ],
)
def test_a_job_takes_what_its_name_says_and_nothing_else_of_raw(
    repository: dg.RepositoryDefinition, name: str, groups: set[str]
) -> None:
    job = repository.get_job(name)
    assert groups_of(job) - {"report"} == groups
    names = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert {each for each in names if each.startswith("raw/")} <= {"raw/export"}
    tables = {f"tables/{dataset}" for dataset in REAL.datasets}
    assert tables & names == (tables if "tables" in groups else set())


@pytest.mark.parametrize("name", JOBS)
def test_a_job_says_what_it_is_for_and_takes_the_days_of_its_assets(
    repository: dg.RepositoryDefinition, name: str
) -> None:
    job = repository.get_job(name)
    assert len(job.description or "") > 100
    assert isinstance(job.partitions_def, dg.DailyPartitionsDefinition)
    assert job.executor_def is dg.in_process_executor


def test_only_a_refresh_is_preset_to_order_a_new_export(repository: dg.RepositoryDefinition) -> None:
    presets = {}
    for name in JOBS:
        partitioned = repository.get_job(name).partitioned_config
        presets[name] = partitioned.get_run_config_for_partition_key("2024-03-01") if partitioned else None
    assert presets == {"daily": {}, "refresh_day": REFRESH, "reparse": {}, "restate_scores": {}}


@pytest.mark.parametrize("name", ["daily", "refresh_day"])
def test_the_launchpad_describes_what_can_be_asked_for(repository: dg.RepositoryDefinition, name: str) -> None:
    kind: Any = repository.get_job(name).run_config_schema.config_type
    for part in ("ops", "raw__export", "config", "refresh"):
        field = kind.fields[part]
        kind = field.config_type
    assert field.description.startswith("Request a new export even where the day is complete")
    assert field.default_value is False


def test_without_engagements_nothing_is_scored_and_nothing_restated() -> None:
    repository = build_defs(REAL.model_copy(update={"datasets": ("agent", "review")})).get_repository_def()
    assert not repository.has_job("restate_scores")
    assert not repository.has_sensor_def("restatement_sensor")
    assert groups_of(repository.get_job("reparse")) == {"tables"}


@pytest.mark.parametrize(("settings", "status"), [(REAL, "RUNNING"), (Settings.load({}), "STOPPED")])
def test_the_sensor_runs_by_itself_wherever_the_daily_schedule_does(settings: Settings, status: str) -> None:
    repository = build_defs(settings).get_repository_def()
    sensor = repository.get_sensor_def("restatement_sensor")
    assert sensor.default_status.value == repository.get_schedule_def("daily_schedule").default_status.value == status
    assert [target.name for target in sensor.jobs] == ["restate_scores", "reparse"]
    assert "SALTED_RESTATE_WINDOWED_DAYS" in (sensor.description or "")
