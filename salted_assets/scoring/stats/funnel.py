"""Control limits for many people's means of unequal counts: the funnel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats.intervals import normal_quantile
from salted_assets.scoring.stats.samples import Floats, as_floats, divide

_WINSORIZED_SHARE = 0.1
_MEAN_SQUARE_OF_WINSORIZED_NORMAL = 0.6787
CONFIDENCES = (0.95, 0.998)
"""About two and three standard errors: to look at, and to act on."""


class FunnelLimits(NamedTuple):
    """Limits at some counts for one confidence."""

    confidence: float
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Funnel:
    """A fitted funnel: its target, the variance within people, and the variance between them that counts as usual.

    `overdispersion` is the mean squared standard score after winsorizing: 1 where people differ by chance alone.
    """

    target: float
    within_variance: float
    between_variance: float
    overdispersion: float

    def limits(self, count: npt.ArrayLike, confidences: Sequence[float] = CONFIDENCES) -> tuple[FunnelLimits, ...]:
        """Limits at these counts: target +- z sqrt(within / n + between)."""
        error = np.sqrt(divide(self.within_variance, count) + self.between_variance)
        return tuple(
            FunnelLimits(
                confidence,
                self.target - normal_quantile(confidence) * error,
                self.target + normal_quantile(confidence) * error,
            )
            for confidence in confidences
        )


def fit_funnel(count: npt.ArrayLike, mean: npt.ArrayLike, within_variance: float) -> Funnel:
    """The funnel of people's means of `count` values each, around the mean of all values.

    Spiegelhalter 2005, Funnel plots for comparing institutional performance (Statistics in Medicine 24), and Handling
    over-dispersion of performance indicators (Quality and Safety in Health Care 14): standard scores (mean - target) /
    sqrt(within / n) are winsorized at their 10th and 90th percentiles, so that the odd ones out do not widen the limits
    that are to find them; where their mean square phi exceeds (k - 1) / k, people differ beyond chance by the variance
    (k phi - (k - 1)) / (sum w - sum w^2 / sum w), w = n / within, which is added to each one's own. Winsorizing lowers
    phi of a standard normal itself, to 0.679; phi is divided by that, else the limits would be too narrow.

    People without a value do not count. With nobody, or without spread within people, there are no limits: NaN.

    >>> funnel = fit_funnel([4, 4, 4, 4], [0.2, 0.4, 0.6, 0.8], within_variance=0.04)
    >>> funnel.target, round(funnel.overdispersion, 3), round(funnel.between_variance, 4)
    (0.5, 4.98, 0.0564)
    >>> [(round(float(low), 3), round(float(high), 3)) for _, low, high in funnel.limits(4)]
    [(-0.005, 1.005), (-0.296, 1.296)]
    """
    counts, means = as_floats(count), as_floats(mean)
    is_there = (counts > 0) & np.isfinite(means)
    counts, means = counts[is_there], means[is_there]
    if not counts.size or not within_variance > 0:
        return Funnel(np.nan, within_variance, np.nan, np.nan)
    target = float(np.average(means, weights=counts))
    weights = counts / within_variance
    scores = (means - target) * np.sqrt(weights)
    edges = np.quantile(scores, [_WINSORIZED_SHARE, 1 - _WINSORIZED_SHARE])
    overdispersion = float(np.mean(np.clip(scores, *edges) ** 2)) / _MEAN_SQUARE_OF_WINSORIZED_NORMAL
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    excess = counts.size * overdispersion - (counts.size - 1)
    between = excess / scale if excess > 0 and scale > 0 else 0.0
    return Funnel(target, within_variance, between, overdispersion)
