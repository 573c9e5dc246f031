"""How a verdict on a day reaches the UI: on its partition, whether the run is of one day or of a range.

Not here: the verdicts (`checks`).
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from salted_assets.defs.asset_checks.checks import BLOCKING_CHECKS, TABLE_CHECKS, Verdict
from salted_assets.defs.instance.dagster_private import build_evaluation

_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def report_verdicts(
    context: dg.AssetExecutionContext, key: dg.AssetKey, verdicts: Mapping[str, Sequence[Verdict]]
) -> Iterator[dg.AssetCheckResult]:
    """Give Dagster the verdicts on each day (by partition key) of a step that has written its output.

    A run of one partition yields results that Dagster puts on the partition. A ranged run, which a backfill makes even
    of one day, records an evaluation for each day and yields one summary for each check. The UI shows the summary
    first, so it repeats what was found on the newest day that did not pass, or on the newest one.
    """
    if context.has_partition_key:
        yield from (_result(key, verdict) for verdict in verdicts[context.partition_key])
        return
    log_verdicts(context, key, verdicts)
    for check in TABLE_CHECKS:
        judged = [(day, verdict) for day, of_day in verdicts.items() for verdict in of_day if verdict.check == check]
        yield _result(key, _summarize(check, judged))


def _summarize(check: str, judged: Sequence[tuple[str, Verdict]]) -> Verdict:
    failed = [(day, verdict) for day, verdict in judged if not verdict.passed]
    severity = _ERROR if any(verdict.severity == _ERROR for _, verdict in failed) else _WARN
    days = {"days": len(judged), "days_not_passed": ", ".join(day for day, _ in failed) or "none"}
    day, shown = max(failed or judged, key=lambda pair: pair[0])
    return Verdict(check, not failed, severity, {**days, "day_shown": day, **shown.metadata})


def log_verdicts(
    context: dg.AssetExecutionContext, key: dg.AssetKey, verdicts: Mapping[str, Sequence[Verdict]]
) -> None:
    """Record the verdicts on each day, against its newest materialization, without which the UI drops them."""
    targets = find_newest(context.instance, key, list(verdicts))
    for day, of_day in verdicts.items():
        for verdict in of_day:
            context.log_event(_evaluate(key, day, verdict, targets.get(day)))


def find_newest(instance: dg.DagsterInstance, key: dg.AssetKey, days: Sequence[str]) -> dict[str, dg.EventLogRecord]:
    """The newest materialization of each day (by partition key) that has one.

    One query for all days where each was materialized but once since the oldest of what is looked for, as a step that
    has just ended has done; else one more for each day that was not among the newest.
    """
    filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=list(days))
    records = instance.fetch_materializations(filters, limit=len(days)).records if days else []
    newest: dict[str, dg.EventLogRecord] = {}
    for record in records:
        newest.setdefault(str(record.partition_key), record)
    if len(records) == len(days) > len(newest):
        for day in set(days) - newest.keys():
            newest |= find_newest(instance, key, [day])
    return newest


def _evaluate(
    key: dg.AssetKey, day: str, verdict: Verdict, newest: dg.EventLogRecord | None
) -> dg.AssetCheckEvaluation:
    return build_evaluation(
        dg.AssetCheckKey(key, verdict.check),
        day,
        passed=verdict.passed,
        severity=verdict.severity,
        blocking=verdict.check in BLOCKING_CHECKS,
        metadata=verdict.metadata,
        target=newest,
    )


def _result(key: dg.AssetKey, verdict: Verdict) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=verdict.check,
        passed=verdict.passed,
        severity=verdict.severity,
        metadata=dict(verdict.metadata),
    )
