"""Whether an agent's evaluations have changed: a cumulative sum of deviations from the agent's own level before.

Day by day over a calendar quarter, replayed from its first day. Not here: what evaluations are worth (`scoring/fair`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.change_thresholds import (
    BETTER_THRESHOLDS,
    RATES,
    REFERENCES,
    STANDARD_ERRORS,
    WORSE_THRESHOLDS,
)
from salted_assets.scoring.stats import Floats, Indices

LEVEL_DAYS = 91
"""The days whose mean is the level that later days are held against."""

GAP_DAYS = 28
"""The days between them and the first day that is held against it: a slow change does not creep into the level."""

DAYS_BEFORE = LEVEL_DAYS + GAP_DAYS
"""The days before the quarter that are read."""

ALLOWANCE = 0.05
"""Half the change that is looked for: a lasting change of 0.1 is found soonest."""

FEWEST_EVALUATIONS = 5
"""With fewer evaluations than this there is no level."""

ALARMS_A_YEAR = (0.2, 1.0)
"""False alarms of higher and of lower values for which the thresholds of `change_thresholds` were made."""


@dataclass(frozen=True)
class Changes:
    """What a quarter's replay says on its last day, an element in each array for each agent.

    `direction` is that of the quarter's last alarm: 1 for higher values, -1 for lower ones, 0 for none. `since` is the
    index of the first day of the evaluations that led to it, or to the first of several in a row of one direction, -1
    for none. `statistic` is the sum that is nearer to its threshold, over that, negative for lower values; NaN where
    there is no level. `alarm_count` counts the quarter's alarms. `first_alarm` and `last_alarm` are the indexes of the
    days of those in a row of this direction, -1 for none, and `level` is what the first of them was held against, or
    what is held against now where there is none.
    """

    direction: Indices
    since: Indices
    statistic: Floats
    alarm_count: Indices
    first_alarm: Indices
    last_alarm: Indices
    level: Floats


def find_changes(counts: Floats, totals: Floats, standard_deviation: float) -> Changes:
    """Replay a quarter: what its days say of a change, by agent (row) and day (column).

    `counts` and `totals` are the number and the sum of a day's evaluations, adjusted for whatever is not the agent's
    doing, of `DAYS_BEFORE` days and then the quarter's so far; `standard_deviation` is that of one agent's single
    evaluations.

    One-sided cumulative sums both ways (Page 1954, Biometrika 41): after each day S = max(0, S + sum of (value - level)
    / sd - n k), with k = 0.05 / sd, and the same of the negated deviations. The level is the mean of the 91 days that
    ended 28 days before the run of days begins. A run begins with the quarter, or as soon as there are
    `FEWEST_EVALUATIONS` for a level, and again on the day after each alarm. An alarm is S at or above the threshold of
    its direction (`look_up_thresholds`), and dates the change to the day after S was last 0 (Page's estimate). What a
    day says depends on the days to it alone, so an alarm stays when days are added.

    One agent, ten days into the quarter, whose evaluations fell by 0.3 on the fifth of them:

    >>> values = np.full((1, DAYS_BEFORE + 10), 0.8)
    >>> values[0, -6:] = 0.5
    >>> found = find_changes(np.ones_like(values), values, 0.17)
    >>> int(found.direction[0]), int(found.since[0]) - DAYS_BEFORE, int(found.alarm_count[0])
    (-1, 4, 1)
    """
    return replay(counts, totals, standard_deviation, Levels(counts, totals))


def find_daily_changes(
    counts: Floats,
    totals: Floats,
    standard_deviation: npt.ArrayLike,
    levels: "Levels | None" = None,
    alarms_a_year: npt.ArrayLike | None = None,
) -> Iterator[Changes]:
    """What `find_changes` says on each day of the quarter, in order.

    `standard_deviation` may be one for each row, and `alarms_a_year` false alarms in each direction that are other than
    `ALARMS_A_YEAR`, one for each row. `levels` are those of the same values with another least number.
    """
    run = _Replay(counts, totals, standard_deviation, levels or Levels(counts, totals), alarms_a_year=alarms_a_year)
    for day in range(DAYS_BEFORE, counts.shape[1]):
        run.advance(day)
        yield run.describe()


def look_up_thresholds(
    reference: npt.ArrayLike, rate: Floats, standard_error: Floats, alarms_a_year: npt.ArrayLike | None = None
) -> Floats:
    """The thresholds for higher (first row) and for lower values, by agent.

    They give about one false alarm of a fall per agent and year, restarts counted, and one of a rise in five years:
    falls are to be found soon. By k, the agent's evaluations a day, and the standard error of the level in standard
    deviations of an evaluation: interpolated between the simulated cases of `change_thresholds`, those outside taken at
    its edges. Where `alarms_a_year` says so, as many false alarms in each of both directions: the logarithm of their
    number falls nearly as a line with the threshold.

    >>> look_up_thresholds(0.3, np.array([0.4, 1.0]), np.array([0.1, 0.1])).round(2).tolist()
    [[6.86, 8.96], [4.38, 5.83]]
    >>> look_up_thresholds(0.3, np.array([0.4, 1.0]), np.array([0.1, 0.1]), 0.5).round(2).tolist()
    [[5.45, 7.18], [5.45, 7.18]]
    """
    table = np.array([BETTER_THRESHOLDS, WORSE_THRESHOLDS])
    axes = (
        _place(REFERENCES, np.broadcast_to(np.asarray(reference, np.float64), rate.shape)),
        _place(np.log(RATES), np.log(np.maximum(rate, RATES[0]))),
        _place(STANDARD_ERRORS, standard_error),
    )
    found: Floats = np.zeros((2, rate.size))
    for corner in np.ndindex(2, 2, 2):
        weight = np.ones(rate.shape)
        for side, (_, share) in zip(corner, axes, strict=True):
            weight = weight * (share if side else 1 - share)
        first, second, third = (below + side for side, (below, _) in zip(corner, axes, strict=True))
        found += weight * table[:, first, second, third]
    if alarms_a_year is None:
        return found
    rare, common = np.log(ALARMS_A_YEAR)
    share = (np.log(np.asarray(alarms_a_year, np.float64)) - common) / (rare - common)
    return np.broadcast_to(found[1] + share * (found[0] - found[1]), found.shape)


class Levels:
    """The level that a run of days is held against, with the number of evaluations it stands on, and their rate."""

    def __init__(self, counts: Floats, totals: Floats, fewest: npt.ArrayLike = FEWEST_EVALUATIONS) -> None:
        """Of numbers and sums by agent and day; with less than the `fewest`, one for all or for each, there is none."""
        self._fewest = np.broadcast_to(np.asarray(fewest, np.float64), len(counts))
        self._counts, self._totals = (np.pad(each, ((0, 0), (1, 0))).cumsum(axis=1) for each in (counts, totals))
        self._own_counts, self._own_totals = counts, totals
        has_any = counts > 0
        self._first = np.where(has_any.any(axis=1), has_any.argmax(axis=1), counts.shape[1])

    def scaled(self, factor: float) -> "Levels":
        """The levels of values so many times as large."""
        return Levels(self._own_counts, self._own_totals * factor)

    def at(self, agents: Indices, start: int) -> tuple[Floats, Floats, Floats]:
        """Level (NaN where there are too few evaluations), standard error in standard deviations, and rate a day."""
        first, end = start - DAYS_BEFORE, start - GAP_DAYS
        number, total = (each[agents, end] - each[agents, first] for each in (self._counts, self._totals))
        is_known = number >= self._fewest[agents]
        safe = np.where(is_known, number, 1.0)
        # Who came within these days has the rate of the time since, of four weeks at least.
        days = np.clip(end - np.maximum(self._first[agents], first), GAP_DAYS, LEVEL_DAYS)
        return np.where(is_known, total / safe, np.nan), 1 / np.sqrt(safe), number / days


def replay(
    counts: Floats, totals: Floats, standard_deviation: float, levels: Levels, threshold: float | None = None
) -> Changes:
    """The replay of `find_changes`; `threshold` takes the place of the tables' while they are made."""
    run = _Replay(counts, totals, standard_deviation, levels, threshold)
    for day in range(DAYS_BEFORE, counts.shape[1]):
        run.advance(day)
    return run.describe()


class _Replay:
    """The sums, and what they have said so far, of agents whose days are gone through in order."""

    def __init__(  # noqa: PLR0917 - what is gone through, and how
        self,
        counts: Floats,
        totals: Floats,
        standard_deviation: npt.ArrayLike,
        levels: Levels,
        threshold: float | None = None,
        alarms_a_year: npt.ArrayLike | None = None,
    ) -> None:
        agents = len(counts)
        self._counts, self._totals, self._levels, self._threshold = counts, totals, levels, threshold
        self._deviation = np.broadcast_to(np.asarray(standard_deviation, np.float64), agents)
        self._reference = ALLOWANCE / self._deviation
        self._alarms = None if alarms_a_year is None else np.broadcast_to(np.asarray(alarms_a_year), agents)
        self._level, self._limits = np.full(agents, np.nan), np.ones((2, agents))
        self._sums, self._starts = np.zeros((2, agents)), np.full((2, agents), -1)
        self._direction, self._alarm_count = np.zeros((2, agents), np.int64)
        self._since, self._first_alarm, self._last_alarm = np.full((3, agents), -1)
        self._alarm_level = np.full(agents, np.nan)
        self._has_alarm: npt.NDArray[np.bool_] = np.zeros(agents, bool)

    def advance(self, day: int) -> None:
        """Go through the next day."""
        self._begin(np.flatnonzero(self._has_alarm | np.isnan(self._level)), day)
        number = self._counts[:, day]
        deviation = (self._totals[:, day] - number * self._level) / self._deviation
        added = np.stack([deviation, -deviation]) - number * self._reference
        self._sums = np.nan_to_num(np.maximum(self._sums + added, 0))
        self._starts[self._sums == 0] = day + 1
        self._has_alarm = np.any(self._sums >= self._limits, axis=0)
        self._record(np.flatnonzero(self._has_alarm), day)

    def describe(self) -> Changes:
        """What the days so far say."""
        nearest = (self._sums / self._limits).argmax(axis=0)
        statistic = (1 - 2 * nearest) * (self._sums / self._limits).max(axis=0)
        return Changes(
            direction=self._direction.copy(),
            since=self._since.copy(),
            statistic=np.where(np.isnan(self._level), np.nan, statistic),
            alarm_count=self._alarm_count.copy(),
            first_alarm=self._first_alarm.copy(),
            last_alarm=self._last_alarm.copy(),
            level=np.where(self._direction == 0, self._level, self._alarm_level),
        )

    def _begin(self, who: Indices, day: int) -> None:
        self._sums[:, who], self._starts[:, who] = 0.0, day
        self._level[who], error, rate = self._levels.at(who, day)
        is_known = ~np.isnan(self._level[who])
        if not is_known.any():
            return
        known = who[is_known]
        if self._threshold is not None:
            self._limits[:, known] = self._threshold
            return
        alarms = None if self._alarms is None else self._alarms[known]
        self._limits[:, known] = look_up_thresholds(self._reference[known], rate[is_known], error[is_known], alarms)

    def _record(self, which: Indices, day: int) -> None:
        side = (self._sums / self._limits)[:, which].argmax(axis=0)
        is_new = self._direction[which] != 1 - 2 * side
        new = which[is_new]
        self._since[new], self._first_alarm[new] = self._starts[side[is_new], new], day
        self._alarm_level[new] = self._level[new]
        self._direction[which], self._last_alarm[which] = 1 - 2 * side, day
        self._alarm_count[which] += 1


def _place(grid: Sequence[float] | npt.NDArray[np.float64], value: Floats) -> tuple[Indices, Floats]:
    """For each value the index of the grid point below, and how far it lies towards the next; edges hold outside."""
    points = np.asarray(grid)
    inside = np.clip(value, points[0], points[-1])
    below = np.clip(np.searchsorted(points, inside, side="right") - 1, 0, len(points) - 2)
    return below, (inside - points[below]) / (points[below + 1] - points[below])
