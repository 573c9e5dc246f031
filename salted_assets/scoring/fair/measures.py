"""From levels and their covariance to what is said of each agent: limits, shrunk means, ranks, reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.levels import Levels
from salted_assets.scoring.fair.ranks import draw_ranks
from salted_assets.scoring.fair.results import FairMeasure, Reason
from salted_assets.scoring.fair.shrinkage import Prior, shrink_levels
from salted_assets.scoring.stats import FEWEST_PEOPLE, Floats, Indices, ShrinkOutcome

Columns = dict[str, Floats]
"""Columns of `FairMeasure`, by their names."""

_OUTCOMES = {
    ShrinkOutcome.SHRUNK: Reason.COMPARED,
    ShrinkOutcome.TOO_FEW_PEOPLE: Reason.FEW_PEOPLE,
    ShrinkOutcome.NO_SPREAD: Reason.NO_SPREAD,
}


class MeasureBuilder:
    """Gathers the components of one measure in one window."""

    def __init__(self, pids: Sequence[str], component: Indices) -> None:
        self._pids = pids
        self._component = component
        self._reason = np.full(len(pids), Reason.NO_VALUE, np.int64)
        names = [field.name for field in fields(FairMeasure) if field.name not in {"component", "reason"}]
        self._columns = {name: np.full(len(pids), np.nan) for name in names}

    def pids_of(self, agents: Indices) -> list[str]:
        """The ids of these agents."""
        return [self._pids[agent] for agent in agents]

    def add(self, agents: Indices, reason: Indices | Reason, columns: Mapping[str, Floats]) -> None:
        """Add what is said of these agents, who are indexes among all."""
        self._reason[agents] = reason
        for name, values in columns.items():
            self._columns[name][agents] = values

    def describe_group(self, agents: Indices, mean: float) -> None:
        """Say what the agents of one component are shrunk towards."""
        self._columns["group_mean"][agents] = mean

    def build(self) -> FairMeasure:
        """What was added."""
        return FairMeasure(**self._columns, component=self._component, reason=self._reason)


class Comparison(NamedTuple):
    """What levels are worth beside each other: columns on their scale, the prior (None: not compared), reasons."""

    columns: Columns
    prior: Prior | None
    reason: Indices


def find_reasons(is_member: npt.NDArray[np.bool_], outcome: ShrinkOutcome) -> Indices:
    """Why agents are not compared, with what became of the members."""
    return np.where(is_member, int(_OUTCOMES[outcome]), int(Reason.TOO_FEW))


def find_reasons_without_model(is_member: npt.NDArray[np.bool_]) -> Indices:
    """Why agents are not compared of whom nothing tells how far their values are off."""
    is_few = int(is_member.sum()) < FEWEST_PEOPLE
    return find_reasons(is_member, ShrinkOutcome.TOO_FEW_PEOPLE if is_few else ShrinkOutcome.NO_SPREAD)


def compare(levels: Levels, is_member: npt.NDArray[np.bool_], pids: Sequence[str], *, freedom: float) -> Comparison:
    """Shrink and rank the agents of one component."""
    shrunk = shrink_levels(levels.values, levels.covariance, is_member, freedom=freedom)
    ranks = draw_ranks(shrunk, levels, is_member, pids)
    columns = {
        "shrunk_mean": shrunk.value,
        "shrunk_low": shrunk.low,
        "shrunk_high": shrunk.high,
        "shrink_weight": shrunk.weight,
        "reliability_ratio": shrunk.reliability,
        "percentile": ranks.percentile,
        "percentile_low": ranks.low,
        "percentile_high": ranks.high,
        "above_median_probability": ranks.above_median_probability,
    }
    return Comparison(columns, shrunk.prior, find_reasons(is_member, shrunk.outcome))
