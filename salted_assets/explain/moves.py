"""Engagements that are, or were, on another day: looked up when rows are added to a day or removed from it."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history import FooterCache, HistoryReader, Partition, day_of, linked_days
from salted_assets.history.rescheduled import RESCHEDULE_REACH
from salted_assets.warehouse import Warehouse, WarehouseDamaged

_KEY = ("tables", "engagement")


@dataclass
class MovedEngagements:
    """Finds them by the reschedules that footers of engagement tables tell, and by starts of all versions."""

    warehouse: Warehouse
    zone: str
    _footers: FooterCache | None = field(default=None, repr=False)

    def find(self, day: date, added: pa.Array, removed: pa.Array) -> frozenset[str]:
        """Those of the engagements of rows that were added to a day, or removed from it, that have several days.

        An engagement that the day's `scores/engagement` has already did not come from elsewhere, and one whose newest
        version is of the day did not leave it. Nothing more is read where none is left, and only footers where none of
        the day was rescheduled. A partition that is damaged, or goes meanwhile, tells nothing.
        """
        if len(added):
            added = added.filter(pc.invert(pc.is_in(added, value_set=self._read_present(day))))
        if not (len(added) or len(removed)):
            return frozenset()
        if self._footers is None:
            self._footers = FooterCache(self.warehouse, self.zone)
        pids = pc.unique(pa.concat_arrays([added, removed]))
        partitions = list(self._footers.list_partitions(_KEY, day - RESCHEDULE_REACH))
        linked = linked_days((moved for each in partitions for moved in each.reschedules), day)
        if not linked:
            return frozenset()
        starts: dict[str, set[date | None]] = {}
        calendar = ZoneInfo(self.zone)
        for partition in partitions:
            if partition.is_affecting(linked | {day}):
                self._gather(partition, pids, starts, calendar)
        moved = frozenset(pid for pid, days in starts.items() if len(days - {None}) > 1)
        left = moved.intersection(removed.to_pylist())
        return moved - self._find_standing(day, left) if left else moved

    def _find_standing(self, day: date, pids: frozenset[str]) -> frozenset[str]:
        """Those whose newest version is of the day."""
        with suppress(FileNotFoundError, WarehouseDamaged):
            newest = HistoryReader(self.warehouse, self.zone).newest("engagement", day, ["pid"])
            return pids.intersection(newest["pid"].to_pylist())
        return frozenset()

    def _read_present(self, day: date) -> pa.Array:
        with suppress(FileNotFoundError, WarehouseDamaged, KeyError, pa.ArrowException, OSError):
            path = self.warehouse.table_path(("scores", "engagement"), day)
            with self.warehouse.open_parquet(path) as file:
                return file.read(columns=["engagement_pid"])["engagement_pid"].combine_chunks().cast(pa.string())
        return pa.array([], pa.string())

    def _gather(
        self, partition: Partition, pids: pa.Array, starts: dict[str, set[date | None]], calendar: ZoneInfo
    ) -> None:
        with suppress(FileNotFoundError, WarehouseDamaged), self.warehouse.open_parquet(partition.path) as file:
            rows = file.read(columns=["pid", "start_time"])
            found = rows.filter(pc.is_in(rows["pid"], value_set=pids))
            instants = found["start_time"].cast(pa.int64()).to_pylist()
            for pid, instant in zip(found["pid"].to_pylist(), instants, strict=True):
                starts.setdefault(pid, set()).add(None if instant is None else day_of(instant, calendar))
