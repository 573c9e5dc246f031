"""Why a figure of `scores/fair` is another one: by what changed alone, else by two fits and closed forms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from salted_assets.explain.asked import Asked, read_changes, read_current
from salted_assets.explain.attribution import (
    Kind,
    Replacement,
    find_effects,
    logarithmic_mean,
    to_parts,
    total_before,
)
from salted_assets.explain.compared import ComparedStep, divide, find_own_rows, list_days_compared, split_compared
from salted_assets.explain.explanation import (
    OTHERS,
    PROGRAM_CHANGED,
    UNSPLIT,
    CausePart,
    Explanation,
    add_parts,
    rule_cause,
)
from salted_assets.explain.held_level import share_level
from salted_assets.explain.refitting import REFITTED, CannotRefitError, Refits, Undone
from salted_assets.explain.replacements import has_changed_rows, parse_recipe, read_replacements
from salted_assets.explain.units import Counted
from salted_assets.warehouse import Warehouse

_TOGETHER = (
    "Part of the change cannot be split: the agent's own data, others' data, formulas or settings changed together, "
    "and a compared figure rests on all of them."
)
_ROUNDING = 1e-9

_Kept = Mapping[date, Sequence[Replacement]]
"""Replacements of the agent's rows by their day."""


def explain_compared(
    warehouse: Warehouse, asked: Asked, explained: Explanation, since: datetime | None, refits: Refits
) -> Explanation:
    """The change with its causes over all replacements, or over those after `since`."""
    counted = asked.counted
    if counted is None:
        return asked.leave_unsplit(explained)
    steps = [
        _read_step(warehouse, asked.day, row)
        for row in read_changes(warehouse, asked)
        if since is None or row["replaced_at_utc"] > since
    ]
    kept = {
        day: found
        for day in list_days_compared(asked.day)
        if (found := read_replacements(warehouse, counted.table, day, asked.agent_pid))
    }
    parts = split_compared(steps, [each for of_day in kept.values() for each in of_day], counted, asked.agent_pid)
    if not any(part.cause == UNSPLIT for part in parts):
        return replace(explained, parts=parts)
    together = _split_together(warehouse, asked, explained, steps, kept, refits)
    return replace(explained, parts=together or parts, notes=() if together else (_TOGETHER,))


def _read_step(warehouse: Warehouse, day: date, row: Mapping[str, Any]) -> ComparedStep:
    old, new = (parse_recipe(row[name]) for name in ("old_recipe", "new_recipe"))
    published_at, replaced_at = row["published_at_utc"], row["replaced_at_utc"]
    has_same_inputs = row["old_inputs"] == row["new_inputs"]
    if old != new and not has_same_inputs and published_at is not None:
        # files that were made again may have the same rows
        has_same_inputs = not has_changed_rows(warehouse, list_days_compared(day), published_at, replaced_at)
    return ComparedStep(row["old"], row["new"], published_at, replaced_at, old, new, has_same_inputs)


def _split_together(  # noqa: PLR0917 - what was asked and found, each of its own type
    warehouse: Warehouse,
    asked: Asked,
    explained: Explanation,
    steps: Sequence[ComparedStep],
    kept: _Kept,
    refits: Refits,
) -> tuple[CausePart, ...]:
    """The own causes, others' data, program and rule; nothing where the figure was not there, or it cannot be known."""
    counted, old, new = asked.counted, explained.old, explained.new
    if counted is None or old is None or new is None:
        return ()
    changes, slope = _read_own(warehouse, asked, steps, kept), _find_slope(warehouse, asked)
    plain = _split_plain(changes, counted)
    if plain is None:
        return ()
    if asked.measure == REFITTED:
        rows = [row for own in find_own_rows(kept, steps, counted, asked.agent_pid).values() for row in own]
        try:
            own, recipe, others = _measure(asked, old, new, steps, refits, has_own=bool(rows))
        except CannotRefitError:
            return ()
        weighed = _weigh_causes(warehouse, changes, plain, refits)
        parts = [*(divide(own, weighed, slope or 0.0, rows) if rows else ()), *recipe, CausePart(OTHERS, others)]
    elif changes.row is not None and (slope or not plain) and _is_same_recipe(steps):
        scale = (slope or 0.0) * _scale_of(asked, old, new)
        parts = [replace(part, points=scale * (part.points or 0.0)) for part in plain]
        parts.append(CausePart(OTHERS, new - old - math.fsum(part.points or 0.0 for part in parts)))
    else:
        return ()
    least = _ROUNDING * max(abs(old), abs(new))
    return add_parts(part for part in parts if part.row_count or abs(part.points or 0.0) > least)


def _is_same_recipe(steps: Sequence[ComparedStep]) -> bool:
    return len({recipe for step in steps for recipe in (step.old_recipe, step.new_recipe)}) == 1


def _measure(
    asked: Asked, old: float, new: float, steps: Sequence[ComparedStep], refits: Refits, *, has_own: bool
) -> tuple[float, list[CausePart], float]:
    """The agent's own part of the change, those of program and rule, and others', by fits that undo what was replaced.

    Formulas and settings have what they do to the answers as they were. Raises CannotRefitError.
    """
    by_old, by_new = steps[0].old_recipe, steps[-1].new_recipe
    if by_old is None or by_new is None:
        raise CannotRefitError
    refits.ensure_as_published(asked, by_new, new)
    undone = Undone(steps[0].published_at, steps[-1].replaced_at)
    own_undone = refits.undo(asked, by_new, replace(undone, agent_pid=asked.agent_pid)) if has_own else new
    if by_old == by_new:
        return new - own_undone, [], own_undone - old
    all_undone, by_program = (refits.undo(asked, recipe, undone) for recipe in (by_new, by_old))
    if by_old.formula_version == by_new.formula_version and not math.isclose(by_program, old, abs_tol=_ROUNDING):
        raise CannotRefitError
    recipe = [CausePart(PROGRAM_CHANGED, by_program - old)]
    if settings := by_new.list_changed_settings(by_old):
        recipe.append(CausePart(rule_cause(*settings), all_undone - by_program))
    return new - own_undone, recipe, own_undone - all_undone


@dataclass(frozen=True)
class _OwnChanges:
    """The agent's replacements in the window: those of the steps, those after, and the row of the plain mean."""

    of_plain: Asked
    row: Mapping[str, Any] | None
    during: list[Replacement]
    later: list[Replacement]


def _read_own(warehouse: Warehouse, asked: Asked, steps: Sequence[ComparedStep], kept: _Kept) -> _OwnChanges:
    of_plain = replace(asked, score="agent_rolling", figure="mean")
    row, made_at = read_current(warehouse, of_plain)
    since, until = steps[0].published_at, steps[-1].replaced_at
    own = sorted((each for day in of_plain.days for each in kept.get(day, ())), key=lambda each: each.replaced_at)
    during = [each for each in own if (since is None or each.replaced_at > since) and each.replaced_at <= until]
    return _OwnChanges(of_plain, row, during, [each for each in own if made_at and until < each.replaced_at <= made_at])


def _split_plain(own: _OwnChanges, counted: Counted) -> tuple[CausePart, ...] | None:
    """What own causes did to the plain mean of the window over the steps, of a geometric one to its logarithm.

    Nothing where there is no such mean, None where some of it cannot be split.
    """
    if own.row is None:
        return ()
    done, undone = (
        [effects for each in some for effects in find_effects(each, counted, own.of_plain.agent_pid)]
        for some in (own.during, own.later)
    )
    start = total_before(total_before(own.of_plain.total_of(own.row), undone), done)
    parts = add_parts(to_parts(Kind.MEAN, start, done))
    return None if any(part.points is None for part in parts) else parts


def _weigh_causes(
    warehouse: Warehouse, own: _OwnChanges, plain: tuple[CausePart, ...], refits: Refits
) -> tuple[CausePart, ...]:
    """The causes with what each did to the level, the model being held fixed; as they are where no model is known."""
    if refits.held is None or len(plain) <= 1:
        return plain
    asked = own.of_plain
    effects = share_level(refits.held, warehouse, asked.days, asked.agent_pid, replacements=own.during, later=own.later)
    if effects is None or not effects.keys() <= {part.cause for part in plain}:
        return plain
    return tuple(replace(part, points=effects.get(part.cause, 0.0)) for part in plain)


def _find_slope(warehouse: Warehouse, asked: Asked) -> float | None:
    """By how much the figure follows the plain mean while the fit is held fixed; 0 for one that is no mean.

    None where nothing says it.
    """
    kind = asked.figure.partition("_")[0]
    if kind == "fair":
        return 1.0
    if kind != "shrunk":
        return 0.0
    row, _ = read_current(warehouse, replace(asked, figure="shrink_weight"))
    return None if row is None else row["shrink_weight"]


def _scale_of(asked: Asked, old: float, new: float) -> float:
    """What turns a difference of the scale on which the measure is split into one of the figure."""
    kind = replace(asked, figure="mean").kind
    return logarithmic_mean(math.log(old), math.log(new)) if kind is Kind.GEOMETRIC_MEAN else 1.0
