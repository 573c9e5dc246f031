"""Reviewers' leniency: the reviewer effects of the components, joined for reviewers who are in several."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from salted_assets.scoring.fair.results import ReviewerEffects
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.stats.intervals import normal_quantile
from salted_assets.scoring.stats.samples import divide

_CONFIDENCE = 0.95


class ComponentReviewers(NamedTuple):
    """One component's reviewers (indexes, -1 for those not known), effects, error variances and numbers of answers."""

    reviewers: Indices
    effect: Floats
    variance: Floats
    rows: Indices
    component: int


def combine_reviewers(parts: Sequence[ComponentReviewers], pids: list[str]) -> ReviewerEffects:
    """The inverse-variance mean of each reviewer's effects, with 95 % limits by the normal distribution.

    Beside the other reviewers' mean it is answers that limits rest on, not the variance between few reviewers.
    """
    weight, weighed, most, component = (np.zeros(len(pids)) for _ in range(4))
    component -= 1
    for part in parts:
        known = part.reviewers >= 0
        reviewers = part.reviewers[known]
        precision = np.nan_to_num(divide(1, part.variance[known]))
        weight[reviewers] += precision
        weighed[reviewers] += precision * np.nan_to_num(part.effect[known])
        is_main = part.rows[known] > most[reviewers]
        component[reviewers[is_main]] = part.component
        most[reviewers] = np.maximum(most[reviewers], part.rows[known])
    effect = divide(weighed, weight)
    half = normal_quantile(_CONFIDENCE) * np.sqrt(divide(1, weight))
    return ReviewerEffects(pids, effect, effect - half, effect + half, component.astype(np.int64))
