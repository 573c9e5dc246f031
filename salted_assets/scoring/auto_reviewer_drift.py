"""The rows of `scores/auto_reviewer_drift`: whether the auto reviewer scores a question otherwise than before.

Differences from people's answers, watched by the cumulative sums of `change`; breakdowns have sums of their own.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores.auto_reviewer_drift import DRIFT_DIRECTIONS, AutoReviewerDrift
from salted_assets.scoring.auto_differences import (
    AutoDifferences,
    QuestionDifferences,
    average_engagements,
    find_reviewer_effects,
    gather_differences,
)
from salted_assets.scoring.change import DAYS_BEFORE, GAP_DAYS, LEVEL_DAYS, Changes, Levels, find_daily_changes
from salted_assets.scoring.change_thresholds import RATES
from salted_assets.scoring.stats import Floats, Indices, divide
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS, days_since_quarter

DRIFT_DAYS = CHANGE_DAYS
"""The days back from the end date that are read at most, the end date included."""

FEWEST_ENGAGEMENTS = 20
"""With fewer engagements that both answered in the 91 days there is no level: their spread would be a guess."""

QUESTION_ALARMS = 1.0
"""False alarms a year of a question's own sums, both directions together."""

BREAKDOWN_ALARMS = 0.5
"""Those of the sums of a question's languages, all together, and of its queues, all together."""

LEAST_DEVIATION = 0.05
"""Differences are taken to vary by this at least: where both always agreed, a first other answer is no drift."""

_LOCATED = 0.05
_FEWEST_TO_LOCATE = 5


@dataclass(frozen=True)
class _Watched:
    """What is watched of a question: its engagements by day, whole (the first row) and by language and queue.

    `language` and `queue` are indexes of each row, -1 where it is of all. `alarms` are false alarms a year in each
    direction.
    """

    pid: str
    language: Indices
    queue: Indices
    counts: Floats
    totals: Floats
    deviation: Floats
    alarms: Floats


class _Main(NamedTuple):
    """The language and the queue in which a change stands out, as indexes; None where it shows alike in all."""

    language: int | None
    queue: int | None


def watch_auto_reviewer(
    answers: Iterable[pa.Table], end_dates: Sequence[date], found_only: Collection[str] = ()
) -> Iterator[pa.Table]:
    """For each end date, in order, a row for each question, and for each of its languages and queues.

    Takes tables of rows of `scores/answer` with `DIFFERENCE_COLUMNS`, of `DRIFT_DAYS` to each end date, and gives the
    columns of `AutoReviewerDrift`. Questions that are answered `found_only` where there is something to find have no
    row, nor has what had no engagement answered by both.

    A difference is the auto reviewer's score, as first given, less the mean of people's answers to the question about
    the engagement, each less what its reviewer is off by (`find_reviewer_effects`), over drawn engagements. Level,
    spread and reviewers are those of the 91 days that ended 28 days before the quarter began, or before the first of
    its days for which these have `FEWEST_ENGAGEMENTS`; levels are found again after an alarm (`find_daily_changes`).
    What a day says depends on the days to it alone, and on no other question.
    """
    differences = gather_differences(answers, found_only)
    for first, ends in _by_quarter(end_dates):
        days = DAYS_BEFORE + days_since_quarter(ends[-1])
        watched = [_prepare(pid, rows, first, days) for pid, rows in differences.questions.items() if rows.day.size]
        yield from _replay_quarter(differences, sorted(watched, key=lambda each: each.pid), first, ends)


def _by_quarter(end_dates: Sequence[date]) -> Iterator[tuple[int, list[date]]]:
    """The end dates of each quarter, with the ordinal of the first day that they read."""
    quarters: dict[int, list[date]] = {}
    for end in end_dates:
        first = (end - timedelta(days=days_since_quarter(end) - 1 + DAYS_BEFORE)).toordinal()
        quarters.setdefault(first, []).append(end)
    yield from quarters.items()


def _replay_quarter(
    differences: AutoDifferences, watched: Sequence[_Watched], first: int, ends: Sequence[date]
) -> Iterator[pa.Table]:
    schema = arrow_schema(AutoReviewerDrift)
    if not watched:
        yield from (schema.empty_table() for _ in ends)
        return
    counts, totals, deviation, alarms = (
        np.concatenate([getattr(each, name) for each in watched])
        for name in ("counts", "totals", "deviation", "alarms")
    )
    # Thresholds go to the highest of `RATES`: of more engagements, so many are taken as one.
    rate = counts[:, :LEVEL_DAYS].sum(axis=1) / LEVEL_DAYS
    taken = np.maximum(rate / max(RATES), 1.0)
    of_one = counts / taken[:, None], totals / taken[:, None]
    levels = Levels(*of_one, FEWEST_ENGAGEMENTS / taken)
    days = find_daily_changes(*of_one, deviation / np.sqrt(taken), levels, alarms / 2)
    wanted = {end.toordinal() - first: end for end in ends}
    for day, changes in enumerate(days, start=DAYS_BEFORE):
        if day in wanted:
            rows = _describe_day(differences, watched, changes, first, day)
            yield pa.Table.from_pylist([{"end_date": wanted[day], **row} for row in rows], schema=schema)


def _prepare(pid: str, rows: QuestionDifferences, first: int, days: int) -> _Watched:
    rows = rows.take((rows.day >= first) & (rows.day < first + days))
    start = _find_start(average_engagements(rows, np.zeros(0)).day - first, days)
    frozen = (rows.day >= first + start - DAYS_BEFORE) & (rows.day < first + start - GAP_DAYS)
    effects, freedom = find_reviewer_effects(rows.take(frozen))
    own = average_engagements(rows, effects)
    own_frozen = (own.day >= first + start - DAYS_BEFORE) & (own.day < first + start - GAP_DAYS)
    whole = _deviation_of(own.difference[own_frozen], freedom)
    language, queue, members = _break_down(own)
    shape = len(members), days
    counts, totals, deviation, level_counts = np.zeros(shape), np.zeros(shape), np.full(len(members), whole), []
    for row, is_member in enumerate(members):
        day, difference = own.day[is_member] - first, own.difference[is_member]
        counts[row] = np.bincount(day, minlength=days)
        totals[row] = np.bincount(day, difference, minlength=days)
        level_counts.append(int((is_member & own_frozen).sum()))
        if level_counts[-1] >= FEWEST_ENGAGEMENTS:
            deviation[row] = max(_deviation_of(own.difference[is_member & own_frozen], 0.0), whole)
    alarms = np.full(len(members), QUESTION_ALARMS)
    for index in (language, queue):
        of_kind = index >= 0
        alarms[of_kind] = BREAKDOWN_ALARMS / max(int((np.array(level_counts)[of_kind] >= FEWEST_ENGAGEMENTS).sum()), 1)
    return _Watched(pid, language, queue, counts, totals, deviation, alarms)


def _find_start(day: Indices, days: int) -> int:
    """The first day of the quarter whose level has enough engagements; the quarter's first where none has."""
    until = np.append(0, np.bincount(day, minlength=days).cumsum())
    starts = np.arange(DAYS_BEFORE, days)
    enough = until[starts - GAP_DAYS] - until[starts - DAYS_BEFORE] >= FEWEST_ENGAGEMENTS
    return DAYS_BEFORE + int(enough.argmax())


def _deviation_of(values: Floats, freedom: float) -> float:
    """Standard deviation of values of which so many degrees of freedom are spent beside that of their mean.

    With its own standard error added, as far as values are normal: one that came out too small gives false alarms.
    """
    if values.size < 2:  # noqa: PLR2004 - one value has no spread
        return LEAST_DEVIATION
    left = max(values.size - 1 - freedom, 1.0)
    deviation = float(np.sqrt(((values - values.mean()) ** 2).sum() / left))
    return max(deviation * (1 + float(np.sqrt(0.5 / left))), LEAST_DEVIATION)


def _break_down(rows: QuestionDifferences) -> tuple[Indices, Indices, list[npt.NDArray[np.bool_]]]:
    """The rows of a question: all engagements, those of each language, those of each queue."""
    language, queue, members = [-1], [-1], [np.ones(rows.day.size, bool)]
    for name, own, other in (("language", language, queue), ("queue", queue, language)):
        of_row = getattr(rows, name)
        for index in np.unique(of_row[of_row >= 0]).tolist():
            own.append(index)
            other.append(-1)
            members.append(of_row == index)
    return np.array(language), np.array(queue), members


def _describe_day(
    differences: AutoDifferences, watched: Sequence[_Watched], changes: Changes, first: int, day: int
) -> Iterator[dict[str, Any]]:
    at = 0
    for each in watched:
        size = len(each.counts)
        rows = slice(at, at + size)
        own = replace(changes, **{name: getattr(changes, name)[rows] for name in vars(changes)})
        at += size
        languages, queues = [*differences.languages, None], [*differences.queues, None]
        name = differences.name_of(each.pid, first + day)
        order = sorted(range(size), key=lambda row: (str(languages[each.language[row]]), str(queues[each.queue[row]])))
        shown = _find_shown(each, day)
        for row in sorted(order, key=lambda row: (each.language[row] >= 0) + 2 * (each.queue[row] >= 0)):
            if not shown[row]:
                continue
            main = _find_main(each, own, day) if row == 0 else _Main(None, None)
            yield {
                "question_pid": each.pid,
                "question_name": name,
                "language": languages[each.language[row]],
                "queue": queues[each.queue[row]],
                **_describe_row(each, own, row, first, day),
                "main_language": None if main.language is None else languages[main.language],
                "main_queue": None if main.queue is None else queues[main.queue],
            }


def _find_shown(each: _Watched, day: int) -> npt.NDArray[np.bool_]:
    """Which rows there are on a day: a breakdown from its second language or queue on."""
    shown: npt.NDArray[np.bool_] = each.counts[:, : day + 1].sum(axis=1) > 0
    for index in (each.language, each.queue):
        of_kind = index >= 0
        shown[of_kind] &= (shown & of_kind).sum() > 1
    return shown


def _describe_row(each: _Watched, changes: Changes, row: int, first: int, day: int) -> dict[str, Any]:
    direction, known = int(changes.direction[row]), bool(np.isfinite(changes.level[row]))
    since = int(changes.since[row]) if direction else DAYS_BEFORE
    count, total = (float(part[row, since : day + 1].sum()) for part in (each.counts, each.totals))
    mean = total / count if count else None

    def date_of(index: int) -> date | None:
        return date.fromordinal(first + index) if direction else None

    level = float(changes.level[row])
    statistic = float(changes.statistic[row])
    return {
        "change_direction": DRIFT_DIRECTIONS[0 if direction > 0 else 1] if direction else None,
        "change_since": date_of(since),
        "shift": mean - level if direction and mean is not None else None,
        "first_alarm_date": date_of(int(changes.first_alarm[row])),
        "last_alarm_date": date_of(int(changes.last_alarm[row])),
        "alarm_count": int(changes.alarm_count[row]),
        "change_statistic": statistic if np.isfinite(statistic) else None,
        "engagement_count": round(count),
        "both_count": round(float(each.counts[row, : day + 1].sum())),
        "auto_less_people_mean": mean,
        "level_mean": level if known else None,
        "standard_deviation": float(each.deviation[row]) if known else None,
        "false_alarms_a_year": float(each.alarms[row]),
        "not_known_reason": None if known else _explain(each, row, first, day),
    }


def _explain(each: _Watched, row: int, first: int, day: int) -> str:
    begin, end = day - DAYS_BEFORE, day - GAP_DAYS
    count = int(each.counts[row, begin:end].sum())
    from_date, to_date = date.fromordinal(first + begin), date.fromordinal(first + end - 1)
    return (
        f"people and the auto reviewer both answered it about {count} drawn engagements from {from_date} to {to_date}; "
        f"from {FEWEST_ENGAGEMENTS} on there is a level to hold later days against"
    )


def _find_main(each: _Watched, changes: Changes, day: int) -> _Main:
    """Where the change of a question stands out: the language, and the queue, whose shift exceeds that of the others.

    By more than chance makes of so many languages (queues) in one case of twenty (Bonferroni), in the direction of the
    alarm, with five engagements since and five in the 91 days before.
    """
    if not changes.direction[0]:
        return _Main(None, None)
    since = int(changes.since[0])
    begin, end = since - DAYS_BEFORE, since - GAP_DAYS
    frozen_count, frozen_total = (part[:, begin:end].sum(axis=1) for part in (each.counts, each.totals))
    count, total = (part[:, since : day + 1].sum(axis=1) for part in (each.counts, each.totals))

    def shift_of(now: Floats, now_total: Floats, before: Floats, before_total: Floats) -> tuple[Floats, Floats]:
        return divide(now_total, now) - divide(before_total, before), divide(1, now) + divide(1, before)

    shift, variance = shift_of(count, total, frozen_count, frozen_total)
    others, others_variance = shift_of(
        count[0] - count, total[0] - total, frozen_count[0] - frozen_count, frozen_total[0] - frozen_total
    )
    is_enough = (count >= _FEWEST_TO_LOCATE) & (frozen_count >= _FEWEST_TO_LOCATE)
    beyond = changes.direction[0] * (shift - others) / (each.deviation[0] * np.sqrt(variance + others_variance))
    beyond = np.where(is_enough & np.isfinite(beyond), beyond, -np.inf)

    def stands_out(index: Indices) -> int | None:
        rows = np.flatnonzero(index >= 0)
        if not rows.size:
            return None
        limit = float(scipy.special.ndtri(1 - _LOCATED / rows.size))
        row = rows[beyond[rows].argmax()]
        return int(index[row]) if beyond[row] > limit else None

    return _Main(stands_out(each.language), stands_out(each.queue))
