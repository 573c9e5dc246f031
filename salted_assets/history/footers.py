"""What a Parquet file of ours says of itself in its footer, and what the footers of a warehouse say, read once.

The names of the keys are part of what is persisted: they stay, whatever the fields are called.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from time import monotonic

import pyarrow.parquet as pq

from salted_assets.history.affected_dates import (
    Reschedule,
    find_affected_dates,
    parse_affected_dates,
    parse_reschedules,
)
from salted_assets.history.input_versions import InputVersions
from salted_assets.history.recipes import Recipe
from salted_assets.warehouse import Warehouse, WarehouseDamaged

SCHEMA_VERSION = 4
"""Of the columns of tables, rejects and scores, and of their footers.

Raised when a file of an earlier version lacks what a new one has. Tables of an earlier version are read as they are;
parsing a day again would show more of it. Scores of an earlier version are out of date. 3 added by which formulas and
settings a file was made, and what a table was made of, 4 the resolutions of engagements in scores.
"""

TABLES_VERSION = 3
"""The version that last changed tables or rejects: those of it lack nothing, though scores have changed since."""

REQUESTED_AT_KEY = "salted.ordered_at"
_BYTES_AT_ONCE = 1 << 20
_PARTITIONS_KEPT = 4096

_LOG = logging.getLogger(__name__)

Key = tuple[str, ...]
"""A table, as `("tables", "turn")`."""


@dataclass(frozen=True, kw_only=True)
class Footer:
    """What a file says of itself; None is what it does not say, and so is version 0.

    `requested_at` is when the export behind a table was requested. `affected_dates` is the text of a table's
    `AffectedDates`. `file_id` is another one for other rows. `inputs` is the text of the `InputVersions` that a table
    or score was made of, and `recipe` by which formulas and settings; `scored_at` says when a score was made.
    `written_at` is of tables without partitions.
    """

    schema_version: int = SCHEMA_VERSION
    simulated: bool | None = None
    day: date | None = None
    dataset: str | None = None
    requested_at: datetime | None = None
    affected_dates: str | None = None
    file_id: str | None = None
    inputs: str | None = None
    recipe: Recipe | None = None
    scored_at: datetime | None = None
    written_at: datetime | None = None

    @classmethod
    def of(cls, file: pq.ParquetFile) -> "Footer":
        """Read the footer of an open file; one of another program says nothing.

        Raises ValueError for what cannot be understood.
        """
        stored = {
            key.decode(): value.decode()
            for key, value in (file.metadata.metadata or {}).items()
            if key[:7] == b"salted."
        }
        simulated, day = stored.get("salted.simulated"), stored.get("salted.day")
        formula_version, settings = stored.get("salted.formula_version"), stored.get("salted.settings")
        return cls(
            schema_version=int(stored.get("salted.schema_version", 0)),
            simulated=None if simulated is None else simulated == "true",
            day=None if day is None else date.fromisoformat(day),
            dataset=stored.get("salted.dataset"),
            requested_at=_instant(stored.get(REQUESTED_AT_KEY)),
            affected_dates=stored.get("salted.touches"),
            file_id=stored.get("salted.file_id"),
            inputs=_intelligible(stored.get("salted.inputs")),
            recipe=Recipe.from_json(formula_version, settings) if formula_version and settings else None,
            scored_at=_instant(stored.get("salted.scored_at")),
            written_at=_instant(stored.get("salted.written_at")),
        )

    def to_metadata(self) -> dict[str, str]:
        """Render as the key-value metadata of a Parquet file: keys of what it says alone."""
        said: dict[str, str | None] = {
            "salted.schema_version": str(self.schema_version) if self.schema_version else None,
            "salted.simulated": None if self.simulated is None else str(self.simulated).lower(),
            "salted.day": _text(self.day),
            "salted.dataset": self.dataset,
            REQUESTED_AT_KEY: _text(self.requested_at),
            "salted.touches": self.affected_dates,
            "salted.file_id": self.file_id,
            "salted.inputs": self.inputs,
            "salted.formula_version": str(self.recipe.formula_version) if self.recipe else None,
            "salted.settings": self.recipe.settings_json if self.recipe else None,
            "salted.settings_fingerprint": self.recipe.settings_fingerprint if self.recipe else None,
            "salted.scored_at": _text(self.scored_at),
            "salted.written_at": _text(self.written_at),
        }
        return {key: text for key, text in said.items() if text is not None}

    def write(self, writer: pq.ParquetWriter) -> None:
        """Put it into the footer of a file that is being written."""
        writer.add_key_value_metadata(self.to_metadata())

    def write_with_id(self, writer: pq.ParquetWriter, path: Path) -> None:
        """Write it with an id made of it and the file's rows: a table made again from the same export has the same.

        What it was made of and by is left out: settings that change no row put no score out of date.
        """
        identified = replace(self, inputs=None, recipe=None).to_metadata()
        digest = hashlib.blake2b(json.dumps(identified, sort_keys=True).encode(), digest_size=6)
        with path.open("rb") as file:
            while part := file.read(_BYTES_AT_ONCE):
                digest.update(part)
        replace(self, file_id=digest.hexdigest()).write(writer)


@dataclass(frozen=True)
class Partition:
    """A day's file of a table or score, and what its footer says.

    `fingerprint` is another one once the file has been replaced. `affected_dates` are the start days of a table's rows;
    None where some row does not tell its own, or where they are days of another zone. `reschedules` are pairs of days
    between which engagements were rescheduled.
    """

    key: Key
    day: date
    path: str
    fingerprint: str
    row_count: int
    footer: Footer
    affected_dates: frozenset[date] | None = frozenset()
    reschedules: frozenset[Reschedule] = frozenset()

    @property
    def file_id(self) -> str:
        """The id in the footer; a file without one is known by its fingerprint."""
        return self.footer.file_id or self.fingerprint

    @property
    def requested_at(self) -> datetime:
        """When the export behind the table was requested. Raises WarehouseDamaged for one that does not say."""
        if self.footer.requested_at is None:
            raise WarehouseDamaged(
                f"{'/'.join(self.key)} of {self.day} does not say when its export was requested, so its rows cannot be "
                "compared with other exports'. Another program may have rewritten the file; reading it again will not "
                f"help: materialize {'/'.join(self.key)} for {self.day} again."
            )
        return self.footer.requested_at

    def is_affecting(self, days: frozenset[date]) -> bool:
        """Whether rows of it may belong to one of these start days."""
        return self.affected_dates is None or self.day in days or not self.affected_dates.isdisjoint(days)


class FooterCache:
    """The daily files of a warehouse with their footers, each read once for as long as its file stays the same.

    `refresh` makes it see what has been written since; until then it speaks of one moment. A file that is no Parquet
    file of ours has no partition, and is damaged, and so is one in a folder that names no day: who goes by partitions
    has `list_damage` to report.
    """

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._listed: dict[Key, dict[date, str]] = {}
        self._foreign: dict[Key, list[WarehouseDamaged]] = {}
        self._partitions: dict[tuple[Key, date], tuple[str, Partition | WarehouseDamaged | None]] = {}
        self._from_rows: dict[tuple[Key, date], tuple[str, frozenset[date], tuple[str, ...]]] = {}

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse whose files these are."""
        return self._warehouse

    @property
    def zone(self) -> str:
        """The zone whose calendar days partitions affect."""
        return self._zone

    def refresh(self) -> None:
        """Forget which files are there; footers of files that stay the same are kept."""
        self._listed = {}

    def days(self, key: Key) -> list[date]:
        """The days whose partition is there, in order."""
        return list(self._list(key))

    def partition(self, key: Key, day: date) -> Partition | None:
        """The day's partition; None where there is none, or where its file is damaged."""
        known = self._know(key, day)
        return known if isinstance(known, Partition) else None

    def find_damage(self, key: Key, day: date) -> str:
        """What is wrong with the day's file; nothing where it is whole or there is none."""
        known = self._know(key, day)
        return str(known) if isinstance(known, WarehouseDamaged) else ""

    def list_damage(self) -> list[str]:
        """What is wrong with each of the files that were asked for and still are as they were then."""
        read = {key for key, _ in self._partitions}
        found = [damage for key in sorted(read) for day in self.days(key) if (damage := self._known_damage(key, day))]
        for (key, day), (fingerprint, _, of_rows) in self._from_rows.items():
            found += of_rows if fingerprint == self._list(key).get(day) else ()
        found += [str(damage) for of_key in self._foreign.values() for damage in of_key]
        return list(dict.fromkeys(found))

    def list_partitions(self, key: Key, first: date, last: date = date.max) -> Iterator[Partition]:
        """The partitions of these days, both included, in order. Raises what opening a damaged one raises."""
        for day, fingerprint in self._list(key).items():
            if first <= day <= last:
                yield self.partition(key, day) or self._read(key, day, fingerprint)

    def find_affected_dates(self, key: Key, day: date) -> frozenset[date]:
        """The start days of a partition whose footer does not list them all, from its rows, read once for each file."""
        fingerprint = self._list(key).get(day, "")
        known = self._from_rows.get((key, day))
        if known is None or known[0] != fingerprint or known[2]:
            # its own day first, then the days before it: nothing of a later export is needed to know where it belongs
            engagements = self.days(("tables", "engagement"))
            nearest = sorted(engagements, key=lambda other: (other > day, abs(other - day)))
            damage: list[WarehouseDamaged] = []
            found = find_affected_dates(self._warehouse, self._zone, key[-1], day, nearest, damage.append)
            # what met damage is looked for again: there is more to find once the file has been mended
            known = self._from_rows[key, day] = (fingerprint, found, tuple(map(str, damage)))
        return known[1]

    def read_within(self, keys: Iterable[Key], seconds: float) -> int:
        """Read all footers of these tables that are not known yet, newest first, for as long as given.

        Gives the number of those that are left for the next time.
        """
        until = monotonic() + seconds
        unread = [
            (day, key)
            for key in keys
            for day, fingerprint in self._list(key).items()
            if self._partitions.get((key, day), ("",))[0] != fingerprint
        ]
        unread.sort(reverse=True)
        for done, (day, key) in enumerate(unread):
            if monotonic() >= until:
                return len(unread) - done
            self.partition(key, day)
        return 0

    def _know(self, key: Key, day: date) -> Partition | WarehouseDamaged | None:
        fingerprint = self._list(key).get(day)
        if fingerprint is None:
            return None
        known = self._partitions.get((key, day))
        if known is None or known[0] != fingerprint:
            known = self._partitions[key, day] = (fingerprint, self._try_reading(key, day, fingerprint))
        return known[1]

    def _known_damage(self, key: Key, day: date) -> str:
        fingerprint, known = self._partitions.get((key, day), ("", None))
        is_same = fingerprint == self._list(key).get(day)
        return str(known) if is_same and isinstance(known, WarehouseDamaged) else ""

    def _try_reading(self, key: Key, day: date, fingerprint: str) -> Partition | WarehouseDamaged | None:
        try:
            return self._read(key, day, fingerprint)
        except FileNotFoundError:
            return None
        except WarehouseDamaged as damage:
            return damage

    def _list(self, key: Key) -> dict[date, str]:
        if key not in self._listed:
            self._foreign[key] = []
            self._listed[key] = self._warehouse.list_partitions(key, lambda damage: self._leave_out(key, damage))
        return self._listed[key]

    def _leave_out(self, key: Key, damage: WarehouseDamaged) -> None:
        """Go on without a file that is of no day: it is said once for each look at the folder."""
        self._foreign[key].append(damage)
        _LOG.warning("%s It is left out.", damage)

    def _read(self, key: Key, day: date, fingerprint: str) -> Partition:
        source = _Source(self._warehouse.uri, self._warehouse)
        return _read_partition(source, self._zone, key, day, fingerprint)


@dataclass(frozen=True)
class _Source:
    """A warehouse, which is the same one for whom it is opened again."""

    uri: str
    warehouse: Warehouse = field(compare=False)


@lru_cache(_PARTITIONS_KEPT)
def _read_partition(source: _Source, zone: str, key: Key, day: date, fingerprint: str) -> Partition:
    """Kept for other caches of the same warehouse: each step of a run has its own, and each run opens it again."""
    path = source.warehouse.table_path(key, day)
    with closing(source.warehouse.open_parquet(path)) as file:
        try:
            footer, row_count = Footer.of(file), file.metadata.num_rows
            affected_dates = parse_affected_dates(footer.affected_dates, zone)
            reschedules = parse_reschedules(footer.affected_dates, zone)
        except (ValueError, LookupError, TypeError) as error:
            raise _unintelligible(path) from error
    return Partition(key, day, path, fingerprint, row_count, footer, affected_dates, reschedules)


def read_footer(warehouse: Warehouse, path: str) -> Footer | None:
    """What the file says; None where there is none. Raises WarehouseDamaged for one that is no Parquet file of ours."""
    try:
        with closing(warehouse.open_parquet(path)) as file:
            return understand_footer(file, path)
    except FileNotFoundError:
        return None


def understand_footer(file: pq.ParquetFile, path: str) -> Footer:
    """What an open file says. Raises WarehouseDamaged for what cannot be understood."""
    try:
        return Footer.of(file)
    except ValueError as error:
        raise _unintelligible(path) from error


def read_requested_at(warehouse: Warehouse, path: str) -> datetime | None:
    """When the export behind a table's or rejects' file was requested; None for a file that is gone or does not say.

    Raises WarehouseDamaged for one that is no Parquet file of ours.
    """
    footer = read_footer(warehouse, path)
    return None if footer is None else footer.requested_at


def _intelligible(inputs: str | None) -> str | None:
    """The text as it is, which is short where the versions that it stands for are many objects."""
    if inputs is not None:
        InputVersions.from_json(inputs)
    return inputs


def _unintelligible(path: str) -> WarehouseDamaged:
    return WarehouseDamaged(
        f"{path} says in its footer what cannot be understood: it was overwritten, or changed by another program. "
        "Restore it from a copy, or make its partition again."
    )


def _text(moment: date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
