"""The partitions of the vendor's tables, and what their footers note. Not here: rows, which versions are the newest."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from salted_assets.history.affected_dates import Reschedule, parse_affected_dates, parse_reschedules
from salted_assets.warehouse import Warehouse, read_notes


@dataclass(frozen=True)
class Partition:
    """A day's file of a table: `word` is another one once it has been replaced, `affected` None if every day may be."""

    day: date
    path: str
    word: str
    requested_at: datetime
    row_count: int
    affected: frozenset[date] | None
    reschedules: frozenset[Reschedule]

    def is_affecting(self, days: frozenset[date]) -> bool:
        """Whether rows of it may belong to one of these start days."""
        return self.affected is None or self.day in days or not self.affected.isdisjoint(days)


class Partitions:
    """Lists partitions; each footer is read once for as long as its file stays the same."""

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._known: dict[str, Partition] = {}

    def of(self, dataset: str, first_day: date, last_day: date = date.max) -> list[Partition]:
        """The dataset's partitions of these days, both included, that are there now, in order.

        Raises ValueError for one without a note of when its export was requested.
        """
        words = self._warehouse.list_partitions(("tables", dataset))
        return [self._of_day(dataset, day, word) for day, word in words.items() if first_day <= day <= last_day]

    def _of_day(self, dataset: str, day: date, word: str) -> Partition:
        path = self._warehouse.table_path(("tables", dataset), day)
        known = self._known.get(path)
        if known is None or known.word != word:
            known = self._known[path] = self._read(dataset, day, path, word)
        return known

    def _read(self, dataset: str, day: date, path: str, word: str) -> Partition:
        with closing(self._warehouse.open_parquet(path)) as file:
            notes, row_count = read_notes(file), file.metadata.num_rows
        return Partition(
            day=day,
            path=path,
            word=word,
            requested_at=_requested_at(notes, dataset, day),
            row_count=row_count,
            affected=parse_affected_dates(notes.get("salted.touches"), self._zone),
            reschedules=parse_reschedules(notes.get("salted.touches"), self._zone),
        )


def _requested_at(notes: Mapping[str, str], dataset: str, day: date) -> datetime:
    noted = notes.get("salted.ordered_at")
    if noted is None:
        raise ValueError(
            f"tables/{dataset} of {day} does not say when its export was requested, so its rows cannot be compared "
            "with other exports'. Another program may have rewritten the file; reading it again will not help: "
            f"materialize tables/{dataset} for {day} again."
        )
    return datetime.fromisoformat(noted)


def read_requested_at(warehouse: Warehouse, path: str) -> datetime | None:
    """When the export behind a table's or rejects' file was requested; None for a file that is gone or does not say."""
    try:
        with warehouse.open_parquet(path) as file:
            note = read_notes(file).get("salted.ordered_at")
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return datetime.fromisoformat(note) if note else None
