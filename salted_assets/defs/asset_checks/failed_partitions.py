"""The check `failed_partitions`: which days of a daily asset are marked as failed, looked up whenever it is made.

A day that failed is reported once, by its run; by the next morning it would be forgotten.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

CHECK = "failed_partitions"
_DAYS_NAMED = 20
_RUNS_AT_ONCE = 500
_LAST = -1_000_000

_DESCRIPTION = """\
Whether some of its days are marked as failed, however long ago. It is asked whenever the asset is made, and by the \
button of this page.

A day is no longer failed once it is materialized. Materialize the failed ones from the page of the asset, or run \
`salted backfill` over them: what is there already is not exported again.
"""


def build_failed_partitions_checks(assets: Iterable[dg.AssetsDefinition]) -> dg.AssetChecksDefinition:
    """The check of each daily one of the assets: one step looks at all that a run makes, after its other steps.

    It depends on no asset, or Dagster would leave it out of every run in which one fails, and the UI would show it as
    failed on all of them, without a day. What makes it come last is its priority, which the executor in process heeds.
    It warns, and so fails no run: the runs of those days fail by themselves.
    """
    all_specs = [spec for asset in assets for spec in asset.specs]
    daily = {spec.key: spec.partitions_def for spec in all_specs if spec.partitions_def is not None}
    specs = [dg.AssetCheckSpec(CHECK, asset=key, description=_DESCRIPTION) for key in daily]

    @dg.op(
        name=CHECK,
        out={spec.get_python_identifier(): dg.Out(dagster_type=None, is_required=False) for spec in specs},
        tags={"dagster/priority": str(_LAST)},
    )
    def look_up(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        own = _find_own_run(context)
        for check in sorted(context.selected_asset_check_keys):
            key = check.asset_key
            yield _evaluate(key, find_failed_days(context.instance, key, daily[key], own))

    checks: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={},
        node_def=look_up,
        check_specs_by_output_name={spec.get_python_identifier(): spec for spec in specs},
        can_subset=True,
    )
    return checks


def find_failed_days(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    partitions: dg.PartitionsDefinition[str],
    failing: frozenset[str] = frozenset(),
) -> list[str]:
    """The partitions of an asset whose last attempt failed, as the UI marks them, in order.

    `failing` are runs that have not ended and are to count as failed.
    """
    # Dagster's own count per partition takes 40 ms an asset, this 1 ms
    attempts = instance.event_log_storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        key
    )
    run_ids = sorted({run_id for run_id, _ in attempts.values()})
    failed_runs = {*failing}
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        asked = dg.RunsFilter(run_ids=run_ids[start : start + _RUNS_AT_ONCE], statuses=[dg.DagsterRunStatus.FAILURE])
        failed_runs |= {run.run_id for run in instance.get_runs(asked)}
    days = (day for day, (run_id, _) in attempts.items() if run_id in failed_runs)
    return sorted(day for day in days if partitions.has_partition_key(day))


def _find_own_run(context: dg.AssetCheckExecutionContext) -> frozenset[str]:
    """The run of the check if it is going to fail: what it has not made when the check comes, it does not make.

    Not while a step waits to be tried again, which may make its days yet.
    """
    ends = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_UP_FOR_RETRY, dg.DagsterEventType.STEP_SUCCESS}
    last = {
        entry.step_key: entry.get_dagster_event().event_type
        for entry in context.instance.all_logs(context.run.run_id, of_type=ends)
    }
    is_failing = dg.DagsterEventType.STEP_FAILURE in last.values()
    is_waiting = dg.DagsterEventType.STEP_UP_FOR_RETRY in last.values()
    return frozenset([context.run.run_id]) if is_failing and not is_waiting else frozenset()


def _evaluate(key: dg.AssetKey, failed: list[str]) -> dg.AssetCheckResult:
    more = [f"and {len(failed) - _DAYS_NAMED} more"] if len(failed) > _DAYS_NAMED else []
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"failed_days": len(failed), "days": ", ".join([*failed[:_DAYS_NAMED], *more]) or "none"},
    )
