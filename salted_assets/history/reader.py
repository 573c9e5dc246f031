"""The reader of the newest versions of rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.affected_dates import START_COLUMNS
from salted_assets.history.day_engagements import DayEngagements, find_day_engagements
from salted_assets.history.footers import FooterCache, Partition
from salted_assets.history.rescheduled import RESCHEDULE_REACH
from salted_assets.history.versions import build_version_columns, create_outdated
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import damage_named, open_rows

_ENGAGEMENTS = "FROM stored JOIN engagement ON stored.pid = own_pid AND stored.date = newest_date"
_FOLLOWERS = "FROM stored JOIN engagement ON stored.engagement_pid = own_pid"
_ASKED = " SEMI JOIN asked ON stored.pid = asked.pid"
_UP_TO_DATE = " ANTI JOIN outdated ON stored.pid = outdated.pid AND stored.date = outdated.date"

_VERSIONS = """
    CREATE TEMP TABLE version AS
    WITH other AS (
        SELECT {columns} FROM others SEMI JOIN engagement ON engagement_pid = own_pid
    )
    FROM other
    UNION ALL
    SELECT {columns}
    FROM largest SEMI JOIN other USING (pid) SEMI JOIN engagement ON engagement_pid = own_pid
"""


@dataclass(frozen=True)
class HistoryFacts:
    """Where a start day's rows came from, for metadata.

    `days_read` are the partitions that were opened for their rows. A late row is one whose newest version was delivered
    by a later partition than the start day's own: it came, or changed, afterwards.
    """

    dataset: str
    start_day: date
    days_read: tuple[date, ...]
    row_count: int
    late_row_count: int

    @property
    def has_own_day(self) -> bool:
        """Whether the start day's own partition is there; without it most of the day's rows are missing."""
        return self.start_day in self.days_read


@dataclass(frozen=True)
class Newest:
    """Newest versions of a start day's rows, and where they came from."""

    rows: pa.Table
    facts: HistoryFacts


class HistoryReader:
    """Finds the newest version of each row whose engagement started on a day, in the zone's calendar.

    The newest version of an engagement decides its day (see `find_day_engagements`). Turns and reviews belong to the
    day of their engagement, whatever their own times say; these only tell which partitions to open. So those of an
    engagement whose start was corrected are looked for on all its days, and without engagements there are none.
    Agent and customer rows describe the time of the export, not an engagement: the day's own partition alone is read.

    Of the partitions that, by their footers, affect the day, the asked columns are read. Those of days before it count
    as far back as `RESCHEDULE_REACH`: an engagement is in no export of a window that ended before it began, unless its
    start was corrected.
    """

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._footers = FooterCache(warehouse, zone)
        self._opened = set[str]()
        self._memory: tuple[object, DayEngagements] | None = None

    def newest(self, dataset: str, start_day: date, columns: Sequence[str]) -> pa.Table:
        """The rows that `read` gives."""
        return self.read(dataset, start_day, columns).rows

    def read(self, dataset: str, start_day: date, columns: Sequence[str], *, pids: pa.Array | None = None) -> Newest:
        """One row per pid: its newest version, with `columns`, in no particular order; and where they came from.

        Columns have the types of the dataset's model, but the `engagement_pid` of turns and reviews comes
        dictionary-encoded. Where nothing is found the table has no row. Of turns and reviews, `pids` asks for these
        rows alone. Raises ValueError for a column that the dataset does not have, and WarehouseDamaged for a
        partition that cannot be read or does not say when its export was requested.
        """
        known = set(arrow_schema(DATASET_MODELS[dataset]).names)
        if unknown := [column for column in columns if column not in known]:
            raise ValueError(f"cannot read {', '.join(unknown)} of {dataset}: there is no such column")
        self._opened.clear()
        with _connected() as connection, damage_named(self._warehouse, self._opened):
            if dataset == "engagement":
                return self._read_engagements(connection, start_day, columns)
            if dataset in START_COLUMNS:
                return self._read_followers(connection, dataset, start_day, columns, pids)
            own = self._list(dataset, start_day, start_day)
            self._open(connection, dataset, own).create_view("stored")
            return _gathered(connection, dataset, start_day, columns, own, "FROM stored")

    def _read_engagements(
        self, connection: duckdb.DuckDBPyConnection, start_day: date, columns: Sequence[str]
    ) -> Newest:
        engagements = self._engagements_of(start_day)
        connection.register("engagement", engagements.rows)
        self._open(connection, "engagement", engagements.partitions).create_view("stored")
        return _gathered(connection, "engagement", start_day, columns, engagements.partitions, _ENGAGEMENTS)

    def _read_followers(
        self,
        connection: duckdb.DuckDBPyConnection,
        dataset: str,
        start_day: date,
        columns: Sequence[str],
        pids: pa.Array | None,
    ) -> Newest:
        """Newest turns or reviews of the day's engagements."""
        engagements = self._engagements_of(start_day)
        days = engagements.start_days
        partitions = [each for each in self._list(dataset, min(days) - RESCHEDULE_REACH) if each.is_affecting(days)]
        connection.register("engagement", engagements.rows)
        self._open(connection, dataset, partitions).create_view("stored")
        source = _FOLLOWERS
        if pids is not None:
            connection.register("asked", pa.table({"pid": pids}))
            source += _ASKED
        if self._has_outdated(connection, dataset, partitions):
            source += _UP_TO_DATE
        return _gathered(connection, dataset, start_day, columns, partitions, source, engagements.rows["own_pid"])

    def _has_outdated(
        self, connection: duckdb.DuckDBPyConnection, dataset: str, partitions: Sequence[Partition]
    ) -> bool:
        """Make the table `outdated` of the turns or reviews, unless there can be none.

        A row that has several versions has one outside the largest partition. So of that one, which is the start day's
        own as a rule, only those rows are looked at that are in another one as well.
        """
        if len(partitions) < 2:  # noqa: PLR2004 - two versions are in two partitions
            return False
        largest = max(partitions, key=lambda each: each.row_count)
        self._open(connection, dataset, [largest]).create_view("largest")
        self._open(connection, dataset, [each for each in partitions if each is not largest]).create_view("others")
        connection.execute(_VERSIONS.format(columns=build_version_columns(dataset)))
        create_outdated(connection, partitions)
        return bool(connection.execute("SELECT count(*) > 0 FROM outdated").fetchall()[0][0])

    def _engagements_of(self, start_day: date) -> DayEngagements:
        """The day's engagements, remembered until a partition is written or the next day is asked for."""
        partitions = self._list("engagement", start_day - RESCHEDULE_REACH)
        state = (start_day, partitions)
        if self._memory is None or self._memory[0] != state:
            with _connected() as connection:
                found = find_day_engagements(
                    connection,
                    lambda near: self._open(connection, "engagement", near),
                    partitions,
                    start_day,
                    self._zone,
                )
            self._memory = (state, found)
        return self._memory[1]

    def _list(self, dataset: str, first: date, last: date = date.max) -> list[Partition]:
        """The partitions that are there now."""
        self._footers.refresh()
        return list(self._footers.list_partitions(("tables", dataset), first, last))

    def _open(
        self, connection: duckdb.DuckDBPyConnection, dataset: str, partitions: Sequence[Partition]
    ) -> duckdb.DuckDBPyRelation:
        # Asking for it raises: a table whose export is not known is damage also where nothing is compared with it.
        paths = {each.day: each.path for each in partitions if each.requested_at}
        self._opened.update(paths.values())
        return open_rows(connection, self._warehouse, paths, arrow_schema(DATASET_MODELS[dataset]))


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        yield connection


def _gathered(  # noqa: PLR0917 - what is asked for and where it is, each of its own type
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    start_day: date,
    columns: Sequence[str],
    partitions: Sequence[Partition],
    source: str,
    engagement_pids: pa.ChunkedArray | None = None,
) -> Newest:
    """The columns out of a query's end; `engagement_pids` are those that its `number` counts."""
    schema = arrow_schema(DATASET_MODELS[dataset])
    counted = {"engagement_pid"} if engagement_pids is not None else set()
    sources = {name: "number" if name in counted else f'stored."{name}"' for name in (*columns, "date")}
    chosen = ", ".join(f'{source_of} AS "{name}"' for name, source_of in sources.items())
    found = connection.sql(f"SELECT {chosen} {source}").to_arrow_table()
    arrays = {
        name: _named(found[name], engagement_pids) if name in counted else found[name].cast(schema.field(name).type)
        for name in columns
    }
    facts = HistoryFacts(
        dataset=dataset,
        start_day=start_day,
        days_read=tuple(each.day for each in partitions),
        row_count=found.num_rows,
        late_row_count=pc.sum(pc.greater(found["date"], start_day)).as_py() or 0,
    )
    return Newest(pa.table(arrays), facts)


def _named(numbers: pa.ChunkedArray, pids: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = pids.combine_chunks()
    chunks = [pa.DictionaryArray.from_arrays(chunk, texts) for chunk in numbers.chunks]
    return pa.chunked_array(chunks, pa.dictionary(pa.int32(), pa.string()))
