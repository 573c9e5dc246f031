"""What is said of a figure that changed: its causes, each in points, and what is not known."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

LATE = "late"
EDITED = "edited"
DELETED = "deleted or ignored"
VERIFIED = "verified or disputed"
MOVED = "moved"
PLANNED = "drawn by a plan"
AI_REVISED = "AI values revised"
ERASED = "customer erased"
PROGRAM_CHANGED = "program"
OTHERS = "others' data"
WINDOW_MOVED = "the window moved on"
APPEARED = "appeared"
DISAPPEARED = "disappeared"
UNSPLIT = "cannot be split"


def rule_cause(*settings: str) -> str:
    """The cause that settings are.

    >>> rule_cause("exclude_disputed")
    'rule: exclude_disputed'
    """
    return f"rule: {', '.join(sorted(settings))}"


@dataclass(frozen=True)
class CausePart:
    """One cause, by how much it changed the figure in the figure's own unit (None: no number can be given), and where.

    `engagement_pids` are those of the rows that it touched, in order, without erased ones; `row_count` are its rows:
    answers, or engagements.
    """

    cause: str
    points: float | None
    engagement_pids: tuple[str, ...] = ()
    row_count: int = 0


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A figure of an agent's day or window as it was and as it is, and why it is another one.

    `measure` and `window_days` are None for a daily score. `old` and `new` are None where there was, or is, no such
    figure. `published_at` is when `old` was made, `replaced_at` when the figure was replaced last; None where that is
    not known, or it never was. The points of `parts` add up to `new` - `old` within rounding unless one of them has
    none; the greatest comes first. `notes` are sentences on what is not known.
    """

    score: str
    day: date
    agent_pid: str
    figure: str
    measure: str | None = None
    window_days: int | None = None
    old: float | None
    new: float | None
    published_at: datetime | None = None
    replaced_at: datetime | None = None
    parts: tuple[CausePart, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def change(self) -> float | None:
        """New less old; None where there is no such number."""
        return None if self.old is None or self.new is None else self.new - self.old


def add_parts(parts: Iterable[CausePart]) -> tuple[CausePart, ...]:
    """The parts of several replacements, added by cause, the greatest first."""
    by_cause: dict[str, list[CausePart]] = {}
    for part in parts:
        by_cause.setdefault(part.cause, []).append(part)
    added = [_add(cause, same) for cause, same in by_cause.items()]
    return tuple(sorted(added, key=lambda part: (-abs(part.points or 0), part.cause)))


def _add(cause: str, parts: list[CausePart]) -> CausePart:
    points = [part.points for part in parts if part.points is not None]
    pids = sorted({pid for part in parts for pid in part.engagement_pids})
    rows = sum(part.row_count for part in parts)
    return CausePart(cause, math.fsum(points) if len(points) == len(parts) else None, tuple(pids), rows)
