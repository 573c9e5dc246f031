"""A compared figure fitted again as if answers had stayed as they were: the agent's own alone, or everybody's."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.asked import Asked
from salted_assets.explain.change_files import ChangeFile, changes_key
from salted_assets.explain.compared import list_days_compared
from salted_assets.explain.held_level import HeldLevel
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


class CannotRefitError(LookupError):
    """A fit would not give what was published, or what was replaced is not known any more: rows of erased customers."""


@dataclass(frozen=True)
class Undone:
    """Replacements that are undone: after `since` (None: all) to `until`, of an agent's answers or of everybody's."""

    since: datetime | None
    until: datetime
    agent_pid: str | None = None


@dataclass
class Refits:
    """The fits that the figures of one request need, each made once; they are kept for as long as it.

    `is_as_published` says whether the present answers are known to give the published figures; None where nobody has
    looked yet. `held` is the model of the present answers, None where none was fitted.
    """

    warehouse: Warehouse
    is_as_published: bool | None = None
    held: HeldLevel | None = field(default=None, repr=False)
    _fits: dict[tuple[Any, ...], pa.Table] = field(default_factory=dict, repr=False)

    def undo(self, asked: Asked, recipe: Recipe, undone: Undone) -> float:
        """The figure by the formulas of now, the recipe's settings, and answers as they were before the replacements.

        A fit of all agents' answers takes as long as one of the score's days. Raises CannotRefitError.
        """
        return self._find(asked, recipe, undone)

    def ensure_as_published(self, asked: Asked, recipe: Recipe, published: float) -> None:
        """Raise CannotRefitError where the present answers do not give the figure that is `published`."""
        if self.is_as_published is None:
            now = self._find(asked, recipe, None)
            self.is_as_published = math.isclose(now, published, rel_tol=_SAME, abs_tol=_SAME)
        if not self.is_as_published:
            raise CannotRefitError

    def _find(self, asked: Asked, recipe: Recipe, undone: Undone | None) -> float:
        choices = {name: recipe.settings[name] for name in _CHOICES if name in recipe.settings}
        key = asked.day, tuple(choices.items()), undone
        if key not in self._fits:
            self._fits[key] = self._fit(asked.day, RollingChoices(**choices), undone)
        table = self._fits[key]
        found = table.filter(asked.is_row(table))
        value = found[asked.figure][0].as_py() if found.num_rows else None
        if not isinstance(value, float) or not math.isfinite(value):
            raise CannotRefitError
        return value

    def _fit(self, end_date: date, choices: RollingChoices, undone: Undone | None) -> pa.Table:
        def read(name: str, days: int, columns: Sequence[str], **having: Any) -> Iterator[pa.Table]:
            return read_score_windows(self.warehouse, name, [end_date], days, columns, **having)

        answers = read("answer", CHANGE_DAYS, [*WINDOW_ANSWER_COLUMNS, "pid"], having=WINDOW_ANSWERS)
        (table,) = score_fair_windows(
            read("agent_daily", max(WINDOWS), ROLLING_DAILY_COLUMNS),
            read("agent_segment_daily", max(WINDOWS), ROLLING_SEGMENT_COLUMNS),
            answers if undone is None else _undo(self.warehouse, end_date, answers, undone),
            [end_date],
            choices,
        )
        return table


def _undo(warehouse: Warehouse, end_date: date, answers: Iterable[pa.Table], undone: Undone) -> Iterator[pa.Table]:
    """The answers of each day, of those that were replaced as they were before the first of these replacements."""
    left = {
        day: replaced
        for day in list_days_compared(end_date)
        if (replaced := _read_replaced(warehouse, day, undone)).num_rows
    }
    for rows in answers:
        replaced = left.pop(rows["start_date"][0].as_py(), None) if rows.num_rows else None
        yield rows if replaced is None else _put_back(rows, replaced)
    if any(pc.any(pc.equal(replaced["state"], BEFORE)).as_py() for replaced in left.values()):
        raise CannotRefitError


def _read_replaced(warehouse: Warehouse, day: date, undone: Undone) -> pa.Table:
    """All states of the day's answers in the first of these replacements that each was part of."""
    rows = ChangeFile(warehouse, "answer", warehouse.table_path(changes_key("answer"), day)).read_done(day)
    is_during = pc.less_equal(rows["replaced_at_utc"], undone.until)
    if undone.since is not None:
        is_during = pc.and_(is_during, pc.greater(rows["replaced_at_utc"], undone.since))
    during = rows.filter(pc.and_(is_during, pc.not_equal(rows["event"].cast(pa.string()), "unchanged")))
    texts = [name for name in during.column_names if pa.types.is_dictionary(during.schema.field(name).type)]
    for name in texts:
        during = during.set_column(during.schema.get_field_index(name), name, during[name].cast(pa.string()))
    if undone.agent_pid is not None:
        during = _of_agent(during, undone.agent_pid)
    if during["pid"].null_count:
        raise CannotRefitError
    first = during.group_by("pid").aggregate([("replaced_at_utc", "min")])
    joined = during.join(first, "pid")
    return joined.filter(pc.equal(joined["replaced_at_utc"], joined["replaced_at_utc_min"]))


def _of_agent(during: pa.Table, agent_pid: str) -> pa.Table:
    """The rows that are the agent's in one of their states."""
    key = ["new_file_id", "row_number"]
    own = during.filter(pc.equal(during["agent_pid"], agent_pid)).group_by(key).aggregate([])
    return during.join(own, key, join_type="inner")


def _put_back(rows: pa.Table, replaced: pa.Table) -> pa.Table:
    kept = rows.filter(pc.invert(pc.is_in(rows["pid"].cast(pa.string()), value_set=replaced["pid"].combine_chunks())))
    is_before = pc.and_(pc.equal(replaced["state"], BEFORE), pc.equal(replaced["source"], WINDOW_ANSWERS["source"]))
    before = replaced.filter(is_before)
    before = before.append_column("is_scored", pc.equal(before["scoring_status"], "scored"))
    before = before.append_column("start_date", pa.repeat(rows["start_date"][0], before.num_rows))
    schema = arrow_schema(Answer)
    fields = [schema.field(name).with_nullable(True).remove_metadata() for name in rows.column_names]
    added = pa.table(
        {
            each.name: before[each.name] if each.name in before.column_names else pa.nulls(before.num_rows, each.type)
            for each in fields
        }
    ).cast(pa.schema(fields))
    return pa.concat_tables([kept.replace_schema_metadata(None).cast(added.schema), added])
