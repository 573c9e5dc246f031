"""A warehouse of files that hold nothing but footers, and what a person would write down of them on paper."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.history import SCHEMA_VERSION, AffectedDates, FooterCache, Recipe
from salted_assets.history.rescheduled import RESCHEDULE_REACH
from salted_assets.history.restatement import InputIndex, InputVersions, Layout
from salted_assets.warehouse import Warehouse

Key = tuple[str, ...]

DATASETS = ("engagement", "turn", "review")
TABLES: tuple[Key, ...] = tuple(("tables", name) for name in DATASETS)
ANSWER: Key = ("scores", "answer")
ENGAGEMENT: Key = ("scores", "engagement")
ROLLING: Key = ("scores", "rolling")
FIRST = date(2024, 1, 1)
LAYOUT = Layout(TABLES, (ANSWER, ENGAGEMENT), (ROLLING,), FIRST)
WINDOW_DAYS = 3
_UPSTREAM: dict[Key, tuple[Key, ...]] = {ANSWER: TABLES, ENGAGEMENT: (ANSWER,), ROLLING: (ENGAGEMENT,)}
_STARTS = pa.schema([("start_time", pa.timestamp("us", tz="UTC"))])


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def put(warehouse: Warehouse, key: Key, of: date, **said: str) -> None:
    """A file of no rows whose footer says this, in one step but without waiting for the disk."""
    metadata = {"schema_version": str(SCHEMA_VERSION), **said}
    path = Path(warehouse.uri) / warehouse.table_path(key, of)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name("draft")
    with pq.ParquetWriter(draft, pa.schema([("pid", pa.string())])) as writer:
        writer.add_key_value_metadata({f"salted.{name}": value for name, value in metadata.items()})
    draft.replace(path)


def affected_dates_json(days: Iterable[date]) -> str:
    affected = AffectedDates("engagement", "UTC")
    noons = [datetime(each.year, each.month, each.day, 12, tzinfo=UTC) for each in days]
    affected.add(pa.table({"start_time": noons}, schema=_STARTS))
    return affected.to_json()


@dataclass
class Paper:
    """What was written, by number: the newest number of each file, and the numbers that each score was made of."""

    tables: dict[tuple[Key, date], tuple[int, frozenset[date]]] = field(default_factory=dict)
    scores: dict[tuple[Key, date], int] = field(default_factory=dict)
    made_of: dict[tuple[Key, date], object] = field(default_factory=dict)

    def inputs(self, key: Key, of: date) -> object:
        """The numbers of the files that the score would be made of now."""
        if key == ANSWER:
            return {
                (table, other, number)
                for (table, other), (number, affected) in self.tables.items()
                if other >= of - RESCHEDULE_REACH and (of == other or of in affected)
            }
        if key == ENGAGEMENT:
            return self.scores.get((ANSWER, of))
        window = (of - timedelta(days=back) for back in range(WINDOW_DAYS))
        return {(each, self.scores[ENGAGEMENT, each]) for each in window if (ENGAGEMENT, each) in self.scores}

    def is_old(self, key: Key, of: date) -> bool:
        """Whether the score is missing, or made of other files than it would be now."""
        return (key, of) not in self.scores or self.made_of[key, of] != self.inputs(key, of)

    def list_complete(self) -> set[date]:
        """Days with all tables, or with a score."""
        days = {of for _, of in (*self.tables, *self.scores)}
        scored = {of for key, of in self.scores if key != ROLLING}
        return {of for of in days if of in scored or all((table, of) in self.tables for table in TABLES)}


@dataclass
class Sandbox:
    """The files and the paper."""

    warehouse: Warehouse
    paper: Paper = field(default_factory=Paper)
    count: int = 0

    def __post_init__(self) -> None:
        """Open the index, as the sensor keeps it for long, and as a run opens it afresh."""
        self.index = InputIndex(FooterCache(self.warehouse, "UTC"), DATASETS)

    def write_table(self, table: Key, of: date, affected: Iterable[date]) -> None:
        self.count += 1
        days = frozenset(affected)
        self.paper.tables[table, of] = (self.count, days)
        put(self.warehouse, table, of, file_id=str(self.count), touches=affected_dates_json(days))

    def begin(self, key: Key, of: date) -> tuple[Key, date, InputVersions, object]:
        """What a score's writer records before it reads, in a process of its own."""
        index = InputIndex(FooterCache(self.warehouse, "UTC"), DATASETS)
        inputs = index.of(_UPSTREAM[key], of, WINDOW_DAYS if key == ROLLING else 1)
        return key, of, inputs, self.paper.inputs(key, of)

    def end(self, begun: tuple[Key, date, InputVersions, object], recipe: Recipe | None = None) -> None:
        """Write the score that was begun, over whatever is there by now."""
        key, of, inputs, made_of = begun
        self.count += 1
        scored_at = datetime(2024, 6, 1, tzinfo=UTC) + timedelta(minutes=self.count)
        said = {"inputs": inputs.to_json(), "scored_at": scored_at.isoformat()}
        if recipe:
            said |= {"formula_version": str(recipe.formula_version), "settings": recipe.settings_json}
        put(self.warehouse, key, of, file_id=str(self.count), **said)
        self.paper.scores[key, of], self.paper.made_of[key, of] = self.count, made_of

    def score(self, of: date) -> None:
        """Both daily scores, one after the other."""
        for key in (ANSWER, ENGAGEMENT):
            self.end(self.begin(key, of))
