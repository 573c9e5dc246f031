"""Shrunk means: error and intervals of all people, of the worst and of the truly lowest tenth; who is found."""

from collections.abc import Iterator

import numpy as np

from benchmarks.accuracy.goals import (
    LOWEST_FOUND_LESS_PLAIN,
    LOWEST_TENTH_COVERAGE,
    RMSE_OVER_ORACLE,
    RMSE_OVER_PLAIN_WHEN_ALIKE,
    SHRUNK_COVERAGE,
    SHRUNK_COVERAGE_OF_MANY,
    WORST_AGENT_RMSE,
    Figure,
)
from benchmarks.accuracy.measures import Accuracy, lowest, measure, share_found
from benchmarks.accuracy.references import Estimate, as_estimate, grid_bayes, oracle, plain_t
from benchmarks.accuracy.scenarios import SCENARIOS, People, Scenario
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.stats import shrink

SIZES = (8, 12, 30, 300)
SIZES_OF_ONE_POOR = tuple(WORST_AGENT_RMSE)
_LARGE = 300
_MANY = 30
METHODS = ("plain t", "shrunk", "grid Bayes", "oracle")

_TEXT = """\
Everybody's true level is estimated from 3 to 30 evaluations. `plain t` is the plain mean with Student's t interval, \
`shrunk` the shrunk mean with its interval, `grid Bayes` the full posterior of a normal model with flat priors, \
`oracle` the exact posterior of who knows how levels are spread and how evaluations arise: no method can have a \
smaller error. The lowest tenth are the truly lowest 1 of 6 to 12, 3 of 30 and 30 of 300 people of a world; `found` \
is the share of them that is in the lowest tenth of the estimates. An interval that holds for all people together \
need not hold for those who are truly lowest: the oracle's does not either.

The pull towards the others is limited (see [the formulas](scores.md)). A nearer limit would cover the truly lowest \
better and cost error for all, most where nobody differs; the truly lowest of A and D and the error in E leave room \
for 1.36 usual distances and hardly for another limit, and goals that are met by .001 may be missed by .01 with other \
worlds. Where one is far below the others, as in "one poor", the spread would look larger than it is among the rest: \
such a one counts as 2.5 usual distances off. Intervals cover more than 95 % there all the same."""


def shrunk(people: People) -> Estimate:
    """The shrunk mean with its limits."""
    found = shrink(*people.sums, people.group)
    return as_estimate((found.value, found.low, found.high), people.truth.shape)


def world_count(worlds: int, size: int) -> int:
    """Of large groups fewer worlds do."""
    return max(20, worlds // 20) if size >= _LARGE else worlds


def measure_shrunk_means(worlds: int) -> Section:
    """All scenarios in groups of several sizes."""
    cases = {
        (name, size): _Case(scenario, size, worlds)
        for name, scenario in SCENARIOS.items()
        for size in (SIZES_OF_ONE_POOR if name == "one poor" else SIZES)
    }
    rows = [row for case in cases.values() for row in case.rows()]
    return Section("Shrunk means", _TEXT, list(_figures(cases)), [Table("", [_HEADER, *rows])])


class _Case:
    """One scenario in groups of one size, by all methods."""

    def __init__(self, scenario: Scenario, size: int, worlds: int) -> None:
        people = scenario.draw(world_count(worlds, size), size)
        self.scenario, self.size = scenario, size
        estimates = {
            "plain t": plain_t(people),
            "shrunk": shrunk(people),
            "grid Bayes": grid_bayes(people),
            "oracle": oracle(scenario, people),
        }
        is_lowest = lowest(people.truth)
        is_first = np.broadcast_to(np.arange(size) == 0, people.truth.shape)
        self.all = {name: measure(each, people.truth) for name, each in estimates.items()}
        self.lowest = {name: measure(each, people.truth, is_lowest) for name, each in estimates.items()}
        is_low = people.truth <= np.quantile(people.truth, 0.1)
        self.coverage_of_low = measure(estimates["shrunk"], people.truth, is_low).coverage
        self.found = {name: share_found(each.value, people.truth) for name, each in estimates.items()}
        self.worst = measure(estimates["shrunk"], people.truth, is_first)

    def rows(self) -> Iterator[Row]:
        for name in METHODS:
            everybody, few = self.all[name], self.lowest[name]
            found = digits(self.found[name]) if self.scenario.people_differ else ""
            yield (self.scenario.name, str(self.size), name, *_cells(everybody), *_cells(few)[:2], found)


_HEADER = (
    "scenario",
    "people",
    "method",
    "RMSE",
    "coverage",
    "width",
    "RMSE of lowest tenth",
    "coverage of lowest tenth",
    "lowest tenth found",
)


def _cells(accuracy: Accuracy) -> Row:
    return digits(accuracy.rmse, 4), digits(accuracy.coverage), digits(accuracy.width)


def _figures(cases: dict[tuple[str, int], _Case]) -> Iterator[Figure]:
    for size, goal in WORST_AGENT_RMSE.items():
        value = cases["one poor", size].worst.rmse
        yield Figure(f'RMSE of the worst agent, "one poor", {size} people', value, goal)
    for size, goal in RMSE_OVER_ORACLE.items():
        case = cases["F", size]
        value = case.all["shrunk"].rmse / case.all["oracle"].rmse
        yield Figure(f"RMSE over the oracle's, F, {size} people", value, goal)
    alike = cases["E", _MANY]
    value = alike.all["shrunk"].rmse / alike.all["plain t"].rmse
    yield Figure(f"RMSE over the plain mean's, E, {_MANY} people", value, RMSE_OVER_PLAIN_WHEN_ALIKE)
    for name in LOWEST_TENTH_COVERAGE:
        found = cases[name, 12].found
        what = f"truly lowest tenth found less the share that plain means find, {name}, 12 people"
        yield Figure(what, found["shrunk"] - found["plain t"], LOWEST_FOUND_LESS_PLAIN)
    least = min(cases.values(), key=lambda case: case.all["shrunk"].coverage)
    yield Figure(
        f"coverage of shrunk intervals, lowest of all scenarios and sizes ({least.scenario.name}, {least.size} people)",
        least.all["shrunk"].coverage,
        SHRUNK_COVERAGE,
    )
    many = [case for case in cases.values() if case.size >= _MANY and case.scenario.people_differ]
    most = max(many, key=lambda case: case.all["shrunk"].coverage)
    yield Figure(
        f"the same, highest of those with {_MANY} people or more who differ ({most.scenario.name}, {most.size} people)",
        most.all["shrunk"].coverage,
        SHRUNK_COVERAGE_OF_MANY,
    )
    for name, goal in LOWEST_TENTH_COVERAGE.items():
        case = cases[name, _MANY]
        coverage = case.lowest["shrunk"].coverage
        yield Figure(f"coverage of the truly lowest 3 of each world, {name}, {_MANY} people", coverage, goal)
        coverage = case.coverage_of_low
        yield Figure(f"coverage of the truly lowest tenth of all worlds, {name}, {_MANY} people", coverage, goal)
