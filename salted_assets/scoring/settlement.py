"""Settlement: what a day's count and figures will be once late rows are in, learned from days that are complete.

Here: formulas on counts by start day and age. Not here: which rows were seen when (`explain.settlement`), files.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats import Floats, Indices, ShrinkOutcome, divide, shrink

LEARNING_DAYS = 28
"""The complete start days that are learned from."""

SETTLED_SHARE = 0.99
"""Figures are settled from the age on at which this share of their rows is in."""

FEWEST_CASES = 9
"""With fewer cases than this, the largest of them is not beyond nine in ten."""

ARRIVAL_DAYS = 2
"""The calendar days whose arrivals tell of an outage or a backlog."""

_WEEKDAYS = 7
_COVERED = 0.9
_UNUSUAL = 2
_ROUNDING = 1e-9


class Settlement(NamedTuple):
    """What is usual at each age (row) for start days of each weekday (column, Monday first); NaN is not known.

    `share` is that of the final rows which is in, 0..1. `log_odds` are those of being in, and `reach` is how far from
    them nine in ten days are at most, at each age, found out of `case_count` days. `arrivals` is the mean number of
    rows that come within the last two calendar days up to the age, `arrivals_deviation` how it varies, at each age.
    `count_log` is the usual log(final + .5) of each weekday and `count_reach` how far nine in ten days are from it.
    """

    share: Floats
    log_odds: Floats
    reach: Floats
    case_count: Indices
    arrivals: Floats
    arrivals_deviation: Floats
    settled_age: int | None
    count_log: Floats
    count_reach: float

    @property
    def largest_count(self) -> Floats:
        """The final count of each weekday that nine in ten days keep to, in whole rows; NaN is not known."""
        return np.asarray(np.ceil(np.exp(self.count_log + self.count_reach) - 0.5 - _ROUNDING))


class FinalCount(NamedTuple):
    """The final count that is expected, and whole limits within which it is in nine of ten cases."""

    expected: Floats
    low: Floats
    high: Floats


class Widening(NamedTuple):
    """How many times as far out as usual a limit is: the upper one in an outage, the lower one behind a backlog."""

    low: float
    high: float


UNWIDENED = Widening(1.0, 1.0)


def learn_settlement(seen: npt.ArrayLike, final: npt.ArrayLike, weekday: Indices) -> Settlement:
    """Learn from complete days: `seen` has a row for each age from 0 on and a column for each day, `final` its count.

    y = log((seen + .5) / (max(final - seen, 0) + .5)) is averaged by weekday (0 is Monday), and these means are drawn
    towards that of all days as far as chance alone would spread them (`shrink`, weekdays in place of people). Where
    fewer than six weekdays have two days, the mean of all days stands for each. A day without any row says nothing.

    reach = multiplier x deviation: the root mean squared residual, and the ceil(.9 (K + 1))-th smallest of the K
    absolute residuals of days left out one by one, each over the deviation of the others: it makes up for all that is
    estimated (the jackknife of Barber, Candes, Ramdas and Tibshirani 2021, Annals of Statistics 49, on one scale for
    all weekdays). With fewer than nine days there is none.

    >>> final = np.full(14, 20.0)
    >>> learned = learn_settlement([final - 10, final], final, np.arange(14) % 7)
    >>> learned.share[:, 0].tolist(), learned.reach.tolist(), learned.settled_age
    ([0.5, 1.0], [0.0, 0.0], 1)
    """
    counts, finals = np.asarray(seen, np.float64), np.asarray(final, np.float64)
    days = np.asarray(weekday)
    log_odds = np.log((counts + 0.5) / (np.maximum(finals - counts, 0) + 0.5))
    is_case = (counts > 0) | (finals > 0)
    usual, reach = _learn_level(log_odds, is_case, days)
    count_log, count_reach = _learn_level(np.log(finals + 0.5)[np.newaxis], np.ones((1, len(days)), bool), days)
    arrivals, arrivals_deviation = _average_arrivals(counts, days)
    return Settlement(
        share=_find_shares(counts, finals, days),
        log_odds=usual,
        reach=reach,
        case_count=is_case.sum(1),
        arrivals=arrivals,
        arrivals_deviation=arrivals_deviation,
        settled_age=_find_settled_age(counts, finals),
        count_log=count_log[0],
        count_reach=float(count_reach[0]),
    )


def expect_final(
    seen: npt.ArrayLike,
    log_odds: npt.ArrayLike,
    reach: npt.ArrayLike,
    largest_count: npt.ArrayLike = np.inf,
    widening: Widening = UNWIDENED,
) -> FinalCount:
    """The final count of a day of which so many rows were seen at an age with these log odds and this reach.

    final = seen - .5 + (seen + .5) exp(-y), at y = log odds and log odds +- reach; limits are whole counts, so that a
    day which is complete can be within them. Widened limits are so many times as far from the expected count. The upper
    one is at most `largest_count`, that of days like it: where next to nothing was seen, the log odds exclude little.

    >>> [round(float(part), 1) for part in expect_final(20, 0.0, 0.5)]
    [40.0, 32.0, 53.0]
    """
    counts, usual, far = (np.asarray(part, np.float64) for part in (seen, log_odds, reach))

    def at(odds: Floats) -> Floats:
        return np.asarray(counts - 0.5 + (counts + 0.5) * np.exp(-odds))

    expected = at(usual)
    low = np.floor(expected - widening.low * (expected - at(usual + far)) + 0.5)
    high = np.floor(expected + widening.high * (at(usual - far) - expected) + 0.5)
    lowest = np.maximum(low, counts)
    return FinalCount(np.maximum(expected, counts), lowest, np.maximum(np.minimum(high, largest_count), lowest))


def widen_limits(arrived: float, usual: float, deviation: float) -> Widening:
    """By how much limits are widened when so many rows arrived in the last two days instead of the usual number.

    Within two standard deviations of it, by nothing. Fewer rows (an outage) put the upper limit farther out by the
    ratio, more rows (a backlog that was worked off) the lower one.

    >>> widen_limits(10, 40, 5.0).high.__round__(2), widen_limits(35, 40, 5.0).high
    (3.86, 1.0)
    """
    if not abs(arrived - usual) > _UNUSUAL * deviation:
        return UNWIDENED
    ratio = (max(arrived, usual) + 0.5) / (min(arrived, usual) + 0.5)
    return Widening(1.0, ratio) if arrived < usual else Widening(ratio, 1.0)


def find_move_factor(now: npt.ArrayLike, final: npt.ArrayLike, now_count: npt.ArrayLike, count: npt.ArrayLike) -> float:
    """What a move is at most in nine of ten past cases, over sqrt(1 / n now - 1 / n final): means and counts of both.

    Cases are those with 0 < n now < n final; NaN for fewer than nine.
    """
    before, after = np.asarray(now_count, np.float64), np.asarray(count, np.float64)
    is_case = (before > 0) & (before < after)
    moves = np.abs(np.asarray(final, np.float64) - np.asarray(now, np.float64))[is_case]
    return covering_bound(moves / find_move_root(before[is_case], after[is_case]))


def find_move_root(now_count: npt.ArrayLike, count: npt.ArrayLike) -> Floats:
    """sqrt(1 / n now - 1 / n final): how a mean's move depends on the counts; NaN without a value now, 0 where all are.

    >>> float(find_move_root(4, 16))
    0.4330127018922193
    """
    before = np.asarray(now_count, np.float64)
    return np.asarray(np.sqrt(np.maximum(divide(1, before) - divide(1, np.maximum(count, before)), 0)))


def covering_bound(values: Floats) -> float:
    """The ceil(.9 (K + 1))-th smallest of K values, below which the next one is in nine of ten cases; NaN below nine.

    >>> covering_bound(np.arange(1.0, 20.0))
    18.0
    """
    if len(values) < FEWEST_CASES:
        return float("nan")
    return float(np.sort(values)[int(np.ceil(_COVERED * (len(values) + 1))) - 1])


def _learn_level(values: Floats, is_case: npt.NDArray[np.bool_], weekday: Indices) -> tuple[Floats, Floats]:
    """The usual value of each age (row) and weekday (column), and how far nine in ten days (columns) are from it."""
    own = (weekday[:, np.newaxis] == np.arange(_WEEKDAYS)) & is_case[..., np.newaxis]
    each = own * values[..., np.newaxis]
    of_days = np.stack([own.astype(np.float64), each, each**2])
    sums = of_days.sum(2)
    expected, deviation = _fit(*sums)
    others, deviation_of_others = _fit(*(sums[:, :, np.newaxis] - of_days))
    residual = np.abs(values - (own * others).sum(2))
    standardised = residual * (residual > _ROUNDING) / np.maximum(deviation_of_others, _ROUNDING)
    multiplier = [covering_bound(row[of_age]) for row, of_age in zip(standardised, is_case, strict=True)]
    return expected, np.array(multiplier) * deviation


def _fit(count: Floats, total: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """The expected value of each weekday (last axis), and the root mean squared residual of all days around them."""
    shape = count.shape
    group = np.repeat(np.arange(count.size // _WEEKDAYS), _WEEKDAYS)
    shrunk = shrink(count.ravel(), total.ravel(), squares.ravel(), group)
    outcome = shrunk.outcome.reshape(shape)
    of_all = np.broadcast_to(divide(total.sum(-1, keepdims=True), count.sum(-1, keepdims=True)), shape)
    own = divide(total, count)
    expected = np.select(
        [outcome == ShrinkOutcome.SHRUNK, outcome == ShrinkOutcome.NO_SPREAD],
        [shrunk.value.reshape(shape), np.where(count > 0, own, of_all)],
        of_all,
    )
    squared = (squares - 2 * expected * total + count * expected**2).sum(-1)
    return expected, np.sqrt(np.maximum(divide(squared, count.sum(-1)), 0))


def _find_shares(seen: Floats, final: Floats, weekday: Indices) -> Floats:
    """The share of each age and weekday, that of all days for a weekday without rows."""
    there, own = np.minimum(seen, final), weekday[:, np.newaxis] == np.arange(_WEEKDAYS)
    of_all = divide(there.sum(1), final.sum())
    of_weekday = divide(there @ own, final @ own)
    return np.where(np.isnan(of_weekday), of_all[:, np.newaxis], of_weekday)


def _find_settled_age(seen: Floats, final: Floats) -> int | None:
    """The first age from which on the share of all days is `SETTLED_SHARE`; None where there is none."""
    share = divide(np.minimum(seen, final).sum(1), final.sum())
    is_settled = np.logical_and.accumulate((share >= SETTLED_SHARE)[::-1])[::-1]
    return int(is_settled.argmax()) if is_settled.any() else None


def _average_arrivals(seen: Floats, weekday: Indices) -> tuple[Floats, Floats]:
    """The mean of what comes within two calendar days up to each age, by weekday, and its variance around that."""
    before = np.vstack([np.zeros((ARRIVAL_DAYS, seen.shape[1])), seen])[: len(seen)]
    arrived = seen - before
    own = weekday[:, np.newaxis] == np.arange(_WEEKDAYS)
    of_all = np.broadcast_to(arrived.mean(1, keepdims=True), (len(seen), _WEEKDAYS))
    mean = np.where(own.sum(0) > 0, divide(arrived @ own, own.sum(0)), of_all)
    freedom = max(seen.shape[1] - int((own.sum(0) > 0).sum()), 1)
    return mean, np.sqrt(((arrived - mean[:, weekday]) ** 2).sum(1) / freedom)
