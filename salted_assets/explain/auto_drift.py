"""What is said of the auto reviewer's drift, out of a partition of `scores/auto_reviewer_drift`, in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from salted_assets.history.score_files import list_score_days, read_score_day
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import AutoReviewerDrift
from salted_assets.warehouse import Warehouse

_SAID = 5
"""So many alarms are written out."""


@dataclass(frozen=True)
class DriftAlarm:
    """An alarm that stands: the auto reviewer scores a question `shift` higher (or lower) beside people than before.

    `language` and `queue` are where it was given alone, `main_language` and `main_queue` where it stands out.
    """

    question: str
    direction: str
    since: date
    first_alarm: date
    last_alarm: date
    shift: float
    language: str | None = None
    queue: str | None = None
    main_language: str | None = None
    main_queue: str | None = None

    def __str__(self) -> str:
        """A sentence without its end.

        >>> days = date(2024, 3, 12), date(2024, 3, 20), date(2024, 3, 28)
        >>> print(DriftAlarm("Was the identity verified?", "higher", *days, 0.08, main_language="de"))
        since 12 March the auto reviewer scores "Was the identity verified?" higher beside people than before, by about
        0.08 (of 1), above all in language de (last alarm on 28 March)
        """
        places = [f"{name} {place}" for name, place in (("language", self.language), ("queue", self.queue)) if place]
        main = [("language", self.main_language), ("queue", self.main_queue)]
        above_all = " and ".join(f"{name} {place}" for name, place in main if place)
        return (
            f'since {self.since.day} {self.since:%B} the auto reviewer scores "{self.question}"'
            f"{''.join(f' in {place}' for place in places)} {self.direction} beside people than before, by about "
            f"{abs(self.shift):.2f} (of 1){f', above all in {above_all}' if above_all else ''} "
            f"(last alarm on {self.last_alarm.day} {self.last_alarm:%B})"
        )


@dataclass(frozen=True)
class AutoDrift:
    """What a day's partition says: alarms that stand, of how many questions it is known, of the others why not.

    `day` is None where there is no partition; a `problem` is why it could not be read.
    """

    day: date | None = None
    alarms: Sequence[DriftAlarm] = ()
    known_count: int = 0
    reasons: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def sentence(self) -> str:
        """All of it for people; empty where people and the auto reviewer have no question in common."""
        if self.problem:
            return f"Whether the auto reviewer drifts is not known: {self.problem}."
        if self.alarms:
            return f"Drift of the auto reviewer: {join_alarms(self.alarms)}."
        if self.known_count:
            rest = f"; of {len(self.reasons)} more it is not known yet" if self.reasons else ""
            on = "question" if self.known_count == 1 else "questions"
            return f"The auto reviewer scores beside people as before: no alarm on {self.known_count} {on}{rest}."
        for question, reason in self.reasons.items():
            return f'Whether the auto reviewer drifts is not known yet: of "{question}", {reason}.'
        return ""


def join_alarms(alarms: Sequence[DriftAlarm]) -> str:
    """The alarms in one line, the first few written out."""
    more = [f"and {len(alarms) - _SAID} more"] if len(alarms) > _SAID else []
    return "; ".join([*map(str, alarms[:_SAID]), *more])


def find_drift(day: date, rows: Sequence[Mapping[str, Any]]) -> AutoDrift:
    """What the rows of a day say.

    An alarm of a language or queue is left out where the question has one of the same direction: it is where that
    stands out, or a part of it.
    """
    questions = [row for row in rows if _is_whole(row)]
    whole = {row["question_pid"]: row["change_direction"] for row in questions}
    standing = [
        row
        for row in rows
        if row["change_direction"] and (_is_whole(row) or row["change_direction"] != whole.get(row["question_pid"]))
    ]
    return AutoDrift(
        day,
        [_build_alarm(row) for row in standing],
        sum(row["not_known_reason"] is None for row in questions),
        {_name(row): row["not_known_reason"] for row in questions if row["not_known_reason"]},
    )


def read_drift(warehouse: Warehouse, day: date | None = None) -> AutoDrift:
    """What the partition of a day says, or the newest one; nothing where there is none.

    Raises WarehouseDamaged for one that cannot be read.
    """
    days = list_score_days(warehouse, "auto_reviewer_drift", day or date.min, day or date.max)
    if not days:
        return AutoDrift()
    names = arrow_schema(AutoReviewerDrift).names
    return find_drift(days[-1], read_score_day(warehouse, "auto_reviewer_drift", days[-1], names).to_pylist())


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Whether the row is of all engagements of the question."""
    return row["language"] is None and row["queue"] is None


def _name(row: Mapping[str, Any]) -> str:
    return str(row["question_name"] or row["question_pid"])


def _build_alarm(row: Mapping[str, Any]) -> DriftAlarm:
    return DriftAlarm(
        question=_name(row),
        direction=row["change_direction"],
        since=row["change_since"],
        first_alarm=row["first_alarm_date"],
        last_alarm=row["last_alarm_date"],
        shift=row["shift"],
        **{name: row[name] for name in ("language", "queue", "main_language", "main_queue")},
    )
