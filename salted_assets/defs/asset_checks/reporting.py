"""How the outcome of a check reaches the UI: on its partition, whether the run is of one day or of a range."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from salted_assets.defs.asset_checks.outcome import ERROR, WARN, CheckOutcome
from salted_assets.defs.asset_checks.table import BLOCKING_CHECKS
from salted_assets.defs.instance.dagster_private import build_evaluation, log_evaluations
from salted_assets.defs.partitions import find_newest


def report_outcomes(
    context: dg.AssetExecutionContext, key: dg.AssetKey, outcomes: Mapping[date, Sequence[CheckOutcome]]
) -> Iterator[dg.AssetCheckResult]:
    """Give Dagster the outcomes on each day of a step that has written its output.

    A run of one partition yields results that Dagster puts on the partition. A ranged run, which a backfill makes even
    of one day, records an evaluation for each day and yields one summary for each check. The UI shows the summary
    first, so it repeats what was found on the newest day that did not pass, or on the newest one.
    """
    if context.has_partition_key:
        yield from (_result(key, outcome) for outcome in outcomes[date.fromisoformat(context.partition_key)])
        return
    log_outcomes(context, key, outcomes)
    for check in dict.fromkeys(outcome.check for of_day in outcomes.values() for outcome in of_day):
        evaluated = [(day, outcome) for day, of_day in outcomes.items() for outcome in of_day if outcome.check == check]
        yield _result(key, _summarize(check, evaluated))


def _summarize(check: str, evaluated: Sequence[tuple[date, CheckOutcome]]) -> CheckOutcome:
    failed = [(day, outcome) for day, outcome in evaluated if not outcome.passed]
    severity = ERROR if any(outcome.severity == ERROR for _, outcome in failed) else WARN
    days = {"days": len(evaluated), "days_not_passed": ", ".join(day.isoformat() for day, _ in failed) or "none"}
    day, shown = max(failed or evaluated, key=lambda pair: pair[0])
    return CheckOutcome(check, not failed, severity, {**days, "day_shown": day.isoformat(), **shown.metadata})


def log_outcomes(
    context: dg.AssetExecutionContext, key: dg.AssetKey, outcomes: Mapping[date, Sequence[CheckOutcome]]
) -> None:
    """Record the outcomes on each day, against its newest materialization, without which the UI drops them."""
    targets = find_newest(context.instance, key, [day.isoformat() for day in outcomes])
    log_evaluations(
        context,
        [
            _evaluate(key, day.isoformat(), outcome, targets.get(day.isoformat()))
            for day, of_day in outcomes.items()
            for outcome in of_day
        ],
    )


def _evaluate(
    key: dg.AssetKey, day: str, outcome: CheckOutcome, newest: dg.EventLogRecord | None
) -> dg.AssetCheckEvaluation:
    return build_evaluation(
        dg.AssetCheckKey(key, outcome.check),
        day,
        passed=outcome.passed,
        severity=outcome.severity,
        blocking=outcome.check in BLOCKING_CHECKS,
        metadata=outcome.metadata,
        target=newest,
    )


def _result(key: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=outcome.check,
        passed=outcome.passed,
        severity=outcome.severity,
        metadata=dict(outcome.metadata),
    )
