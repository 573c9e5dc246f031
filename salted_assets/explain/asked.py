"""The figure whose causes are asked for: what it is made of, as it is now, and how it was replaced."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.attribution import Kind
from salted_assets.explain.change_files import ChangeFile, changes_key
from salted_assets.explain.explanation import UNSPLIT, CausePart, Explanation
from salted_assets.explain.units import Counted, Total, find_counted
from salted_assets.history import Footer
from salted_assets.schemas.score_change import PUBLISHED_FIGURES
from salted_assets.warehouse import Warehouse

_GEOMETRIC = "handle_time_geometric_ms"
_KINDS = {"mean": Kind.MEAN, "count": Kind.COUNT, "sum": Kind.SUM}


@dataclass(frozen=True)
class Asked:
    """A figure of an agent: a column of the row that the others identify; None of a daily score."""

    score: str
    day: date
    agent_pid: str
    figure: str
    measure: str | None
    window_days: int | None

    @property
    def kind(self) -> Kind | None:
        """What the figure is of what it counts; None where it is something else."""
        if self.measure is None:
            return _KINDS.get(self.figure.rpartition("_")[2])
        if self.figure != "mean":
            return None
        return Kind.GEOMETRIC_MEAN if self.measure == _GEOMETRIC else Kind.MEAN

    @property
    def counted(self) -> Counted | None:
        """What the figure counts; None where kept rows do not tell it."""
        return find_counted(self.measure or self.figure.rpartition("_")[0])

    @property
    def columns(self) -> list[str]:
        """The columns of the score that tell the figure and what it is made of."""
        name = self.figure.rpartition("_")[0]
        own = ["measure_count"] if self.measure else [f"{name}_sum", f"{name}_count"]
        return list(dict.fromkeys([self.figure, *own]))

    @property
    def days(self) -> list[date]:
        """The days whose rows the figure is made of."""
        return [self.day - timedelta(days=back) for back in range(self.window_days or 1)]

    def total_of(self, row: Mapping[str, Any] | None) -> Total:
        """The sum and the count behind the figure, by the row of the score; nothing where it is not there."""
        if row is None or row[self.figure] is None:
            return Total(0.0, 0.0)
        if self.measure is None:
            name = self.figure.rpartition("_")[0]
            return Total(float(row.get(f"{name}_sum") or 0.0), float(row[f"{name}_count"]))
        mean, count = row[self.figure], float(row["measure_count"])
        return Total((math.log(mean) if self.kind is Kind.GEOMETRIC_MEAN else mean) * count, count)

    def is_row(self, rows: pa.Table) -> pa.Array:
        """Which rows of the score, or of its changes, are of the agent, window and measure."""
        found = pc.equal(rows["agent_pid"].cast(pa.string()), self.agent_pid)
        if self.measure is not None:
            found = pc.and_(found, pc.equal(rows["measure"].cast(pa.string()), self.measure))
        if self.window_days is not None:
            found = pc.and_(found, pc.equal(rows["window_days"], self.window_days))
        return found

    def leave_unsplit(self, explained: Explanation) -> Explanation:
        """The change as one part, for kept rows do not say what the figure is made of."""
        note = f"{self.figure} cannot be split: the rows that are kept do not tell what it is made of."
        return replace(explained, parts=(CausePart(UNSPLIT, None),), notes=(note,))

    def explain(
        self, old: float | None, new: float | None, published_at: datetime | None, replaced_at: datetime | None
    ) -> Explanation:
        """What is said of it, but for the causes."""
        return Explanation(
            score=self.score,
            day=self.day,
            agent_pid=self.agent_pid,
            figure=self.figure,
            measure=self.measure,
            window_days=self.window_days,
            old=old,
            new=new,
            published_at=published_at,
            replaced_at=replaced_at,
        )


def read_current(warehouse: Warehouse, asked: Asked) -> tuple[dict[str, Any] | None, datetime | None]:
    """The row of the score as it is, and when it was made; None where it is not there."""
    try:
        file = warehouse.open_parquet(warehouse.table_path(("scores", asked.score), asked.day))
    except FileNotFoundError:
        return None, None
    with file:
        names = file.schema_arrow.names
        keys = file.read(columns=[name for name in PUBLISHED_FIGURES[asked.score].key if name in names])
        at = pc.indices_nonzero(asked.is_row(keys))
        if not len(at):
            return None, None
        columns = [name for name in asked.columns if name in names]
        row: dict[str, Any] = file.read(columns=columns).take(at).to_pylist()[0]
        return {asked.figure: None, **row}, Footer.of(file).scored_at


def read_changes(warehouse: Warehouse, asked: Asked) -> list[dict[str, Any]]:
    """The replacements of the figure, in order."""
    path = warehouse.table_path(changes_key(asked.score), asked.day)
    rows = ChangeFile(warehouse, asked.score, path).read_done(asked.day)
    is_figure = pc.equal(rows["figure"].cast(pa.string()), asked.figure)
    own = rows.filter(pc.and_(asked.is_row(rows), is_figure)).sort_by("replaced_at_utc")
    found: list[dict[str, Any]] = own.to_pylist()
    return found
