"""From levels and their covariance to what is said of each agent: limits, shrunk means, ranks, reasons."""

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from salted_assets.scoring.fair.covariance import Covariance
from salted_assets.scoring.fair.ranks import draw_ranks
from salted_assets.scoring.fair.results import FairMeasure, Reason
from salted_assets.scoring.fair.shrinkage import shrink_levels
from salted_assets.scoring.stats import Floats, Indices, ShrinkOutcome, bounded_mean_interval, pooled_variance
from salted_assets.scoring.stats.samples import divide


class Window(NamedTuple):
    """One component in one window; arrays are of its agents but for levels, which are of those in `with_level`.

    `sums` are count, sum and sum of squares of independent units, `freedom` the degrees of freedom of their pooled
    variance. Without levels nothing tells how far values are off, and the plain mean stands for the fair one.
    """

    reason: Indices
    with_level: Indices
    level: Floats | None
    covariance: Covariance | None
    sums: tuple[Floats, Floats, Floats]
    freedom: Floats


class MeasureBuilder:
    """Gathers the components of one measure in one window."""

    def __init__(self, pids: Sequence[str], component: Indices) -> None:
        self._pids = pids
        self._columns = {field.name: np.full(len(pids), np.nan) for field in fields(FairMeasure)}
        self._columns |= {"component": component, "reason": np.full(len(pids), Reason.NO_VALUE)}

    def add(self, agents: Indices, window: Window, *, min_count: int) -> None:
        """Add a component: `agents` are the indexes of its agents among all."""
        self._columns["reason"][agents] = window.reason
        columns = describe_window(window, [self._pids[agents[agent]] for agent in window.with_level], min_count)
        for name, values in columns.items():
            self._columns[name][agents[window.with_level]] = values

    def build(self) -> FairMeasure:
        """What was added."""
        return FairMeasure(**self._columns)


def describe_window(window: Window, pids: Sequence[str], min_count: int) -> dict[str, Floats | Indices]:
    """The columns of `FairMeasure` for the agents with a level, whose values are in 0..1.

    Limits are score intervals (`bounded_mean_interval`) of as many units as the level is worth: within / SE^2.
    """
    count, total, squares = (part[window.with_level] for part in window.sums)
    group = np.zeros(count.size, np.int64)
    if window.level is None or window.covariance is None:
        plain = bounded_mean_interval(count, total, squares, group)
        return {
            "fair_mean": plain.value,
            "fair_low": plain.low,
            "fair_high": plain.high,
            "effective_count": count,
            "reason": np.full(count.size, Reason.NO_SPREAD),
        }
    within = pooled_variance(count, total, squares, group)[0]
    error = window.covariance.diagonal
    worth = np.where(within > 0, divide(within, error), count)
    freedom = window.freedom[window.with_level]
    limits = bounded_mean_interval(
        count, total, squares, group, centre=np.clip(window.level, 0, 1), design_effect=count / worth, freedom=freedom
    )
    is_member = count >= min_count
    own_freedom = float(np.maximum(count[is_member] - 1, 0).sum())
    shrunk = shrink_levels(window.level, window.covariance, is_member, freedom=max(own_freedom, 1.0))
    ranks = draw_ranks(shrunk, window.covariance, is_member, pids)
    return {
        "fair_mean": np.clip(window.level, 0, 1),
        "fair_low": limits.low,
        "fair_high": limits.high,
        "shrunk_mean": np.clip(shrunk.value, 0, 1),
        "shrunk_low": np.clip(shrunk.low, 0, 1),
        "shrunk_high": np.clip(shrunk.high, 0, 1),
        "shrink_weight": shrunk.weight,
        "reliability_ratio": shrunk.reliability,
        "percentile": ranks.percentile,
        "percentile_low": ranks.low,
        "percentile_high": ranks.high,
        "above_median_probability": ranks.above_median_probability,
        "effective_count": worth,
        "reason": find_reasons(is_member, shrunk.outcome),
    }


def find_reasons(is_member: np.ndarray, outcome: ShrinkOutcome) -> Indices:
    """Why agents with a level are not compared."""
    of_group = {
        ShrinkOutcome.SHRUNK: Reason.COMPARED,
        ShrinkOutcome.TOO_FEW_PEOPLE: Reason.FEW_PEOPLE,
        ShrinkOutcome.NO_SPREAD: Reason.NO_SPREAD,
    }
    return np.where(is_member, of_group[outcome], Reason.TOO_FEW)
