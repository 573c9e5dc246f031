"""The one place where tables, rejects and scores are written, and where they are read back as inputs.

One file a day, always: a range is written day by day and read as one frame; a table without partitions is one file.
A file appears whole or not at all.
Not here: what is in the batches (`ingest`, `scoring`), how a file is written (`table_files`), where files lie
(`warehouse`), what the UI is told (`day_log`).
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import uuid4

import dagster as dg
import pandas as pd
import pyarrow as pa

from salted_assets.defs.asset_keys import local_path
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history import AffectedDates, Footer, Reschedule, find_reschedules, read_footer
from salted_assets.history.restatement import InputVersions
from salted_assets.history.table_files import write_frame, write_table
from salted_assets.ingest import TableStream
from salted_assets.schemas.base import facts_of
from salted_assets.warehouse import Warehouse, rejects_key, whole_file


@dataclass(frozen=True)
class Replaced:
    """The earlier score that a score took the place of: when that was made, and what there is now that it did not have.

    `scored_at` is None for one that does not tell.
    """

    scored_at: datetime | None
    because: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What one day's write came to: rows and bytes of the table, rows of its rejects, the start days it affects.

    `seconds` is the time from the first byte read to the last one published, for a vendor's table; `scored_at` when a
    score was made, and `replaced` the one before it.
    """

    row_count: int
    byte_count: int
    path: str
    reject_count: int = 0
    affected: AffectedDates | None = None
    seconds: float = 0.0
    scored_at: datetime | None = None
    replaced: Replaced | None = None


@dataclass(frozen=True)
class TableDay:
    """One day of a vendor dataset: its stream of checked batches, and when the export behind it was requested."""

    stream: TableStream
    requested_at: datetime


Day = TypeVar("Day", TableDay, pa.Table)
"""What is written for one day: a vendor's table as a stream, or the rows of a score."""


def _no_inputs(_: date) -> InputVersions:
    return InputVersions()


@dataclass(frozen=True)
class Days(Generic[Day]):
    """What an asset hands over: its days, opened or computed one by one as they are written.

    `on_written` is told of each finished day, `on_failed` of a day that cannot be had or written; the others go on.
    `finish` is called when all are through, and raises what befell the failed ones. `inputs` tells what a score will be
    made of, and is asked before the day is opened: what is replaced in between is then not noted.
    """

    days: Iterable[tuple[date, Callable[[], Day]]]
    on_written: Callable[[date, Day, Written], None]
    on_failed: Callable[[date, Exception], None]
    finish: Callable[[], None]
    inputs: Callable[[date], InputVersions] = _no_inputs


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Persists tables, rejects and scores as Parquet in the warehouse, and loads any range of days as one frame."""

    warehouse: dg.ResourceDependency[WarehouseResource]

    def handle_output(self, context: dg.OutputContext, obj: Days[Any] | pa.Table) -> None:
        """Write every day that the asset hands over, or its one table if it has no partitions."""
        writer = _Writer(self.warehouse.open(), self.warehouse.timezone, local_path(context.asset_key))
        if isinstance(obj, pa.Table):
            context.add_output_metadata(writer.write_whole(obj))
            return
        for day, open_day in obj.days:
            try:
                inputs = obj.inputs(day)
                content = open_day()
                written = writer.write(day, content, inputs)
            except Exception as error:  # noqa: BLE001 - whatever befell one day, the others are kept and it is raised in the end
                obj.on_failed(day, error)
            else:
                obj.on_written(day, content, written)
        obj.finish()

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        """All days asked for, or the table without partitions, as one frame: a pyarrow Table where so annotated.

        Else pandas. What is missing raises FileNotFoundError, a day not if the input's metadata has
        `allow_missing_partitions`.
        """
        warehouse, key = self.warehouse.open(), local_path(context.asset_key)
        if context.has_asset_partitions:
            days = [date.fromisoformat(each) for each in context.asset_partition_keys]
            may_be_missing = bool((context.definition_metadata or {}).get("allow_missing_partitions"))
            table = read_days(warehouse, key, days, may_be_missing=may_be_missing)
        else:
            table = warehouse.open_parquet(whole_file(key)).read().replace_schema_metadata(None)
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

    def write(self, day: date, content: TableDay | pa.Table, inputs: InputVersions) -> Written:
        if isinstance(content, TableDay):
            return self._write_table(day, content)
        return self._write_scores(day, content, inputs)

    def _write_table(self, day: date, table_day: TableDay) -> Written:
        stream = table_day.stream
        dataset = facts_of(stream.model).dataset
        path = self._warehouse.table_path(self._key, day)
        rejects_path = self._warehouse.table_path(rejects_key(dataset), day)
        simulated, requested_at = self._warehouse.simulated, table_day.requested_at
        footer = Footer(simulated=simulated, day=day, dataset=dataset, requested_at=requested_at)
        start = time.perf_counter()
        with ExitStack() as scratches:
            table_file = scratches.enter_context(self._warehouse.scratch())
            rejects_file = scratches.enter_context(self._warehouse.scratch())
            files = write_table(
                stream,
                table_file,
                rejects_file,
                footer=footer,
                zone=self._zone,
                reschedules_of=self._reschedules_of(dataset, day),
            )
            size = table_file.stat().st_size
            self._warehouse.publish(rejects_file, rejects_path)
            self._warehouse.publish(table_file, path)
        seconds = time.perf_counter() - start
        return Written(stream.statistics.table_rows, size, path, files.reject_count, files.affected, seconds)

    def _reschedules_of(self, dataset: str, day: date) -> Callable[[pa.Table], Iterable[Reschedule]] | None:
        """Where engagements moved from, or to: turns and reviews follow their engagement."""
        return partial(find_reschedules, self._warehouse, self._zone, day) if dataset == "engagement" else None

    def write_whole(self, frame: pa.Table) -> dict[str, Any]:
        """Write a table without partitions, and say what the UI shows of it."""
        path = whole_file(self._key)
        size = self._write_frame(path, frame, Footer(simulated=self._warehouse.simulated, written_at=datetime.now(UTC)))
        return {
            "dagster/row_count": frame.num_rows,
            "dagster/uri": f"{self._warehouse.uri}/{path}",
            "file_bytes": size,
            "simulated": self._warehouse.simulated,
        }

    def _write_scores(self, day: date, frame: pa.Table, inputs: InputVersions) -> Written:
        path, scored_at = self._warehouse.table_path(self._key, day), datetime.now(UTC)
        before = read_footer(self._warehouse, path)
        footer = Footer(
            simulated=self._warehouse.simulated,
            day=day,
            file_id=uuid4().hex[:12],
            inputs=inputs.to_json(),
            scored_at=scored_at,
        )
        size = self._write_frame(path, frame, footer)
        replaced = None
        if before is not None:
            recorded = InputVersions() if before.inputs is None else InputVersions.from_json(before.inputs)
            replaced = Replaced(before.scored_at, tuple(inputs.differing_from(recorded)))
        return Written(frame.num_rows, size, path, scored_at=scored_at, replaced=replaced)

    def _write_frame(self, path: str, frame: pa.Table, footer: Footer) -> int:
        with self._warehouse.create(path) as file:
            write_frame(file, frame, footer)
            return file.stat().st_size
