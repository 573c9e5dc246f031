"""Shrinkage once more, in plain Python: for each person a new look at the whole group. Not here: tests."""

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scipy import stats

FEWEST_PEOPLE = 6
ROUNDING = 1e-12
NORMAL = statistics.NormalDist()


@dataclass(frozen=True)
class Person:
    """A person's values, in a group; the design effect is that of the mean.

    Where several values were averaged to one of `values`, `averaged` has them all: they make the mean to be shown.
    """

    group: int
    values: Sequence[float]
    design_effect: float = 1.0
    averaged: Sequence[float] = ()

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    @property
    def given(self) -> Sequence[float]:
        return self.averaged or self.values

    @property
    def centre(self) -> float:
        return math.fsum(self.given) / len(self.given)


@dataclass(frozen=True)
class Estimate:
    """What is said of one person: the limits by their half width."""

    value: float
    half_width: float
    reliability: float
    weight: float
    group_mean: float


def within_variance(people: Sequence[Person]) -> float:
    several = [person for person in people if person.count >= 2]
    squares = math.fsum((value - person.mean) ** 2 for person in several for value in person.values)
    size = math.fsum(value**2 for person in several for value in person.values)
    return (squares if squares > ROUNDING * size else 0.0) / sum(person.count - 1 for person in several)


def shrunk(people: Sequence[Person], index: int, min_count: int) -> Estimate | None:
    """The estimate of one person; None where the group says nothing."""
    person = people[index]
    members = [other for other in people if other.group == person.group and len(other.given) >= min_count]
    if len(members) < FEWEST_PEOPLE or sum(member.count - 1 for member in members) == 0:
        return None
    within = within_variance(members)
    if not within:
        return None
    means = [member.centre for member in members]
    noises = [member.design_effect * within / member.count for member in members]
    raw, error, usual_noise = _between(means, noises, sum(member.count - 1 for member in members))
    between = max(raw, 0.0)
    weights = [1 / (between + noise) for noise in noises]
    group_mean = math.fsum(weight * mean for weight, mean in zip(weights, means, strict=True)) / math.fsum(weights)
    if not person.count:
        return Estimate(math.nan, math.nan, math.nan, math.nan, group_mean)
    noise = person.design_effect * within / person.count
    gap, farthest = person.centre - group_mean, 1.36 * math.sqrt(noise + between)
    pull = (len(members) - 3) / (len(members) - 1) * noise / (noise + between)
    value = person.centre - pull * min(max(gap, -farthest), farthest)
    squared = []
    half_freedom = (usual_noise + between) ** 2 / error**2
    scatter = half_freedom * max(usual_noise + raw, usual_noise / 1000)
    for node in range(9):
        above = max(stats.gamma.cdf(scatter / usual_noise, half_freedom), 1e-300)
        level = max(scatter / stats.gamma.ppf(above * (node + 0.5) / 9, half_freedom) - usual_noise, 0.0)
        share = noise / (noise + level)
        of_mean = math.fsum(weight**2 * (level + other) for weight, other in zip(weights, noises, strict=True))
        posterior = person.centre - share * gap
        variance = (1 - share) * noise + share**2 * of_mean / math.fsum(weights) ** 2
        squared.append(variance + (posterior - value) ** 2)
    return Estimate(
        value=value,
        half_width=stats.t.ppf(0.975, len(members) - 2) * math.sqrt(math.fsum(squared) / 9),
        reliability=between / (between + noise),
        weight=1 - abs(value - person.centre) / abs(gap) if abs(gap) > 1e-9 else math.nan,
        group_mean=group_mean,
    )


def _between(means: Sequence[float], noises: Sequence[float], freedom: int) -> tuple[float, float, float]:
    """The variance between by moments, which may come out below zero, its standard error, and the usual noise."""
    weights = [1 / noise for noise in noises]
    first, second, third = (math.fsum(weight**power for weight in weights) for power in (1, 2, 3))
    others, scale = len(means) - 1, first - second / first
    raw = (_scatter(means, weights) - others) / scale
    kept = _share_kept(len(means))
    for _ in range(3):
        ends = [2.5 * math.sqrt(noise + max(raw, 0.0)) for noise in noises]
        shares = [1 / (noise + max(raw, 0.0)) for noise in noises]
        centre = math.fsum(share * mean for share, mean in zip(shares, means, strict=True)) / math.fsum(shares)
        near = [min(max(mean, centre - end), centre + end) for mean, end in zip(means, ends, strict=True)]
        raw = (_scatter(near, weights) / kept - others) / scale
    usual = max(raw, 0.0)
    variance = (
        2 * others
        + 4 * scale * usual
        + 2 * (second - 2 * third / first + second**2 / first**2) * usual**2
        + 2 * others**2 / freedom
    )
    return raw, math.sqrt(variance) / scale, others / scale


def _share_kept(people: int) -> float:
    """By integration over Thompson's distribution of a deviation beside the usual one of the same people."""
    largest = (people - 1) / math.sqrt(people)
    squares = stats.beta(0.5, people / 2 - 1)

    def cut(share: float) -> float:
        return min(share * largest**2, 2.5**2)

    kink = min((2.5 / largest) ** 2, 1.0)
    parts = [squares.expect(cut, lb=low, ub=high) for low, high in ((0, kink), (kink, 1)) if low < high]
    return math.fsum(parts) * people / (people - 1)


def _scatter(means: Sequence[float], weights: Sequence[float]) -> float:
    average = math.fsum(weight * mean for weight, mean in zip(weights, means, strict=True)) / math.fsum(weights)
    return math.fsum(weight * (mean - average) ** 2 for weight, mean in zip(weights, means, strict=True))


def kappa(pairs: Sequence[tuple[float, float]]) -> float:
    """Quadratic weighted kappa by its definition, over every pair of a first and a second score."""
    observed = math.fsum((a - b) ** 2 for a, b in pairs) / len(pairs)
    by_chance = math.fsum((a - b) ** 2 for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    return 1 - observed / by_chance


def ac2(pairs: Sequence[tuple[float, float]], answers: Collection[float]) -> float:
    """Gwet's AC2 with quadratic weights by its definition, over a scale of these answers."""
    observed = math.fsum(1 - (a - b) ** 2 for a, b in pairs) / len(pairs)
    shares = [sum((a == k) + (b == k) for a, b in pairs) / len(pairs) / 2 for k in answers]
    weights = math.fsum(1 - (k - other) ** 2 for k in answers for other in answers)
    q = len(answers)
    by_chance = weights / (q * (q - 1)) * math.fsum(share * (1 - share) for share in shares)
    return (observed - by_chance) / (1 - by_chance)
