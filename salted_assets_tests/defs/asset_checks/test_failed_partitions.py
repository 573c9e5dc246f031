"""The check of days that are still failed: what it names, when it is content, what it leaves as it is."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest

from salted_assets.defs.asset_checks.failed_partitions import CHECK, build_failed_partitions_checks, find_failed_days
from salted_assets.defs.partitions import range_tags
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def landed(context: dg.AssetExecutionContext) -> None:
    if context.run.tags["luck"] == "bad":
        raise RuntimeError("bad luck")


@dg.asset(partitions_def=DAYS, deps=[landed], backfill_policy=dg.BackfillPolicy.single_run())
def parsed() -> None: ...


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def beside() -> None: ...


@dg.asset
def unpartitioned() -> None: ...


ASSETS = [landed, parsed, beside, unpartitioned]
DEFS = dg.Definitions(
    assets=ASSETS, asset_checks=[build_failed_partitions_checks(ASSETS)], executor=dg.in_process_executor
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def materialize(instance: dg.DagsterInstance, luck: str, first: str, last: str = "") -> bool:
    return (
        DEFS.resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            asset_selection=[landed.key, parsed.key, beside.key],
            tags={"luck": luck, **range_tags(date.fromisoformat(first), date.fromisoformat(last or first))},
            run_config=QUIET,
        )
        .success
    )


def look(instance: dg.DagsterInstance, asset: dg.AssetsDefinition) -> dg.AssetCheckEvaluation:
    """What the check of one asset says when it is asked by itself, as its button does."""
    job = DEFS.resolve_implicit_global_asset_job_def()
    alone = job.get_subset(asset_selection=set(), asset_check_selection={dg.AssetCheckKey(asset.key, CHECK)})
    done = alone.execute_in_process(instance=instance, run_config=QUIET)
    (evaluation,) = done.get_asset_check_evaluations()
    return evaluation


def failed(instance: dg.DagsterInstance) -> list[list[str]]:
    return [find_failed_days(instance, asset.key, DAYS) for asset in (landed, parsed)]


def test_days_are_failed_until_they_are_materialized(instance: dg.DagsterInstance) -> None:
    assert materialize(instance, "good", "2024-01-01", "2024-01-03")
    assert failed(instance) == [[], []]
    assert look(instance, landed).passed

    assert not materialize(instance, "bad", "2024-01-02", "2024-01-05")
    assert failed(instance) == [[f"2024-01-0{day}" for day in (2, 3, 4, 5)]] * 2

    assert materialize(instance, "good", "2024-01-02", "2024-01-04")
    assert failed(instance) == [["2024-01-05"]] * 2

    assert materialize(instance, "good", "2024-01-05")
    assert failed(instance) == [[], []]
    assert look(instance, landed).passed


def test_a_later_good_day_names_the_failed_ones_on_each_asset_and_its_run_succeeds(
    instance: dg.DagsterInstance,
) -> None:
    materialize(instance, "bad", "2024-01-04", "2024-01-28")
    assert materialize(instance, "good", "2024-01-29")

    for asset in (landed, parsed):
        check = dg.AssetCheckKey(asset.key, CHECK)
        (record,) = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
        evaluation = record.evaluation
        assert evaluation is not None
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert evaluation.metadata["failed_days"].value == 25
        named = [f"2024-01-{day:02}" for day in range(4, 24)]
        assert evaluation.metadata["days"].value == ", ".join([*named, "and 5 more"])


def test_a_failing_run_names_its_days_on_what_it_did_not_make_and_passes_what_it_made(
    instance: dg.DagsterInstance,
) -> None:
    assert not materialize(instance, "bad", "2024-01-04", "2024-01-05")

    said = {}
    for asset in (landed, parsed, beside):
        check = dg.AssetCheckKey(asset.key, CHECK)
        (record,) = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
        assert record.evaluation is not None
        said[asset.key] = (record.evaluation.passed, record.evaluation.metadata["days"].value)
    failed = (False, "2024-01-04, 2024-01-05")
    assert said == {landed.key: failed, parsed.key: failed, beside.key: (True, "none")}


def test_days_that_are_no_partition_any_more_and_runs_that_are_deleted_are_left_out(
    instance: dg.DagsterInstance,
) -> None:
    materialize(instance, "bad", "2024-01-04", "2024-01-05")
    later = dg.DailyPartitionsDefinition("2024-01-05", end_date="2024-02-01")
    assert find_failed_days(instance, landed.key, later) == ["2024-01-05"]

    (run,) = instance.get_runs()
    instance.delete_run(run.run_id)
    assert failed(instance) == [[], []]


def test_assets_without_partitions_have_no_such_check() -> None:
    assert {key.asset_key for key in build_failed_partitions_checks(ASSETS).check_keys} == {
        landed.key,
        parsed.key,
        beside.key,
    }
