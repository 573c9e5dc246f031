"""The files of an export: which rows a window holds, written as a stream of CSV.

Here: selection by the vendor's filtering rule, file format, faults in files. Not here: what rows hold.

Format: RFC 4180 quoting, UTF-8, null as nothing between the commas, lines ended by LF alone. The vendor's page says
nothing of line ends; LF is what database exports on Unix write, and it keeps CRLF within a cell apart from line ends.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

import pyarrow as pa

from salted_assets.simulator.clock import DAY_MS, iso_seconds, to_ms
from salted_assets.simulator.contacts import contact_changes_until, contacts_changing
from salted_assets.simulator.conversations import (
    LOOK_BACK_DAYS,
    TURN_LOOK_BACK_DAYS,
    Engagement,
    build_conversation,
    slots_of_day,
)
from salted_assets.simulator.engagements import changes_of
from salted_assets.simulator.faults import DataFaults
from salted_assets.simulator.options import SimulatorOptions
from salted_assets.simulator.population import World, build_world
from salted_assets.simulator.randomness import keyed_random, pick
from salted_assets.simulator.reviews import reviews_of
from salted_assets.simulator.turns import turns_of
from salted_assets.simulator.versions import Cell, Window, version_in
from salted_assets.tables import DATASET_MODELS
from salted_assets.tables.base import columns_of, csv_header, facts_of

_needs_quotes = re.compile('[",\r\n]').search
_FLUSH_CHARACTERS = 1 << 20
_BAD_CELLS = ("n/a", "12:61", "1,5", "unknown", "2024-13-45T99:00:00Z")


def file_name(dataset: str) -> str:
    """The name of the dataset's file, as the vendor's page has it."""
    return facts_of(DATASET_MODELS[dataset]).file_name


def write_csv(  # noqa: PLR0917 - six plain things, each needed
    dataset: str, start: datetime, end: datetime, as_of: datetime, options: SimulatorOptions, out: BinaryIO
) -> int:
    """Write what an export of `[start, end)`, seen as of `as_of`, holds of one dataset; gives the number of rows.

    Streams: memory does not grow with the window (but for the set of contacts, with customers). An empty result is a
    header alone. Raises KeyError for an unknown dataset, ValueError for times without a zone.
    """
    window = Window(to_ms(start), to_ms(end), to_ms(as_of))
    return write_files({dataset: out}, window, options)[dataset]


def write_files(
    outs: Mapping[str, BinaryIO],
    window: Window,
    options: SimulatorOptions,
    contacts: frozenset[int] | None = None,
) -> dict[str, int]:
    """Write several datasets of one export in one pass, of some `contacts` only if given; gives the rows of each."""
    files = {dataset: _CsvFile(dataset, out, options) for dataset, out in outs.items()}
    _Export(build_world(options), window, files, contacts).write()
    return {dataset: file.finish() for dataset, file in files.items()}


def csv_record(record: Sequence[Cell]) -> str:
    """One record by RFC 4180 without its line end; null is nothing.

    The standard library's writer takes twice the time, and before Python 3.13 it leaves a lone CR unquoted.
    """
    return ",".join(
        [
            ""
            if cell is None
            else str(cell)
            if type(cell) is not str
            else cell
            if _needs_quotes(cell) is None
            else '"' + cell.replace('"', '""') + '"'
            for cell in record
        ]
    )


class _CsvFile:
    """One file being written: a row is given as a mapping and comes out in the order of the vendor's page."""

    def __init__(self, dataset: str, out: BinaryIO, options: SimulatorOptions) -> None:
        faults = options.faults.data
        model = DATASET_MODELS[dataset]
        self.out = out
        self.row_count = 0
        self.is_empty = dataset in faults.zero_bytes
        self.is_header_only = dataset in faults.header_only
        missing = faults.missing_columns.get(dataset, ())
        columns = csv_header(model) + (["updated_at"] if options.with_updated_at else [])
        self.columns = [name for name in columns if name not in missing] + list(faults.added_columns.get(dataset, ()))
        self.damage = _RowDamage(dataset, self.columns, faults, options.seed) if _is_damaged(dataset, faults) else None
        self.buffer = io.StringIO()
        self.line_end = "\r\n" if dataset in faults.crlf else "\n"
        if not self.is_empty:
            self.buffer.write("\ufeff" if dataset in faults.byte_order_mark else "")
            renamed = faults.renamed_columns.get(dataset, {})
            self._put([renamed.get(name, name) for name in self.columns])

    def write(self, row: dict[str, Cell], updated_ms: int) -> None:
        if self.is_empty or self.is_header_only:
            return
        row["updated_at"] = iso_seconds(updated_ms)
        record = list(map(row.get, self.columns))
        if self.damage is None:
            self._put(record)
            self.row_count += 1
        else:
            records = self.damage.apply(record)
            for each in records:
                self._put(each)
            self.row_count += len(records)
        if self.buffer.tell() > _FLUSH_CHARACTERS:
            self._flush()

    def finish(self) -> int:
        self._flush()
        return self.row_count

    def _put(self, record: Sequence[Cell]) -> None:
        self.buffer.write(csv_record(record) + self.line_end)

    def _flush(self) -> None:
        self.out.write(self.buffer.getvalue().encode())
        self.buffer.seek(0)
        self.buffer.truncate()


class _RowDamage:
    """Faults of single rows, at the ratios asked for and at the same rows each time."""

    def __init__(self, dataset: str, columns: list[str], faults: DataFaults, seed: int) -> None:
        typed = {
            facts.name for facts in columns_of(DATASET_MODELS[dataset]) if not pa.types.is_string(facts.arrow_type)
        }
        self.typed_positions = [position for position, name in enumerate(columns) if name in typed]
        self.added_positions = [columns.index(name) for name in faults.added_columns.get(dataset, ())]
        self.pid_position = columns.index("pid") if "pid" in columns else None
        told_apart_by = "comment" if dataset == "review" else "external_id"
        self.conflict_position = columns.index(told_apart_by) if told_apart_by in columns else None
        self.bad_cells = faults.bad_cells.get(dataset, 0.0)
        self.null_pids = faults.null_pids.get(dataset, 0.0)
        self.broken = faults.broken_records.get(dataset, 0.0)
        self.identical = faults.identical_duplicates.get(dataset, 0.0)
        self.conflicting = faults.conflicting_duplicates.get(dataset, 0.0)
        self.random = keyed_random(seed, "damage", dataset)

    def apply(self, record: list[Cell]) -> list[list[Cell]]:
        chance = self.random.random
        for position in self.added_positions:
            record[position] = "new"
        if chance() < self.bad_cells and self.typed_positions:
            record[pick(self.random, self.typed_positions)] = pick(self.random, _BAD_CELLS)
        if chance() < self.null_pids and self.pid_position is not None:
            record[self.pid_position] = None
        records = [record]
        if chance() < self.identical:
            records.append(record)
        if chance() < self.conflicting and self.conflict_position is not None:
            conflicting = list(record)
            conflicting[self.conflict_position] = "conflicting duplicate"
            records.append(conflicting)
        if chance() < self.broken:
            records.append(record[: len(record) // 2])
        return records


def _is_damaged(dataset: str, faults: DataFaults) -> bool:
    by_row = (
        faults.added_columns,
        faults.bad_cells,
        faults.null_pids,
        faults.broken_records,
        faults.identical_duplicates,
        faults.conflicting_duplicates,
    )
    return any(dataset in ratios for ratios in by_row)


class _Export:
    """One pass over the conversations that the window can hold anything of."""

    def __init__(
        self, world: World, window: Window, files: dict[str, _CsvFile], contacts: frozenset[int] | None
    ) -> None:
        self.world = world
        self.window = window
        self.files = files
        self.contacts = contacts
        self.agents_seen: set[int] = set()
        self.contacts_seen: set[int] = set()

    def write(self) -> None:
        wants_rows = not self.files.keys().isdisjoint(("engagement", "customer", "agent"))
        for engagement in self._engagements():
            if not self.window.is_past(engagement.start_ms):
                continue
            if wants_rows:
                self._write_engagement(engagement)
            if "turn" in self.files:
                self._write_turns(engagement)
            if "review" in self.files:
                self._write_reviews(engagement)
        if "customer" in self.files:
            self._write_customers()
        if "agent" in self.files:
            self._write_agents()

    def _engagements(self) -> Iterator[Engagement]:
        start_ms, end_ms, _ = self.window
        only_turns = self.files.keys() == {"turn"}
        look_back_days = TURN_LOOK_BACK_DAYS if only_turns else LOOK_BACK_DAYS
        for day in range(start_ms // DAY_MS - look_back_days, (end_ms - 1) // DAY_MS + 1):
            for slot in slots_of_day(self.world, day):
                last_ms = slot.last_turn_ms if only_turns else slot.last_change_ms
                is_wanted = self.contacts is None or slot.contact_index in self.contacts
                if is_wanted and slot.start_ms < end_ms and last_ms >= start_ms:
                    yield from build_conversation(self.world, slot)

    def _write_engagement(self, engagement: Engagement) -> None:
        if engagement.type != "Agent" and engagement.end_ms < self.window.start_ms:
            return  # its end was its last change; most of a look-back need not be made
        changes = changes_of(self.world, engagement)
        version = version_in(self.window, changes, linked_start_ms=engagement.start_ms)
        if version is None:
            return
        if engagement.agent is not None:
            self.agents_seen.add(engagement.agent.index)
        if version.cells["contact_pid"] is not None:
            self.contacts_seen.add(engagement.slot.contact_index)
        if "engagement" in self.files:
            self.files["engagement"].write(version.cells, version.updated_ms)

    def _write_turns(self, engagement: Engagement) -> None:
        started = self.window.is_within(engagement.start_ms)
        if not started and (engagement.end_ms < self.window.start_ms or engagement.start_ms >= self.window.end_ms):
            return
        write, is_past, is_within = self.files["turn"].write, self.window.is_past, self.window.is_within
        for moment_ms, row in turns_of(engagement):
            if is_past(moment_ms) and (started or is_within(moment_ms)):
                write(row, moment_ms)

    def _write_reviews(self, engagement: Engagement) -> None:
        for history in reviews_of(self.world, engagement):
            version = version_in(self.window, history, linked_start_ms=engagement.start_ms)
            if version is not None:
                self.files["review"].write(version.cells, version.updated_ms)

    def _write_customers(self) -> None:
        changing = contacts_changing(self.world, self.window.start_ms, self.window.end_ms)
        wanted = self.contacts_seen.union(changing)
        if self.contacts is not None:
            wanted &= self.contacts
        for index in sorted(wanted):
            linked_ms = self.window.start_ms if index in self.contacts_seen else None
            changes = contact_changes_until(self.world.seed, index, self.window.as_of_ms)
            version = version_in(self.window, changes, linked_start_ms=linked_ms)
            if version is not None:
                self.files["customer"].write(version.cells, version.updated_ms)

    def _write_agents(self) -> None:
        for agent in self.world.agents:
            is_seen = agent.index in self.agents_seen
            if self.contacts is not None and not is_seen:
                continue
            changes = agent.changes_until(self.window.as_of_ms)
            version = version_in(self.window, changes, linked_start_ms=self.window.start_ms if is_seen else None)
            if version is not None:
                self.files["agent"].write(version.cells, version.updated_ms)
