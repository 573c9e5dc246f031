"""Shrinkage and case mix once more, in plain Python: for each person a new look at all the others. Not here: tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST_PEERS = 5
ROUNDING = 1e-12


@dataclass(frozen=True)
class Person:
    """A person's values, in a group."""

    group: int
    values: Sequence[float]

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)


def within_variance(people: Sequence[Person]) -> float:
    several = [person for person in people if person.count >= 2]
    squares = math.fsum((value - person.mean) ** 2 for person in several for value in person.values)
    size = math.fsum(value**2 for person in several for value in person.values)
    return (squares if squares > ROUNDING * size else 0.0) / sum(person.count - 1 for person in several)


def between_variance(people: Sequence[Person], within: float) -> float:
    """The analysis-of-variance estimator, which may come out below zero."""
    total = sum(person.count for person in people)
    grand = math.fsum(person.count * person.mean for person in people) / total
    square_between = math.fsum(person.count * (person.mean - grand) ** 2 for person in people) / (len(people) - 1)
    if square_between <= ROUNDING * grand**2:
        square_between = 0.0
    typical = (total - sum(person.count**2 for person in people) / total) / (len(people) - 1)
    return (square_between - within) / typical


def shrunk(people: Sequence[Person], index: int, min_count: int) -> tuple[float, float, float] | None:
    """Value, reliability and peer mean of one person; None where there are too few peers."""
    person = people[index]
    group = [other for other in people if other.group == person.group]
    peers = [
        other
        for number, other in enumerate(people)
        if number != index and other.group == person.group and other.count >= min_count
    ]
    if len(peers) < FEWEST_PEERS:
        return None
    within = within_variance(group)
    of_all = max(0.0, between_variance([other for other in group if other.count >= min_count], within))
    weights = [1 / (of_all + within / other.count) if of_all + within else other.count for other in peers]
    weighted = math.fsum(weight * other.mean for weight, other in zip(weights, peers, strict=True))
    prior = weighted / math.fsum(weights)
    if not person.count:
        return math.nan, math.nan, prior
    between = max(0.0, between_variance(peers, within))
    reliability = between / (between + within / person.count) if between else 0.0
    return prior + reliability * (person.mean - prior), reliability, prior


@dataclass(frozen=True)
class Cell:
    """One owner's cases in one finest stratum, given as its names from the first that is coarsened away."""

    owner: int
    stratum: tuple[str | None, str | None, str | None]
    count: int
    total: float


def expected_mean(cells: Sequence[Cell], owner: int, min_count: int) -> float:
    """Case by case: the others' mean at the finest level at which they have enough."""
    own = [cell for cell in cells if cell.owner == owner]
    cases = sum(cell.count for cell in own)
    if not cases:
        return math.nan
    summed = 0.0
    for cell in own:
        if cell.count:
            summed += cell.count * _mean_of_others(cells, cell, min_count)
    return summed / cases


def _mean_of_others(cells: Sequence[Cell], cell: Cell, min_count: int) -> float:
    for depth in (3, 2, 1, 0):
        others = [
            other for other in cells if other.owner != cell.owner and other.stratum[:depth] == cell.stratum[:depth]
        ]
        count = sum(other.count for other in others)
        if count >= min_count:
            return math.fsum(other.total for other in others) / count if count else math.nan
    return math.nan


def kappa(pairs: Sequence[tuple[float, float]]) -> float:
    """Quadratic weighted kappa by its definition, over every pair of a first and a second score."""
    observed = math.fsum((a - b) ** 2 for a, b in pairs) / len(pairs)
    by_chance = math.fsum((a - b) ** 2 for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    return 1 - observed / by_chance
