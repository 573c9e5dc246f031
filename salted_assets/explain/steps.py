"""A figure's way from one published value to the next, each step split by what was replaced in it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from salted_assets.explain.attribution import Kind, Replacement, find_effects, to_parts, total_before
from salted_assets.explain.explanation import APPEARED, DISAPPEARED, PROGRAM_CHANGED, UNSPLIT, CausePart, add_parts
from salted_assets.explain.units import Counted, Total

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Step:
    """A replacement of the score itself that changed the figure: both values, and both instants.

    `is_new_program` says whether the formulas of the score that adds up are others.
    """

    old: float | None
    new: float | None
    published_at: datetime | None
    replaced_at: datetime
    is_new_program: bool = False


def split_steps(  # noqa: PLR0917 - what changed, through what, and whose it is, each of its own type
    kind: Kind,
    counted: Counted,
    agent_pid: str,
    end: Total,
    steps: Sequence[Step],
    replacements: Sequence[Replacement],
    *,
    made_at: datetime | None,
) -> tuple[CausePart, ...]:
    """The causes of a figure's change over all its steps, in order, to the total `end` of now, made at `made_at`.

    Replacements of rows are those that the first step took account of and all after it; what came after the last step
    left the figure as it was. Each step is split by itself and checked against both its values: where they do not add
    up, and the formulas are the same, it cannot be split. Without steps there are no causes.
    """
    if not steps:
        return ()
    of_each = list(_assign(steps, replacements))
    unmoved = [each for each in replacements if made_at and steps[-1].replaced_at < each.replaced_at <= made_at]
    end = total_before(end, [effects for each in unmoved for effects in find_effects(each, counted, agent_pid)])
    parts: list[CausePart] = []
    for step, own in zip(reversed(steps), reversed(of_each), strict=True):
        stages = [effects for each in own for effects in find_effects(each, counted, agent_pid)]
        start = total_before(end, stages)
        if step.old is None or step.new is None:
            parts.append(CausePart(APPEARED if step.old is None else DISAPPEARED, None, *_touched(kind, start, stages)))
        elif not _is_close(kind.figure(end), step.new):
            parts.append(CausePart(UNSPLIT, None, *_touched(kind, start, stages)))
        elif _is_close(kind.figure(start), step.old):
            parts += to_parts(kind, start, stages)
        elif step.is_new_program and (by_now := kind.figure(start)) is not None:
            parts += [*to_parts(kind, start, stages), CausePart(PROGRAM_CHANGED, by_now - step.old)]
        else:
            parts.append(CausePart(UNSPLIT, None, *_touched(kind, start, stages)))
        end = start if _is_close(kind.figure(start), step.old) else _guess(kind, step.old, start)
    return add_parts(parts)


def _assign(steps: Sequence[Step], replacements: Sequence[Replacement]) -> Iterator[list[Replacement]]:
    """Those of each step: what was replaced since the step before, or since the first one's old figure was made."""
    since = steps[0].published_at if steps else None
    for step in steps:
        yield [
            each
            for each in replacements
            if (since is None or each.replaced_at > since) and each.replaced_at <= step.replaced_at
        ]
        since = step.replaced_at


def _touched(kind: Kind, start: Total, stages: Sequence[object]) -> tuple[tuple[str, ...], int]:
    whole = add_parts(to_parts(kind, start, stages)) if stages else ()  # type: ignore[arg-type]
    pids = sorted({pid for part in whole for pid in part.engagement_pids})
    return tuple(pids), sum(part.row_count for part in whole)


def _is_close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=_ROUNDING)


def _guess(kind: Kind, figure: float | None, total: Total) -> Total:
    """The total that gives a published figure where rows do not: of as many units as they leave."""
    count = max(total.count, 0.0)
    if figure is None:
        return Total(0.0, 0.0)
    if kind is Kind.COUNT:
        return Total(total.sum, figure)
    if kind is Kind.SUM:
        return Total(figure, count)
    count = count or 1.0
    return Total((math.log(figure) if kind is Kind.GEOMETRIC_MEAN else figure) * count, count)
