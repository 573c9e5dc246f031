"""What the UI shows of a materialized day, numbers first as it plots them."""

import resource
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import dagster as dg

from salted_assets.defs.asset_keys import RAW_EXPORT, sibling_key
from salted_assets.defs.day_files import WrittenScore, WrittenTable
from salted_assets.defs.metadata.previews import build_preview, read_preview
from salted_assets.explain import Recorded, changes_key
from salted_assets.ingest import TableStream
from salted_assets.schemas.base import ColumnFacts, columns_of, facts_of
from salted_assets.warehouse import Warehouse, day_of_path, rejects_key

_INPUTS_SHOWN = 5
_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


def describe_table(
    warehouse: Warehouse, day: date, stream: TableStream, requested_at: datetime, written: WrittenTable
) -> dict[str, Any]:
    """What a day's table came to, what its file held, what loading it took, and its first rows."""
    statistics = stream.statistics
    with warehouse.open_parquet(written.path) as file:
        preview = read_preview(file, columns_of(stream.model))
    return {
        **_describe_file(warehouse, written),
        "file_rows": statistics.file_rows,
        "rejected_records": statistics.rejected_records,
        "rejected_cells": sum(statistics.rejected_cells.values()),
        "rejects": _locate_rejects(warehouse, day, facts_of(stream.model).dataset, written.reject_count),
        "duplicate_rows_dropped": statistics.identical_duplicates + statistics.superseded_rows,
        "erased_records": statistics.erased_records,
        "requested_at": dg.MetadataValue.timestamp(requested_at),
        "late_rows": written.affected.late_rows(day),
        "affected_dates": len(written.affected.days),
        **_describe_cost(statistics.file_rows, written.seconds),
        **preview,
    }


def describe_score(warehouse: Warehouse, columns: Sequence[ColumnFacts], written: WrittenScore) -> dict[str, Any]:
    """What a day's score came to, whether it replaced an earlier one and why, and its first rows."""
    return {
        **_describe_file(warehouse, written),
        **_describe_replaced(warehouse, written),
        **build_preview(written.first_rows, columns),
    }


def observe_late_engagements(table: dg.AssetKey, day: date, written: WrittenTable) -> dg.AssetObservation:
    """What the day's export says of the account: how many engagements it brought that started before its window.

    It is counted while the table is loaded, since the landing does not look into the files.
    """
    return dg.AssetObservation(
        sibling_key(table, RAW_EXPORT.path),
        partition=day.isoformat(),
        metadata={"engagements_before_window": written.affected.late_rows(day)},
    )


def _describe_file(warehouse: Warehouse, written: WrittenTable | WrittenScore) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": written.row_count,
        "dagster/uri": f"{warehouse.uri}/{written.path}",
        "file_bytes": written.byte_count,
        "simulated": warehouse.simulated,
    }


def _locate_rejects(warehouse: Warehouse, day: date, dataset: str, count: int) -> str:
    """Where the refused cells and records of the day are, and how to look at them."""
    if not count:
        return "none"
    path = warehouse.table_path(rejects_key(dataset), day)
    query = f"FROM rejects_{dataset} WHERE date = '{day}'"
    return f'{warehouse.uri}/{path}, or: salted sql "{query}"'


def _describe_cost(row_count: int, seconds: float) -> dict[str, Any]:
    """What loading so many rows of the file took, and the most memory that this process has held until now, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "parse_seconds": round(seconds, 3),
        "rows_per_second": round(row_count / seconds, 1) if seconds else 0.0,
        "peak_memory_mb": round(peak * _BYTES_PER_MAXRSS / 1e6, 1),
    }


def _describe_replaced(warehouse: Warehouse, written: WrittenScore) -> dict[str, Any]:
    if written.replaced is None:
        return {"restated": False}
    because, recorded = written.replaced.because, written.replaced.recorded
    more = f" and {len(because) - _INPUTS_SHOWN} more" if len(because) > _INPUTS_SHOWN else ""
    return {
        "restated": True,
        "restated_at": dg.MetadataValue.timestamp(written.scored_at),
        "restated_because_of": ", ".join(because[:_INPUTS_SHOWN]) + more if because else "nothing new",
        **({} if recorded is None else _describe_recorded(recorded)),
        **({"changes": _locate_changes(warehouse, written.path, recorded)} if recorded and recorded.count else {}),
    }


def _describe_recorded(recorded: Recorded) -> dict[str, Any]:
    """How many figures, or rows, are others, rows by cause, and the greatest change: of nobody by name."""
    if recorded.of_rows:
        causes = ", ".join(f"{count} {cause}" for cause, count in recorded.causes.items())
        return {"rows_changed": recorded.count, **({"rows_changed_because": causes} if causes else {})}
    greatest = {"greatest_change": recorded.greatest} if recorded.greatest else {}
    return {"figures_changed": recorded.count, **greatest}


def _locate_changes(warehouse: Warehouse, path: str, recorded: Recorded) -> str:
    """Where what the score was before is kept, and how to look at it."""
    score, day = path.split("/")[1], day_of_path(path)
    view = f"{score}_change WHERE" if recorded.of_rows else f"score_change WHERE score = 'scores/{score}' AND"
    kept = warehouse.table_path(changes_key(score), day) if day else ""
    return f"{warehouse.uri}/{kept}, or: salted sql \"FROM {view} date = '{day}'\""
