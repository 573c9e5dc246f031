"""Asset checks of the tables: what each asks, and how it judges what was found out about a day's table.

Here: specs and verdicts, with metadata that a person can act on: the totals as numbers (which the UI plots), a short
table of the first cases by key, column and rule, what to do. Never a value of a row.
Not here: the rules themselves (`tables`), the counting (`ingest`, `references`, `volume`, `rejects`), how a verdict
reaches the UI (`check_reports`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.defs.asset_checks.references import MeasuredReference
from salted_assets.defs.asset_checks.volume import FEWEST_DAYS, WEEKS, Volume
from salted_assets.history.table_files import KeyFaults
from salted_assets.ingest import (
    CheckFailure,
    EmptyFileError,
    HeaderError,
    LostSyncError,
    Statistics,
    TooManyRejectsError,
)
from salted_assets.ingest.checks import Tally
from salted_assets.ingest.contract import FIRST_CASES_COUNT
from salted_assets.schemas.references import Reference

_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

TABLE_CHECKS = {
    "schema": "The file has every documented column, once. Fails the day's table; an undocumented column only warns.",
    "key": "Every row of the table as written has a key, and no key comes twice.",
    "values": "Values keep the rules of their columns. Values that do not are in the table and counted here.",
    "volume": f"About as many rows as the same weekday had in the {WEEKS} weeks before: their median, within the band "
    "of SALTED_VOLUME_TOLERANCE.",
    "referential": "Rows point at rows that came with the same export. Rows that changed late may come alone: only "
    "many of the day's own that do are a warning.",
    "rejects": "Every cell and record of the file could be read. What could not is in the rejects table.",
}
"""The checks of every table, with what they ask."""

BLOCKING_CHECKS = {"schema", "key"}

SELF_REFERENCE = "response_to"
_SELF_REFERENCE_RULE = "names_a_row_of_the_file"
_ALONE_RATIO = 0.1
"""Rows of the day itself whose counterpart is not there are few; above this share something else is wrong."""

_LONGEST_COLUMN_NAME = 100

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


@dataclass(frozen=True)
class Findings:
    """What was found out about one day's table: while it was written, and in the warehouse after.

    `answer_count` are the rows that name another of the same file, None where the dataset has no such column;
    `late_row_count` are the rows whose engagement started before the day.
    """

    dataset: str
    statistics: Statistics
    key_faults: KeyFaults
    volume: Volume
    references: Sequence[MeasuredReference] = ()
    rejects: Sequence[CheckFailure] = ()
    answer_count: int | None = None
    late_row_count: int = 0


def build_check_specs(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetCheckSpec]:
    """The specs of a table's checks, one evaluation a day each."""
    return [
        dg.AssetCheckSpec(
            name, asset=key, description=asks, blocking=name in BLOCKING_CHECKS, partitions_def=partitions
        )
        for name, asks in TABLE_CHECKS.items()
    ]


def judge_table(found: Findings, volume_tolerance: float) -> list[Verdict]:
    """The verdicts on a table that was written, one for each check."""
    return [
        _judge_schema(found.statistics),
        _judge_key(found.statistics, found.key_faults),
        _judge_values(found.dataset, found.statistics),
        _judge_volume(found.volume, volume_tolerance),
        _judge_references(found),
        _judge_rejects(found),
    ]


def judge_failure(error: Exception) -> list[Verdict]:
    """The verdicts on a table that could not be written: on the check that its failure answers, if there is one."""
    return [
        Verdict(check, passed=False, severity=_ERROR, metadata={"problem": str(error)})
        for kind, check in _ANSWERED_BY_FAILURE.items()
        if isinstance(error, kind)
    ]


def _judge_schema(statistics: Statistics) -> Verdict:
    missing, unknown = statistics.missing_columns, statistics.unknown_columns
    odd = [(name, "missing", "null in this table", "nothing") for name in missing]
    odd += [(name, "not documented", "left in the raw file", each.describe()) for name, each in unknown.items()]
    records = [
        _record(column=_shortened(name), problem=problem, values=place, what_came=content)
        for name, problem, place, content in odd
    ]
    return Verdict(
        "schema",
        passed=not odd,
        metadata={
            "missing_columns": _listed(missing),
            "undocumented_columns": _listed(unknown),
            **_table("columns", records),
            **_advice(
                bool(odd),
                "Compare the header with the vendor's page. A column under a new name shows as one that is missing and "
                "one that is not documented. Raw files keep everything, so the day can be loaded again later.",
            ),
        },
    )


def _judge_key(statistics: Statistics, faults: KeyFaults) -> Verdict:
    is_whole = not (faults.null_count or faults.repeated_count)
    return Verdict(
        "key",
        passed=is_whole,
        severity=_ERROR,
        metadata={
            "rows_without_key": faults.null_count,
            "rows_with_repeated_key": faults.repeated_count,
            "identical_duplicates_dropped": statistics.identical_duplicates,
            "conflicting_duplicates_rejected": statistics.conflicting_duplicates,
            "superseded_rows": statistics.superseded_rows,
            **_table("first_repeated_keys", [_record(pid=pid) for pid in faults.first_repeated]),
            **_advice(
                not is_whole,
                "The loader lets no such row through, so this is a defect of the program, or the file was changed by "
                "another. Materialize the table again; if the check fails again, report it. What depends on the table "
                "waits.",
            ),
        },
    )


def _judge_values(dataset: str, statistics: Statistics) -> Verdict:
    broken = [failure for failure in statistics.check_failures if failure.rule != _SELF_REFERENCE_RULE]
    return Verdict(
        "values",
        passed=not broken,
        metadata={
            "broken_rules": len(broken),
            "cases": sum(failure.count for failure in broken),
            **_table("failures", [_case_record(failure, "rule") for failure in broken]),
            "reserved_values": sum(statistics.reserved_values.values()),
            "times_without_zone_read_as_utc": sum(statistics.naive_times.values()),
            **_advice(
                bool(broken),
                f"The values are in tables/{dataset} as delivered: look the first keys up there. A value that the "
                "vendor's page does not name may be a new one; an impossible one is a question for the vendor.",
            ),
        },
    )


def _judge_volume(volume: Volume, tolerance: float) -> Verdict:
    is_usual = volume.is_usual(tolerance)
    days = len(volume.earlier_row_counts)
    known: dict[str, Any] = {}
    if volume.usual_row_count is None:
        known["not_judged"] = (
            f"{days} earlier days of this weekday are in the warehouse; from {FEWEST_DAYS} on they are compared."
        )
    else:
        known |= {"median_rows": volume.usual_row_count, "tolerance": tolerance}
    if volume.ratio is not None:
        known["ratio"] = round(volume.ratio, 4)
    is_short = volume.row_count < (volume.usual_row_count or 0)
    advice = (
        "Compare with the rows of raw/export on this day. If they are as few there, materialize raw/export with "
        "refresh set, in case the vendor had loaded the day late, or ask the vendor; a holiday needs nothing."
        if is_short
        else "Many older rows may have changed at once (see late_rows of the materialization), or the day was a busy "
        "one. If the same rows came twice under other keys, ask the vendor."
    )
    return Verdict(
        "volume",
        passed=is_usual,
        metadata={"rows": volume.row_count, **known, "days_compared": days, **_advice(not is_usual, advice)},
    )


def _judge_references(found: Findings) -> Verdict:
    answers = list(_list_answers(found))
    every = [*found.references, *answers]
    too_many = [one for one in every if one.reference.is_certain and _is_mostly_alone(one)]
    counted = {one.reference.column: one for one in every if one.is_measured}
    records = [_reference_record(one, f"tables/{one.reference.target}") for one in found.references]
    records += [_reference_record(one, "the same file") for one in answers]
    return Verdict(
        "referential",
        passed=not too_many,
        metadata={
            "rows_alone": sum(one.alone_count for one in counted.values()),
            **{f"{column}_alone": one.alone_count for column, one in counted.items()},
            **{
                f"{column}_found_ratio": round(1 - one.alone_count / one.count, 6)
                for column, one in counted.items()
                if one.count
            },
            **_table("references", records),
            **_advice(
                bool(too_many),
                f"More than {_ALONE_RATIO:.0%} of the day's own rows point at rows that its export did not bring. See "
                "whether the table that they point at is short (its checks volume and rejects); then materialize "
                "raw/export with refresh set, or ask the vendor, naming the first keys.",
            ),
        },
    )


def _is_mostly_alone(one: MeasuredReference) -> bool:
    return one.own_alone_count > _ALONE_RATIO * one.own_count


def _list_answers(found: Findings) -> Iterator[MeasuredReference]:
    """What the file's rows name within the file, as it was counted while the file was read.

    A late row may answer one that came with another export. Which rows are late was not noted there, so of those that
    are alone only as many are held against the day as its late rows cannot explain.
    """
    if found.answer_count is None:
        return
    failures = [failure for failure in found.statistics.check_failures if failure.rule == _SELF_REFERENCE_RULE]
    alone_count = sum(failure.count for failure in failures)
    yield MeasuredReference(
        Reference(SELF_REFERENCE, found.dataset),
        count=found.answer_count,
        alone_count=alone_count,
        own_count=found.answer_count,
        own_alone_count=max(alone_count - found.late_row_count, 0),
        first_keys=[pid for failure in failures for pid, _ in failure.first_cases if pid],
    )


def _reference_record(one: MeasuredReference, target: str) -> dg.TableRecord:
    note = "" if one.reference.is_certain else "shown, not judged: the vendor's pages only suggest it"
    if not one.is_measured:
        note = f"not measured: {target} of this day is not there"
    return _record(
        column=one.reference.column,
        points_at=target,
        rows=one.count,
        alone=one.alone_count,
        of_the_day_itself=f"{one.own_alone_count} of {one.own_count}",
        first_keys=", ".join(one.first_keys),
        note=note,
    )


def _judge_rejects(found: Findings) -> Verdict:
    cells = found.statistics.rejected_cells
    count = found.statistics.rejected_records + sum(cells.values())
    return Verdict(
        "rejects",
        passed=not count,
        metadata={
            "rejected_records": found.statistics.rejected_records,
            "rejected_cells": sum(cells.values()),
            "columns": ", ".join(f"{name}: {n}" for name, n in cells.most_common()) or "none",
            **_table("rejected", [_case_record(failure, "reason", "whole record") for failure in found.rejects]),
            **_advice(
                bool(count),
                f"The refused text is in rejects/{found.dataset} of this day; a refused cell is null in the table. Ask "
                "the vendor about the first keys. While the raw files are kept, the table can be materialized again.",
            ),
        },
    )


def _case_record(failure: CheckFailure, kind: str, without_column: str = "several") -> dg.TableRecord:
    return _record(
        **{kind: failure.rule},
        column=failure.column or without_column,
        rows=failure.count,
        first_rows=", ".join(str(row) for _, row in failure.first_cases),
        first_keys=", ".join(pid for pid, _ in failure.first_cases if pid),
    )


def _record(**cells: str | int) -> dg.TableRecord:
    return dg.TableRecord(cells)


def _table(name: str, records: Sequence[dg.TableRecord]) -> dict[str, dg.TableMetadataValue]:
    return {name: dg.MetadataValue.table(records)} if records else {}


def _advice(is_needed: bool, what_to_do: str) -> dict[str, str]:
    return {"what_to_do": what_to_do} if is_needed else {}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_shortened, names)) or "none"


def _shortened(name: str) -> str:
    return name[:_LONGEST_COLUMN_NAME]


_COLUMNS = ["row_number", "pid", "column", "reason"]


def summarize_rejects(file: pq.ParquetFile) -> list[CheckFailure]:
    """Refused cells and records counted by column (null for whole records) and reason, which takes the rule's place.

    No rejects give nothing. The refused text itself is not read.
    """
    tally = Tally()
    for batch in file.iter_batches(columns=_COLUMNS):
        rejects = pa.table(batch).set_column(2, "column", batch.column("column").fill_null(""))
        for group in rejects.group_by(["column", "reason"], use_threads=False).aggregate([]).to_pylist():
            alike = [pc.equal(rejects[name], group[name]) for name in ("column", "reason")]
            rows = rejects.filter(pc.and_(*alike))
            first = rows.slice(0, FIRST_CASES_COUNT)
            cases = list(zip(first["pid"].to_pylist(), first["row_number"].to_pylist(), strict=True))
            tally.add(group["reason"], group["column"] or None, rows.num_rows, cases)
    return tally.failures()
