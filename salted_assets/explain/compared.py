"""Figures of `scores/fair`, which rest on everybody's data: what of their change is the agent's own, what others'."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from salted_assets.explain.attribution import Replacement
from salted_assets.explain.explanation import (
    APPEARED,
    DISAPPEARED,
    OTHERS,
    PROGRAM_CHANGED,
    UNSPLIT,
    CausePart,
    add_parts,
    rule_cause,
)
from salted_assets.explain.kept_row import KeptRow
from salted_assets.explain.units import Counted
from salted_assets.history import Recipe
from salted_assets.schemas.row_change import AFTER, BEFORE
from salted_assets.schemas.scores import WINDOWS


@dataclass(frozen=True)
class ComparedStep:
    """A replacement that changed a compared figure, with how both files were made, and whether of the same inputs."""

    old: float | None
    new: float | None
    published_at: datetime | None
    replaced_at: datetime
    old_recipe: Recipe | None
    new_recipe: Recipe | None
    has_same_inputs: bool


def list_days_compared(day: date) -> list[date]:
    """The days whose rows compared figures of a day rest on, whatever their window: models are of the longest."""
    return [day - timedelta(days=back) for back in range(max(WINDOWS))]


def find_own_rows(
    own: Mapping[date, Sequence[Replacement]], steps: Sequence[ComparedStep], counted: Counted, agent_pid: str
) -> dict[date, list[KeptRow]]:
    """The agent's rows that were replaced from when the first figure was made to when it was replaced last, by day."""
    since, until = steps[0].published_at, steps[-1].replaced_at
    found = {
        day: list(
            _find_changed(
                [each for each in kept if (since is None or each.replaced_at > since) and each.replaced_at <= until],
                counted,
                agent_pid,
            )
        )
        for day, kept in own.items()
    }
    return {day: rows for day, rows in found.items() if rows}


def divide(own: float, plain: Sequence[CausePart], slope: float, rows: Sequence[KeptRow]) -> list[CausePart]:
    """The agent's own part of a compared figure's change by cause; the parts add up to it.

    Each cause has what it did to the plain mean times the `slope` by which the figure follows that, the fit being held
    fixed. What is left of `own`, by other weights of answers and as own rows tell of others as well, goes to the causes
    in proportion. Where none moved the plain mean it is that of their `rows`.
    """
    moving = [part for part in plain if part.points]
    if not moving:
        count = Counter(cause for row in rows for cause in row.find_causes())
        moving, slope = [_name_rows(cause, rows, count[cause]) for cause in sorted(count)], 0.0
    sizes = [abs(part.points or 0.0) for part in moving]
    rest = own - slope * math.fsum(part.points or 0.0 for part in moving)
    return [
        replace(part, points=slope * (part.points or 0.0) + rest * size / math.fsum(sizes))
        for part, size in zip(moving, sizes, strict=True)
    ]


def _name_rows(cause: str, rows: Sequence[KeptRow], count: int) -> CausePart:
    pids = {pid for row in rows if cause in row.find_causes() for pid in row.engagement_pids}
    return CausePart(cause, float(count), tuple(sorted(pids)), count)


def split_compared(
    steps: Sequence[ComparedStep], own: Sequence[Replacement], counted: Counted, agent_pid: str
) -> tuple[CausePart, ...]:
    """The causes of a compared figure's change over its steps, in order; `own` are replacements of the agent's rows.

    Facets, variances, the prior and the others are one player. Where none of the agent's own rows changed, all of a
    step is others' data; where nothing but formulas or settings changed, it is theirs. What came together cannot be
    split.
    """
    parts, since = [], steps[0].published_at if steps else None
    for step in steps:
        between = [
            each for each in own if (since is None or each.replaced_at > since) and each.replaced_at <= step.replaced_at
        ]
        parts.append(_split(step, list(_find_changed(between, counted, agent_pid))))
        since = step.replaced_at
    return add_parts(parts)


def _split(step: ComparedStep, own: Sequence[KeptRow]) -> CausePart:
    pids = tuple(sorted({pid for row in own for pid in row.engagement_pids}))
    if step.old is None or step.new is None:
        return CausePart(APPEARED if step.old is None else DISAPPEARED, None, pids, len(own))
    cause = _name_recipe(step.old_recipe, step.new_recipe)
    if cause is not None:
        is_alone = cause != UNSPLIT and step.has_same_inputs
        return CausePart(cause, step.new - step.old) if is_alone else CausePart(UNSPLIT, None, pids, len(own))
    return CausePart(UNSPLIT, None, pids, len(own)) if own else CausePart(OTHERS, step.new - step.old)


def _name_recipe(old: Recipe | None, new: Recipe | None) -> str | None:
    """The cause that another recipe is; None where it is the same, or not known of one file."""
    if old is None or new is None or old == new:
        return None
    settings = new.list_changed_settings(old)
    if old.formula_version == new.formula_version:
        return rule_cause(*settings)
    return UNSPLIT if settings else PROGRAM_CHANGED


def _find_changed(own: Sequence[Replacement], counted: Counted, agent_pid: str) -> Iterator[KeptRow]:
    """The rows that the measure counts for the agent, before or after, and that are others."""
    for replacement in own:
        for row in replacement.rows:
            before, after = row.states.get(BEFORE), row.states.get(AFTER)
            counts = [values for values in (before, after) if values and values["agent_pid"] == agent_pid]
            names = before.keys() & after.keys() if before and after else ()
            is_other = not (before and after) or any(before[name] != after[name] for name in names if name != "state")
            if is_other and any(map(counted.belongs, counts)):
                yield row
