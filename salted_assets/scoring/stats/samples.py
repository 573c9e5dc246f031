"""Means and variances out of counts, sums and sums of squares."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.signedinteger[Any]]
"""Whole numbers from 0 that tell to which group a person belongs."""

ROUNDING = 1e-12
"""A sum of squared deviations this small beside the sum of squares is what rounding leaves of zero."""


def as_floats(values: npt.ArrayLike) -> Floats:
    """The values as an array of 64-bit floats."""
    return np.asarray(values, np.float64)


def divide(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
    """The quotient, NaN where the denominator is 0."""
    below = as_floats(denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, as_floats(numerator) / below)


def zero_unknown(values: npt.ArrayLike) -> Floats:
    """The values with 0 in place of NaN: `np.nan_to_num` takes ten times as long for the few people of a centre."""
    floats = as_floats(values)
    return np.where(np.isnan(floats), 0.0, floats)


def squared_deviations(count: npt.ArrayLike, total: npt.ArrayLike, sum_of_squares: npt.ArrayLike) -> Floats:
    """Sum of squared deviations from the sample's own mean, 0 where rounding alone made it other; NaN for no value."""
    squares = as_floats(sum_of_squares)
    deviations = squares - divide(as_floats(total) ** 2, count)
    return np.where(deviations <= ROUNDING * np.abs(squares), 0.0, deviations) + 0 * divide(1, count)


def sample_mean(count: npt.ArrayLike, total: npt.ArrayLike) -> Floats:
    """Mean of each sample, NaN for one without a value."""
    return divide(total, count)


def sample_variance(count: npt.ArrayLike, total: npt.ArrayLike, sum_of_squares: npt.ArrayLike) -> Floats:
    """Unbiased variance of each sample, NaN for fewer than two values.

    >>> float(sample_variance(3, 6.0, 14.0))  # of 1, 2, 3
    1.0
    """
    freedom = np.maximum(as_floats(count) - 1, 0)
    return divide(squared_deviations(count, total, sum_of_squares), freedom)


def group_totals(values: npt.ArrayLike, group: Indices) -> Floats:
    """For each person the sum over all of the person's group; NaN counts as 0."""
    return as_floats(np.bincount(group, weights=zero_unknown(values))[group])


def pooled_variance(
    count: npt.ArrayLike, total: npt.ArrayLike, sum_of_squares: npt.ArrayLike, group: Indices
) -> tuple[Floats, Floats]:
    """Variance within people, pooled over each person's group, and its degrees of freedom.

    sum of (n - 1) s^2 / sum of (n - 1): the within mean square of an analysis of variance. Every person with two values
    or more takes part. NaN where a group has no such person.

    >>> variance, freedom = pooled_variance([2, 3], [1.0, 6.0], [1.0, 14.0], np.array([0, 0]))
    >>> variance.tolist(), freedom.tolist()  # 0, 1 and 1, 2, 3: (0.5 + 2) / (1 + 2)
    ([0.8333333333333334, 0.8333333333333334], [3.0, 3.0])
    """
    deviations = group_totals(squared_deviations(count, total, sum_of_squares), group)
    freedom = group_totals(np.maximum(as_floats(count) - 1, 0), group)
    return divide(deviations, freedom), freedom
