"""A compared figure fitted again as if the agent's own answers had stayed as they were: the rest is others' data."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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

_CHOICES = ("min_engagements", "min_evaluations", "min_reliability")

OwnRows = Mapping[date, Sequence[KeptRow]]
"""The agent's rows that were replaced, by their day, in the order of the replacements."""


def refit(  # noqa: PLR0917 - of whom, of when and by what, each of its own type
    warehouse: Warehouse, end_date: date, recipe: Recipe, own: OwnRows, key: Mapping[str, Any], figure: str
) -> float | None:
    """The figure of the row with this key of `scores/fair`, by answers as they are but for the agent's own, undone.

    Without own rows it is what would be published now. None where there is no such row or figure, or a row of an erased
    customer cannot be undone. Two fits of all agents' answers take as long as two of the score's days.
    """
    if any(pid is None for rows in own.values() for row in rows for pid in _list_pids(row)):
        return None

    def read(name: str, days: int, columns: Sequence[str], **having: Any) -> Iterator[pa.Table]:
        return read_score_windows(warehouse, name, [end_date], days, columns, **having)

    answers = read("answer", CHANGE_DAYS, [*WINDOW_ANSWER_COLUMNS, "pid"], having=WINDOW_ANSWERS)
    (table,) = score_fair_windows(
        read("agent_daily", max(WINDOWS), ROLLING_DAILY_COLUMNS),
        read("agent_segment_daily", max(WINDOWS), ROLLING_SEGMENT_COLUMNS),
        _undo(answers, own),
        [end_date],
        RollingChoices(**{name: recipe.settings[name] for name in _CHOICES if name in recipe.settings}),
    )
    found = table
    for name, value in key.items():
        found = found.filter(pc.equal(found[name], value))
    value = found[figure][0].as_py() if found.num_rows else None
    return float(value) if isinstance(value, float) and math.isfinite(value) else None


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
