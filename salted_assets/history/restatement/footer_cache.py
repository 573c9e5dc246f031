"""What the footers of tables and scores say, read once for each version of a file. Not here: what follows from it."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from time import monotonic

import pyarrow as pa

from salted_assets.history import Reschedule, parse_affected_dates, parse_reschedules
from salted_assets.history.restatement.row_dates import find_affected_dates
from salted_assets.warehouse import Warehouse, read_notes

Key = tuple[str, ...]


@dataclass(frozen=True)
class Footer:
    """What a file says of itself.

    `affected_dates` are the start days of a table's rows; None where some row does not tell its own, or where they are
    days of another zone. `reschedules` are pairs of days between which engagements were moved. Of a score, `inputs` is
    the text of the `InputVersions` that it was made of (None where it does not tell) and `scored_at` when it was made.
    """

    file_id: str
    affected_dates: frozenset[date] | None = frozenset()
    reschedules: frozenset[Reschedule] = frozenset()
    inputs: str | None = None
    scored_at: datetime | None = None


class FooterCache:
    """The notes of the partitions of a warehouse. Only footers are read, each once for as long as its file stays.

    `refresh` makes it see what has been written since; until then it speaks of one moment. What is no Parquet file
    counts as missing. A file without an id of ours is known by what its store says of it.
    """

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._listed: dict[Key, dict[date, str]] = {}
        self._notes: dict[tuple[Key, date], tuple[str, Footer | None]] = {}
        self._touches: dict[tuple[Key, date], tuple[str, frozenset[date]]] = {}

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse whose files these are."""
        return self._warehouse

    def refresh(self) -> None:
        """Forget which files are there; notes of files that stay the same are kept."""
        self._listed = {}

    def days(self, key: Key) -> list[date]:
        """The days whose partition is there, in order."""
        return list(self._list(key))

    def footer(self, key: Key, day: date) -> Footer | None:
        """What the partition's file says; None where there is none."""
        word = self._list(key).get(day)
        if word is None:
            return None
        known = self._notes.get((key, day))
        if known is None or known[0] != word:
            known = (word, self._read(key, day, word))
            self._notes[key, day] = known
        return known[1]

    def find_affected_dates(self, key: Key, day: date) -> frozenset[date]:
        """The start days of a partition that does not note them, from its rows, read once for as long as it stays."""
        word = self._list(key).get(day, "")
        known = self._touches.get((key, day))
        if known is None or known[0] != word:
            # its own day first, then the days before it: nothing of a later export is needed to know where it belongs
            engagements = self.days(("tables", "engagement"))
            nearest = sorted(engagements, key=lambda other: (other > day, abs(other - day)))
            found = find_affected_dates(self._warehouse, self._zone, key[-1], day, nearest)
            known = self._touches[key, day] = (word, found)
        return known[1]

    def read_within(self, keys: Iterable[Key], seconds: float) -> int:
        """Read all notes of these tables that are not known yet, newest first, for as long as given.

        Gives the number of those that are left for the next time.
        """
        until = monotonic() + seconds
        unread = [
            (day, key)
            for key in keys
            for day, word in self._list(key).items()
            if self._notes.get((key, day), ("",))[0] != word
        ]
        unread.sort(reverse=True)
        for done, (day, key) in enumerate(unread):
            if monotonic() >= until:
                return len(unread) - done
            self.footer(key, day)
        return 0

    def _list(self, key: Key) -> dict[date, str]:
        if key not in self._listed:
            self._listed[key] = self._warehouse.list_partitions(key)
        return self._listed[key]

    def _read(self, key: Key, day: date, word: str) -> Footer | None:
        return read_footer(self._warehouse, self._warehouse.table_path(key, day), self._zone, word)


def read_footer(warehouse: Warehouse, path: str, zone: str, word: str = "") -> Footer | None:
    """What the file says; None where there is none, or no Parquet file. `word` is its id where it tells none."""
    try:
        with closing(warehouse.open_parquet(path)) as file:
            notes = read_notes(file)
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    scored_at = notes.get("salted.scored_at")
    return Footer(
        file_id=notes.get("salted.file_id", word),
        affected_dates=parse_affected_dates(notes.get("salted.touches"), zone),
        reschedules=parse_reschedules(notes.get("salted.touches"), zone),
        inputs=notes.get("salted.inputs"),
        scored_at=None if scored_at is None else datetime.fromisoformat(scored_at),
    )
