"""Why an agent's figure of a day or window is another one than was published: `causes_of_change`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from salted_assets.explain.asked import Asked, read_changes, read_current
from salted_assets.explain.attribution import Replacement, find_effects, to_parts, total_after
from salted_assets.explain.compared_causes import explain_compared
from salted_assets.explain.explanation import UNSPLIT, WINDOW_MOVED, CausePart, Explanation, add_parts
from salted_assets.explain.refitting import Refits
from salted_assets.explain.replacements import parse_recipe, read_replacements
from salted_assets.explain.steps import Step, split_steps
from salted_assets.explain.units import Counted
from salted_assets.schemas.score_change import PUBLISHED_FIGURES
from salted_assets.warehouse import Warehouse

_INPUTS_GONE = (
    "Formulas or settings changed when the files that the figure was made of were not there any more, so this change "
    "cannot be split."
)
_NOT_KEPT = (
    "Part of the change cannot be split: the rows that changed were not kept then, or do not add up to the figure."
)
_COMPARED = "fair"


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
    refits: Refits | None = None,
) -> Explanation:
    """Why the figure is another one than it was first, or than it was at `since`; `zone` is the calendar of notes.

    `score` is the last part of a score's key, as `agent_daily`; `day` its partition; `figure` one of its columns in
    `PUBLISHED_FIGURES`, `measure` and `window_days` the row where there are several. `refits` are shared by the figures
    of one request. Raises NothingPublishedError where the score has and had no such figure, ValueError for a figure
    that is not kept, WarehouseDamaged.
    """
    asked = Asked(score, day, agent_pid, figure, measure, window_days)
    if figure not in PUBLISHED_FIGURES[score].figures:
        raise ValueError(f"scores/{score} keeps no replaced figures of {figure}")
    current, made_at = read_current(warehouse, asked)
    steps = [step for step in _read_steps(warehouse, asked) if since is None or step.replaced_at > since]
    if current is None and not steps:
        raise NothingPublishedError(f"scores/{score} of {day} has no {figure} of agent {agent_pid}, and had none")
    new = None if current is None else current[figure]
    if not steps:
        return asked.explain(new, new, made_at, None)
    explained = asked.explain(steps[0].old, new, steps[0].published_at, steps[-1].replaced_at)
    if score == _COMPARED:
        return explain_compared(warehouse, asked, explained, since, refits or Refits(warehouse))
    return _split(warehouse, asked, explained, current, made_at, steps, ZoneInfo(zone))


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
    earlier, now = (Asked("agent_rolling", end, agent_pid, "mean", measure, window_days) for end in (since_day, day))
    of_earlier = causes_of_change(
        warehouse, zone, "agent_rolling", since_day, agent_pid, figure="mean", measure=measure, window_days=window_days
    )
    row, made_at = read_current(warehouse, earlier)
    new_row, new_made_at = read_current(warehouse, now)
    if row is None or new_row is None:
        raise NothingPublishedError(
            f"scores/agent_rolling of {day if row else since_day} has no {measure} of {agent_pid}"
        )
    explained = now.explain(of_earlier.old, new_row["mean"], of_earlier.published_at, new_made_at)
    kind, counted = earlier.kind, earlier.counted
    if kind is None or counted is None:
        return replace(explained, parts=(CausePart(UNSPLIT, None),), notes=of_earlier.notes)
    later = [
        effects
        for each in _read_kept(warehouse, earlier, counted)
        if made_at and new_made_at and made_at < each.replaced_at <= new_made_at
        for effects in find_effects(each, counted, agent_pid)
    ]
    start = earlier.total_of(row)
    restated = kind.figure(total_after(start, later))
    moved = None if restated is None or new_row["mean"] is None else new_row["mean"] - restated
    parts = (*of_earlier.parts, *to_parts(kind, start, later), CausePart(WINDOW_MOVED, moved))
    return replace(explained, parts=add_parts(parts), notes=of_earlier.notes)


def _read_steps(warehouse: Warehouse, asked: Asked) -> list[Step]:
    return [
        Step(row["old"], row["new"], row["published_at_utc"], row["replaced_at_utc"], _is_new_program(row))
        for row in read_changes(warehouse, asked)
    ]


def _is_new_program(row: Mapping[str, Any]) -> bool:
    old, new = parse_recipe(row["old_recipe"]), parse_recipe(row["new_recipe"])
    return old is not None and new is not None and old.formula_version != new.formula_version


def _split(  # noqa: PLR0917 - what was asked and found, each of its own type
    warehouse: Warehouse,
    asked: Asked,
    explained: Explanation,
    current: Mapping[str, Any] | None,
    made_at: datetime | None,
    steps: Sequence[Step],
    calendar: ZoneInfo,
) -> Explanation:
    counted, kind = asked.counted, asked.kind
    if counted is None or kind is None:
        return asked.leave_unsplit(explained)
    kept = _read_kept(warehouse, asked, counted)
    parts = split_steps(kind, counted, asked.agent_pid, asked.total_of(current), steps, kept, made_at=made_at)
    return replace(explained, parts=parts, notes=tuple(_describe_unknown(parts, steps, kept, calendar)))


def _read_kept(warehouse: Warehouse, asked: Asked, counted: Counted) -> list[Replacement]:
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
