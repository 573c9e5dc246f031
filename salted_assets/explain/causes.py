"""Why an agent's figure of a day or window is another one than was published: `causes_of_change`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.attribution import Kind, Replacement, find_effects, to_parts, total_after
from salted_assets.explain.change_files import ChangeFile, changes_key
from salted_assets.explain.compared import (
    ComparedStep,
    find_own_rows,
    list_days_compared,
    split_by_refit,
    split_compared,
)
from salted_assets.explain.explanation import UNSPLIT, WINDOW_MOVED, CausePart, Explanation, add_parts
from salted_assets.explain.refitting import REFITTED, OwnRows, refit
from salted_assets.explain.replacements import parse_recipe, read_replacements
from salted_assets.explain.steps import Step, split_steps
from salted_assets.explain.units import Counted, Total, find_counted
from salted_assets.history import Footer
from salted_assets.schemas.score_change import PUBLISHED_FIGURES
from salted_assets.warehouse import Warehouse

_GEOMETRIC = "handle_time_geometric_ms"
_NOT_TOLD = "{figure} cannot be split: the rows that are kept do not tell what it is made of."
_INPUTS_GONE = (
    "Formulas or settings changed when the files that the figure was made of were not there any more, so this change "
    "cannot be split."
)
_NOT_KEPT = (
    "Part of the change cannot be split: the rows that changed were not kept then, or do not add up to the figure."
)
_TOGETHER = (
    "Part of the change cannot be split: the agent's own data, others' data, formulas or settings changed together, "
    "and a compared figure rests on all of them."
)
_COMPARED = "fair"
_REFIT = 1e-9
"""How far a fit of now may be from the figure that was published: farther, its inputs are others."""
_KINDS = {"mean": Kind.MEAN, "count": Kind.COUNT, "sum": Kind.SUM}


class NothingPublishedError(LookupError):
    """The score has no such day, agent, window or figure, and never had."""


def causes_of_change(
    warehouse: Warehouse,
    zone: str,
    score: str,
    day: date,
    agent_pid: str,
    *,
    figure: str,
    measure: str | None = None,
    window_days: int | None = None,
    since: datetime | None = None,
) -> Explanation:
    """Why the figure is another one than it was first, or than it was at `since`; `zone` is the calendar of notes.

    `score` is the last part of a score's key, as `agent_daily`; `day` its partition; `figure` one of its columns in
    `PUBLISHED_FIGURES`, `measure` and `window_days` the row where there are several. Raises NothingPublishedError
    where the score has and had no such figure, ValueError for a figure that is not kept, WarehouseDamaged.
    """
    asked = _Asked(score, day, agent_pid, figure, measure, window_days)
    if figure not in PUBLISHED_FIGURES[score].figures:
        raise ValueError(f"scores/{score} keeps no replaced figures of {figure}")
    current, made_at = _read_current(warehouse, asked)
    steps = [step for step in _read_steps(warehouse, asked) if since is None or step.replaced_at > since]
    if current is None and not steps:
        raise NothingPublishedError(f"scores/{score} of {day} has no {figure} of agent {agent_pid}, and had none")
    new = None if current is None else current[figure]
    if not steps:
        return asked.explain(new, new, made_at, None)
    explained = asked.explain(steps[0].old, new, steps[0].published_at, steps[-1].replaced_at)
    if score == _COMPARED:
        return _split_compared(warehouse, asked, explained, since)
    return _split(warehouse, asked, explained, current, steps, ZoneInfo(zone))


def causes_since_window(
    warehouse: Warehouse,
    zone: str,
    day: date,
    agent_pid: str,
    *,
    measure: str,
    window_days: int,
    since_day: date,
) -> Explanation:
    """Why the mean over the window that ends on `day` is another one than that over the one that ended on `since_day`.

    The earlier mean is the one that was published first. What has come to its days since then has the causes of
    `causes_of_change`; the rest is the days that entered and left: the window moved on. Raises what that raises, and
    NothingPublishedError where one of the windows is not there.
    """
    earlier, now = (_Asked("agent_rolling", end, agent_pid, "mean", measure, window_days) for end in (since_day, day))
    told = causes_of_change(
        warehouse, zone, "agent_rolling", since_day, agent_pid, figure="mean", measure=measure, window_days=window_days
    )
    row, made_at = _read_current(warehouse, earlier)
    new_row, new_made_at = _read_current(warehouse, now)
    if row is None or new_row is None:
        raise NothingPublishedError(
            f"scores/agent_rolling of {day if row else since_day} has no {measure} of {agent_pid}"
        )
    explained = now.explain(told.old, new_row["mean"], told.published_at, new_made_at)
    kind, counted = earlier.kind, earlier.counted
    if kind is None or counted is None:
        return replace(explained, parts=(CausePart(UNSPLIT, None),), notes=told.notes)
    later = [
        effects
        for each in _read_kept(warehouse, earlier, counted)
        if made_at and new_made_at and made_at < each.replaced_at <= new_made_at
        for effects in find_effects(each, counted, agent_pid)
    ]
    start = earlier.total_of(row)
    restated = kind.figure(total_after(start, later))
    moved = None if restated is None or new_row["mean"] is None else new_row["mean"] - restated
    parts = (*told.parts, *to_parts(kind, start, later), CausePart(WINDOW_MOVED, moved))
    return replace(explained, parts=add_parts(parts), notes=told.notes)


@dataclass(frozen=True)
class _Asked:
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


def _read_current(warehouse: Warehouse, asked: _Asked) -> tuple[dict[str, Any] | None, datetime | None]:
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


def _read_steps(warehouse: Warehouse, asked: _Asked) -> list[Step]:
    return [
        Step(row["old"], row["new"], row["published_at_utc"], row["replaced_at_utc"], _is_new_program(row))
        for row in _read_changes(warehouse, asked)
    ]


def _read_changes(warehouse: Warehouse, asked: _Asked) -> list[dict[str, Any]]:
    """The replacements of the figure, in order."""
    path = warehouse.table_path(changes_key(asked.score), asked.day)
    rows = ChangeFile(warehouse, asked.score, path).read_done(asked.day)
    is_figure = pc.equal(rows["figure"].cast(pa.string()), asked.figure)
    own = rows.filter(pc.and_(asked.is_row(rows), is_figure)).sort_by("replaced_at_utc")
    found: list[dict[str, Any]] = own.to_pylist()
    return found


def _split_compared(warehouse: Warehouse, asked: _Asked, explained: Explanation, since: datetime | None) -> Explanation:
    counted = asked.counted
    steps = [
        ComparedStep(
            row["old"],
            row["new"],
            row["published_at_utc"],
            row["replaced_at_utc"],
            parse_recipe(row["old_recipe"]),
            parse_recipe(row["new_recipe"]),
            row["old_inputs"] == row["new_inputs"],
        )
        for row in _read_changes(warehouse, asked)
        if since is None or row["replaced_at_utc"] > since
    ]
    if counted is None:
        return replace(explained, parts=(CausePart(UNSPLIT, None),), notes=(_NOT_TOLD.format(figure=asked.figure),))
    kept = {
        day: found
        for day in list_days_compared(asked.day)
        if (found := read_replacements(warehouse, counted.table, day, asked.agent_pid))
    }
    parts = split_compared(steps, [each for of_day in kept.values() for each in of_day], counted, asked.agent_pid)
    if not any(part.cause == UNSPLIT for part in parts):
        return replace(explained, parts=parts)
    refitted = _refit(warehouse, asked, explained, steps, find_own_rows(kept, steps, counted, asked.agent_pid))
    return replace(explained, parts=refitted or parts, notes=() if refitted else (_TOGETHER,))


def _refit(
    warehouse: Warehouse, asked: _Asked, explained: Explanation, steps: Sequence[ComparedStep], own: OwnRows
) -> tuple[CausePart, ...]:
    """The own part and others' by two fits; nothing where formulas, settings or inputs are not those of the figure."""
    recipes = {recipe for step in steps for recipe in (step.old_recipe, step.new_recipe)}
    recipe = steps[-1].new_recipe
    if (
        asked.measure != REFITTED
        or len(recipes) > 1
        or recipe is None
        or explained.old is None
        or explained.new is None
    ):
        return ()
    key = {"agent_pid": asked.agent_pid, "window_days": asked.window_days, "measure": asked.measure}
    try:
        now, undone = (refit(warehouse, asked.day, recipe, rows, key, asked.figure) for rows in ({}, own))
    except LookupError:
        return ()
    if now is None or undone is None or not math.isclose(now, explained.new, rel_tol=_REFIT, abs_tol=_REFIT):
        return ()
    return split_by_refit(explained.old, undone, explained.new, own)


def _is_new_program(row: Mapping[str, Any]) -> bool:
    old, new = parse_recipe(row["old_recipe"]), parse_recipe(row["new_recipe"])
    return old is not None and new is not None and old.formula_version != new.formula_version


def _split(  # noqa: PLR0917 - what was asked and found, each of its own type
    warehouse: Warehouse,
    asked: _Asked,
    explained: Explanation,
    current: Mapping[str, Any] | None,
    steps: Sequence[Step],
    calendar: ZoneInfo,
) -> Explanation:
    counted, kind = asked.counted, asked.kind
    if counted is None or kind is None:
        return replace(explained, parts=(CausePart(UNSPLIT, None),), notes=(_NOT_TOLD.format(figure=asked.figure),))
    kept = _read_kept(warehouse, asked, counted)
    parts = split_steps(kind, counted, asked.agent_pid, asked.total_of(current), steps, kept)
    return replace(explained, parts=parts, notes=tuple(_describe_unknown(parts, steps, kept, calendar)))


def _read_kept(warehouse: Warehouse, asked: _Asked, counted: Counted) -> list[Replacement]:
    """The replacements of all days behind the figure, in order."""
    kept = [each for day in asked.days for each in read_replacements(warehouse, counted.table, day, asked.agent_pid)]
    return sorted(kept, key=lambda each: each.replaced_at)


def _describe_unknown(
    parts: Sequence[CausePart], steps: Sequence[Step], kept: Sequence[Replacement], calendar: ZoneInfo
) -> Iterator[str]:
    if steps[0].published_at is None:
        replaced_on = steps[0].replaced_at.astimezone(calendar).date()
        yield f"Not known before {replaced_on}: the file of before does not say when it was made."
    if any(part.cause == UNSPLIT for part in parts):
        if any(each.is_split is False for each in kept):
            yield _INPUTS_GONE
        else:
            yield _NOT_KEPT
