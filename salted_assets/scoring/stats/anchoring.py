"""The anchored mean: few values of people, corrected by cheap predictions of all units (prediction-powered inference).

People know what is right, but of few units; a prediction is there of every unit, but may be off, by another amount for
each person. What the predictions of the units that people valued are off by is taken out of the mean of all of them.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats.intervals import student_quantile
from salted_assets.scoring.stats.samples import (
    ROUNDING,
    Floats,
    Indices,
    as_floats,
    divide,
    group_totals,
    sample_mean,
    squared_deviations,
)

FEWEST_OF_OTHERS = 15
"""Values of the others, less one a person, below which they do not tell how predictions go with values."""


class AnchorOutcome(IntEnum):
    """Whether predictions tell anything of a person, or why not; the first that holds."""

    TOLD = 0
    NO_VALUE = 1
    FEW_OTHERS = 2
    NO_RELATION = 3


class PairSums(NamedTuple):
    """What each person's valued units add up to: number, values y, predictions f, squares of both, products."""

    counts: Floats
    totals: Floats
    predicted: Floats
    squares: Floats
    predicted_squares: Floats
    products: Floats


class Anchored(NamedTuple):
    """Each person's anchored mean with 95 % limits, NaN without a value.

    `variance` is that of the mean, `freedom` those on which it rests, `weight` what a prediction counts beside a value,
    0 where predictions tell nothing: then the mean and limits are those of the values alone. `extra_count` is how many
    more values alone would make the mean as sure.
    """

    value: Floats
    low: Floats
    high: Floats
    variance: Floats
    freedom: Floats
    weight: Floats
    extra_count: Floats
    outcome: Indices


def sum_pairs(person: Indices, value: npt.ArrayLike, prediction: npt.ArrayLike, *, person_count: int) -> PairSums:
    """Add up valued units, for people with the indexes 0 to `person_count` - 1.

    >>> [part.tolist() for part in sum_pairs(np.array([0, 0, 1]), [1.0, 0.5, 0.5], [0.5, 0.5, 1.0], person_count=2)]
    [[2.0, 1.0], [1.5, 0.5], [1.0, 1.0], [1.25, 0.25], [0.5, 1.0], [0.75, 0.5]]
    """
    y, f = as_floats(value), as_floats(prediction)
    parts = (np.ones(y.size), y, f, y**2, f**2, y * f)
    return PairSums(*(as_floats(np.bincount(person, weights=part, minlength=person_count)) for part in parts))


def anchor_means(
    pairs: PairSums,
    unit_count: npt.ArrayLike,
    predicted_mean: npt.ArrayLike,
    group: Indices,
    *,
    freedom: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Anchored:
    """Mean of the values y of n units + w * (mean prediction of all N units - that of the n), of values in 0..1.

    Prediction-powered inference (Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023, Science 382) with the power
    tuned (Angelopoulos, Duchi and Zrnic 2023, PPI++): the regression estimator of survey sampling (Cochran 1977,
    Sampling Techniques, chapter 7). `unit_count` is N, the n among them, `predicted_mean` that of all N.

    - b: the slope of y on f within people, pooled over the group without the person, so that no own value chooses its
      own weight. w = b * max(0, 1 - se(b)^2 / b^2), and 0 where b <= 0 or the others' sum of (n - 1) is under 15. With
      w = 0 all is as by the values alone.
    - variance = s0^2 / n + (se(b)^2 + (b - w)^2) * (mean f of all - mean f of the n)^2 + b^2 * s_f^2 / N. s0 is the
      standard deviation of y around the line and s_f that of f, both within people and pooled over the group. Given the
      predictions, the second term is what a wrong weight costs; so limits hold where units were chosen by them, too. Of
      units drawn at random it is s_e^2 / n + w * (2b - w) * s_f^2 / N on average, s_e being the deviation of y - w f.
      There is no finite population correction: what is sought is the person's level, not the mean of these N.
    - limits: value +- t(d) * root of the variance, cut to 0..1; d is `freedom`, or the group's sum of (n - 1). NaN
      where the variance is 0: values that are all equal tell nothing of their spread.
    - extra = s_y^2 / variance - n, at least 0: the values alone have the variance s_y^2 / n.

    What only who values the unit perceives, and no prediction shows, is not corrected where units were chosen by it.

    Two people of 17 values, whose predictions tell nearly all; the first one's units were predicted low:

    >>> f = np.linspace(0.2, 0.8, 17)
    >>> y = np.concatenate([f, f + 0.1]) + 0.02 * np.tile([1, -1], 17)
    >>> pairs = sum_pairs(np.repeat([0, 1], 17), y, np.tile(f, 2), person_count=2)
    >>> found = anchor_means(pairs, [200, 200], [0.6, 0.5], np.zeros(2, int))
    >>> [part.round(3).tolist() for part in (found.value, found.weight, found.extra_count)]
    [[0.601, 0.599], [0.999, 0.999], [153.427, 159.978]]
    """
    count, total = pairs.counts, pairs.totals
    own_values = squared_deviations(count, total, pairs.squares)
    own_predictions = squared_deviations(count, pairs.predicted, pairs.predicted_squares)
    own_products = pairs.products - divide(total * pairs.predicted, count)
    values, predictions, products = (group_totals(part, group) for part in (own_values, own_predictions, own_products))
    free = group_totals(np.maximum(count - 1, 0), group)
    slope, slope_variance, has_enough = _find_slope_of_others(count, group, (own_values, own_predictions, own_products))
    weight = np.where(
        has_enough & (slope > 0), np.maximum(slope - np.nan_to_num(divide(slope_variance, slope)), 0), 0.0
    )
    is_told = (weight > 0) & (count > 0) & np.isfinite(as_floats(predicted_mean))
    gap = np.where(is_told, as_floats(predicted_mean) - divide(pairs.predicted, count), 0.0)
    weight = np.where(is_told, weight, 0.0)
    around_line = divide(np.maximum(values - np.nan_to_num(divide(products**2, predictions)), 0), free - 1)
    units = np.maximum(as_floats(unit_count), count)
    with_predictions = (
        divide(around_line, count)
        + (slope_variance + (slope - weight) ** 2) * gap**2
        + divide(slope**2 * divide(predictions, free), units)
    )
    within = divide(values, free)
    variance = np.where(is_told, with_predictions, divide(within, count))
    worth = np.where(variance > 0, divide(within, variance), count)
    value = sample_mean(count, total) + weight * gap
    degrees = free if freedom is None else np.broadcast_to(as_floats(freedom), count.shape)
    half = student_quantile(degrees, confidence) * np.sqrt(np.where(variance > 0, variance, np.nan))
    return Anchored(
        value=np.clip(value, 0, 1),
        low=np.clip(value - half, 0, 1),
        high=np.clip(value + half, 0, 1),
        variance=variance,
        freedom=degrees,
        weight=np.where(count > 0, weight, np.nan),
        extra_count=np.where(count > 0, np.maximum(worth - count, 0), np.nan),
        outcome=np.select(
            [is_told, count == 0, ~has_enough],
            [AnchorOutcome.TOLD, AnchorOutcome.NO_VALUE, AnchorOutcome.FEW_OTHERS],
            AnchorOutcome.NO_RELATION,
        ),
    )


def _find_slope_of_others(
    count: Floats, group: Indices, own: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """The slope within the others of each person's group with its variance, 0 for none, and whether they are enough.

    `own` are each person's squared deviations of values and of predictions, and their products.
    """

    def of_others(part: Floats) -> Floats:
        whole = group_totals(part, group)
        left = whole - np.nan_to_num(part)
        return np.where(np.abs(left) <= ROUNDING * np.abs(whole), 0.0, left)

    values, predictions, products = map(of_others, own)
    free = of_others(np.maximum(count - 1, 0))
    slope = np.nan_to_num(divide(products, np.maximum(predictions, 0)))
    left = np.maximum(values - slope * products, 0)
    variance = np.nan_to_num(divide(divide(left, free - 1), predictions))
    return slope, variance, free >= FEWEST_OF_OTHERS
