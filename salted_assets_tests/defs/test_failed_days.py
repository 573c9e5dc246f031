"""The job that finds days that are still failed: what it names, when it is content, when it runs."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from salted_assets.defs.alerts import ALERT
from salted_assets.defs.failed_days import build_failed_days, find_failed_days
from salted_assets.defs.partitions import RANGE_END, RANGE_START
from salted_assets.settings import Settings
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
SETTINGS = Settings(start_date=date(2024, 1, 1), timezone="Europe/Prague")
REAL = Settings(api_url="https://api.example.test", start_date=date(2024, 1, 1), timezone="Europe/Prague")


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def landed(context: dg.AssetExecutionContext) -> None:
    if context.run.tags["luck"] == "bad":
        raise RuntimeError("bad luck")


@dg.asset(partitions_def=DAYS, deps=[landed], backfill_policy=dg.BackfillPolicy.single_run())
def parsed() -> None: ...


@dg.asset
def unpartitioned() -> None: ...


ASSETS = [landed, parsed, unpartitioned]
DEFS = dg.Definitions.merge(
    dg.Definitions(assets=ASSETS, executor=dg.in_process_executor), build_failed_days(SETTINGS, ASSETS)
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def materialize(instance: dg.DagsterInstance, luck: str, first: str, last: str = "") -> None:
    DEFS.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=[landed.key, parsed.key],
        tags={"luck": luck, RANGE_START: first, RANGE_END: last or first},
        run_config=QUIET,
    )


def look(instance: dg.DagsterInstance) -> Any:
    job = DEFS.resolve_job_def("failed_days")
    return job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET)


def found(instance: dg.DagsterInstance) -> dict[str, list[str]]:
    return find_failed_days(instance, {landed.key: DAYS, parsed.key: DAYS})


def test_days_are_failed_until_they_are_materialized(instance: dg.DagsterInstance) -> None:
    materialize(instance, "good", "2024-01-01", "2024-01-03")
    assert found(instance) == {}
    assert look(instance).success

    materialize(instance, "bad", "2024-01-02", "2024-01-05")
    both = ["landed", "parsed"]
    assert found(instance) == {f"2024-01-0{day}": both for day in (2, 3, 4, 5)}

    materialize(instance, "good", "2024-01-02", "2024-01-04")
    assert found(instance) == {"2024-01-05": both}

    materialize(instance, "good", "2024-01-05")
    assert found(instance) == {}
    assert look(instance).success


def test_the_job_fails_and_names_the_days(instance: dg.DagsterInstance) -> None:
    materialize(instance, "bad", "2024-01-04", "2024-01-28")
    done = look(instance)

    assert not done.success
    (event,) = done.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure.description.splitlines() == [
        "25 days are still failed:",
        *(f"2024-01-{day:02}: landed and 1 more" for day in range(4, 24)),
        "and 5 more",
    ]
    assert failure.metadata[ALERT].value == failure.description
    assert failure.metadata["days"].value == 25
    assert failure.metadata["failed"].records[0].data == {"day": "2024-01-04", "assets": "landed, parsed"}


@pytest.mark.parametrize(
    ("settings", "is_on"), [(REAL, True), (SETTINGS.model_copy(update={"simulated": True}), False)]
)
def test_it_runs_by_itself_when_the_days_should_be_there(settings: Settings, *, is_on: bool) -> None:
    schedule = build_defs(settings).resolve_schedule_def("failed_days_schedule")

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 6 * * *", "Europe/Prague")
    assert (schedule.default_status is dg.DefaultScheduleStatus.RUNNING) == is_on


def test_daily_assets_are_stale_when_the_daily_run_is_overdue_and_never_with_the_simulator() -> None:
    late = REAL.model_copy(update={"schedule_hour": 22})
    for settings, hour in ((REAL, 6), (late, 2), (REAL.model_copy(update={"simulated": True}), None)):
        graph = build_defs(settings).resolve_asset_graph()
        for key in graph.get_all_asset_keys():
            node = graph.get(key)
            policy = node.freshness_policy
            if hour is None or node.partitions_def is None:
                assert policy is None, key
            else:
                expected = {"deadline_cron": f"0 {hour} * * *", "timezone": "Europe/Prague"}
                assert {name: getattr(policy, name) for name in expected} == expected
                assert policy.lower_bound_delta.total_seconds() == 4 * 3600  # type: ignore[union-attr]
