"""The reader of newest versions. Not here: how versions compare (`versions`), what partitions note (`touches`)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.history.moves import MOVE_REACH, linked_days
from salted_assets.history.touches import (
    START_COLUMNS,
    Move,
    TouchedDays,
    day_bounds,
    noted_moves,
    row_starts,
    touched_days,
)
from salted_assets.history.versions import Delivery, keep_newest
from salted_assets.tables import DATASET_MODELS
from salted_assets.tables.base import ColumnFacts, arrow_schema, columns_of
from salted_assets.warehouse import Warehouse

_BATCH_ROWS = 131_072
_KEYS = ("pid", "updated_at")


@dataclass(frozen=True)
class HistoryFacts:
    """Where a start day's rows came from, for metadata.

    `days_read` are the partitions that were opened for their rows. A late row is one whose newest version was delivered
    by a later partition than the start day's own: it came, or changed, afterwards. `newest_ordered_at` is None when no
    partition was read.
    """

    dataset: str
    start_day: date
    days_read: tuple[date, ...]
    row_count: int
    late_row_count: int
    newest_ordered_at: datetime | None

    @property
    def has_own_day(self) -> bool:
        """Whether the start day's own partition is there; without it most of the day's rows are missing."""
        return self.start_day in self.days_read


@dataclass(frozen=True)
class Newest:
    """Newest versions of a start day's rows, and where they came from."""

    rows: pa.Table
    facts: HistoryFacts


Keep = Callable[[pa.RecordBatch | pa.Table], pa.Array]
"""Tells for each row whether it is kept; null is no."""


@dataclass(frozen=True)
class _Partition:
    day: date
    file: pq.ParquetFile
    ordered_at: datetime
    touched: frozenset[date] | None
    moves: frozenset[Move]

    def is_touching(self, days: frozenset[date]) -> bool:
        return self.touched is None or self.day in days or not self.touched.isdisjoint(days)


@dataclass(frozen=True)
class _DayEngagements:
    """The engagements of a start day, all start days of their versions, and the partitions in which that holds.

    The start days may be more than these: all to or from which some engagement of the day was moved.
    """

    fingerprint: tuple[object, ...]
    pids: pa.Array
    start_days: frozenset[date]


class HistoryReader:
    """Finds the newest version of each row whose engagement started on a day, in the zone's calendar.

    It looks at partitions from the start day on, for an engagement is in no export of a window that ended before it
    began; earlier ones, at most `MOVE_REACH`, count where their footer says that they touch the day, or where a start
    was corrected to or from one of their days. It reads the asked columns of the partitions that touch the day, and of
    the other engagement partitions the keys alone: they can hold a newer version of an engagement whose start was
    corrected to another day. The newest version decides the day.

    Turns and reviews belong to the day of their engagement, whatever their own times say; these only tell which
    partitions to open. So those of an engagement whose start was corrected are looked for on both days.
    Without any engagement partition their own times decide, and rows that do not tell their start are left out.

    Agent and customer rows describe the time of the export, not an engagement: the day's own partition alone is read.
    """

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._memory: _DayEngagements | None = None

    def newest(self, dataset: str, start_day: date, columns: Sequence[str]) -> pa.Table:
        """The rows that `read` gives."""
        return self.read(dataset, start_day, columns).rows

    def read(self, dataset: str, start_day: date, columns: Sequence[str], *, pids: pa.Array | None = None) -> Newest:
        """One row per pid: its newest version, with `columns`, in no particular order; and where they came from.

        `engagement_pid` and columns of few known values come dictionary-encoded, the rest in the types of the dataset's
        model. Where nothing is found the table has no row. Of turns and reviews, `pids` asks for these rows alone.
        Raises ValueError for a column that the dataset does not have, and for a partition without a note of when its
        export was ordered.
        """
        known = set(arrow_schema(DATASET_MODELS[dataset]).names)
        if unknown := [column for column in columns if column not in known]:
            raise ValueError(f"cannot read {', '.join(unknown)} of {dataset}: there is no such column")
        wanted = tuple(dict.fromkeys([*columns, *_KEYS]))
        if dataset == "engagement":
            deliveries = self._read_engagements(start_day, wanted)[0]
        elif dataset in START_COLUMNS:
            deliveries = self._read_followers(dataset, start_day, wanted, pids)
        else:
            own = self._partitions(dataset, start_day, start_day)
            deliveries = [_read(partition, dataset, wanted, _everything) for partition in own]
        return _gathered(dataset, start_day, deliveries, columns)

    def _read_engagements(self, start_day: date, columns: Sequence[str]) -> tuple[list[Delivery], frozenset[date]]:
        """Newest versions that start on the day, and the start days of all versions of theirs."""
        of_day = frozenset({start_day})
        is_of_day = self._start_filter("engagement", start_day)
        pids, linked = [], of_day
        for partition in self._partitions("engagement", start_day - MOVE_REACH):
            linked |= linked_days(partition.moves, start_day)
            if partition.is_touching(of_day):
                pids.append(_read(partition, "engagement", ("pid", "start_time"), is_of_day).rows["pid"])
        candidates = _distinct(pids)
        versions, touching = [], set()
        for partition in self._partitions("engagement", start_day - MOVE_REACH) if len(candidates) else ():
            is_touching = partition.is_touching(of_day)
            if is_touching or partition.day >= min(linked):
                read = (*(columns if is_touching else ()), *_KEYS, "start_time")
                versions.append(_read(partition, "engagement", tuple(dict.fromkeys(read)), _is_in("pid", candidates)))
                touching |= {partition.day} if is_touching else set()
        newest = [_filtered(delivery, is_of_day) for delivery in keep_newest(versions)]
        kept = _is_in("pid", _distinct([delivery.rows["pid"] for delivery in newest]))
        starts = TouchedDays("engagement", self._zone)
        for delivery in versions:
            starts.add(_filtered(delivery, kept).rows)
        return [delivery for delivery in newest if delivery.day in touching], linked.union(starts.days)

    def _read_followers(
        self, dataset: str, start_day: date, columns: Sequence[str], pids: pa.Array | None
    ) -> list[Delivery]:
        """Newest turns or reviews of the day's engagements; by their own times where there are no engagements."""
        engagements = self._engagements_of(start_day)
        if engagements is None:
            wanted = tuple(dict.fromkeys([*columns, *START_COLUMNS[dataset]]))
            days, keep, dictionary = frozenset({start_day}), self._start_filter(dataset, start_day), None
        else:
            wanted = tuple(dict.fromkeys([*columns, "engagement_pid"]))
            days, dictionary = engagements.start_days, engagements.pids
            keep = _is_in("engagement_pid", dictionary)
        if pids is not None:
            keep = _both(_is_in("pid", pids), keep)
        return keep_newest(
            _read(partition, dataset, wanted, keep, dictionary)
            for partition in self._partitions(dataset, min(days) - MOVE_REACH)
            if partition.is_touching(days)
        )

    def _engagements_of(self, start_day: date) -> _DayEngagements | None:
        """The day's engagements; None where no engagement partition is there."""
        partitions = self._partitions("engagement", start_day - MOVE_REACH)
        prints = [(each.day, each.ordered_at, each.file.metadata.num_rows) for each in partitions]
        if all(day < start_day for day, *_ in prints):
            return None
        fingerprint = (start_day, *prints)
        if self._memory is None or self._memory.fingerprint != fingerprint:
            deliveries, start_days = self._read_engagements(start_day, ())
            pids = _distinct([delivery.rows["pid"] for delivery in deliveries])
            self._memory = _DayEngagements(fingerprint, pids, start_days)
        return self._memory

    def _start_filter(self, dataset: str, start_day: date) -> Keep:
        first, end = day_bounds(start_day, self._zone)

        def is_of_day(rows: pa.RecordBatch | pa.Table) -> pa.Array:
            starts = row_starts(dataset, rows)
            return pc.and_(pc.greater_equal(starts, first), pc.less(starts, end))

        return is_of_day

    def _partitions(self, dataset: str, first_day: date, last_day: date = date.max) -> Iterator[_Partition]:
        """The dataset's partitions of these days, in order; each file is open until the next one is asked for."""
        key = ("tables", dataset)
        for day in self._warehouse.list_days(key):
            if not first_day <= day <= last_day:
                continue
            path = self._warehouse.table_path(key, day)
            with self._warehouse.open_parquet(path) as file:
                notes = {name.decode(): value.decode() for name, value in (file.metadata.metadata or {}).items()}
                yield _Partition(
                    day=day,
                    file=file,
                    ordered_at=_ordered_at(notes, dataset, day),
                    touched=touched_days(notes.get("salted.touches"), self._zone),
                    moves=noted_moves(notes.get("salted.touches"), self._zone),
                )


def _ordered_at(notes: Mapping[str, str], dataset: str, day: date) -> datetime:
    noted = notes.get("salted.ordered_at")
    if noted is None:
        raise ValueError(
            f"tables/{dataset} of {day} does not say when its export was ordered, so its rows cannot be compared with "
            "other exports'. Another program may have rewritten the file; reading it again will not help: materialize "
            f"tables/{dataset} for {day} again."
        )
    return datetime.fromisoformat(noted)


def _read(
    partition: _Partition, dataset: str, columns: Sequence[str], keep: Keep, engagement_pids: pa.Array | None = None
) -> Delivery:
    """The partition's rows that `keep` holds true, a column that the file does not have being null."""
    facts = {each.name: each for each in columns_of(DATASET_MODELS[dataset]) if each.name in columns}
    types = {name: _read_type(each, has_dictionary=engagement_pids is not None) for name, each in facts.items()}
    stored = set(partition.file.schema_arrow.names)
    batches = []
    for batch in _batches(partition.file, [name for name in columns if name in stored]):
        kept = batch.filter(keep(batch))
        arrays = []
        for name in columns:
            if name not in stored:
                arrays.append(pa.nulls(kept.num_rows, types[name]))
            elif name == "engagement_pid" and engagement_pids is not None:
                indices = pc.index_in(kept.column(name), value_set=engagement_pids)
                arrays.append(pa.DictionaryArray.from_arrays(indices, engagement_pids))
            elif pa.types.is_dictionary(types[name]):
                arrays.append(kept.column(name).dictionary_encode())
            else:
                arrays.append(kept.column(name))
        batches.append(pa.record_batch(arrays, names=list(columns)))
    schema = pa.schema([(name, types[name]) for name in columns])
    return Delivery(partition.day, partition.ordered_at, pa.Table.from_batches(batches, schema))


def _batches(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The file's rows, one row group after the other: asked for all at once, the reader keeps what it has passed."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns)


def _read_type(facts: ColumnFacts, *, has_dictionary: bool) -> pa.DataType:
    is_repeated = bool(facts.known_values) or (facts.name == "engagement_pid" and has_dictionary)
    return pa.dictionary(pa.int32(), pa.string()) if is_repeated else facts.arrow_type


def _is_in(column: str, values: pa.Array) -> Keep:
    return lambda rows: pc.is_in(rows.column(column), value_set=values)


def _both(first: Keep, second: Keep) -> Keep:
    """Asks the second only of the rows that the first keeps."""

    def is_kept(rows: pa.RecordBatch | pa.Table) -> pa.Array:
        is_first = first(rows)
        return pc.replace_with_mask(is_first, is_first, second(rows.filter(is_first)))

    return is_kept


def _everything(rows: pa.RecordBatch | pa.Table) -> pa.Array:
    return pa.repeat(True, rows.num_rows)


def _filtered(delivery: Delivery, keep: Keep) -> Delivery:
    return replace(delivery, rows=delivery.rows.filter(keep(delivery.rows)))


def _distinct(columns: Sequence[pa.ChunkedArray]) -> pa.Array:
    return pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()))


def _gathered(dataset: str, start_day: date, deliveries: Sequence[Delivery], columns: Sequence[str]) -> Newest:
    late = sum(delivery.rows.num_rows for delivery in deliveries if delivery.day > start_day)
    tables = [delivery.rows.select(columns) for delivery in deliveries]
    schema = arrow_schema(DATASET_MODELS[dataset])
    empty = pa.schema([(name, schema.field(name).type) for name in columns]).empty_table()
    rows = pa.concat_tables(tables) if tables else empty
    facts = HistoryFacts(
        dataset=dataset,
        start_day=start_day,
        days_read=tuple(sorted(delivery.day for delivery in deliveries)),
        row_count=rows.num_rows,
        late_row_count=late,
        newest_ordered_at=max((delivery.ordered_at for delivery in deliveries), default=None),
    )
    return Newest(rows, facts)
