"""What Dagster is told of each day of a step, as soon as it is known. Not here: checks, the work itself.

Dagster records a ranged step's days when the whole range is done. Where one day fails, the others would count as
failed as well: so the days that are done are recorded here before the failure is raised.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from salted_assets.checks import Verdict, judge_failure, judge_table, log_verdict
from salted_assets.failures import explained
from salted_assets.io_manager import TableDay, Written
from salted_assets.table_files import count_key_faults
from salted_assets.warehouse import Warehouse


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
            with explained():
                raise first
        days = "; ".join(f"{day}: {error}" for day, error in self._failed.items())
        raise dg.Failure(description=f"{len(self._failed)} days failed. {days}", allow_retries=False) from first

    def record_done_days(self) -> None:
        """Record the days that are done as materialized, once per run."""
        for partition, metadata in self._done.items():
            if not self._is_recorded(partition):
                event = dg.AssetMaterialization(self.key, partition=partition, metadata=dict(metadata))
                self.context.log_event(event)

    def _is_recorded(self, partition: str) -> bool:
        filters = dg.AssetRecordsFilter(asset_key=self.key, asset_partitions=[partition])
        records = self.context.instance.fetch_materializations(filters, limit=1).records
        return bool(records) and records[0].run_id == self.context.run.run_id


@contextmanager
def recorded_days(context: dg.AssetExecutionContext, key: dg.AssetKey) -> Iterator[DayLog]:
    """A log whose finished days are recorded even when a later day ends the step."""
    log = DayLog(context, key)
    try:
        with explained():
            yield log
    except BaseException:
        log.record_done_days()
        raise


@dataclass
class TableLog:
    """The days of a table asset's step: their metadata, their verdicts, and what befell those that failed."""

    context: dg.AssetExecutionContext
    key: dg.AssetKey
    warehouse: Warehouse
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the log of days."""
        self._days = DayLog(self.context, self.key)

    def written(self, day: date, table_day: TableDay, written: Written) -> None:
        """Note a day's table."""
        statistics = table_day.stream.statistics
        with self.warehouse.open_parquet(written.path) as file:
            self.verdicts[day.isoformat()] = judge_table(statistics, count_key_faults(file))
        metadata = describe_write(self.warehouse, written) | {
            "file_rows": statistics.file_rows,
            "rejected_records": statistics.rejected_records,
            "rejected_cells": sum(statistics.rejected_cells.values()),
            "duplicate_rows_dropped": statistics.identical_duplicates + statistics.superseded_rows,
            "ordered_at": dg.MetadataValue.timestamp(table_day.ordered_at),
        }
        self._days.done(day, metadata | _describe_touched(day, written))

    def failed(self, day: date, error: Exception) -> None:
        """Note a day that could not be loaded, with the verdicts that follow from it."""
        for verdict in judge_failure(error):
            log_verdict(self.context, self.key, day.isoformat(), verdict)
        self._days.failed(day, error)

    def finish(self) -> None:
        """Raise what befell the failed days, with verdicts and materializations of the others recorded."""
        try:
            self._days.finish()
        except BaseException:
            for day, verdicts in self.verdicts.items():
                for verdict in verdicts:
                    log_verdict(self.context, self.key, day, verdict)
            raise


def describe_write(warehouse: Warehouse, written: Written) -> dict[str, Any]:
    """What the UI shows of a written file, numbers first as it plots them."""
    return {
        "dagster/partition_row_count": written.row_count,
        "dagster/uri": f"{warehouse.uri}/{written.path}",
        "file_bytes": written.byte_count,
        "simulated": warehouse.simulated,
    }


def _describe_touched(day: date, written: Written) -> dict[str, Any]:
    if written.touched is None:
        return {}
    return {"late_rows": written.touched.late_rows(day), "touched_days": len(written.touched.days)}
