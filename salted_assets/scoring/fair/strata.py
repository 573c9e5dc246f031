"""Handle times and AI scores less the kinds of work that came: value = agent (fixed) + kind of work (random) + error.

From sums by agent and kind of work, for there are millions of engagements.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.components import find_components
from salted_assets.scoring.fair.inputs import Agents, StratumSums
from salted_assets.scoring.fair.levels import (
    CellSums,
    Effects,
    Equations,
    FacetErrors,
    Levels,
    describe_levels,
    find_facet_errors,
    solve_facets,
    to_equations,
)
from salted_assets.scoring.fair.measures import Columns, MeasureBuilder, compare, find_reasons_without_model
from salted_assets.scoring.fair.normal_equations import Blocks, Sums, eliminate_cells
from salted_assets.scoring.fair.random_effects import RandomEffects
from salted_assets.scoring.fair.results import FairMeasure
from salted_assets.scoring.fair.shrinkage import Prior
from salted_assets.scoring.fair.variances import Variances, find_informed, fit_random_variances
from salted_assets.scoring.memory import return_memory
from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import DaySums, Floats, Indices, estimate_dependence
from salted_assets.scoring.stats.intervals import student_quantile

_CONFIDENCE = 0.95
_ELEMENTS_TOGETHER = 30_000
_NO_COLUMNS = np.zeros(0, np.int64)


class CaseMeasure(NamedTuple):
    """One measure: its sums, those of all agents' days in each window, for the design effect of days, and choices.

    Where `is_log`, sums are of logarithms.
    """

    sums: StratumSums
    days: Mapping[int, DaySums]
    min_count: int
    is_log: bool = False


def fit_strata(
    sums: StratumSums, days: Mapping[int, DaySums], agents: Agents, *, min_count: int, is_log: bool = False
) -> dict[int, FairMeasure]:
    """What `fit_case_measures` gives of one measure."""
    return fit_case_measures([CaseMeasure(sums, days, min_count, is_log)], agents)[0]


def fit_case_measures(measures: Iterable[CaseMeasure], agents: Agents) -> list[dict[int, FairMeasure]]:
    """What measures say of each agent in each window, and how far that is from what the work that came lets expect.

    Where sums are of logarithms, means are given as geometric means with their ratio to the expected one. Measures have
    nothing to do with each other; their variances are looked for together, which takes a fraction of the time.

    Effects of kinds of work and variances come from the longest window, as in `fit_human_answers`; who has common work
    of the coarse kind is connected. Kinds that are seldom are pulled towards the coarser ones, and these to none, by
    their variances. The fair mean is the level at the component's mix of work. Expected is the mean level of the
    members (with their weights in the prior) plus the effects of the own work. Sums that nobody else holds are gone as
    soon as their measure is fitted. Raises nothing.
    """
    left = list(measures)
    # Large ones one by one, for what is held of each is much, and calls of numpy are little beside it.
    is_large = sum(measure.sums.agent.size for measure in left) > _ELEMENTS_TOGETHER
    if not is_large:
        return _fit_together(left, agents)
    fitted: list[dict[int, FairMeasure]] = []
    while left:
        fitted += _fit_together([left.pop(0)], agents)
        return_memory()
    return fitted


def _fit_together(measures: Sequence[CaseMeasure], agents: Agents) -> list[dict[int, FairMeasure]]:
    components = [_find_components(measure.sums, agents) for measure in measures]
    works = [_list_works(measure.sums, *found) for measure, found in zip(measures, components, strict=True)]
    every = [work for own in works for work in own]
    errors = _fit(every)
    windows = _describe_windows(
        every, [measure.days for measure, own in zip(measures, works, strict=True) for _ in own]
    )
    fitted = iter(zip(every, windows, errors, strict=True))
    return [
        _describe(measure, agents, component, list(islice(fitted, len(own))))
        for measure, (_, component), own in zip(measures, components, works, strict=True)
    ]


def _find_components(sums: StratumSums, agents: Agents) -> tuple[Indices, Indices]:
    """The elements that count, by agent and kind of work, and each agent's component."""
    order = np.lexsort((*sums.strata, sums.agent))
    order = order[(agents.group[sums.agent[order]] >= 0) & (sums.counts.sum(axis=0)[order] > 0)]
    return order, find_components(sums.agent[order], agents.group, sums.strata[0][order])


def _list_works(sums: StratumSums, order: Indices, component: Indices) -> list["_Work"]:
    of_element = component[sums.agent[order]]
    return [_Work(sums, order[of_element == index]) for index in range(int(component.max(initial=-1)) + 1)]


def _describe(
    measure: CaseMeasure,
    agents: Agents,
    component: Indices,
    fitted: Sequence[tuple["_Work", Mapping[int, "_Window"], FacetErrors | None]],
) -> dict[int, FairMeasure]:
    min_count, is_log = measure.min_count, measure.is_log
    builders = {length: MeasureBuilder(agents.pids, component) for length in WINDOWS}
    for own, windows, errors in fitted:
        for length, builder in builders.items():
            window = windows[length]
            if errors is None:
                plain = own.centre + window.equations.level[window.agents]
                plain = np.exp(plain) if is_log else plain
                reason = find_reasons_without_model(window.counts >= min_count)
                builder.add(own.agents[window.agents], reason, {"fair_mean": plain})
            else:
                _add_window(builder, own, window, errors, min_count=min_count, is_log=is_log)
    return {length: builder.build() for length, builder in builders.items()}


class _Window(NamedTuple):
    """One window: levels' equations of all agents, and those agents (local indexes) who have values, with their counts.

    Levels are deviations from the component's centre. `quantile` is that of the limits of the agents with values.
    """

    equations: Equations
    agents: Indices
    counts: Floats
    quantile: Floats


class _Work:
    """One component's sums, and the equations of its kinds of work."""

    def __init__(self, sums: StratumSums, elements: Indices) -> None:
        self.agents, agent, _ = number_values(sums.agent[elements])
        people = self.agents.size
        columns, self.blocks = _lay_out([stratum[elements] for stratum in sums.strata])
        facets = self.blocks.random[-1].stop
        counts, totals = sums.counts[:, elements], sums.totals[:, elements]
        self.count = int(counts.sum())
        self.centre = float(totals.sum() / counts.sum())
        # Deviations from the centre: squares of large numbers would cost digits.
        deviations = totals - counts * self.centre
        squares = sums.squares[:, elements] - self.centre * (totals + deviations)

        def add_up(index: Indices, values: Floats, size: int) -> Floats:
            return np.stack([np.bincount(index, part, size).astype(np.float64) for part in values])

        self.part_counts, self.part_totals, self.part_squares = (
            add_up(agent, values, people) for values in (counts, deviations, squares)
        )
        by_facet = sum(add_up(agent * facets + column, counts, people * facets) for column in columns)
        self.part_facets = np.asarray(by_facet).reshape(len(WINDOWS), people, facets)
        count, deviation = counts.sum(axis=0), deviations.sum(axis=0)
        together = [np.bincount(one * facets + other, count, facets**2) for one in columns for other in columns]
        self.sums = Sums(
            np.sum(together, axis=0).reshape(facets, facets),
            np.sum([np.bincount(column, deviation, facets) for column in columns], axis=0),
            float(self.part_squares.sum()),
            self.part_counts.sum(axis=0),
            self.part_facets.sum(axis=0),
            self.part_totals.sum(axis=0),
            0.0,
        )
        self.equations = eliminate_cells(self.sums)
        self.mix = self.part_facets.sum(axis=(0, 1)) / self.count

    def sample(self, length: int) -> tuple[Floats, Floats, Floats]:
        """Each agent's count, sum and sum of squares of the window's values, which are no deviations."""
        parts = slice(WINDOWS.index(length) + 1)
        count, total, squares = (
            each[parts].sum(axis=0) for each in (self.part_counts, self.part_totals, self.part_squares)
        )
        centre = self.centre
        return count, total + count * centre, squares + centre * (2 * total + count * centre)


def _lay_out(strata: list[Indices]) -> tuple[list[Indices], Blocks]:
    """For each level of strata the column of each element; a level that tells no more kinds apart is left out."""
    columns: list[Indices] = []
    blocks: list[slice] = []
    for stratum in strata:
        kinds, kind, _ = number_values(stratum)
        end = blocks[-1].stop if blocks else 0
        if not blocks or kinds.size > end - blocks[-1].start:
            columns.append(end + kind)
            blocks.append(slice(end, end + kinds.size))
    return columns, Blocks(0, tuple(blocks))


def _fit(works: Sequence[_Work]) -> list[FacetErrors | None]:
    """The facets of each component; None where nothing tells how far values are off."""
    informed = [
        own.blocks.take(_NO_COLUMNS, find_informed(own.equations.facets, own.count, own.blocks)) for own in works
    ]
    models = [
        RandomEffects(own.equations.take(columns), blocks, own.count - own.agents.size)
        for own, (columns, blocks) in zip(works, informed, strict=True)
    ]
    return [
        _find_facets(own, columns, blocks, variances)
        for own, (columns, blocks), variances in zip(works, informed, fit_random_variances(models), strict=True)
    ]


def _find_facets(own: _Work, columns: Indices, blocks: Blocks, variances: Variances | None) -> FacetErrors | None:
    if variances is None or variances.error <= 0:
        return None
    # Kinds of work that tell nothing have no effect; the others keep their columns.
    prior = np.full(own.mix.size, np.inf)
    prior[columns] = blocks.precisions(variances.random)
    whole = to_equations(CellSums(own.sums.cells, own.sums.cell_facets, own.sums.cell_values))
    return find_facet_errors(whole, _solve(own.sums, whole, prior), own.mix, variances.error)


def _solve(sums: Sums, whole: Equations, prior: Floats) -> Effects:
    kept = np.flatnonzero(np.isfinite(prior))
    equations = whole._replace(facets=whole.facets[:, kept])
    solved = solve_facets(sums.facets[np.ix_(kept, kept)], sums.facet_values[kept], equations, prior[kept])
    values, inverse = np.zeros(prior.size), np.zeros((prior.size,) * 2)
    values[kept], inverse[np.ix_(kept, kept)] = solved
    return Effects(values, inverse)


def _describe_windows(works: Sequence[_Work], days: Sequence[Mapping[int, DaySums]]) -> list[dict[int, _Window]]:
    """Each component's windows, of all at once; `days` are those of all agents of its measure, by window."""
    if not works:
        return []
    every = [(own, length, found[length]) for own, found in zip(works, days, strict=True) for length in WINDOWS]
    sizes = [own.agents.size for own, _, _ in every]
    parts = [(*own.sample(length), *(part[own.agents] for part in found)) for own, length, found in every]
    count, total, squares, *of_days = (np.concatenate(each) for each in zip(*parts, strict=True))
    group = np.repeat(np.arange(len(sizes)), sizes)
    dependence = estimate_dependence(count, total, squares, DaySums(*of_days), group)
    effects, quantiles = (
        np.split(each, np.cumsum(sizes)[:-1])
        for each in (dependence.design_effect, student_quantile(dependence.freedom, _CONFIDENCE))
    )
    windows = iter(
        _describe_window(own, length, effect, quantile)
        for (own, length, _), effect, quantile in zip(every, effects, quantiles, strict=True)
    )
    return [{length: next(windows) for length in WINDOWS} for _ in works]


def _describe_window(own: _Work, length: int, design_effect: Floats, quantile: Floats) -> _Window:
    parts = slice(WINDOWS.index(length) + 1)
    count = own.part_counts[parts].sum(axis=0)
    agents = np.flatnonzero(count > 0)
    sums = CellSums(count, own.part_facets[parts].sum(axis=0), own.part_totals[parts].sum(axis=0))
    equations = to_equations(sums)._replace(precision=count / design_effect)
    return _Window(equations, agents, count[agents], quantile[agents])


def _add_window(
    builder: MeasureBuilder, own: _Work, window: _Window, errors: FacetErrors, *, min_count: int, is_log: bool
) -> None:
    levels = describe_levels(window.equations, errors, window.agents)
    levels = levels._replace(values=own.centre + levels.values)
    level, covariance = levels
    agents = own.agents[window.agents]
    is_member = window.counts >= min_count
    free = max(float(np.maximum(window.counts[is_member] - 1, 0).sum()), 1.0)
    comparison = compare(levels, is_member, builder.pids_of(agents), freedom=free)
    half = window.quantile * np.sqrt(covariance.diagonal)
    columns = comparison.columns | {"fair_mean": level, "fair_low": level - half, "fair_high": level + half}
    if is_log:
        means = {"fair_mean", "fair_low", "fair_high", "shrunk_mean", "shrunk_low", "shrunk_high"}
        columns = {name: np.exp(values) if name in means else values for name, values in columns.items()}
    columns["effective_count"] = np.minimum(errors.error_variance / covariance.diagonal, window.counts)
    if comparison.prior is not None:
        mean = comparison.prior.mean
        builder.describe_group(own.agents, float(np.exp(mean)) if is_log else mean)
        differences = _differences(levels, comparison.prior, is_member, window.quantile)
        plain = own.centre + window.equations.level[window.agents]
        columns |= _as_ratios(differences, plain) if is_log else differences
    builder.add(agents, comparison.reason, columns)


def _differences(levels: Levels, prior: Prior, is_member: npt.NDArray[np.bool_], quantile: Floats) -> Columns:
    """Level less the members' mean: that is the plain mean less what the own work lets expect.

    The error is that of the contrast, so that what all have in common does not count.
    """
    weights = np.zeros(is_member.size)
    weights[is_member] = prior.weights
    against = levels.covariance.times(weights)
    variance = levels.covariance.diagonal - 2 * against + weights @ against
    half = quantile * np.sqrt(np.maximum(variance, 0))
    difference = levels.values - prior.mean
    limits = {"": difference, "_low": difference - half, "_high": difference + half}
    return {f"difference_to_expected{end}": values for end, values in limits.items()}


def _as_ratios(differences: Columns, plain: Floats) -> Columns:
    """Differences of logarithms as ratios of geometric means, and as differences of these."""
    ratios = {name.replace("difference", "ratio"): np.exp(values) for name, values in differences.items()}
    return ratios | {name: np.exp(plain) * -np.expm1(-values) for name, values in differences.items()}
