"""What the models of the fair score read, as arrays; texts have become indexes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats import Floats, Indices


@dataclass(frozen=True)
class HumanAnswers:
    """Scored answers of human reviewers in the longest window, one element in each array for an answer.

    `agent` is an index among the agents, `question` among questions, `reviewer` among `reviewer_pids` (-1: not known),
    `engagement` among engagements. `strata` are indexes of kinds of work, from coarse to fine (channel x queue, and
    that x language), each within the one before; there may be none. `is_chosen` marks samplings other than Random and
    All. `age_days` counts days before the end date, which is 0. `score` is in 0..1, `weight` the question's weight.
    """

    agent: Indices
    question: Indices
    reviewer: Indices
    engagement: Indices
    strata: tuple[Indices, ...]
    is_chosen: npt.NDArray[np.bool_]
    age_days: Indices
    score: Floats
    weight: Floats
    reviewer_pids: list[str]


@dataclass(frozen=True)
class StratumSums:
    """Sums of one measure by agent and kind of work, one element for each combination that occurs.

    `strata` are as in `HumanAnswers`. `counts`, `totals` and `squares` (number, sum and sum of squares; of logarithms
    for the handle time) have a row for each of the windows' lengths, of the days that no shorter window takes: add up
    the first k rows for the k-th window.
    """

    agent: Indices
    strata: tuple[Indices, ...]
    counts: Floats
    totals: Floats
    squares: Floats


@dataclass(frozen=True)
class Agents:
    """Who is compared: `pids`, and for each the index of those who may be compared at all.

    `group` is the index of the main channel in the longest window, machines and people apart; -1 for none.
    """

    pids: Sequence[str]
    group: Indices
