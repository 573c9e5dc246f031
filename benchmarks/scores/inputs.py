"""The input of the benchmark of scores: a warehouse of tables as a quarter's exports leave it, without any export.

Run as `python -m benchmarks.scores.inputs FOLDER`. A day's partition delivers the day's own engagements, reviews that
come days later, and newer versions of rows of earlier days, so that finding the newest costs what it costs.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import numpy as np
import pyarrow as pa

from benchmarks.scores.rows import (
    AUTO,
    HUMAN,
    OF_CUSTOMER,
    SURVEY,
    AgentEngagements,
    agent_rows,
    engagement_rows,
    engagements_of,
    review_rows,
    turn_rows,
    waiting_rows,
)
from benchmarks.sizes import (
    DAYS_WITH_TURNS,
    FACTS_FILE,
    LAST_SCORED_DAY,
    SCORED_AGENTS,
    SCORED_DAYS,
    TURNS_PER_ENGAGEMENT,
)
from salted_assets.history import Footer
from salted_assets.history.table_files import write_table
from salted_assets.ingest import Batch, TableStream
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import DatasetTable, arrow_schema
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.simulator.data.randomness import Dice, Integers
from salted_assets.simulator.data.windows import HOUR_MS
from salted_assets.warehouse import Warehouse, partition_file, rejects_key

HUMAN_SHARE, SURVEY_SHARE, OF_CUSTOMER_SHARE = 0.04, 0.1, 0.02
CORRECTED_SHARE, VERIFIED_SHARE, DELETED_SHARE = 0.01, 0.005, 0.1
_HUMAN_DAYS, _SURVEY_DAYS, _EDIT_DAYS = 5, 10, 3
_ENGAGEMENTS_AT_ONCE = 4_000


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--days", default=SCORED_DAYS, show_default=True, help="How many days, the last one always the same.")
@click.option("--agents", default=SCORED_AGENTS, show_default=True, help="Agents of the account.")
def main(folder: Path, days: int, agents: int) -> None:
    """Put a warehouse of so many days into FOLDER, unless it is there."""
    facts_file = folder / FACTS_FILE
    if not facts_file.exists():
        started = time.monotonic()
        facts = write_warehouse(folder, days, agents)
        facts_file.write_text(json.dumps(facts))
        click.echo(f"{facts} in {time.monotonic() - started:.0f} s")


def write_warehouse(
    folder: Path, day_count: int, agent_count: int, turn_count: int = TURNS_PER_ENGAGEMENT
) -> dict[str, int]:
    """Write the tables; gives the rows of each, the days, the agents, and the bytes in all as `byte_count`.

    Engagements have `turn_count` turns on the last days.
    """
    warehouse = Warehouse(str(folder), simulated=True)
    days = [LAST_SCORED_DAY - timedelta(days=back) for back in reversed(range(day_count))]
    facts = dict.fromkeys(DATASET_MODELS, 0)
    works: dict[date, AgentEngagements] = {}
    for number, day in enumerate(days):
        works[day] = engagements_of(day, agent_count)
        works.pop(day - timedelta(days=_SURVEY_DAYS), None)
        batches: dict[str, Iterator[pa.Table]] = {
            "engagement": _engagements(day, works),
            "review": _reviews(day, works),
            "agent": iter([agent_rows(agent_count)]),
        }
        if number >= day_count - DAYS_WITH_TURNS:
            batches["turn"] = _turns(works[day], turn_count)
        for dataset, tables in batches.items():
            facts[dataset] += _write(warehouse, dataset, day, tables)
    byte_count = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return {**facts, "day_count": day_count, "agent_count": agent_count, "byte_count": byte_count}


class _Made(TableStream):
    """Rows that no file was read for, as the project's own writer takes them."""

    def __init__(self, model: type[DatasetTable], tables: Iterator[pa.Table]) -> None:
        self.model = model
        self.schema = arrow_schema(model)
        self.row_count = 0
        self._tables = tables

    def passes(self) -> Iterator[Iterator[Batch]]:
        yield self._batches()

    def _batches(self) -> Iterator[Batch]:
        for table in self._tables:
            self.row_count += table.num_rows
            yield Batch(table, REJECTS_SCHEMA.empty_table())


def _write(warehouse: Warehouse, dataset: str, day: date, tables: Iterator[pa.Table]) -> int:
    """Write a partition as the platform does, with a file of no rejects; gives its rows."""
    requested_at = datetime(day.year, day.month, day.day, 2, 5, tzinfo=UTC) + timedelta(days=1)
    footer = Footer(dataset=dataset, day=day, requested_at=requested_at)
    stream = _Made(DATASET_MODELS[dataset], tables)
    with (
        warehouse.create(partition_file(("tables", dataset), day)) as table_file,
        warehouse.create(partition_file(rejects_key(dataset), day)) as rejects_file,
    ):
        write_table(stream, table_file, rejects_file, footer=footer, zone="UTC")
    return stream.row_count


def _engagements(day: date, works: dict[date, AgentEngagements]) -> Iterator[pa.Table]:
    """The day's own, and on the days after it, those of which a score was corrected."""
    for part in _parts(works[day]):
        yield engagement_rows(part, part.end_ms + HOUR_MS)
        yield waiting_rows(part)
    for days_ago, own in _earlier(day, works, _EDIT_DAYS):
        corrected = own.take(own.places_where(f"corrected {days_ago}", CORRECTED_SHARE))
        yield engagement_rows(corrected, _later(corrected, days_ago), correction=3 * days_ago)


def _reviews(day: date, works: dict[date, AgentEngagements]) -> Iterator[pa.Table]:
    """Automatic reviews on the day, the others over days; verifications and deletions give newer versions of rows."""
    for part in _parts(works[day]):
        yield review_rows(part, AUTO, part.end_ms + HOUR_MS)
    for days_ago, own in [(0, works[day]), *_earlier(day, works, _SURVEY_DAYS)]:
        dice = Dice(own.key)
        humans = dice.happens("human", HUMAN_SHARE) & (dice.between("human days", 0, _HUMAN_DAYS) == days_ago)
        surveys = dice.happens("survey", SURVEY_SHARE) & (dice.between("survey days", 0, _SURVEY_DAYS) == days_ago)
        for chosen, sort in ((humans, HUMAN), (surveys, SURVEY)):
            reviewed = own.take(np.flatnonzero(chosen))
            yield review_rows(reviewed, sort, _later(reviewed, days_ago))
    of_turns = works[day].take(works[day].places_where("of turn", OF_CUSTOMER_SHARE))
    yield review_rows(of_turns, OF_CUSTOMER, of_turns.end_ms + HOUR_MS)
    for days_ago, own in _earlier(day, works, _EDIT_DAYS):
        verified = own.take(own.places_where(f"verified {days_ago}", VERIFIED_SHARE))
        yield review_rows(verified, AUTO, _later(verified, days_ago), is_verified=True)
        dice = Dice(own.key)
        was_first = dice.happens("human", HUMAN_SHARE) & (dice.between("human days", 0, _HUMAN_DAYS) == days_ago - 1)
        deleted = own.take(np.flatnonzero(was_first & dice.happens("deleted", DELETED_SHARE)))
        yield review_rows(deleted, HUMAN, _later(deleted, days_ago), status="Deleted")


def _turns(own: AgentEngagements, turn_count: int) -> Iterator[pa.Table]:
    yield from (turn_rows(part, turn_count) for part in _parts(own, 4))


def _parts(own: AgentEngagements, smaller: int = 1) -> Iterator[AgentEngagements]:
    """So many engagements at a time that their rows make a row group of common size."""
    size = _ENGAGEMENTS_AT_ONCE // smaller
    for first in range(0, len(own.key), size):
        yield own.take(np.arange(first, min(first + size, len(own.key))))


def _earlier(day: date, works: dict[date, AgentEngagements], longest: int) -> Iterator[tuple[int, AgentEngagements]]:
    for start_day, own in works.items():
        days_ago = (day - start_day).days
        if 0 < days_ago <= longest:
            yield days_ago, own


def _later(own: AgentEngagements, days: int) -> Integers:
    return own.end_ms + 2 * HOUR_MS + days * 24 * HOUR_MS


if __name__ == "__main__":
    main()
