"""Which days to restate next, and how often the same."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from salted_assets.history.restatement.staleness import StaleDay, shorten

PAUSES = (timedelta(minutes=10), timedelta(hours=2), timedelta(days=1))
"""How long after each attempt a day is asked for again on the same inputs; after the last one, no more."""


@dataclass(frozen=True)
class Attempts:
    """How often a day was asked for on the same inputs, and when last."""

    inputs_fingerprint: str
    count: int
    at: datetime

    @property
    def is_last(self) -> bool:
        """Whether the day is not asked for any more on the same inputs."""
        return self.count > len(PAUSES)

    def is_due(self, now: datetime) -> bool:
        """Whether the day may be asked for again on the same inputs."""
        return not self.is_last and now >= self.at + PAUSES[self.count - 1]


@dataclass(frozen=True)
class Request:
    """A range of days to ask for in one run. The same run key means the same wish for the same attempt."""

    kind: str
    days: tuple[date, ...]
    run_key: str
    because: Mapping[date, tuple[str, ...]]


@dataclass(frozen=True)
class Limits:
    """At most so many days in one run, and in one plan."""

    days_per_run: int
    max_days: int


def plan_requests(
    kind: str,
    wanted: Mapping[date, StaleDay],
    attempts: Mapping[date, Attempts],
    *,
    busy: Collection[date],
    now: datetime,
    limits: Limits,
) -> tuple[list[Request], dict[date, Attempts]]:
    """Runs to request, the newest days first, contiguous days together; and the attempts made then.

    Left out are busy days, which somebody writes anyway, and those asked for on the same inputs whose pause is not
    over or whose attempts are used up. New inputs begin at the first attempt. What is not wanted any more is forgotten.
    """
    same = {day: each for day, each in attempts.items() if _is_same(each, wanted.get(day))}
    due = [
        day for day in sorted(wanted, reverse=True) if day not in busy and (day not in same or same[day].is_due(now))
    ]
    chosen = sorted(due[: max(0, limits.max_days)])
    for day in chosen:
        count = same[day].count + 1 if day in same else 1
        same[day] = Attempts(wanted[day].inputs_fingerprint, count, now)
    requests = [_request(kind, days, wanted, same) for days in split_into_ranges(chosen, limits.days_per_run)]
    return requests[::-1], same


def split_into_ranges(days: Sequence[date], longest: int) -> Iterator[list[date]]:
    """Ordered days as ranges of consecutive ones, none longer than given.

    >>> days = [date(2024, 1, day) for day in (1, 2, 3, 5)]
    >>> [(days[0].day, days[-1].day) for days in split_into_ranges(days, 2)]
    [(1, 2), (3, 3), (5, 5)]
    """
    current: list[date] = []
    for day in days:
        if current and (day - current[-1] > timedelta(days=1) or len(current) == longest):
            yield current
            current = []
        current.append(day)
    if current:
        yield current


def _is_same(attempts: Attempts, wanted: StaleDay | None) -> bool:
    return wanted is not None and wanted.inputs_fingerprint == attempts.inputs_fingerprint


def _request(
    kind: str, days: Sequence[date], wanted: Mapping[date, StaleDay], attempts: Mapping[date, Attempts]
) -> Request:
    fingerprints = [
        f"{wanted[day].inputs_fingerprint} {wanted[day].scores_fingerprint} {attempts[day].count}" for day in days
    ]
    run_key = f"{kind} {days[0]}..{days[-1]} {shorten(*fingerprints)}"
    return Request(kind, tuple(days), run_key, {day: wanted[day].because for day in days})
