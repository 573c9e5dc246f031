"""The one place where tables, rejects and scores are written, and where they are read back as inputs.

One file a day, always: a range is written day by day and read as one frame. A file appears whole or not at all.
Not here: what is in the batches (`ingest`, `scoring`), where files lie (`warehouse`), what the UI is told (`day_log`).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.history import TouchedDays
from salted_assets.ingest import REJECTS_SCHEMA, TableStream
from salted_assets.resources import WarehouseResource
from salted_assets.tables.base import ColumnFacts, columns_of
from salted_assets.warehouse import Warehouse, rejects_key

SCHEMA_VERSION = "1"
_COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class Written:
    """What one day's write came to: rows and bytes of the table, rows of its rejects, the start days it touches."""

    row_count: int
    byte_count: int
    path: str
    reject_count: int = 0
    touched: TouchedDays | None = None


@dataclass(frozen=True)
class TableDay:
    """One day of a vendor dataset: its stream of checked batches, and when the export behind it was ordered."""

    day: date
    stream: TableStream
    ordered_at: datetime


@dataclass(frozen=True)
class TableDays:
    """What a table asset hands over: its days, opened one by one as they are written.

    `on_written` is told of each finished day; `on_failed` of a day that cannot be loaded, and decides what to raise
    when the other days are done.
    """

    dataset: str
    days: Iterable[tuple[date, Callable[[], TableDay]]]
    on_written: Callable[[TableDay, Written], None]
    on_failed: Callable[[date, Exception], None]
    finish: Callable[[], None]


@dataclass(frozen=True)
class ScoreDays:
    """What a score asset hands over: a frame for each day, computed one by one as they are written."""

    days: Iterable[tuple[date, pa.Table]]
    on_written: Callable[[date, Written], None]


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Persists tables, rejects and scores as Parquet in the warehouse, and loads any range of days as one frame."""

    warehouse: dg.ResourceDependency[WarehouseResource]

    def handle_output(self, context: dg.OutputContext, obj: TableDays | ScoreDays) -> None:
        """Write every day that the asset hands over."""
        writer = _Writer(self.warehouse.open(), self.warehouse.timezone, tuple(context.asset_key.path))
        if isinstance(obj, ScoreDays):
            for day, frame in obj.days:
                obj.on_written(day, writer.write_scores(day, frame))
            return
        for day, open_day in obj.days:
            try:
                table_day = open_day()
                written = writer.write_table(obj.dataset, table_day)
            except Exception as error:  # noqa: BLE001 - whatever befell one day, the others are kept and it is raised in the end
                obj.on_failed(day, error)
            else:
                obj.on_written(table_day, written)
        obj.finish()

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        """All days asked for as one frame: a pyarrow Table where the input is annotated so, else pandas.

        A missing day raises FileNotFoundError unless the input's metadata has `allow_missing_partitions`.
        """
        days = [date.fromisoformat(key) for key in context.asset_partition_keys]
        may_be_missing = bool((context.definition_metadata or {}).get("allow_missing_partitions"))
        table = read_days(self.warehouse.open(), tuple(context.asset_key.path), days, may_be_missing=may_be_missing)
        if context.dagster_type.typing_type is pa.Table:
            return table
        return table.to_pandas(types_mapper=pd.ArrowDtype)


def read_days(
    warehouse: Warehouse, key: Sequence[str], days: Sequence[date], *, may_be_missing: bool = False
) -> pa.Table:
    """The rows of all the days, in order. Raises FileNotFoundError for a missing day, or where there is none at all."""
    paths = [warehouse.table_path(key, day) for day in days]
    present = [path for path in paths if not may_be_missing or warehouse.exists(path)]
    if not present:
        raise FileNotFoundError(f"{'/'.join(key)} has none of the {len(days)} days asked for")
    return pa.concat_tables([warehouse.open_parquet(path).read() for path in present]).replace_schema_metadata(None)


class _Writer:
    def __init__(self, warehouse: Warehouse, zone: str, key: tuple[str, ...]) -> None:
        self._warehouse, self._zone, self._key = warehouse, zone, key

    def write_table(self, dataset: str, table_day: TableDay) -> Written:
        stream, day = table_day.stream, table_day.day
        path = self._warehouse.table_path(self._key, day)
        rejects_path = self._warehouse.table_path(rejects_key(dataset), day)
        with ExitStack() as scratches:
            table_file = scratches.enter_context(self._warehouse.scratch())
            rejects_file = scratches.enter_context(self._warehouse.scratch())
            for batches in stream.passes():
                touched, reject_count = self._drain(batches, table_day, dataset, table_file, rejects_file)
            written = Written(stream.statistics.table_rows, table_file.stat().st_size, path, reject_count, touched)
            self._warehouse.publish(rejects_file, rejects_path)
            self._warehouse.publish(table_file, path)
        return written

    def _drain(
        self, batches: Iterator[Any], table_day: TableDay, dataset: str, table_file: Path, rejects_file: Path
    ) -> tuple[TouchedDays, int]:
        touched = TouchedDays(dataset, self._zone)
        reject_count = 0
        facts = self._facts(table_day.day, {"dataset": dataset, "ordered_at": table_day.ordered_at.isoformat()})
        columns = columns_of(table_day.stream.model)
        with (
            _open_writer(table_file, table_day.stream.schema, facts, columns) as table_writer,
            _open_writer(rejects_file, REJECTS_SCHEMA, facts, ()) as rejects_writer,
        ):
            for batch in batches:
                touched.add(batch.table)
                reject_count += batch.rejects.num_rows
                table_writer.write(batch.table)
                if batch.rejects.num_rows:
                    rejects_writer.write(batch.rejects)
            table_writer.add_key_value_metadata({"salted.touches": touched.to_json()})
        return touched, reject_count

    def write_scores(self, day: date, frame: pa.Table) -> Written:
        path = self._warehouse.table_path(self._key, day)
        facts = self._facts(day, {"scored_at": datetime.now(UTC).isoformat()})
        with self._warehouse.create(path) as file:
            with _open_writer(file, frame.schema, facts, ()) as writer:
                writer.write(frame)
            size = file.stat().st_size
        return Written(frame.num_rows, size, path)

    def _facts(self, day: date, more: Mapping[str, str]) -> dict[str, str]:
        simulated = json.dumps(self._warehouse.simulated)
        facts = {"schema_version": SCHEMA_VERSION, "day": day.isoformat(), "simulated": simulated, **more}
        return {f"salted.{name}": value for name, value in facts.items()}


def _open_writer(
    path: Path, schema: pa.Schema, facts: Mapping[str, str], columns: Sequence[ColumnFacts]
) -> pq.ParquetWriter:
    writer = pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=_COMPRESSION_LEVEL,
        use_dictionary=[facts.name for facts in columns if _repeats(facts)] if columns else True,
    )
    writer.add_key_value_metadata(dict(facts))
    return writer


def _repeats(facts: ColumnFacts) -> bool:
    """Whether a column's values repeat enough for a dictionary: ids and free text do not, and cost time there."""
    is_id = facts.name in {"pid", "external_id", "link", "conversation_external_id", "review_session_id", "response_to"}
    return pa.types.is_string(facts.arrow_type) and facts.personal != "content" and not is_id
