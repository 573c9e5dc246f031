"""Why a figure of `scores/fair` is another one: by what changed alone, else by two fits and closed forms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from salted_assets.explain.asked import NOT_TOLD, Asked, read_changes, read_current
from salted_assets.explain.attribution import (
    Kind,
    Replacement,
    find_effects,
    logarithmic_mean,
    to_parts,
    total_before,
)
from salted_assets.explain.compared import ComparedStep, divide, find_own_rows, list_days_compared, split_compared
from salted_assets.explain.explanation import OTHERS, UNSPLIT, CausePart, Explanation, add_parts
from salted_assets.explain.refitting import REFITTED, Refits
from salted_assets.explain.replacements import parse_recipe, read_replacements
from salted_assets.explain.units import Counted
from salted_assets.history import Recipe
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
        return replace(explained, parts=(CausePart(UNSPLIT, None),), notes=(NOT_TOLD.format(figure=asked.figure),))
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


def _split_together(  # noqa: PLR0917 - what was asked and found, each of its own type
    warehouse: Warehouse,
    asked: Asked,
    explained: Explanation,
    steps: Sequence[ComparedStep],
    kept: _Kept,
    refits: Refits,
) -> tuple[CausePart, ...]:
    """The own causes and others' data; nothing where the figure was not there, or formulas or settings are others."""
    counted, recipe = asked.counted, _find_recipe(steps)
    if counted is None or recipe is None or explained.old is None or explained.new is None:
        return ()
    plain = _split_plain(warehouse, asked, counted, steps, kept)
    slope = _find_slope(warehouse, asked)
    if plain is None:
        return ()
    if asked.measure == REFITTED:
        rows = find_own_rows(kept, steps, counted, asked.agent_pid)
        undone = refits.undo(asked, recipe, rows, explained.new)
        if undone is None:
            return ()
        own = divide(explained.new - undone, plain, slope or 0.0, [row for of_day in rows.values() for row in of_day])
    elif not (plain and slope):
        return ()
    else:
        scale = slope * _scale_of(asked, explained.old, explained.new)
        own = [replace(part, points=scale * (part.points or 0.0)) for part in plain]
    others = explained.new - explained.old - math.fsum(part.points or 0.0 for part in own)
    is_none = abs(others) <= _ROUNDING * max(abs(explained.old), abs(explained.new))
    return add_parts(own if is_none else [*own, CausePart(OTHERS, others)])


def _find_recipe(steps: Sequence[ComparedStep]) -> Recipe | None:
    """By what all figures were made; None where they were not made alike."""
    recipes = {recipe for step in steps for recipe in (step.old_recipe, step.new_recipe)}
    return recipes.pop() if len(recipes) == 1 else None


def _split_plain(
    warehouse: Warehouse, asked: Asked, counted: Counted, steps: Sequence[ComparedStep], kept: _Kept
) -> tuple[CausePart, ...] | None:
    """What own causes did to the plain mean of the window over the steps, of a geometric one to its logarithm.

    Nothing where there is no such mean, None where some of it cannot be split.
    """
    of_plain = replace(asked, score="agent_rolling", figure="mean")
    row, made_at = read_current(warehouse, of_plain)
    if row is None:
        return ()
    since, until = steps[0].published_at, steps[-1].replaced_at
    own = sorted((each for day in of_plain.days for each in kept.get(day, ())), key=lambda each: each.replaced_at)
    during = [each for each in own if (since is None or each.replaced_at > since) and each.replaced_at <= until]
    later = [each for each in own if made_at and until < each.replaced_at <= made_at]
    done, undone = (
        [effects for each in some for effects in find_effects(each, counted, asked.agent_pid)]
        for some in (during, later)
    )
    start = total_before(total_before(of_plain.total_of(row), undone), done)
    parts = add_parts(to_parts(Kind.MEAN, start, done))
    return None if any(part.points is None for part in parts) else parts


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
