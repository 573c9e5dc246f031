"""How right estimates are: error, coverage and width, over all people or some of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy.references import Estimate
from salted_assets.scoring.stats import Floats, Indices

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Accuracy:
    """Root mean squared error of the estimates; of the intervals the coverage, the mean width, and who has none."""

    rmse: float
    bias: float
    coverage: float
    width: float
    share_without: float


def measure(estimate: Estimate, truth: Floats, among: Mask | None = None) -> Accuracy:
    """Over all people, or those `among`. Who has no interval does not count in its coverage and width."""
    chosen = np.ones(truth.shape, bool) if among is None else among
    error = (estimate.value - truth)[chosen]
    low, high = estimate.low[chosen], estimate.high[chosen]
    has_limits = np.isfinite(low) & np.isfinite(high)
    is_covered = (low <= truth[chosen]) & (truth[chosen] <= high)
    return Accuracy(
        rmse=float(np.sqrt(np.nanmean(error**2))),
        bias=float(np.nanmean(error)),
        coverage=float(is_covered[has_limits].mean()) if has_limits.any() else np.nan,
        width=float((high - low)[has_limits].mean()) if has_limits.any() else np.nan,
        share_without=float(1 - has_limits.mean()),
    )


def coverage_by_count(estimate: Estimate, truth: Floats, count: Indices) -> dict[int, float]:
    """The coverage among people of each count."""
    return {int(number): measure(estimate, truth, count == number).coverage for number in np.unique(count)}


def lowest(values: Floats) -> Mask:
    """The lowest tenth of each world (row), rounded, one at least."""
    size = values.shape[1]
    order = values.argsort(1, kind="stable").argsort(1, kind="stable")
    return np.asarray(order < max(1, round(size / 10)))


def share_found(estimate: Floats, truth: Floats) -> float:
    """Share of the truly lowest tenth that is in the lowest tenth of the estimates."""
    return float(lowest(estimate)[lowest(truth)].mean())


def correlation(estimate: Floats, truth: Floats) -> float:
    """Mean over worlds (rows) of Pearson's correlation over people; who has no estimate does not count."""
    known = np.where(np.isfinite(estimate), 1.0, np.nan)
    left, right = (part * known - np.nanmean(part * known, axis=1, keepdims=True) for part in (estimate, truth))
    each = np.nansum(left * right, 1) / np.sqrt(np.nansum(left**2, 1) * np.nansum(right**2, 1))
    return float(each.mean())
