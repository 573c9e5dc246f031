"""Asset checks of the tables: what each asks, how it judges a day's statistics, how its verdict reaches the UI.

Here: specs, verdicts, and the one helper that records an evaluation for one day of a ranged run.
Not here: the rules themselves (`tables`) and the counting (`ingest`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

# The only two private imports of the project: an AssetCheckResult can be yielded once per run and without a partition,
# so an evaluation for one day of a ranged run has to be built by hand. A test pins that the UI shows it on its day.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as _Target,
)
from dagster._core.definitions.metadata import normalize_metadata

from salted_assets.ingest import (
    CheckFailure,
    EmptyFileError,
    HeaderError,
    LostSyncError,
    Statistics,
    TooManyRejectsError,
)
from salted_assets.table_files import KeyFaults

_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

TABLE_CHECKS = {
    "schema": "The file has every documented column, once. Fails the day's table; an undocumented column only warns.",
    "key": "Every row of the table as written has a key, and no key comes twice.",
    "values": "Values keep the rules of their columns. Values that do not are in the table and counted here.",
    "referential": "Rows point at rows that are there. Late rows may come alone: only many that do are a warning.",
    "rejects": "Every cell and record of the file could be read. What could not is in the rejects table.",
}
"""The checks of every table, with what they ask."""

BLOCKING_CHECKS = {"schema", "key"}

_REFERENTIAL_RULES = {"names_a_row_of_the_file"}
_LATE_ROWS_RATIO = 0.1
"""Rows whose counterpart came with another day's export are few; above this share something else is wrong."""

_ANSWERED_BY_FAILURE: dict[type[Exception], str] = {
    EmptyFileError: "schema",
    HeaderError: "schema",
    LostSyncError: "rejects",
    TooManyRejectsError: "rejects",
}


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check on one day."""

    check: str
    passed: bool
    severity: dg.AssetCheckSeverity = _WARN
    metadata: Mapping[str, Any] = field(default_factory=dict)


def build_check_specs(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetCheckSpec]:
    """The specs of a table's checks, one evaluation a day each."""
    return [
        dg.AssetCheckSpec(
            name, asset=key, description=asks, blocking=name in BLOCKING_CHECKS, partitions_def=partitions
        )
        for name, asks in TABLE_CHECKS.items()
    ]


def judge_table(statistics: Statistics, key_faults: KeyFaults) -> list[Verdict]:
    """The verdicts on a table that was written, from what was counted while it was and in the file after."""
    odd = [*statistics.missing_columns, *statistics.unknown_columns]
    rejected_cells = sum(statistics.rejected_cells.values())
    broken = [failure for failure in statistics.check_failures if failure.rule not in _REFERENTIAL_RULES]
    alone = [failure for failure in statistics.check_failures if failure.rule in _REFERENTIAL_RULES]
    alone_count = sum(failure.count for failure in alone)
    return [
        Verdict(
            "schema",
            passed=not odd,
            metadata={
                "missing_columns": ", ".join(statistics.missing_columns) or "none",
                "undocumented_columns": ", ".join(statistics.unknown_columns) or "none",
            },
        ),
        Verdict(
            "key",
            passed=not (key_faults.null_count or key_faults.repeated_count),
            severity=_ERROR,
            metadata={
                "rows_without_key": key_faults.null_count,
                "rows_with_repeated_key": key_faults.repeated_count,
                "identical_duplicates_dropped": statistics.identical_duplicates,
                "conflicting_duplicates_rejected": statistics.conflicting_duplicates,
                "superseded_rows": statistics.superseded_rows,
            },
        ),
        Verdict(
            "values",
            passed=not broken,
            metadata=_failure_table(broken)
            | {"reserved_values": sum(statistics.reserved_values.values())}
            | {"times_without_zone_read_as_utc": sum(statistics.naive_times.values())},
        ),
        Verdict(
            "referential",
            passed=alone_count <= _LATE_ROWS_RATIO * statistics.table_rows,
            metadata=_failure_table(alone) | {"rows_alone": alone_count},
        ),
        Verdict(
            "rejects",
            passed=not (statistics.rejected_records or rejected_cells),
            metadata={
                "rejected_records": statistics.rejected_records,
                "rejected_cells": rejected_cells,
                "columns": ", ".join(f"{name}: {n}" for name, n in statistics.rejected_cells.most_common()) or "none",
            },
        ),
    ]


def judge_failure(error: Exception) -> list[Verdict]:
    """The verdicts on a table that could not be written: on the check that its failure answers, if there is one."""
    return [
        Verdict(check, passed=False, severity=_ERROR, metadata={"problem": str(error)})
        for kind, check in _ANSWERED_BY_FAILURE.items()
        if isinstance(error, kind)
    ]


def report_verdicts(
    context: dg.AssetExecutionContext, key: dg.AssetKey, verdicts: Mapping[str, Sequence[Verdict]]
) -> Iterator[dg.AssetCheckResult]:
    """Give Dagster the verdicts on each day (by partition key) of a step that has written its output.

    A run of one partition yields results that Dagster puts on the partition. A ranged run, which a backfill makes even
    of one day, records an evaluation for each day and yields one summary for each check.
    """
    if context.has_partition_key:
        yield from (_result(key, verdict) for verdict in verdicts[context.partition_key])
        return
    for day, of_day in verdicts.items():
        for verdict in of_day:
            log_verdict(context, key, day, verdict)
    for check in TABLE_CHECKS:
        failed = [(day, v) for day, of_day in verdicts.items() for v in of_day if v.check == check and not v.passed]
        severity = _ERROR if any(verdict.severity == _ERROR for _, verdict in failed) else _WARN
        days = ", ".join(day for day, _ in failed) or "none"
        yield _result(key, Verdict(check, not failed, severity, {"days": len(verdicts), "days_not_passed": days}))


def log_verdict(context: dg.AssetExecutionContext, key: dg.AssetKey, day: str, verdict: Verdict) -> None:
    """Record one verdict on one day, against the day's newest materialization, without which the UI drops it."""
    filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day])
    records = context.instance.fetch_materializations(filters, limit=1).records
    target = (
        _Target(storage_id=records[0].storage_id, run_id=records[0].run_id, timestamp=records[0].timestamp)
        if records
        else None
    )
    context.log_event(
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=verdict.check,
            passed=verdict.passed,
            metadata=normalize_metadata(dict(verdict.metadata)),
            partition=day,
            severity=verdict.severity,
            blocking=verdict.check in BLOCKING_CHECKS,
            target_materialization_data=target,
        )
    )


def _result(key: dg.AssetKey, verdict: Verdict) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=verdict.check,
        passed=verdict.passed,
        severity=verdict.severity,
        metadata=dict(verdict.metadata),
    )


def _failure_table(failures: Sequence[CheckFailure]) -> dict[str, Any]:
    if not failures:
        return {"broken_rules": 0}
    records = [
        dg.TableRecord(
            {
                "rule": failure.rule,
                "column": failure.column or "several",
                "rows": failure.count,
                "first_rows": ", ".join(str(row) for _, row in failure.first_cases),
                "first_keys": ", ".join(pid for pid, _ in failure.first_cases if pid),
            }
        )
        for failure in failures
    ]
    return {"broken_rules": len(failures), "failures": dg.MetadataValue.table(records)}
