"""One component's model of human answers: variances, loading, facet effects, sums by part of the window."""

from typing import NamedTuple

import numpy as np

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.answer_rows import ModelRows
from salted_assets.scoring.fair.answer_sums import add_up_answers
from salted_assets.scoring.fair.levels import (
    CellSums,
    Effects,
    Equations,
    FacetErrors,
    find_facet_errors,
    find_independent,
    solve_facets,
    to_equations,
)
from salted_assets.scoring.fair.loading import Loading, fit_loading
from salted_assets.scoring.fair.normal_equations import Blocks, Eliminated, Sums, eliminate_cells
from salted_assets.scoring.fair.reviewer_variance import average_reviewer_variance
from salted_assets.scoring.fair.variances import NEGLIGIBLE, Variances, find_informed, fit_variances
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.stats.samples import divide


class AnswerModel(NamedTuple):
    """A component's fitted model. Facets are d (what chosen engagements are lower by), then the selected columns."""

    variances: Variances
    loading: Loading
    facet_errors: FacetErrors
    parts: CellSums
    columns: Indices

    @property
    def effects(self) -> Effects:
        """The effects of the facets."""
        return self.facet_errors.effects


def fit_model(own: ModelRows) -> AnswerModel | None:
    """Variances, then the loading, then facets; None where nothing tells how far answers are off.

    One reviewer alone is the usual one. The variance between several is never 0 (`average_reviewer_variance`).

    For variances and loading an agent's chosen engagements have a fixed level of their own, so that they need not know
    the loading.
    """
    sums, by_part = add_up_answers(
        own.rows, cells=2 * own.agents.size, facets=own.reviewers_at.stop, parts=len(WINDOWS)
    )
    start = sums.sum_up(np.zeros(len(sums.weights.bounds)))
    eliminated = eliminate_cells(start)
    fixed = slice(0, own.blocks.fixed)
    independent = np.flatnonzero(find_independent(eliminated.facets[fixed, fixed], np.diag(start.facets)[fixed]))
    columns, blocks = own.blocks.take(independent, range(len(own.blocks.random)))
    informed = find_informed(eliminated.take(columns).facets, sums.count, blocks)
    columns, blocks = own.blocks.take(independent, informed)
    variances = fit_variances(sums.take(columns), blocks)
    if variances is None or variances.error <= 0:
        return None
    whole = sums.sum_up(variances.parameters)
    eliminated = eliminate_cells(whole)
    informed, variances = _drop_negligible(informed, variances)
    if own.reviewers.size > 1:
        informed, variances = _weigh_reviewers(eliminated, own.blocks, independent, informed, variances)
    loading = _fit_loading(whole, eliminated, *own.blocks.take(independent, informed), variances)
    columns, blocks = own.blocks.take(np.arange(own.blocks.fixed), informed)
    cells, cell_facets, cell_values = by_part.sum_up(variances.parameters, sums.facets)
    parts = CellSums(cells, cell_facets[:, :, columns], cell_values)
    weight = parts.weight[..., None] * (np.arange(parts.weight.shape[0]) % 2)[:, None, None]
    parts = parts._replace(facets=np.concatenate([weight, parts.facets], axis=2))
    effects = _solve(whole.take(columns), parts, loading, blocks, variances)
    mix = np.concatenate([[0.0], own.mix[columns]])
    equations = equations_of(parts, slice(len(WINDOWS)), loading, variances)
    return AnswerModel(variances, loading, find_facet_errors(equations, effects, mix, variances.error), parts, columns)


def _drop_negligible(informed: list[int], variances: Variances) -> tuple[list[int], Variances]:
    """The random blocks that matter, and their variances."""
    kept = variances.random > NEGLIGIBLE
    left = [index for index, is_kept in zip(informed, kept, strict=True) if is_kept]
    return left, variances._replace(random=variances.random[kept])


def _weigh_reviewers(
    eliminated: Eliminated, blocks: Blocks, independent: Indices, informed: list[int], variances: Variances
) -> tuple[list[int], Variances]:
    """The random blocks with the reviewers among them, the last of all, with the mean of what their variance may be."""
    reviewers = len(blocks.random) - 1
    is_other = np.array(informed, np.int64) != reviewers
    others = variances.random[is_other]
    every = [index for index in informed if index != reviewers] + [reviewers]
    columns, selected = blocks.take(independent, every)
    variance = average_reviewer_variance(eliminated.take(columns), selected, others, variances.error)
    return every, variances._replace(random=np.append(others, variance))


def _fit_loading(sums: Sums, eliminated: Eliminated, columns: Indices, blocks: Blocks, variances: Variances) -> Loading:
    own = eliminated.take(columns)
    effects = np.linalg.solve(own.facets + np.diag(blocks.precisions(variances.random)), own.values)
    level = divide(sums.cell_values - sums.cell_facets[:, columns] @ effects, sums.cells)
    variance = divide(variances.error, sums.cells)
    return fit_loading(level[::2], variance[::2], level[1::2], variance[1::2])


def _solve(whole: Sums, parts: CellSums, loading: Loading, blocks: Blocks, variances: Variances) -> Effects:
    chosen = _cells(parts, slice(len(WINDOWS)), 1)
    facets = np.empty((parts.facets.shape[2],) * 2)
    facets[1:, 1:], facets[0] = whole.facets, chosen.facets.sum(axis=0)
    facets[1:, 0] = facets[0, 1:]
    values = np.concatenate([[chosen.values.sum()], whole.facet_values])
    # An agent's own part of chosen engagements is absorbed: 1 / (1 + own x weight) of each sum is left.
    lost = (1 - _kept(chosen, loading, variances)) / np.where(chosen.weight > 0, chosen.weight, 1.0)
    facets -= chosen.facets.T @ (chosen.facets * lost[:, None])
    values -= chosen.facets.T @ (chosen.values * lost)
    prior = np.concatenate([[0.0], blocks.precisions(variances.random)])
    return solve_facets(facets, values, equations_of(parts, slice(len(WINDOWS)), loading, variances), prior)


def _cells(parts: CellSums, window: slice, is_chosen: int) -> CellSums:
    """The sums of the agents' representative or chosen engagements in the parts of a window."""
    return CellSums(*(values[is_chosen::2, window].sum(axis=1) for values in parts))


def _kept(chosen: CellSums, loading: Loading, variances: Variances) -> Floats:
    return 1 / (1 + loading.own / variances.error * chosen.weight)


def equations_of(parts: CellSums, window: slice, loading: Loading, variances: Variances) -> Equations:
    """The agents' levels in the parts of a window; chosen engagements tell of them through the loading."""
    drawn, chosen = (_cells(parts, window, is_chosen) for is_chosen in (0, 1))
    weight = loading.slope * _kept(chosen, loading, variances)
    return to_equations(
        CellSums(
            drawn.weight + loading.slope * weight * chosen.weight,
            drawn.facets + weight[:, None] * chosen.facets,
            drawn.values + weight * chosen.values,
        )
    )


def weights_of(model: AnswerModel, kinds: int) -> tuple[Floats, float]:
    """The weight of an answer of each kind, and the engagements' variance, beside the first kind's error variance."""
    parameters: Floats = model.variances.parameters
    weights = np.exp(np.concatenate([[0.0], parameters[: kinds - 1]]))
    return weights, float(np.exp(parameters[-1])) if parameters.size > kinds - 1 else 0.0
