"""The check `failed_partitions`: which days of a daily asset are marked as failed, looked up whenever it is made.

A day that failed is reported once, by its run; by the next morning it would be forgotten.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

CHECK = "failed_partitions"
_DAYS_NAMED = 20
_RUNS_AT_ONCE = 500

_DESCRIPTION = """\
Whether some of its days are marked as failed, however long ago. It is asked whenever the asset is made, and by the \
button of this page.

A day is no longer failed once it is materialized. Materialize the failed ones from the page of the asset, or run \
`salted backfill` over them: what is there already is not exported again.
"""


def build_failed_partitions_checks(assets: Iterable[dg.AssetsDefinition]) -> dg.AssetChecksDefinition:
    """The check of each daily one of the assets: one step looks at all that a run has made.

    It warns, and so fails no run: the runs of those days have failed already.
    """
    specs = [spec for asset in assets for spec in asset.specs]
    daily = {spec.key: spec.partitions_def for spec in specs if spec.partitions_def is not None}

    @dg.multi_asset_check(
        name=CHECK,
        specs=[dg.AssetCheckSpec(CHECK, asset=key, description=_DESCRIPTION) for key in daily],
        can_subset=True,
    )
    def look_up(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for check in sorted(context.selected_asset_check_keys):
            yield _evaluate(
                check.asset_key, find_failed_days(context.instance, check.asset_key, daily[check.asset_key])
            )

    return look_up


def find_failed_days(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]
) -> list[str]:
    """The partitions of an asset whose last attempt failed, as the UI marks them, in order."""
    # Dagster's own count per partition takes 40 ms an asset, this 1 ms
    attempts = instance.event_log_storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        key
    )
    run_ids = sorted({run_id for run_id, _ in attempts.values()})
    failed_runs: set[str] = set()
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        asked = dg.RunsFilter(run_ids=run_ids[start : start + _RUNS_AT_ONCE], statuses=[dg.DagsterRunStatus.FAILURE])
        failed_runs |= {run.run_id for run in instance.get_runs(asked)}
    days = (day for day, (run_id, _) in attempts.items() if run_id in failed_runs)
    return sorted(day for day in days if partitions.has_partition_key(day))


def _evaluate(key: dg.AssetKey, failed: list[str]) -> dg.AssetCheckResult:
    more = [f"and {len(failed) - _DAYS_NAMED} more"] if len(failed) > _DAYS_NAMED else []
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"failed_days": len(failed), "days": ", ".join([*failed[:_DAYS_NAMED], *more]) or "none"},
    )
