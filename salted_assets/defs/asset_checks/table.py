"""The checks of a day's table: what each asks, what they look at, and their outcomes once it is written, or failed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from salted_assets.defs.asset_checks.delivery import (
    RecordCounts,
    check_key,
    check_rejects,
    check_schema,
    check_values,
    summarize_rejects,
)
from salted_assets.defs.asset_checks.outcome import ERROR, PROBLEM, CheckOutcome
from salted_assets.defs.asset_checks.references import (
    MeasuredReference,
    check_references,
    count_named,
    measure_answers,
    measure_references,
)
from salted_assets.defs.asset_checks.volume import WEEKS, Volume, check_volume, measure_volume
from salted_assets.history.table_files import KeyFaults, count_key_faults
from salted_assets.ingest import (
    CheckFailure,
    EmptyFileError,
    HeaderError,
    LostSyncError,
    Statistics,
    TooManyRejectsError,
    UnreadableFileError,
)
from salted_assets.ingest.contract import SELF_REFERENCE
from salted_assets.warehouse import Warehouse, rejects_key

TABLE_CHECKS = {
    "schema": "The file has every documented column, once. Fails the day's table; an undocumented column only warns.",
    "key": "Every row of the table as written has a key, and no key comes twice.",
    "values": "Values keep the rules of their columns. Values that do not are in the table and counted here.",
    "volume": f"About as many rows as the same weekday had in the {WEEKS} weeks before: their median, within the band "
    "of SALTED_VOLUME_TOLERANCE.",
    "referential": "Rows point at rows that came with the same export. Rows that changed late may come alone: only "
    "many of the day's own that do are a warning.",
    "rejects": "Every cell and record of the file could be read. What could not is in the rejects table. The records "
    "of the raw files, as counted when they landed, are the rows of the table, those refused, dropped as duplicates "
    "and erased. Scores go on from here: their check reconciles starts at the rows of tables.",
}
"""The checks of every table, with what they ask."""

BLOCKING_CHECKS = {"schema", "key"}

_CHECK_OF_FAILURE: dict[type[Exception], str] = {
    EmptyFileError: "schema",
    HeaderError: "schema",
    LostSyncError: "rejects",
    TooManyRejectsError: "rejects",
    UnreadableFileError: "rejects",
}


@dataclass(frozen=True)
class CheckInput:
    """What the checks look at: what was counted of one day's table while it was written, and in the warehouse after."""

    dataset: str
    statistics: Statistics
    key_faults: KeyFaults
    volume: Volume
    records: RecordCounts
    references: Sequence[MeasuredReference] = ()
    rejects: Sequence[CheckFailure] = ()


def build_check_specs(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetCheckSpec]:
    """The specs of a table's checks, one evaluation a day each."""
    return [
        dg.AssetCheckSpec(
            name, asset=key, description=asks, blocking=name in BLOCKING_CHECKS, partitions_def=partitions
        )
        for name, asks in TABLE_CHECKS.items()
    ]


def gather_check_input(
    warehouse: Warehouse,
    dataset: str,
    day: date,
    statistics: Statistics,
    *,
    zone: str,
    late_row_count: int,
    landed_row_count: int | None = None,
    holidays: Collection[date] = (),
) -> CheckInput:
    """Look at a table that was just written from a file of these statistics; a day is one of `zone`.

    `late_row_count` are the rows whose engagement started before the day, `landed_row_count` the records of the raw
    files, None where they were not counted apart; on `holidays` other volumes are usual.
    """
    key = ("tables", dataset)
    with warehouse.open_parquet(warehouse.table_path(key, day)) as file:
        key_faults, row_count = count_key_faults(file), int(file.metadata.num_rows)
        has_answers = SELF_REFERENCE in file.schema_arrow.names
        answer_count = count_named(file, SELF_REFERENCE) if has_answers else None
    with warehouse.open_parquet(warehouse.table_path(rejects_key(dataset), day)) as file:
        rejects = summarize_rejects(file)
    return CheckInput(
        dataset=dataset,
        statistics=statistics,
        key_faults=key_faults,
        volume=measure_volume(warehouse, key, day, statistics.table_rows, holidays),
        records=RecordCounts(landed_row_count, row_count),
        references=[
            *measure_references(warehouse, dataset, day, zone),
            *measure_answers(dataset, statistics, answer_count, late_row_count),
        ],
        rejects=rejects,
    )


def check_table(found: CheckInput, volume_tolerance: float) -> list[CheckOutcome]:
    """The outcomes on a table that was written, one for each check."""
    return [
        check_schema(found.statistics),
        check_key(found.statistics, found.key_faults),
        check_values(found.dataset, found.statistics),
        check_volume(found.volume, volume_tolerance),
        check_references(found.references),
        check_rejects(found.dataset, found.statistics, found.rejects, found.records),
    ]


def check_failed_table(error: Exception) -> list[CheckOutcome]:
    """The outcomes on a table that could not be written: of the check that the failure concerns, if there is one."""
    return [
        CheckOutcome(check, passed=False, severity=ERROR, metadata={PROBLEM: str(error)})
        for kind, check in _CHECK_OF_FAILURE.items()
        if isinstance(error, kind)
    ]
