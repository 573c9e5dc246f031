"""A compared figure fitted again as if the agent's own answers had stayed as they were: the rest is others' data."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.asked import Asked
from salted_assets.explain.kept_row import KeptRow
from salted_assets.history import Recipe
from salted_assets.history.score_files import read_score_windows
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.row_change import BEFORE
from salted_assets.schemas.scores import WINDOWS, Answer
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.agent_parts import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS
from salted_assets.scoring.windows.fair_scores import WINDOW_ANSWER_COLUMNS, WINDOW_ANSWERS, score_fair_windows
from salted_assets.scoring.windows.segments import ROLLING_SEGMENT_COLUMNS
from salted_assets.warehouse import Warehouse

REFITTED = "evaluation_reviewer"
"""The measure that is fitted of single answers, which are kept: others are fitted of sums."""

_SAME = 1e-9
"""How far a fit of now may be from the figure that was published: farther, its inputs are others."""

_CHOICES = ("min_engagements", "min_evaluations", "min_reliability")

OwnRows = Mapping[date, Sequence[KeptRow]]
"""The agent's rows that were replaced, by their day, in the order of the replacements."""


@dataclass
class Refits:
    """The fits that the figures of one request need, each made once.

    `is_as_published` says whether the present answers are known to give the published figures; None where nobody has
    looked yet.
    """

    warehouse: Warehouse
    is_as_published: bool | None = None
    _fits: list[tuple[date, Recipe, OwnRows, pa.Table]] = field(default_factory=list, repr=False)

    def undo(self, asked: Asked, recipe: Recipe, own: OwnRows, published: float) -> float | None:
        """The figure by answers as they are but for the agent's `own`, which are as they were.

        None where there was no such figure, a row of an erased customer cannot be undone, or the present answers do not
        give the `published` figure any more. A fit of all agents' answers takes as long as one of the score's days.
        """
        if any(pid is None for rows in own.values() for row in rows for pid in _list_pids(row)):
            return None
        try:
            if self.is_as_published is None:
                now = self._find(asked, recipe, {})
                self.is_as_published = now is not None and math.isclose(now, published, rel_tol=_SAME, abs_tol=_SAME)
            return self._find(asked, recipe, own) if self.is_as_published else None
        except LookupError:
            return None

    def _find(self, asked: Asked, recipe: Recipe, own: OwnRows) -> float | None:
        table = self._fit(asked.day, recipe, own)
        found = table.filter(asked.is_row(table))
        value = found[asked.figure][0].as_py() if found.num_rows else None
        return float(value) if isinstance(value, float) and math.isfinite(value) else None

    def _fit(self, end_date: date, recipe: Recipe, own: OwnRows) -> pa.Table:
        for *known, table in self._fits:
            if known == [end_date, recipe, own]:
                return table

        def read(name: str, days: int, columns: Sequence[str], **having: Any) -> Iterator[pa.Table]:
            return read_score_windows(self.warehouse, name, [end_date], days, columns, **having)

        answers = read("answer", CHANGE_DAYS, [*WINDOW_ANSWER_COLUMNS, "pid"], having=WINDOW_ANSWERS)
        (table,) = score_fair_windows(
            read("agent_daily", max(WINDOWS), ROLLING_DAILY_COLUMNS),
            read("agent_segment_daily", max(WINDOWS), ROLLING_SEGMENT_COLUMNS),
            _undo(answers, own),
            [end_date],
            RollingChoices(**{name: recipe.settings[name] for name in _CHOICES if name in recipe.settings}),
        )
        self._fits.append((end_date, recipe, own, table))
        return table


def _list_pids(row: KeptRow) -> list[str | None]:
    return [values["pid"] for values in row.states.values()]


def _undo(answers: Iterable[pa.Table], own: OwnRows) -> Iterator[pa.Table]:
    """The answers of each day, of own rows as they were before the first replacement."""
    left = dict(own)
    for rows in answers:
        day = rows["start_date"][0].as_py() if rows.num_rows else date.min
        changed = left.pop(day, ())
        yield _undo_day(rows, day, changed) if changed else rows
    if any(_before(rows) for rows in left.values()):
        raise LookupError("a day of the agent's answers is not there any more")


def _undo_day(rows: pa.Table, day: date, changed: Sequence[KeptRow]) -> pa.Table:
    pids = {pid for row in changed for pid in _list_pids(row)}
    kept = rows.filter(pc.invert(pc.is_in(rows["pid"].cast(pa.string()), value_set=pa.array(sorted(map(str, pids))))))
    before = [
        {**values, "start_date": day, "is_scored": values["scoring_status"] == "scored"} for values in _before(changed)
    ]
    schema = arrow_schema(Answer)
    fields = [schema.field(name).with_nullable(True).remove_metadata() for name in rows.column_names]
    added = pa.Table.from_pylist(before, pa.schema(fields))
    return pa.concat_tables([kept.replace_schema_metadata(None).cast(added.schema), added])


def _before(changed: Sequence[KeptRow]) -> list[Mapping[str, Any]]:
    """The first states of the rows, each row once, of those that count."""
    first: dict[str, Mapping[str, Any] | None] = {}
    for row in changed:
        (pid, *_) = _list_pids(row)
        first.setdefault(str(pid), row.states.get(BEFORE))
    return [values for values in first.values() if values is not None and values["source"] == WINDOW_ANSWERS["source"]]
