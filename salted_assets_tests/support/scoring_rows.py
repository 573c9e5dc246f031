"""Rows of the vendor's tables for the tests of scores and history: short to write, complete in their columns."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.history import AffectedDates, find_reschedules
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema
from salted_assets.warehouse import Warehouse

Row = dict[str, Any]
DAY = date(2024, 1, 31)


def at(hour: int, minute: int = 0, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def complete(dataset: str, row: Row) -> Row:
    names = arrow_schema(DATASET_MODELS[dataset]).names
    assert set(row) <= set(names), set(row) - set(names)
    return dict.fromkeys(names) | row


def engagement(pid: str = "e1", **columns: Any) -> Row:
    usual = {"pid": pid, "type": "Agent", "status": "Completed", "agent_pid": "a1", "agent_name": "Ada"}
    return complete("engagement", {**usual, "start_time": at(9), **columns})


def turn(pid: str = "t1", **columns: Any) -> Row:
    usual = {"pid": pid, "engagement_pid": "e1", "participant": "AGENT", "turn_time": at(9), "turn_time_relative_ms": 0}
    return complete("turn", {**usual, **columns})


def review(pid: str = "r1", **columns: Any) -> Row:
    usual = {"pid": pid, "engagement_pid": "e1", "type": "Reviewer", "status": "Completed", "sampling": "Random"}
    scale = {"answer_score": 5.0, "worst_score": 0.0, "best_score": 10.0, "engagement_start_time": at(9)}
    return complete("review", {**usual, **scale, **columns})


def agent(pid: str = "a1", **columns: Any) -> Row:
    return complete("agent", {"pid": pid, "type": "User", **columns})


def table(dataset: str, rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=arrow_schema(DATASET_MODELS[dataset]))


def write(
    warehouse: Warehouse, dataset: str, day: date, requested_at: datetime, rows: Sequence[Row], *, zone: str = "UTC"
) -> Path:
    """Write a partition as the platform does: rows in two batches; affected dates and reschedules in the footer."""
    content = table(dataset, rows)
    affected = AffectedDates(dataset, zone)
    with (
        warehouse.create(warehouse.table_path(("tables", dataset), day)) as path,
        pq.ParquetWriter(path, content.schema) as writer,
    ):
        for batch in (content.slice(0, 1), content.slice(1)):
            affected.add(batch)
            writer.write(batch)
        if dataset == "engagement":
            affected.add_reschedules(find_reschedules(warehouse, zone, day, content.select(["pid", "start_time"])))
        said = {"salted.ordered_at": requested_at.isoformat(), "salted.touches": affected.to_json()}
        writer.add_key_value_metadata(said)
    return Path(warehouse.uri) / warehouse.table_path(("tables", dataset), day)
