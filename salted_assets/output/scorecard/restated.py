"""What has become of the figures of the card of a week before: those that moved since they were published, and why."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain import changes_key, drop_undone
from salted_assets.output.scorecard.inputs import EVALUATION, WINDOW_DAYS
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.table_cells import Cell, Heading, Row, Table, text_of, write_percent, write_points
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import damage_named

_DIGITS = 9

LEAST_MOVE = 0.02
"""Of a score in 0..1: what is less is not listed."""

RESTATED_COLUMNS = ("agent_pid", "old", "new", "because")

_OF_REPLACEMENT = ("replaced_at_utc", "old_file_id")
_FIGURE_COLUMNS = ("agent_pid", "window_days", "measure", "figure", "old", "new", "published_at_utc", *_OF_REPLACEMENT)
_ROW_COLUMNS = ("agent_pid", "source", "cause", "new_file_id", "row_number", *_OF_REPLACEMENT)
_HEADINGS = (
    Heading("Agent", "Name as recorded on the engagements.", is_text=True),
    Heading("Reported", "Fair QA score of the card of a week before, as it was first published."),
    Heading("Now", "The same figure, of the same days, as it is now."),
    Heading("Points", "By how much it moved."),
    Heading("Because", "What happened to the agent's own answers by reviewers since, with their number.", is_text=True),
)
_OTHERS = "others' evaluations, settings or formulas"


@dataclass(frozen=True)
class Restated:
    """The section: the day of the card before, and the figures of it that moved."""

    since: date
    table: Table


class RestatedReader:
    """Reads what moved since cards were published; the rows behind it once for all cards of a range."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._days: list[date] | None = None
        self._rows: dict[date, pa.Table] = {}

    def read(self, day: date) -> pd.DataFrame:
        """The agents whose fair QA score of the window that ended on the day has moved by `LEAST_MOVE` or more.

        Has `RESTATED_COLUMNS`: the score as it was first published and as it is now, and the causes with the number of
        answers by reviewers. Where nothing was replaced there is no row, and nothing is read.
        Raises WarehouseDamaged for a file that cannot be read.
        """
        moved = self._find_moved(day)
        because = self._count_causes(day, {row["agent_pid"]: row["published_at_utc"] for row in moved}) if moved else {}
        rows = [row | {"because": because.get(row["agent_pid"], _OTHERS)} for row in moved]
        return pd.DataFrame(rows, columns=list(RESTATED_COLUMNS))

    def _find_moved(self, day: date) -> list[dict[str, Any]]:
        if not self._warehouse.exists(self._warehouse.table_path(changes_key("fair"), day)):
            return []
        rows = self._read("fair", day, _FIGURE_COLUMNS)
        of_figure = pc.and_(pc.equal(rows["figure"], "fair_mean"), pc.equal(rows["measure"], EVALUATION))
        own = rows.filter(pc.and_(of_figure, pc.equal(rows["window_days"], WINDOW_DAYS)))
        found: dict[str, dict[str, Any]] = {}
        for row in own.sort_by("replaced_at_utc").to_pylist():
            found.setdefault(row["agent_pid"], row)["new"] = row["new"]
        return [row for row in found.values() if _has_moved(row["old"], row["new"])]

    def _count_causes(self, day: date, published: Mapping[str, datetime | None]) -> dict[str, str]:
        """In words how often each cause touched an answer of each of these agents since the instants."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        pids = pa.array(list(published), pa.string())
        for rows in self._rows_of_window(day):
            for row in rows.filter(pc.is_in(rows["agent_pid"], value_set=pids)).to_pylist():
                since = published[row["agent_pid"]]
                if since is None or row["replaced_at_utc"] > since:
                    counts[row["agent_pid"]].update(row["cause"].split(", "))
        return {
            pid: ", ".join(
                f"{count} {cause}" for cause, count in sorted(own.items(), key=lambda each: (-each[1], each[0]))
            )
            for pid, own in counts.items()
        }

    def _rows_of_window(self, day: date) -> Iterator[pa.Table]:
        if self._days is None:
            self._days = self._warehouse.list_days(changes_key("answer"))
        for each in self._days:
            if day - timedelta(days=WINDOW_DAYS) < each <= day:
                if each not in self._rows:
                    self._rows[each] = _list_touched(self._read("answer", each, _ROW_COLUMNS))
                yield self._rows[each]

    def _read(self, score: str, day: date, columns: Sequence[str]) -> pa.Table:
        path = self._warehouse.table_path(changes_key(score), day)
        with damage_named(self._warehouse, [path]), self._warehouse.open_parquet(path) as file:
            rows = file.read(columns=list(columns), use_threads=False)
        return drop_undone(self._warehouse, score, day, rows)


def _has_moved(old: float | None, new: float | None) -> bool:
    return old is not None and new is not None and round(abs(new - old), _DIGITS) >= LEAST_MOVE


def _list_touched(rows: pa.Table) -> pa.Table:
    """The answers by reviewers that were touched, one row for each agent who has had it."""
    is_touched = pc.and_(pc.equal(rows["source"], "reviewer"), pc.is_valid(rows["cause"]))
    return (
        rows.filter(is_touched)
        .group_by(["agent_pid", "cause", "new_file_id", "row_number", "replaced_at_utc"])
        .aggregate([])
    )


def build_restated(since: date, restated: pd.DataFrame, people: Mapping[str, Mapping[Any, Any]]) -> Restated:
    """The section, the greatest moves first; `people` are rows by agent that say who they are.

    Who is not among them is left out: a machine, or somebody without an engagement in the days of both cards.
    """
    order = (restated["new"] - restated["old"]).astype(float).abs().sort_values(ascending=False, kind="stable").index
    return Restated(since, Table(_HEADINGS, tuple(_build_rows(restated.loc[order], people))))


def _build_rows(restated: pd.DataFrame, people: Mapping[str, Mapping[Any, Any]]) -> Iterator[Row]:
    for row in list_records(restated):
        who = people.get(row["agent_pid"])
        if who is None:
            continue
        yield Row(
            agent=row["agent_pid"],
            team=text_of(who["team"]),
            channel=text_of(who["channel_type"]),
            cells=(
                words(who["agent_name"], text_of(who["team"])),
                _write_score(row["old"]),
                _write_score(row["new"]),
                Cell(write_points(row["new"] - row["old"]), f"{row['new'] - row['old']:.9g}"),
                words(row["because"]),
            ),
        )


def _write_score(value: float) -> Cell:
    return Cell(write_percent(value), f"{value:.9g}")
