"""The reader of the newest versions of rows."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.affected_dates import START_COLUMNS
from salted_assets.history.day_engagements import (
    ByDay,
    DayEngagements,
    find_day_engagements,
    list_affecting,
    list_all,
    register_pairs,
)
from salted_assets.history.footers import FooterCache, Partition
from salted_assets.history.rescheduled import RESCHEDULE_REACH
from salted_assets.history.review_plans import PlanFiles
from salted_assets.history.versions import build_version_columns, create_outdated
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import damage_named, open_rows

_ENGAGEMENTS = "FROM stored JOIN engagement ON stored.pid = own_pid AND stored.date = newest_date"
_FOLLOWERS = "FROM stored JOIN engagement ON stored.engagement_pid = own_pid"
_OF_DAY = " SEMI JOIN read_pair ON read_pair.start_date = engagement.start_date AND read_pair.date = stored.date"
_ASKED = " SEMI JOIN asked ON stored.pid = asked.pid"
_UP_TO_DATE = """
    ANTI JOIN outdated
    ON stored.pid = outdated.pid AND stored.date = outdated.date AND engagement.start_date = outdated.start_date
"""

_VERSIONS = """
    CREATE TEMP TABLE version AS
    WITH other AS (
        SELECT start_date, {columns}
        FROM others JOIN engagement ON engagement_pid = own_pid SEMI JOIN other_pair USING (start_date, date)
    )
    FROM other
    UNION ALL
    SELECT start_date, {columns}
    FROM main_one JOIN (SELECT DISTINCT start_date, pid FROM other) AS again USING (pid)
    SEMI JOIN main_pair USING (start_date, date)
    SEMI JOIN engagement ON engagement_pid = own_pid AND again.start_date = engagement.start_date
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


@dataclass(frozen=True)
class Part:
    """One of `count` parts of the engagements of a day, which a hash of their ids tells apart."""

    index: int
    count: int

    def condition(self, column: str) -> str:
        """What holds of the ids of this part's engagements, as SQL of DuckDB."""
        return f"hash({column}) % {self.count} = {self.index}" if self.count > 1 else "true"


WHOLE = Part(0, 1)
"""All engagements."""


@dataclass(frozen=True)
class NewestOfDays:
    """Newest versions of the rows of some start days, with their `start_date`, and where each day's came from."""

    rows: pa.Table
    facts: Mapping[date, HistoryFacts]


def _always(_: Partition) -> bool:
    return True


class HistoryReader:
    """Finds the newest version of each row whose engagement started on a day or on one of some, in the zone's calendar.

    The newest version of an engagement decides its day (see `find_day_engagements`). Turns and reviews belong to the
    day of their engagement, whatever their own times say; these only tell which partitions to open. So those of an
    engagement whose start was corrected are looked for on all its days, and without engagements there are none.
    Agent and customer rows describe the time of the export, not an engagement: the day's own partition alone is read.

    Of the partitions that, by their footers, affect the day, the asked columns are read. Those of days before it count
    as far back as `RESCHEDULE_REACH`: an engagement is in no export of a window that ended before it began, unless its
    start was corrected. Partitions for which `is_seen` is false are as if they were not there, and so are review plans
    other than `plans`, where these are given by the ids of their files.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        zone: str,
        is_seen: Callable[[Partition], bool] = _always,
        *,
        plans: Collection[str] | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._is_seen = is_seen
        self._plans = plans
        self._footers = FooterCache(warehouse, zone)
        self._opened = set[str]()
        self._memory: tuple[object, DayEngagements] | None = None

    def newest(self, dataset: str, start_day: date, columns: Sequence[str]) -> pa.Table:
        """The rows that `read` gives."""
        return self.read(dataset, start_day, columns).rows

    def read(self, dataset: str, start_day: date, columns: Sequence[str], *, pids: pa.Array | None = None) -> Newest:
        """What `read_range` gives for one day, without the column `start_date`."""
        newest = self.read_range(dataset, [start_day], columns, pids=pids)
        return Newest(newest.rows.select(columns), newest.facts[start_day])

    def read_range(
        self,
        dataset: str,
        start_days: Sequence[date],
        columns: Sequence[str],
        *,
        pids: pa.Array | None = None,
        part: Part = WHOLE,
    ) -> NewestOfDays:
        """One row per start day and pid: its newest version, with `columns` and `start_date`, in no particular order.

        Each day has the rows that it has when it is asked for alone: of an engagement whose newest version cannot be
        told, being too far away, both days have a row. Columns have the types of the dataset's model, but the
        `engagement_pid` of turns and reviews comes dictionary-encoded, an index for each of the days' engagements.
        Where nothing is found the table has no row. Of turns and reviews, `pids` asks for these rows alone; `part` asks
        for the rows of these engagements alone, where rows are an engagement's. Raises ValueError for a column that the
        dataset does not have, and WarehouseDamaged for a partition that cannot be read or does not say when its export
        was requested.
        """
        known = set(arrow_schema(DATASET_MODELS[dataset]).names)
        if unknown := [column for column in columns if column not in known]:
            raise ValueError(f"cannot read {', '.join(unknown)} of {dataset}: there is no such column")
        self._opened.clear()
        days = sorted(start_days)
        with _connected() as connection, damage_named(self._warehouse, self._opened):
            if dataset == "engagement":
                return self._read_engagements(connection, days, columns, part)
            if dataset in START_COLUMNS:
                return self._read_followers(connection, dataset, days, columns, pids, part)
            listed = {each.day: each for each in self._list(dataset, days[0], days[-1])}
            own = {day: [listed[day]] if day in listed else [] for day in days}
            self._open(connection, dataset, list_all(own)).create_view("stored")
            return _gathered(
                connection, dataset, columns, own, "FROM (SELECT *, date AS start_date FROM stored) stored"
            )

    def _read_engagements(
        self, connection: duckdb.DuckDBPyConnection, days: Sequence[date], columns: Sequence[str], part: Part
    ) -> NewestOfDays:
        engagements = self._engagements_of(days)
        connection.register("engagement", _select_part(connection, engagements.rows, part))
        self._open(connection, "engagement", list_all(engagements.partitions)).create_view("stored")
        return _gathered(connection, "engagement", columns, engagements.partitions, _ENGAGEMENTS)

    def _read_followers(  # noqa: PLR0917 - what is asked for, each of its own type
        self,
        connection: duckdb.DuckDBPyConnection,
        dataset: str,
        days: Sequence[date],
        columns: Sequence[str],
        pids: pa.Array | None,
        part: Part,
    ) -> NewestOfDays:
        """Newest turns or reviews of the days' engagements."""
        engagements = self._engagements_of(days)
        behind = engagements.start_days
        listed = self._list(dataset, min(map(min, behind.values())) - RESCHEDULE_REACH)
        partitions = {day: list_affecting(listed, behind[day], min(behind[day])) for day in days}
        rows = _select_part(connection, engagements.rows, part)
        connection.register("engagement", rows)
        self._open(connection, dataset, list_all(partitions)).create_view("stored")
        source = _FOLLOWERS
        if len(days) > 1:
            register_pairs(connection, "read_pair", partitions)
            source += _OF_DAY
        if pids is not None:
            connection.register("asked", pa.table({"pid": pids}))
            source += _ASKED
        if self._has_outdated(connection, dataset, partitions):
            source += _UP_TO_DATE
        return _gathered(connection, dataset, columns, partitions, source, rows["own_pid"])

    def _has_outdated(self, connection: duckdb.DuckDBPyConnection, dataset: str, partitions: ByDay) -> bool:
        """Make the table `outdated` of the turns or reviews, unless there can be none.

        A row that has several versions has one outside the main partition of its day. So of that one only those rows
        are looked at that are in another one as well.
        """
        # two versions are in two partitions
        compared = {day: found for day, found in partitions.items() if len(found) > 1}
        if not compared:
            return False
        main = {day: [_main_partition(day, found)] for day, found in compared.items()}
        others = {day: [each for each in found if each not in main[day]] for day, found in compared.items()}
        for name, pairs, chosen in (("main_one", "main_pair", main), ("others", "other_pair", others)):
            register_pairs(connection, pairs, chosen)
            self._open(connection, dataset, list_all(chosen)).create_view(name)
        connection.execute(_VERSIONS.format(columns=build_version_columns(dataset)))
        create_outdated(connection, list_all(compared))
        return bool(connection.execute("SELECT count(*) > 0 FROM outdated").fetchall()[0][0])

    def _engagements_of(self, days: Sequence[date]) -> DayEngagements:
        """The days' engagements, remembered until a partition is written or other days are asked for."""
        partitions = self._list("engagement", days[0] - RESCHEDULE_REACH)
        state = (tuple(days), partitions)
        if self._memory is None or self._memory[0] != state:
            with _connected() as connection:
                found = find_day_engagements(
                    connection,
                    lambda near: self._open(connection, "engagement", near),
                    partitions,
                    days,
                    self._zone,
                )
            self._memory = (state, found)
        return self._memory[1]

    def read_planned(self, days: Sequence[date]) -> pa.Table:
        """The engagements of the days that a review plan drew: `start_date` and `engagement_pid`, each once.

        Raises WarehouseDamaged for a plan that cannot be read.
        """
        return PlanFiles(self._warehouse, self._zone).read_planned(days, self._plans)

    def count_rows(self, dataset: str, day: date) -> int:
        """Rows of the day's own partition, by its footer; 0 where there is none or it is damaged."""
        partition = self._footers.partition(("tables", dataset), day)
        return 0 if partition is None else partition.row_count

    def _list(self, dataset: str, first: date, last: date = date.max) -> list[Partition]:
        """The partitions that are there now and seen."""
        self._footers.refresh()
        listed = self._footers.list_partitions(("tables", dataset), first, last)
        return [partition for partition in listed if self._is_seen(partition)]

    def _open(
        self, connection: duckdb.DuckDBPyConnection, dataset: str, partitions: Sequence[Partition]
    ) -> duckdb.DuckDBPyRelation:
        # Asking for it raises: a table whose export is not known is damage also where nothing is compared with it.
        paths = {each.day: each.path for each in partitions if each.requested_at}
        self._opened.update(paths.values())
        return open_rows(connection, self._warehouse, paths, arrow_schema(DATASET_MODELS[dataset]))


def _main_partition(day: date, partitions: Sequence[Partition]) -> Partition:
    """The start day's own, whatever the size of others, which are mostly rows of their own days; else the largest."""
    return max(partitions, key=lambda each: (each.day == day, each.row_count))


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        yield connection


def _select_part(connection: duckdb.DuckDBPyConnection, rows: pa.Table, part: Part) -> pa.Table:
    """Those of the engagements that are in the part, numbered among themselves."""
    if part.count == 1:
        return rows
    own = connection.from_arrow(rows).filter(part.condition("own_pid"))
    return own.project("* REPLACE ((row_number() OVER () - 1)::INTEGER AS number)").to_arrow_table()


def _gathered(  # noqa: PLR0917 - what is asked for and where it is, each of its own type
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    columns: Sequence[str],
    partitions: ByDay,
    source: str,
    engagement_pids: pa.ChunkedArray | None = None,
) -> NewestOfDays:
    """The columns out of a query's end; `engagement_pids` are those that its `number` counts."""
    schema = arrow_schema(DATASET_MODELS[dataset])
    counted = {"engagement_pid"} if engagement_pids is not None else set()
    sources = {name: "number" if name in counted else f'stored."{name}"' for name in (*columns, "date")}
    chosen = ", ".join(f'{source_of} AS "{name}"' for name, source_of in sources.items())
    # of a single day it need not go through the joins
    start_date = "start_date" if len(partitions) > 1 else f"DATE '{next(iter(partitions))}' AS start_date"
    found = connection.sql(f"SELECT {start_date}, {chosen} {source}").to_arrow_table()
    arrays = {
        name: _named(found[name], engagement_pids) if name in counted else found[name].cast(schema.field(name).type)
        for name in columns
    }
    facts = _describe(dataset, partitions, found.select(["start_date", "date"]))
    return NewestOfDays(pa.table({**arrays, "start_date": found["start_date"]}), facts)


def _describe(dataset: str, partitions: ByDay, origins: pa.Table) -> dict[date, HistoryFacts]:
    late = origins["start_date"].filter(pc.greater(origins["date"], origins["start_date"]))
    counts, late_counts = _count_days(origins["start_date"]), _count_days(late)
    return {
        day: HistoryFacts(dataset, day, tuple(each.day for each in read), counts.get(day, 0), late_counts.get(day, 0))
        for day, read in partitions.items()
    }


def _count_days(days: pa.ChunkedArray) -> dict[date, int]:
    return {each["values"]: each["counts"] for each in pc.value_counts(days).to_pylist()}


def _named(numbers: pa.ChunkedArray, pids: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = pids.combine_chunks()
    chunks = [pa.DictionaryArray.from_arrays(chunk, texts) for chunk in numbers.chunks]
    return pa.chunked_array(chunks, pa.dictionary(pa.int32(), pa.string()))
