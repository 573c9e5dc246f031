"""What the delivered file was like: the checks `schema`, `key`, `values` and `rejects` of a day's table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.defs.asset_checks.outcome import (
    ERROR,
    WARN,
    CheckOutcome,
    build_case_record,
    build_record,
    count,
    explain,
    table_metadata,
)
from salted_assets.history.table_files import KeyFaults
from salted_assets.ingest import CheckFailure, Statistics
from salted_assets.ingest.checks import Tally
from salted_assets.ingest.contract import FIRST_CASES_COUNT, SELF_REFERENCE_RULE

_LONGEST_COLUMN_NAME = 100
_REJECT_COLUMNS = ["row_number", "pid", "column", "reason"]


@dataclass(frozen=True)
class RecordCounts:
    """Records of the raw files as they were counted when they landed, and rows of the table's file as it was written.

    `landed` is None where nobody counted: what was counted while reading takes its place.
    """

    landed: int | None
    in_table: int


def check_schema(statistics: Statistics) -> CheckOutcome:
    """Whether the file had every documented column and no other."""
    missing, unknown = statistics.missing_columns, statistics.unknown_columns
    odd = [(name, "missing", "null in this table", "nothing") for name in missing]
    odd += [(name, "not documented", "left in the raw file", each.describe()) for name, each in unknown.items()]
    records = [
        build_record(column=_shortened(name), problem=problem, values=values, what_came=content)
        for name, problem, values, content in odd
    ]
    return CheckOutcome(
        "schema",
        passed=not odd,
        metadata={
            "missing_columns": _listed(missing),
            "undocumented_columns": _listed(unknown),
            **table_metadata("columns", records),
            **explain(
                bool(odd),
                f"{count(len(missing), 'column')} missing, {count(len(unknown), 'column')} not documented",
                "Compare the header with the vendor's page. A column under a new name shows as one that is missing and "
                "one that is not documented. Raw files keep everything, so the day can be loaded again later.",
            ),
        },
    )


def check_key(statistics: Statistics, faults: KeyFaults) -> CheckOutcome:
    """Whether the written table has a key in every row, and none twice."""
    is_whole = not (faults.null_count or faults.repeated_count)
    return CheckOutcome(
        "key",
        passed=is_whole,
        severity=ERROR,
        metadata={
            "rows_without_key": faults.null_count,
            "rows_with_repeated_key": faults.repeated_count,
            "identical_duplicates_dropped": statistics.identical_duplicates,
            "conflicting_duplicates_rejected": statistics.conflicting_duplicates,
            "superseded_rows": statistics.superseded_rows,
            **table_metadata("first_repeated_keys", [build_record(pid=pid) for pid in faults.first_repeated]),
            **explain(
                not is_whole,
                f"{count(faults.null_count, 'row')} without a key, {faults.repeated_count} with one that came before",
                "The loader lets no such row through, so this is a defect of the program, or the file was changed by "
                "another. Materialize the table again; if the check fails again, report it. What depends on the table "
                "waits.",
            ),
        },
    )


def check_values(dataset: str, statistics: Statistics) -> CheckOutcome:
    """Whether the values keep the rules of their columns, and every time says its zone."""
    broken = [failure for failure in statistics.check_failures if failure.rule != SELF_REFERENCE_RULE]
    case_count = sum(failure.count for failure in broken)
    without_zone = sum(statistics.naive_times.values())
    return CheckOutcome(
        "values",
        passed=not (broken or without_zone),
        metadata={
            "broken_rules": len(broken),
            "cases": case_count,
            **table_metadata("failures", [build_case_record(failure, "rule") for failure in broken]),
            "reserved_values": sum(statistics.reserved_values.values()),
            "times_without_zone_read_as_utc": without_zone,
            **explain(
                bool(broken or without_zone),
                f"{count(case_count, 'value')} that break {count(len(broken), 'rule')}, "
                f"{count(without_zone, 'time')} without a zone",
                f"The values are in tables/{dataset} as delivered: look the first keys up there. A value that the "
                "vendor's page does not name may be a new one; an impossible one is a question for the vendor. A time "
                "without a zone is read as UTC, and hours off if it is local: then its engagement may be of another "
                "day. Ask the vendor.",
            ),
        },
    )


def check_rejects(
    dataset: str, statistics: Statistics, rejects: Sequence[CheckFailure], records: RecordCounts
) -> CheckOutcome:
    """Whether every cell and record could be read, and every record that landed is found again once.

    `rejects` are those that could not be read, by `summarize_rejects`. Rows that the table's file lacks are an error;
    a count of the raw files that is another one is a warning, for the landing counts by line ends alone.
    """
    cells = statistics.rejected_cells
    cell_count = sum(cells.values())
    dropped = statistics.identical_duplicates + statistics.superseded_rows
    accounted = records.in_table + statistics.rejected_records + dropped + statistics.erased_records
    landed = statistics.file_rows if records.landed is None else records.landed
    is_short = records.in_table != statistics.table_rows
    refused = f"{count(statistics.rejected_records, 'record')} and {count(cell_count, 'cell')} were refused"
    found_again = (
        f"{count(landed, 'record')} landed, of which {records.in_table} are rows of the table, "
        f"{statistics.rejected_records} refused, {dropped} dropped as duplicates and {statistics.erased_records} erased"
    )
    problems = [refused] if statistics.rejected_records or cell_count else []
    problems += [found_again] if is_short or landed != accounted else []
    return CheckOutcome(
        "rejects",
        passed=not problems,
        severity=ERROR if is_short else WARN,
        metadata={
            "landed_records": landed,
            "table_rows": records.in_table,
            "duplicates_dropped": dropped,
            "erased_records": statistics.erased_records,
            "rejected_records": statistics.rejected_records,
            "rejected_cells": cell_count,
            "columns": ", ".join(f"{name}: {n}" for name, n in cells.most_common()) or "none",
            **table_metadata("rejected", [build_case_record(failure, "reason", "whole record") for failure in rejects]),
            **explain(
                bool(problems),
                "; ".join(problems),
                f"The refused text is in rejects/{dataset} of this day; a refused cell is null in the table. Ask "
                "the vendor about the first keys. While the raw files are kept, the table can be materialized again. "
                "Broken quotes make what landed another count. If the table lacks rows that are not "
                "listed, make it again, and report it if it lacks them again.",
            ),
        },
    )


def summarize_rejects(file: pq.ParquetFile) -> list[CheckFailure]:
    """Refused cells and records counted by column (null for whole records) and reason, which takes the rule's place.

    No rejects give nothing. The refused text itself is not read.
    """
    tally = Tally()
    for batch in file.iter_batches(columns=_REJECT_COLUMNS):
        rejects = pa.table(batch).set_column(2, "column", batch.column("column").fill_null(""))
        for group in rejects.group_by(["column", "reason"], use_threads=False).aggregate([]).to_pylist():
            alike = [pc.equal(rejects[name], group[name]) for name in ("column", "reason")]
            rows = rejects.filter(pc.and_(*alike))
            first = rows.slice(0, FIRST_CASES_COUNT)
            cases = list(zip(first["pid"].to_pylist(), first["row_number"].to_pylist(), strict=True))
            tally.add(group["reason"], group["column"] or None, rows.num_rows, cases)
    return tally.failures()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_shortened, names)) or "none"


def _shortened(name: str) -> str:
    return name[:_LONGEST_COLUMN_NAME]
