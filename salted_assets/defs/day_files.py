"""The files of one day: a vendor's table with its rejects, or a score. Written whole or not at all.

One file a day, always; a table without partitions is one file.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.explain import MovedEngagements, Recorded, Rescore, open_replacement, record_replacement
from salted_assets.history import AffectedDates, Footer, Recipe, Reschedule, find_reschedules
from salted_assets.history.restatement import InputVersions
from salted_assets.history.table_files import open_frame_writer, write_frame, write_table
from salted_assets.ingest import TableStream
from salted_assets.schemas.base import facts_of
from salted_assets.warehouse import Warehouse, WarehouseDamaged, rejects_key, whole_file

_LOG = logging.getLogger(__name__)
_FIRST_ROWS_COUNT = 5


@dataclass(frozen=True)
class Replaced:
    """The earlier score that a score replaced: when that was made, and what is new: files, settings, its formula.

    `scored_at` is None for one that does not say. `recorded` are the figures or rows that are others, None where none
    are kept.
    """

    scored_at: datetime | None
    because: tuple[str, ...]
    recorded: Recorded | None


@dataclass(frozen=True)
class WrittenTable:
    """What one day's table came to: its rows and bytes, the rows of its rejects, the start days that it affects.

    `seconds` is the time from the first byte read to the last one published.
    """

    row_count: int
    byte_count: int
    path: str
    reject_count: int
    affected: AffectedDates
    seconds: float


@dataclass(frozen=True)
class WrittenScore:
    """What one day's score came to: its rows and bytes, when it was made, and the earlier one, if there was any.

    `file` is open, to be closed by the caller; `first_rows` are a few of its rows.
    """

    file: pq.ParquetFile
    row_count: int
    first_rows: pa.Table
    byte_count: int
    path: str
    scored_at: datetime
    replaced: Replaced | None


class DayWriter:
    """Writes the files of one table or score: whole, or not at all. `recipe` is how they are made."""

    def __init__(self, warehouse: Warehouse, zone: str, key: Sequence[str], recipe: Recipe | None) -> None:
        self._warehouse, self._zone, self._key, self._recipe = warehouse, zone, key, recipe
        self._moved = MovedEngagements(warehouse, zone)

    def write_table(
        self, day: date, stream: TableStream, requested_at: datetime, inputs: InputVersions
    ) -> WrittenTable:
        """Drain a day's stream into its table and its rejects, the rejects visible first."""
        dataset = facts_of(stream.model).dataset
        path = self._warehouse.table_path(self._key, day)
        rejects_path = self._warehouse.table_path(rejects_key(dataset), day)
        footer = Footer(
            simulated=self._warehouse.simulated,
            day=day,
            dataset=dataset,
            requested_at=requested_at,
            inputs=inputs.to_json(),
            recipe=self._recipe,
        )
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
        return WrittenTable(stream.statistics.table_rows, size, path, files.reject_count, files.affected, seconds)

    def write_scores(
        self,
        day: date,
        parts: Iterator[pa.Table],
        inputs: InputVersions,
        rescore: Rescore | None = None,
        *,
        shown: Sequence[str] = (),
    ) -> WrittenScore:
        """Write a day's rows of a score with what they were made of and by, replacing earlier ones if there are any.

        They come in one part or in several, of which one is in memory at a time. Earlier figures and rows are kept
        first; `rescore` tells what formulas and settings did to them. Of the first rows the columns `shown` are given.
        """
        path, scored_at = self._warehouse.table_path(self._key, day), datetime.now(UTC)
        footer = Footer(
            simulated=self._warehouse.simulated,
            day=day,
            file_id=uuid4().hex[:12],
            inputs=inputs.to_json(),
            recipe=self._recipe,
            scored_at=scored_at,
        )
        with self._warehouse.create(path) as file:
            first_rows, row_count = _write_parts(file, parts, footer, shown)
            written = pq.ParquetFile(file)
            replaced = self._keep_earlier(day, file, written, rescore)
            size = file.stat().st_size
        return WrittenScore(written, row_count, first_rows, size, path, scored_at, replaced)

    def write_whole(self, frame: pa.Table) -> dict[str, Any]:
        """Write a table without partitions; gives what the UI shows of it."""
        path = whole_file(self._key)
        size = self._write_frame(path, frame, Footer(simulated=self._warehouse.simulated, written_at=datetime.now(UTC)))
        return {
            "dagster/row_count": frame.num_rows,
            "dagster/uri": f"{self._warehouse.uri}/{path}",
            "file_bytes": size,
            "simulated": self._warehouse.simulated,
        }

    def _keep_earlier(self, day: date, file: Path, written: pq.ParquetFile, rescore: Rescore | None) -> Replaced | None:
        """Keep what is another in the day's new file, if it replaces one; a damaged one is replaced as well."""
        try:
            replacement = open_replacement(self._warehouse, self._key[-1], day, file, written)
        except WarehouseDamaged as error:
            _LOG.warning("%s It is made again now.", error)
            return None
        if replacement is None:
            return None
        with replacement.before:
            find_moved = partial(self._moved.find, day)
            recorded = record_replacement(self._warehouse, replacement, find_moved=find_moved, rescore=rescore)
        return Replaced(replacement.old.scored_at, replacement.list_changes(), recorded)

    def _reschedules_of(self, dataset: str, day: date) -> Callable[[pa.Table], Iterable[Reschedule]] | None:
        """Where engagements moved from, or to: turns and reviews follow their engagement."""
        return partial(find_reschedules, self._warehouse, self._zone, day) if dataset == "engagement" else None

    def _write_frame(self, path: str, frame: pa.Table, footer: Footer) -> int:
        with self._warehouse.create(path) as file:
            write_frame(file, frame, footer)
            return file.stat().st_size


def _write_parts(file: Path, parts: Iterator[pa.Table], footer: Footer, shown: Sequence[str]) -> tuple[pa.Table, int]:
    """Gives the columns shown of the first rows, and the number of rows."""
    part = next(parts)
    schema, row_count = part.schema, 0
    # a slice would keep the whole part
    first = pa.array(range(min(_FIRST_ROWS_COUNT, part.num_rows)), pa.int64())
    first_rows = part.select([name for name in shown if name in schema.names]).take(first)
    with open_frame_writer(file, schema, footer, row_count=part.num_rows) as write:
        while part is not None:
            write(part)
            row_count += part.num_rows
            part = None  # before the next is computed
            part = next(parts, None)
    return first_rows, row_count
