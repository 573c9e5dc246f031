"""Whom to evaluate next: how many reviews for which agent, which engagements, and means of what was drawn.

Numbers follow from counts and pooled variances alone, engagements from chance alone: nobody's own scores choose.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats import Indices, pooled_variance
from salted_assets.scoring.stats.intervals import student_quantile


@dataclass(frozen=True)
class Candidate:
    """An agent: those with whom the fair score compares, evaluations by chance so far, engagements to draw from."""

    agent_pid: str
    pool: str
    evaluated_count: int
    eligible_count: int


@dataclass(frozen=True)
class PoolVariances:
    """Of a pool's agents the variance of evaluations within one, s^2, and that between their true levels, tau^2."""

    within: float
    between: float

    @property
    def is_known(self) -> bool:
        """Whether agents differ beyond chance, as far as the pool tells: only then it is known what a review tells."""
        return bool(self.within > 0 and self.between > 0)

    def uncertainty(self, count: int) -> float:
        """What is not known of an agent with so many evaluations: 1 / (1 / tau^2 + n / s^2).

        >>> [round(PoolVariances(0.0324, 0.0049).uncertainty(count), 5) for count in (0, 1, 10)]
        [0.0049, 0.00426, 0.00195]
        """
        return 1 / (1 / self.between + count / self.within)


def allocate_reviews(
    candidates: Sequence[Candidate], variances: Mapping[str, PoolVariances], review_count: int
) -> dict[str, int]:
    """How many reviews each agent gets, by agent; whose number is 0 is left out.

    One for each agent first where there are enough, so that means across agents stand for all. Each further one goes
    where the uncertainty 1 / (1 / tau^2 + n / s^2) falls most by it, n being the agent's evaluations and reviews
    so far. In a pool whose variances are not known, or whose tau^2 is 0, it goes where 1 / n falls most; such pools
    share with the others by their numbers of agents. Nobody gets more than there are engagements. Of equal ones the
    first by id is chosen. Raises ValueError where there are fewer engagements than reviews.

    >>> agents = [Candidate("a", "CHAT", 2, 50), Candidate("b", "CHAT", 12, 50)]
    >>> allocate_reviews(agents, {"CHAT": PoolVariances(0.0324, 0.0049)}, 12)
    {'a': 11, 'b': 1}
    """
    if review_count > sum(candidate.eligible_count for candidate in candidates):
        raise ValueError("there are fewer engagements than reviews")
    in_order = sorted((each for each in candidates if each.eligible_count), key=lambda each: each.agent_pid)
    numbers = dict.fromkeys((each.agent_pid for each in in_order), 0)
    if review_count >= len(in_order):
        numbers = dict.fromkeys(numbers, 1)
        review_count -= len(in_order)
    known_pools = {pool for pool, found in variances.items() if found.is_known}
    known = [each for each in in_order if each.pool in known_pools]
    others = [each for each in in_order if each.pool not in known_pools]
    room = _count_room(known, numbers), _count_room(others, numbers)
    share = Fraction(review_count * len(known), len(in_order) or 1)
    of_known = min(max(math.floor(share + Fraction(1, 2)), review_count - room[1]), room[0])
    _add(known, numbers, of_known, lambda each, count: _find_fall(variances[each.pool], count))
    _add(others, numbers, review_count - of_known, lambda _, count: 1 / count - 1 / (count + 1) if count else math.inf)
    return {pid: number for pid, number in numbers.items() if number}


def _count_room(candidates: Sequence[Candidate], numbers: Mapping[str, int]) -> int:
    return sum(each.eligible_count - numbers[each.agent_pid] for each in candidates)


def _find_fall(variances: PoolVariances, count: int) -> float:
    return variances.uncertainty(count) - variances.uncertainty(count + 1)


def _add(
    candidates: Sequence[Candidate],
    numbers: dict[str, int],
    review_count: int,
    find_fall: Callable[[Candidate, int], float],
) -> None:
    """Add so many reviews to the numbers, each where it brings most."""
    of = {each.agent_pid: each for each in candidates}

    def rate(pid: str) -> tuple[float, str]:
        return -find_fall(of[pid], of[pid].evaluated_count + numbers[pid]), pid

    queue = [rate(pid) for pid in of if numbers[pid] < of[pid].eligible_count]
    heapq.heapify(queue)
    for _ in range(review_count):
        pid = heapq.heappop(queue)[1]
        numbers[pid] += 1
        if numbers[pid] < of[pid].eligible_count:
            heapq.heappush(queue, rate(pid))


def draw_engagements(engagement_pids: Iterable[str], count: int, seed: int) -> list[str]:
    """So many of an agent's engagements, each with the same probability, in the order in which they were drawn.

    Those with the least hashes of seed and id are drawn: the same seed draws the same ones, whatever their order.
    Raises ValueError where there are not so many.

    >>> draw_engagements(["e1", "e2", "e3", "e4"], 2, seed=7) == draw_engagements(["e4", "e2", "e1", "e3"], 2, seed=7)
    True
    """
    pids = set(engagement_pids)
    if count > len(pids):
        raise ValueError("there are fewer engagements than are to be drawn")
    return sorted(pids, key=lambda pid: (blake2b(f"{seed} {pid}".encode(), digest_size=8).digest(), pid))[:count]


class PlannedMean(NamedTuple):
    """A mean over what a plan drew, its 95 % interval in 0..1, NaN where no agent has two scores; and of how many."""

    value: float
    low: float
    high: float
    score_count: int


def estimate_planned_mean(score: npt.ArrayLike, eligible_count: npt.ArrayLike, agent: Indices) -> PlannedMean:
    """The mean of all that could be drawn, out of the scores of what was drawn and has been evaluated.

    Of each score's agent, an index, `eligible_count` engagements could be drawn. Each score is weighted by that over
    the agent's scores: by 1 / probability once all is done (Horvitz and Thompson 1952, JASA 47), before as if what is
    still to be done were missing by chance. An agent without a score is not part of it. The error is that of a
    stratified sample, with one variance within agents for all of them (Cochran 1977, Sampling Techniques, 5.4).

    Agents with 10 and 30 engagements, two of each drawn: (10 * 0.9 + 30 * 0.7) / 40

    >>> round(estimate_planned_mean([0.8, 1.0, 0.6, 0.8], [10, 10, 30, 30], np.array([0, 0, 1, 1])).value, 4)
    0.75
    """
    scores = np.asarray(score, np.float64)
    if not scores.size:
        return PlannedMean(math.nan, math.nan, math.nan, 0)
    _, first, index = np.unique(agent, return_index=True, return_inverse=True)
    counts, totals, squares = (np.bincount(index, part) for part in (np.ones(scores.size), scores, scores**2))
    eligible = np.asarray(eligible_count, np.float64)[first]
    share = eligible / eligible.sum()
    mean = float((share * totals / counts).sum())
    within, freedom = pooled_variance(counts, totals, squares, np.zeros(counts.size, np.int64))
    unseen = np.maximum(1 - counts / eligible, 0)
    error = math.sqrt(float((share**2 * within * unseen / counts).sum()))
    half = float(student_quantile(freedom[:1], 0.95)[0]) * error
    low, high = np.clip([mean - half, mean + half], 0, 1).tolist()  # scores are no others
    return PlannedMean(mean, low, high, int(counts.sum()))
