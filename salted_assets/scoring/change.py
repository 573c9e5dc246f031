"""Whether an agent's evaluations have changed: a cumulative sum of deviations from the agent's own level before.

Day by day over a calendar quarter, replayed from its first day. Not here: what evaluations are worth (`scoring/fair`).
"""

from collections.abc import Sequence
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


@dataclass(frozen=True)
class Changes:
    """What a quarter's replay says on its last day, an element in each array for each agent.

    `direction` is that of the quarter's last alarm: 1 for higher values, -1 for lower ones, 0 for none. `since` is the
    index of the first day of the evaluations that led to it, or to the first of several in a row of one direction, -1
    for none. `statistic` is the sum that is nearer to its threshold, over that, negative for lower values; NaN where
    there is no level. `alarm_count` counts the quarter's alarms.
    """

    direction: Indices
    since: Indices
    statistic: Floats
    alarm_count: Indices


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


def look_up_thresholds(reference: float, rate: Floats, standard_error: Floats) -> Floats:
    """The thresholds for higher (first row) and for lower values, by agent.

    They give about one false alarm of a fall per agent and year, restarts counted, and one of a rise in five years:
    falls are to be found soon. By k, the agent's evaluations a day, and the standard error of the level in standard
    deviations of an evaluation: interpolated between the simulated cases of `change_thresholds`, those outside taken at
    its edges.

    >>> look_up_thresholds(0.3, np.array([0.4, 1.0]), np.array([0.1, 0.1])).round(2).tolist()
    [[6.86, 8.96], [4.38, 5.83]]
    """
    table = np.array([BETTER_THRESHOLDS, WORSE_THRESHOLDS])
    axes = (
        _place(REFERENCES, np.full(rate.shape, reference)),
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
    return found


class Levels:
    """The level that a run of days is held against, with the number of evaluations it stands on, and their rate."""

    def __init__(self, counts: Floats, totals: Floats) -> None:
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
        is_known = number >= FEWEST_EVALUATIONS
        safe = np.where(is_known, number, 1.0)
        # Who came within these days has the rate of the time since, of four weeks at least.
        days = np.clip(end - np.maximum(self._first[agents], first), GAP_DAYS, LEVEL_DAYS)
        return np.where(is_known, total / safe, np.nan), 1 / np.sqrt(safe), number / days


def replay(
    counts: Floats, totals: Floats, standard_deviation: float, levels: Levels, threshold: float | None = None
) -> Changes:
    """The replay of `find_changes`; `threshold` takes the place of the tables' while they are made."""
    agents, days = counts.shape
    reference = ALLOWANCE / standard_deviation
    level, limits = np.full(agents, np.nan), np.ones((2, agents))
    sums, starts = np.zeros((2, agents)), np.full((2, agents), -1)
    direction, since, alarms = np.zeros(agents, np.int64), np.full(agents, -1), np.zeros(agents, np.int64)
    has_alarm = np.zeros(agents, bool)
    for day in range(DAYS_BEFORE, days):
        who = np.flatnonzero(has_alarm | np.isnan(level))
        sums[:, who], starts[:, who] = 0.0, day
        level[who], error, rate = levels.at(who, day)
        is_known = ~np.isnan(level[who])
        if is_known.any():
            found = look_up_thresholds(reference, rate[is_known], error[is_known]) if threshold is None else threshold
            limits[:, who[is_known]] = found
        number = counts[:, day]
        deviation = (totals[:, day] - number * level) / standard_deviation
        sums = np.nan_to_num(np.maximum(sums + np.stack([deviation, -deviation]) - number * reference, 0))
        starts[sums == 0] = day + 1
        has_alarm = (sums >= limits).any(axis=0)
        which = np.flatnonzero(has_alarm)
        side = (sums / limits)[:, which].argmax(axis=0)
        is_new = direction[which] != 1 - 2 * side
        since[which] = np.where(is_new, starts[side, which], since[which])
        direction[which] = 1 - 2 * side
        alarms[which] += 1
    nearest = (sums / limits).argmax(axis=0)
    statistic = (1 - 2 * nearest) * (sums / limits).max(axis=0)
    return Changes(direction, since, np.where(np.isnan(level), np.nan, statistic), alarms)


def _place(grid: Sequence[float] | npt.NDArray[np.float64], value: Floats) -> tuple[Indices, Floats]:
    """For each value the index of the grid point below, and how far it lies towards the next; edges hold outside."""
    points = np.asarray(grid)
    inside = np.clip(value, points[0], points[-1])
    below = np.clip(np.searchsorted(points, inside, side="right") - 1, 0, len(points) - 2)
    return below, (inside - points[below]) / (points[below + 1] - points[below])
