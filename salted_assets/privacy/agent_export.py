"""All that is held on one agent, as a ZIP of CSV files: what answers an employee's request for their data.

Their rows of tables, rejects, scores, replaced figures, plans. Of other people it holds as little as these rows allow:
colleagues are numbers, customers are left out, and there are no messages. Not here: pages, which are given, and files.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.footers import Key
from salted_assets.landing import format_instant
from salted_assets.privacy.pseudonyms import put_where
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import columns_of
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.schemas.scores.fair import FEWEST_IN_GROUP, GROUP_FIGURES
from salted_assets.schemas.spreadsheets import quote_cell
from salted_assets.warehouse import Warehouse, rejects_key

_WINDOWS = ("scores", "agent_rolling")
_TABLES = ("agent", "engagement", "review")
_PEOPLE = (("agent_pid", "agent_name", "agent"), ("reviewer_pid", "reviewer_name", "reviewer"))
_OF_CUSTOMERS = frozenset(
    facts.name
    for facts in columns_of(DATASET_MODELS["engagement"])
    if facts.personal and facts.name not in {"agent_pid", "agent_name"}
)
"""Columns of engagements that name customers or others, or lead to them."""

_OF_REVIEWED = ("engagement_pid", "turn_pid", "comment", "comment_translated", "verification_comment", "answer_reason")
"""Columns of a review by the agent that speak of the colleague reviewed."""

_README = """\
All that this data platform holds on one agent, made on {made_at}{simulated}.

Agent: {pid}

{files}
`date` is the partition that a row lies in: of tables and rejects the day whose export delivered it, so that a row may
be there in several versions; of scores and changes the day, or the last day of the window, that it is about, of review
plans the day (UTC) on which they were drawn. What every column means: docs/tables.md, docs/scores.md. How scores are
made, and what must not be concluded: docs/people.md.

Left out, because it is about others or is not held here as data on this agent:
- colleagues: they are numbers, the same ones in all files (agent 1, reviewer 2), in free texts by reviewers excepted;
- the manager's name, and what names customers or leads to them: names, contacts, links, cases, custom attributes;
- in scores/fair.csv the figures of the group that the agent is compared with, where it is of fewer than {fewest}
  people, and in changes/fair.csv all of them: with one's own figures they would tell a colleague's;
- messages of conversations, of either side;
- of reviews by this agent: the comments, and which engagement they were about, which are data on the colleague;
- raw files as the vendor delivered them, from which these rows were made. They are kept until their retention ends, and
  the vendor has what it delivered;
- scorecards, which show all agents; the page of this agent is in pages/ where there is one.
"""


@dataclass
class AgentExport:
    """Gathers what is held on the agent with this pid; `row_counts` has the rows of each file that was written."""

    warehouse: Warehouse
    pid: str
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    row_counts: dict[str, int] = field(default_factory=dict)
    _numbers: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    _last_day: date | None = field(default=None, repr=False)
    _own_names: set[str] = field(default_factory=set, repr=False)

    def write(self, target: IO[bytes], make_pages: Callable[[date], Mapping[str, bytes]]) -> None:
        """Write the archive; nothing but README and manifest where nothing is held.

        `make_pages` gives pages by their names for the last day whose windows have the agent, where there is one.
        Raises WarehouseError for a file that cannot be read: an archive that lacks something must not look whole.
        """
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            if self.warehouse.simulated:
                archive.comment = b"simulated data"
            for name, key, minimise in self._sources():
                self._write_rows(archive, name, key, minimise)
            self._write_days(archive, "plans/review.csv", self._read_plans())
            for name, page in (make_pages(self._last_day) if self._last_day else {}).items():
                archive.writestr(f"pages/{name}", page)
                self.row_counts[f"pages/{name}"] = 1
            archive.writestr("README.txt", self._describe())
            archive.writestr("manifest.json", json.dumps(self._to_values(), indent=2))

    def _sources(self) -> Iterator[tuple[str, Key, Callable[[pa.Table], pa.Table]]]:
        """The name of each file, the key of what it is made of, and what makes the agent's rows of it."""
        for dataset in _TABLES:
            own = self._minimise_agent if dataset == "agent" else self._minimise
            yield f"tables/{dataset}.csv", ("tables", dataset), own
        yield "rejects/agent.csv", rejects_key("agent"), partial(self._filter_by, "pid")
        for score, model in SCORE_MODELS.items():
            if {"agent_pid", "reviewer_pid"} & {facts.name for facts in columns_of(model)}:
                own = self._minimise_fair if score == "fair" else self._minimise
                yield f"scores/{score}.csv", ("scores", score), own
                yield f"changes/{score}.csv", ("changes", score), self._minimise_changes

    def _write_rows(
        self, archive: zipfile.ZipFile, name: str, key: Key, minimise: Callable[[pa.Table], pa.Table]
    ) -> None:
        days = [
            (day, self._read(self.warehouse.table_path(key, day), minimise)) for day in self.warehouse.list_days(key)
        ]
        self._write_days(archive, name, days)
        if key == _WINDOWS and (last := [day for day, rows in days if rows.num_rows]):
            self._last_day = last[-1]

    def _write_days(self, archive: zipfile.ZipFile, name: str, days: Sequence[tuple[date, pa.Table]]) -> None:
        """Write the rows of days as one file; none where there is no row."""
        own = [(day, rows) for day, rows in days if rows.num_rows]
        if not own:
            return
        columns = list(dict.fromkeys(column for _, rows in own for column in rows.column_names))
        with (
            archive.open(name, "w", force_zip64=True) as entry,
            io.TextIOWrapper(entry, encoding="utf-8", newline="") as text,
        ):
            writer = csv.DictWriter(text, ["date", *columns], lineterminator="\n")
            writer.writeheader()
            for day, rows in own:
                writer.writerows({"date": day.isoformat(), **_plain(row)} for row in rows.to_pylist())
        self.row_counts[name] = sum(rows.num_rows for _, rows in own)

    def _read_plans(self) -> list[tuple[date, pa.Table]]:
        """The agent's rows of each review plan, with the day on which it was drawn."""
        paths = [path for path in self.warehouse.list_files("plans") if path.endswith(".parquet")]
        plans = [self._read(path, self._minimise) for path in paths]
        return [(rows["drawn_at_utc"][0].as_py().date(), rows) for rows in plans if rows.num_rows]

    def _read(self, path: str, minimise: Callable[[pa.Table], pa.Table]) -> pa.Table:
        """The agent's rows of a file, without what is others'. Nothing but ids is read of one that has none."""
        with self.warehouse.open_parquet(path) as file:
            names = [name for name in ("pid", "agent_pid", "reviewer_pid") if name in file.schema_arrow.names]
            ids = file.read(columns=names)
            if not any(self._is_own(ids, name).any() for name in names):
                return ids.slice(0, 0)
            return minimise(file.read())

    def _is_own(self, rows: pa.Table, column: str) -> np.ndarray:
        if column not in rows.column_names:
            return np.zeros(rows.num_rows, bool)
        is_own = pc.fill_null(pc.equal(rows[column].cast(pa.string()), self.pid), fill_value=False)
        return np.asarray(is_own.to_numpy(zero_copy_only=False), bool)

    def _filter_by(self, column: str, rows: pa.Table) -> pa.Table:
        return rows.filter(pa.array(self._is_own(rows, column)))

    def _minimise_agent(self, rows: pa.Table) -> pa.Table:
        own = self._filter_by("pid", rows)
        self._own_names.update(name for name in own["name"].to_pylist() if name)
        return own.drop_columns([name for name in ("manager",) if name in own.column_names])

    def _minimise(self, rows: pa.Table) -> pa.Table:
        rows = rows.filter(pa.array(self._is_own(rows, "agent_pid") | self._is_own(rows, "reviewer_pid")))
        rows = rows.drop_columns([name for name in rows.column_names if name in _OF_CUSTOMERS])
        is_about_other = ~self._is_own(rows, "agent_pid") & ("agent_pid" in rows.column_names)
        for column in (name for name in _OF_REVIEWED if name in rows.column_names):
            rows = put_where(rows, column, is_about_other, None)
        for pid_column, name_column, role in _PEOPLE:
            if pid_column in rows.column_names:
                is_other = ~self._is_own(rows, pid_column)
                numbers = self._number(rows[pid_column], is_other, role)
                rows = put_where(put_where(rows, pid_column, is_other, numbers), name_column, is_other, numbers)
        if "verified_by" in rows.column_names:
            own = {self.pid, *self._own_names}
            is_other = np.array([who not in own for who in rows["verified_by"].to_pylist()], bool)
            rows = put_where(rows, "verified_by", is_other, self._number(rows["verified_by"], is_other, "verifier"))
        return rows

    def _minimise_fair(self, rows: pa.Table) -> pa.Table:
        rows = self._minimise(rows)
        if "group_count" not in rows.column_names:
            return rows
        is_large = pc.fill_null(pc.greater_equal(rows["group_count"], FEWEST_IN_GROUP), fill_value=False)
        for name in (name for name in GROUP_FIGURES if name in rows.column_names):
            kept = pc.if_else(is_large, rows[name], pa.scalar(None, rows.schema.field(name).type))
            rows = rows.set_column(rows.schema.get_field_index(name), name, kept)
        return rows

    def _minimise_changes(self, rows: pa.Table) -> pa.Table:
        rows = self._minimise(rows)
        if "figure" not in rows.column_names:
            return rows
        is_of_group = pc.is_in(rows["figure"].cast(pa.string()), value_set=pa.array(GROUP_FIGURES))
        return rows.filter(pc.invert(is_of_group))

    def _number(self, people: pa.ChunkedArray, is_other: np.ndarray, role: str) -> list[str | None]:
        """What the others are called: numbers by the order in which they come, which tell nothing of a pid."""
        return [
            self._numbers.setdefault((role, who), f"{role} {1 + sum(other == role for other, _ in self._numbers)}")
            if who is not None and is_one
            else None
            for who, is_one in zip(people.to_pylist(), is_other.tolist(), strict=True)
        ]

    def _describe(self) -> str:
        files = "".join(f"{name}: {count} rows\n" for name, count in self.row_counts.items() if name.endswith(".csv"))
        files += "".join(f"{name}: a page to read\n" for name in self.row_counts if not name.endswith(".csv"))
        made_at, simulated = format_instant(self.now()), " (simulated data)" if self.warehouse.simulated else ""
        return _README.format(made_at=made_at, simulated=simulated, pid=self.pid, files=files, fewest=FEWEST_IN_GROUP)

    def _to_values(self) -> dict[str, Any]:
        return {
            "agent_pid": self.pid,
            "made_at": format_instant(self.now()),
            "simulated": self.warehouse.simulated,
            "row_counts": self.row_counts,
        }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Cells as CSV has them: instants in ISO 8601, lists as JSON, null empty, no text that a spreadsheet calculates."""
    return {name: _write_cell(value) for name, value in row.items()}


def _write_cell(value: Any) -> Any:
    if isinstance(value, str):
        return quote_cell(value)
    return value.isoformat() if isinstance(value, date) else json.dumps(value) if isinstance(value, list) else value
