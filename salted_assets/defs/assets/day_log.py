"""What Dagster is told of each day of a step, as soon as it is known. Not here: checks, the work itself.

Dagster records a ranged step's days when the whole range is done. Where one day fails, the others would count as
failed as well: so the days that are done are recorded here before the failure is raised.
"""

import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from salted_assets.defs.asset_checks.checks import (
    SELF_REFERENCE,
    Findings,
    Verdict,
    judge_failure,
    judge_table,
    summarize_rejects,
)
from salted_assets.defs.asset_checks.references import count_named, measure_references
from salted_assets.defs.asset_checks.reporting import find_newest, log_verdicts
from salted_assets.defs.asset_checks.volume import measure_volume
from salted_assets.defs.io_managers import TableDay, Written
from salted_assets.defs.metadata.previews import read_preview
from salted_assets.defs.retries import dagster_errors
from salted_assets.history.table_files import count_key_faults
from salted_assets.schemas.base import columns_of
from salted_assets.warehouse import Warehouse, rejects_key

_INPUTS_SHOWN = 5
_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


@dataclass
class DayLog:
    """The days of one step that are done, with their metadata, and the days that failed."""

    context: dg.AssetExecutionContext
    key: dg.AssetKey
    _done: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _failed: dict[str, Exception] = field(default_factory=dict)

    def done(self, day: date, metadata: Mapping[str, Any]) -> None:
        """Note that a day is whole; its metadata goes to its materialization."""
        partition = day.isoformat()
        self._done[partition] = metadata
        self.context.add_asset_metadata(metadata, asset_key=self.key, partition_key=partition)

    def failed(self, day: date, error: Exception) -> None:
        """Note that a day could not be done; the rest go on."""
        self._failed[day.isoformat()] = error

    def finish(self) -> None:
        """Raise what befell the failed days, if any did, with the others recorded."""
        if not self._failed:
            return
        self.record_done_days()
        first = next(iter(self._failed.values()))
        if len(self._failed) == 1:
            with dagster_errors():
                raise first
        days = "; ".join(f"{day}: {error}" for day, error in self._failed.items())
        raise dg.Failure(description=f"{len(self._failed)} days failed. {days}", allow_retries=False) from first

    def record_done_days(self) -> None:
        """Record the days that are done as materialized, once per run."""
        newest = find_newest(self.context.instance, self.key, list(self._done))
        for partition, metadata in self._done.items():
            if partition not in newest or newest[partition].run_id != self.context.run.run_id:
                event = dg.AssetMaterialization(self.key, partition=partition, metadata=dict(metadata))
                self.context.log_event(event)


@contextmanager
def recorded_days(context: dg.AssetExecutionContext, key: dg.AssetKey) -> Iterator[DayLog]:
    """A log whose finished days are recorded even when a later day ends the step."""
    log = DayLog(context, key)
    try:
        with dagster_errors():
            yield log
    except BaseException:
        log.record_done_days()
        raise


@dataclass
class TableLog:
    """The days of a table asset's step: their metadata, their verdicts, and what befell those that failed.

    Days are calendar days of `zone`; `volume_tolerance` is that of the check `volume`.
    """

    context: dg.AssetExecutionContext
    key: dg.AssetKey
    warehouse: Warehouse
    zone: str
    volume_tolerance: float
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the log of days."""
        self._days = DayLog(self.context, self.key)

    def written(self, day: date, table_day: TableDay, written: Written) -> None:
        """Note a day's table."""
        statistics = table_day.stream.statistics
        self.verdicts[day.isoformat()] = judge_table(self._look_at(day, table_day, written), self.volume_tolerance)
        metadata = describe_write(self.warehouse, written) | {
            "file_rows": statistics.file_rows,
            "rejected_records": statistics.rejected_records,
            "rejected_cells": sum(statistics.rejected_cells.values()),
            "duplicate_rows_dropped": statistics.identical_duplicates + statistics.superseded_rows,
            "erased_records": statistics.erased_records,
            "requested_at": dg.MetadataValue.timestamp(table_day.requested_at),
        }
        cost = describe_cost(statistics.file_rows, written.seconds)
        self._days.done(day, metadata | _describe_affected(day, written) | cost | self._preview(table_day, written))

    def failed(self, day: date, error: Exception) -> None:
        """Note a day that could not be loaded, with the verdicts that follow from it."""
        log_verdicts(self.context, self.key, {day.isoformat(): judge_failure(error)})
        self._days.failed(day, error)

    def finish(self) -> None:
        """Raise what befell the failed days, with verdicts and materializations of the others recorded."""
        try:
            self._days.finish()
        except BaseException:
            log_verdicts(self.context, self.key, self.verdicts)
            raise

    def _preview(self, table_day: TableDay, written: Written) -> dict[str, Any]:
        with self.warehouse.open_parquet(written.path) as file:
            return dict(read_preview(file, columns_of(table_day.stream.model)))

    def _look_at(self, day: date, table_day: TableDay, written: Written) -> Findings:
        dataset = self.key.path[-1]
        with self.warehouse.open_parquet(written.path) as file:
            key_faults = count_key_faults(file)
            has_answers = SELF_REFERENCE in file.schema_arrow.names
            answer_count = count_named(file, SELF_REFERENCE) if has_answers else None
        with self.warehouse.open_parquet(self.warehouse.table_path(rejects_key(dataset), day)) as file:
            rejects = summarize_rejects(file)
        return Findings(
            dataset=dataset,
            statistics=table_day.stream.statistics,
            key_faults=key_faults,
            volume=measure_volume(self.warehouse, self.key.path, day, written.row_count),
            references=measure_references(self.warehouse, dataset, day, self.zone),
            rejects=rejects,
            answer_count=answer_count,
            late_row_count=written.affected.late_rows(day) if written.affected else 0,
        )


def describe_cost(row_count: int, seconds: float) -> dict[str, Any]:
    """What loading so many rows of the file took, and the most memory that this process has held until now, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "parse_seconds": round(seconds, 3),
        "rows_per_second": round(row_count / seconds, 1) if seconds else 0.0,
        "peak_memory_mb": round(peak * _BYTES_PER_MAXRSS / 1e6, 1),
    }


def describe_write(warehouse: Warehouse, written: Written) -> dict[str, Any]:
    """What the UI shows of a written file, numbers first as it plots them."""
    return {
        "dagster/partition_row_count": written.row_count,
        "dagster/uri": f"{warehouse.uri}/{written.path}",
        "file_bytes": written.byte_count,
        "simulated": warehouse.simulated,
        **_describe_replaced(written),
    }


def _describe_replaced(written: Written) -> dict[str, Any]:
    """Of a score whether and when it took the place of an earlier one, and what there is now that the other lacked."""
    if written.scored_at is None:
        return {}
    if written.replaced is None:
        return {"restated": False}
    because = written.replaced.because
    more = f" and {len(because) - _INPUTS_SHOWN} more" if len(because) > _INPUTS_SHOWN else ""
    return {
        "restated": True,
        "restated_at": dg.MetadataValue.timestamp(written.scored_at),
        "restated_because_of": ", ".join(because[:_INPUTS_SHOWN]) + more if because else "nothing new",
    }


def _describe_affected(day: date, written: Written) -> dict[str, Any]:
    if written.affected is None:
        return {}
    return {"late_rows": written.affected.late_rows(day), "affected_dates": len(written.affected.days)}
