"""How far two raters agree beyond chance: quadratic weighted kappa."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats.intervals import normal_quantile
from salted_assets.scoring.stats.samples import Floats, Indices, as_floats, divide

FEWEST_PAIRS = 20
"""With fewer pairs than this, no agreement is reported."""


class Agreement(NamedTuple):
    """Weighted kappa of each group of pairs with its limits, NaN where it is not reported, and the number of pairs."""

    kappa: Floats
    low: Floats
    high: Floats
    pair_count: Indices


def weighted_kappa(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    group: Indices | None = None,
    *,
    group_count: int | None = None,
    fewest_pairs: int = FEWEST_PAIRS,
    confidence: float = 0.95,
) -> Agreement:
    """Quadratic weighted kappa of paired scores, one for each group (one in all where `group` is None).

    kappa = 1 - mean (a - b)^2 / mean over all a and b of (a - b)^2: 1 is full agreement, 0 what chance gives (Cohen
    1968, Psychological Bulletin 70). Weights are quadratic in the distance of the scores themselves, not of the ranks
    of answers in a list, so any scale serves, and kappa is the intraclass correlation (Fleiss and Cohen 1973,
    Educational and Psychological Measurement 33): a rater who is always stricter by the same amount does not agree. A
    slight disagreement weighs little; compare kappas of questions with the same answers only.

    The limits are kappa +- z times the large-sample standard error of Fleiss, Cohen and Everitt 1969 (Psychological
    Bulletin 72), cut to -1..1. Pairs with a NaN do not count. NaN for fewer than `fewest_pairs` pairs and where no
    score differs from any other.

    >>> agreement = weighted_kappa([0, 0.5, 1, 1] * 10, [0, 0.5, 0.5, 1] * 10)
    >>> [round(float(part[0]), 3) for part in agreement]
    [0.8, 0.677, 0.923, 40.0]
    """
    a, b = as_floats(first), as_floats(second)
    groups = np.zeros(a.size, np.int64) if group is None else group
    size = group_count if group_count is not None else (1 if group is None else int(groups.max(initial=-1)) + 1)
    is_pair = np.isfinite(a) & np.isfinite(b)
    a, b, groups = a[is_pair], b[is_pair], groups[is_pair]
    pairs = np.bincount(groups, minlength=size)

    def mean(values: Floats) -> Floats:
        return divide(np.bincount(groups, weights=values, minlength=size), pairs)

    a_mean, b_mean = mean(a), mean(b)
    a_off, b_off = a - a_mean[groups], b - b_mean[groups]
    a_variance, b_variance = mean(a_off**2), mean(b_off**2)
    chance = a_variance + b_variance + (a_mean - b_mean) ** 2
    ratio = divide(mean((a - b) ** 2), chance)
    # The standard error in disagreement weights: those of a pair, and the mean ones that its two scores would get.
    expected = (a - b_mean[groups]) ** 2 + b_variance[groups] + (b - a_mean[groups]) ** 2 + a_variance[groups]
    moments = mean(((a - b) ** 2 - expected * ratio[groups]) ** 2) - (chance * ratio) ** 2
    error = np.sqrt(divide(np.maximum(moments, 0), pairs)) / np.where(chance > 0, chance, np.nan)
    is_reported = (pairs >= fewest_pairs) & (chance > 0)
    kappa, half = np.where(is_reported, 1 - ratio, np.nan), normal_quantile(confidence) * error
    return Agreement(kappa, np.maximum(kappa - half, -1), np.minimum(kappa + half, 1), pairs)
