"""Parquet files (tables, rejects, scores) rewritten without the rows of erased customers.

Rejects are rewritten before the table of their day, which says whose their ids are: a run that is cut off between the
two is made good by the next one.
"""

import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.history import Footer, day_of, forget_rows
from salted_assets.history.table_files import copy_rows, write_frame
from salted_assets.ingest import has_plausible_keys
from salted_assets.privacy.erasure_filter import KEY_COLUMNS, ErasureFilter
from salted_assets.privacy.receipt import Erased
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import ColumnFacts, columns_of, csv_header, facts_of
from salted_assets.schemas.row_change import KEPT_ROWS
from salted_assets.warehouse import Warehouse, WarehouseDamaged, day_of_path, rejects_key

_OF_SEVERAL = re.compile(r" \(file \d+ of \d+ of the day\)$")
"""How the reason named the file before rejects had a column for it."""


@dataclass
class Traces:
    """What else belongs to the engagements that go: the days that they started on, and their links."""

    start_days: set[date] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


ScoreHook = Callable[[str, date, Path], object]
"""Takes the name of a score, its day and the file that is about to replace it."""


def _ignore(_score: str, _day: date, _file: Path) -> None:
    """Where nobody keeps what a score was."""


@dataclass(frozen=True)
class TableRewrite:
    """The Parquet files of a warehouse, rewritten with one filter; start days are calendar days of `zone`."""

    warehouse: Warehouse
    erasure_filter: ErasureFilter
    zone: str
    is_dry_run: bool
    on_problem: Callable[[str], None]
    before_score: ScoreHook = _ignore

    def learn(self) -> Traces:
        """Let the filter learn engagements from all versions in tables, and which customers are found at all.

        Gives what else belongs to the engagements.
        """
        traces, calendar = Traces(), ZoneInfo(self.zone)
        for dataset in ("engagement", "customer"):
            for path in self._list_paths(dataset):
                with self._open(path) as file:
                    self.erasure_filter.find_rows(dataset, _read(file, KEY_COLUMNS[dataset]))
        # once more: a version may give an engagement to somebody else than the version that says whose it is
        for path in self._list_paths("engagement"):
            with self._open(path) as file:
                self._gather(_read(file, (*KEY_COLUMNS["engagement"], "start_time", "link")), traces, calendar)
        return traces

    def _list_paths(self, dataset: str) -> list[str]:
        key = ("tables", dataset)
        return [self.warehouse.table_path(key, day) for day in self.warehouse.list_days(key)]

    def _gather(self, rows: pa.Table, traces: Traces, calendar: ZoneInfo) -> None:
        found = rows.filter(pa.array(self.erasure_filter.find_rows("engagement", rows)))
        instants = pc.unique(found["start_time"].cast(pa.int64()).drop_null()).to_pylist()
        starts = (day_of(instant, calendar) for instant in instants)
        traces.start_days.update(start for start in starts if start is not None)
        traces.links.update(link for link in pc.unique(found["link"]).to_pylist() if link)

    def erase_scores(self) -> Iterator[Erased]:
        """Rewrite the scores that name engagements, then review plans, of which they are made.

        Scores that sum engagements up are made again from what is left.
        """
        for path in (*self.warehouse.list_files("scores"), *self.warehouse.list_files("plans")):
            if not path.endswith(".parquet"):
                continue
            with self._open(path) as file:
                if "engagement_pid" in file.schema_arrow.names:
                    yield from self._erase(file, path, ["engagement_pid"], self._of_engagements)

    def erase_kept_rows(self) -> Iterator[Erased]:
        """Rewrite the kept rows of replaced scores without the ids of theirs; values stay, with which figures add up.

        After the scores, whose rewriting keeps what they were.
        """
        for score in KEPT_ROWS:
            key = ("changes", score)
            for day in self.warehouse.list_days(key):
                path = self.warehouse.table_path(key, day)
                with self._open(path) as file:
                    if "engagement_pid" not in file.schema_arrow.names:
                        continue
                    try:
                        rows = file.read()
                    except (pa.ArrowException, OSError) as error:
                        self._report_damage(path, error)
                        continue
                    theirs = self.erasure_filter.find_engagements(rows["engagement_pid"])
                    if theirs.any():
                        if not self.is_dry_run:
                            with self.warehouse.create(path) as target:
                                write_frame(target, forget_rows(rows, pa.array(theirs)), Footer.of(file))
                        yield Erased(path, int(theirs.sum()))

    def erase_tables(self, dataset: str) -> Iterator[Erased]:
        """Rewrite the rejects of each day, then its table."""
        key = ("tables", dataset)
        days = {*self.warehouse.list_days(key), *self.warehouse.list_days(rejects_key(dataset))}
        for day in sorted(days):
            yield from self._erase_rejects(dataset, day)
            path = self.warehouse.table_path(key, day)
            if self.warehouse.exists(path):
                with self._open(path) as file:
                    columns = columns_of(DATASET_MODELS[dataset])
                    yield from self._erase(
                        file,
                        path,
                        KEY_COLUMNS[dataset],
                        lambda rows: self.erasure_filter.find_rows(dataset, rows),
                        [facts for facts in columns if facts.name in file.schema_arrow.names],
                    )

    @contextmanager
    def _open(self, path: str) -> Iterator[pq.ParquetFile]:
        """The file, or one without rows and columns where it is no Parquet file, which is reported."""
        try:
            file = self.warehouse.open_parquet(path)
        except WarehouseDamaged as error:
            self._report_damage(path, error)
            file = pq.ParquetFile(_build_empty())
        with file:
            yield file

    def _report_damage(self, path: str, error: Exception) -> None:
        self.on_problem(
            f"{path} may hold rows of erased customers and cannot be read. Remove it, make it again, then run "
            f"`salted erase --again`. ({error})"
        )

    def _erase_rejects(self, dataset: str, day: date) -> Iterator[Erased]:
        path = self.warehouse.table_path(rejects_key(dataset), day)
        if not self.warehouse.exists(path):
            return
        with self._open(path) as file:
            if not file.metadata.num_rows:
                return
            rejects = file.read()
            gone = self._find_rejects(dataset, rejects, self._find_row_pids(dataset, day))
            if gone.any():
                start = 0

                def keep(rows: pa.Table) -> pa.Array:
                    nonlocal start
                    start += rows.num_rows
                    return pa.array(~gone[start - rows.num_rows : start])

                self._rewrite(file, path, keep, ())
                yield Erased(path, int(gone.sum()))

    def _find_row_pids(self, dataset: str, day: date) -> pa.Array:
        """The pids of rows that go from the table of the day: cells of the same rows may be among its rejects."""
        path = self.warehouse.table_path(("tables", dataset), day)
        if not self.warehouse.exists(path):
            return pa.array([], pa.string())
        with self._open(path) as file:
            rows = _read(file, KEY_COLUMNS[dataset])
            return pc.unique(rows["pid"].filter(pa.array(self.erasure_filter.find_rows(dataset, rows))).drop_null())

    def _find_rejects(self, dataset: str, rejects: pa.Table, row_pids: pa.Array) -> np.ndarray:
        """For each reject whether it goes: by its pid, by a pid in its raw text, or with the record that it is part of.

        `row_pids` are those of rows that go from the table.
        """
        gone = np.asarray(pc.is_in(rejects["pid"], value_set=row_pids).to_numpy(), bool)
        if dataset == "customer":
            gone |= self.erasure_filter.find_customers(rejects["pid"])
        elif dataset == "engagement":
            gone |= self.erasure_filter.find_engagements(rejects["pid"])
        records = _find_records(rejects, dataset)
        is_whole = rejects["column"].is_null().to_numpy()
        texts = rejects["raw_value"].to_pylist()
        named = [row for row in np.flatnonzero(is_whole) if self.erasure_filter.is_named_in(texts[row] or "")]
        theirs = {records[row] for row in (*np.flatnonzero(gone), *named)}
        return np.array([record in theirs for record in records], bool)

    def _of_engagements(self, rows: pa.Table) -> np.ndarray:
        return self.erasure_filter.find_engagements(rows["engagement_pid"])

    def _erase(
        self,
        file: pq.ParquetFile,
        path: str,
        keys: Collection[str],
        find: Callable[[pa.Table], np.ndarray],
        columns: Collection[ColumnFacts] = (),
    ) -> Iterator[Erased]:
        """Rewrite the file if its keys show that there is something in it to go."""
        count = int(find(_read(file, keys)).sum()) if file.metadata.num_rows else 0
        if count:
            self._rewrite(file, path, lambda rows: pa.array(~find(_with(rows, keys))), columns)
            yield Erased(path, count)

    def _rewrite(
        self,
        file: pq.ParquetFile,
        path: str,
        keep: Callable[[pa.Table], pa.Array],
        columns: Collection[ColumnFacts],
    ) -> None:
        if not self.is_dry_run:
            with self.warehouse.create(path) as target:
                copy_rows(file, target, keep, list(columns))
                folder, score, *_ = path.split("/")
                day = day_of_path(path)
                if folder == "scores" and day is not None:
                    self._keep_what_was(path, score, day, target)

    def _keep_what_was(self, path: str, score: str, day: date, target: Path) -> None:
        try:
            self.before_score(score, day, target)
        except WarehouseDamaged:
            # the file of changes is reported where it is rewritten itself; nobody's rows stay for its sake
            self.on_problem(
                f"{path} was rewritten without rows of erased customers. What it was before could not be kept, as the "
                f"day's file in changes/{score} cannot be read: why figures of {day} change by it will not be told."
            )


def _build_empty() -> io.BytesIO:
    empty = io.BytesIO()
    pq.write_table(pa.table({}), empty)
    return empty


def _read(file: pq.ParquetFile, columns: Collection[str]) -> pa.Table:
    """The columns, null where an older file lacks one."""
    present = [name for name in columns if name in file.schema_arrow.names]
    return _with(file.read(columns=present), columns)


def _with(rows: pa.Table, columns: Collection[str]) -> pa.Table:
    for name in columns:
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.string()))
    return rows.select(list(columns))


def _find_records(rejects: pa.Table, dataset: str) -> list[tuple[int, str]]:
    """For each reject the record that it belongs to: a line without keys of its own to the broken record before it."""
    model = DATASET_MODELS[dataset]
    needed = [csv_header(model).index(name) for name in facts_of(model).needed]
    records: list[tuple[int, str]] = []
    before, number_before = (0, ""), 0
    for row in rejects.to_pylist():
        record = (row["row_number"], _file_of(row))
        is_next = row["column"] is None and record == (number_before + 1, before[1])
        number_before = row["row_number"]
        if not is_next or has_plausible_keys((row["raw_value"] or "").encode(), needed):
            before = record
        records.append(before)
    return records


def _file_of(reject: Mapping[str, Any]) -> str:
    if file := reject.get("file"):
        return str(file)
    in_reason = _OF_SEVERAL.search(reject["reason"])
    return in_reason.group() if in_reason else ""
