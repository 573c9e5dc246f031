"""The cumulative sums of change of one agent, or of one row of anything, in plain Python."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from salted_assets.scoring.change import DAYS_BEFORE, FEWEST_EVALUATIONS, GAP_DAYS, LEVEL_DAYS
from salted_assets.scoring.change_thresholds import (
    BETTER_THRESHOLDS,
    RATES,
    REFERENCES,
    STANDARD_ERRORS,
    WORSE_THRESHOLDS,
)


@dataclass(frozen=True)
class State:
    """What is said of one agent."""

    direction: int
    since: int
    statistic: float
    alarms: int


def threshold(reference: float, rate: float, error: float, *, is_better: bool) -> float:
    """Between the cases that were simulated, one axis after the other."""

    def place(grid: tuple[float, ...], value: float) -> tuple[int, float]:
        value = min(max(value, grid[0]), grid[-1])
        below = max(index for index in range(len(grid) - 1) if grid[index] <= value)
        return below, (value - grid[below]) / (grid[below + 1] - grid[below])

    first, share = place(REFERENCES, reference)
    second, rate_share = place(tuple(map(math.log, RATES)), math.log(max(rate, RATES[0])))
    third, error_share = place(STANDARD_ERRORS, error)
    total, table = 0.0, BETTER_THRESHOLDS if is_better else WORSE_THRESHOLDS
    for i, j, k in np.ndindex(2, 2, 2):
        weight = (share if i else 1 - share) * (rate_share if j else 1 - rate_share)
        total += weight * (error_share if k else 1 - error_share) * table[first + i][second + j][third + k]
    return total


def watch(
    counts: Sequence[float],
    totals: Sequence[float],
    deviation: float,
    fewest: float = FEWEST_EVALUATIONS,
    alarms_a_year: float | None = None,
) -> State:
    """One agent, day by day."""
    reference = 0.05 / deviation
    days = len(counts)
    first = next((day for day in range(days) if counts[day]), days)
    level = up_limit = down_limit = math.nan
    up = down = 0.0
    up_since = down_since = -1
    direction, since, alarms = 0, -1, 0
    must_begin = True
    for day in range(DAYS_BEFORE, days):
        if must_begin or math.isnan(level):
            span = range(day - DAYS_BEFORE, day - GAP_DAYS)
            number = sum(counts[each] for each in span)
            level = sum(totals[each] for each in span) / number if number >= fewest else math.nan
            if not math.isnan(level):
                seen = min(max(day - GAP_DAYS - max(first, day - DAYS_BEFORE), GAP_DAYS), LEVEL_DAYS)
                case = reference, number / seen, 1 / math.sqrt(number)
                up_limit, down_limit = (threshold(*case, is_better=is_better) for is_better in (True, False))
                if alarms_a_year is not None:
                    rarer = math.log(alarms_a_year) / math.log(0.2)
                    up_limit = down_limit = down_limit + rarer * (up_limit - down_limit)
            up, down, up_since, down_since = 0.0, 0.0, day, day
            must_begin = False
        if math.isnan(level):
            continue
        gone = (totals[day] - counts[day] * level) / deviation
        up = max(0.0, up + gone - counts[day] * reference)
        down = max(0.0, down - gone - counts[day] * reference)
        up_since = day + 1 if up == 0 else up_since
        down_since = day + 1 if down == 0 else down_since
        if up >= up_limit or down >= down_limit:
            found, begun = (1, up_since) if up / up_limit >= down / down_limit else (-1, down_since)
            since = since if found == direction else begun
            direction, alarms, must_begin = found, alarms + 1, True
    up, down = up / up_limit, down / down_limit
    return State(direction, since, math.nan if math.isnan(level) else up if up >= down else -down, alarms)
