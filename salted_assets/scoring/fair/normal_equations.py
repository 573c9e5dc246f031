"""The mixed model's normal equations in sums, from which the variances, the facets and the agents' levels come.

A cell is what has a fixed level: an agent, or an agent's chosen engagements. Facets are all other effects: questions
(fixed), reviewers and kinds of work (random).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from salted_assets.scoring.stats import Floats, Indices


class Sums(NamedTuple):
    """Sums weighted by the inverse W of the errors' covariance: facets F, cells X, values y.

    F'WF, F'Wy, y'Wy; of each cell the diagonal of X'WX, X'WF and X'Wy; and -log |W|. Or how all these change with a
    parameter of W.
    """

    facets: Floats
    facet_values: Floats
    squares: float
    cells: Floats
    cell_facets: Floats
    cell_values: Floats
    log_determinant: float


class Errors(Protocol):
    """Sums of a model's rows as functions of its error parameters, of which there may be none.

    Parameters are logarithms of variances and of weights, relative to the first kind's error variance.
    """

    count: int
    """Rows."""

    bounds: Sequence[tuple[float, float]]
    """Between which values each parameter may lie; all may be 0."""

    weights: int
    """How many parameters, the first ones, are logarithms of weights; the others are those of variances."""

    def sum_up(self, parameters: Floats) -> Sums:
        """The sums at these parameters."""

    def differentiate(self, parameters: Floats) -> list[Sums]:
        """How the sums change with each parameter."""


class Selection:
    """The same errors with some of the facets' columns alone."""

    def __init__(self, errors: Errors, columns: Indices) -> None:
        self._errors, self.columns = errors, columns
        self.count, self.bounds, self.weights = errors.count, errors.bounds, errors.weights

    def sum_up(self, parameters: Floats) -> Sums:
        """The sums at these parameters."""
        return self._take(self._errors.sum_up(parameters))

    def differentiate(self, parameters: Floats) -> list[Sums]:
        """How the sums change with each parameter."""
        return [self._take(change) for change in self._errors.differentiate(parameters)]

    def _take(self, sums: Sums) -> Sums:
        return sums._replace(
            facets=sums.facets[np.ix_(self.columns, self.columns)],
            facet_values=sums.facet_values[self.columns],
            cell_facets=sums.cell_facets[:, self.columns],
        )


@dataclass(frozen=True)
class Blocks:
    """Which columns of the facets are fixed, the first ones, and which are the random effects of one variance."""

    fixed: int
    random: tuple[slice, ...]

    def take(self, fixed: Indices, random: Iterable[int]) -> "tuple[Indices, Blocks]":
        """The columns of these fixed facets and of these random blocks, and what blocks they make."""
        chosen = [self.random[index] for index in random]
        columns = np.concatenate([fixed, *(np.arange(block.start, block.stop) for block in chosen)])
        ends = fixed.size + np.cumsum([0, *(block.stop - block.start for block in chosen)])
        slices = tuple(slice(int(start), int(stop)) for start, stop in pairwise(ends))
        return columns.astype(np.int64), Blocks(fixed.size, slices)

    @property
    def sizes(self) -> Floats:
        """How many effects each random block has."""
        return np.array([block.stop - block.start for block in self.random], np.float64)

    def precisions(self, variances: Floats) -> Floats:
        """What random effects of these variances add to the diagonal of the facets' equations."""
        end = self.random[-1].stop if self.random else self.fixed
        added = np.zeros(end)
        for block, variance in zip(self.random, variances, strict=True):
            added[block] = 1 / float(variance)
        return added


class Eliminated(NamedTuple):
    """The facets' equations after the cells' fixed levels are eliminated, and what that leaves of y'Wy."""

    facets: Floats
    values: Floats
    squares: float

    def take(self, columns: Indices) -> "Eliminated":
        """Those of these columns alone."""
        return Eliminated(self.facets[np.ix_(columns, columns)], self.values[columns], self.squares)


class Solution(NamedTuple):
    """The facets' equations with their priors solved: inverse, effects, squares that are left."""

    inverse: Floats
    effects: Floats
    left: float


class Change(NamedTuple):
    """How what is left of the squares, and the logarithms of all determinants, change with a parameter."""

    left: float
    log_determinants: float


def eliminate_cells(sums: Sums) -> Eliminated:
    """Take the cells out of the facets' equations; cells without rows count for nothing."""
    root = np.sqrt(_divisor(sums))
    shares, levels = sums.cell_facets / root[:, None], sums.cell_values / root
    return Eliminated(
        sums.facets - shares.T @ shares,
        sums.facet_values - shares.T @ levels,
        sums.squares - float(levels @ levels),
    )


def log_determinant_of_cells(sums: Sums) -> float:
    """Logarithm of the determinant of X'WX over cells with rows."""
    return float(np.log(_divisor(sums)).sum())


def differentiate(sums: Sums, solution: Solution, changes: Sequence[Sums]) -> list[Change]:
    """How the solution changes with the sums; no equations are made for that, one product serves all changes."""
    if not changes:
        return []
    inverse, effects = solution.inverse, solution.effects
    divisor = _divisor(sums)
    through = sums.cell_facets @ inverse
    quadratic = np.einsum("ij,ij->i", through, sums.cell_facets)
    levels = (sums.cell_values - sums.cell_facets @ effects) / divisor
    found = []
    for change in changes:
        crossed = np.einsum("ij,ij->i", through, change.cell_facets)
        of_equations = np.sum(inverse * change.facets)
        of_equations += np.sum((change.cells * quadratic / divisor - 2 * crossed) / divisor)
        left = change.squares - 2 * effects @ change.facet_values + effects @ change.facets @ effects
        left -= 2 * levels @ (change.cell_values - change.cell_facets @ effects) - levels**2 @ change.cells
        found.append(Change(float(left), float(change.log_determinant + np.sum(change.cells / divisor) + of_equations)))
    return found


def _divisor(sums: Sums) -> Floats:
    return np.where(sums.cells > 0, sums.cells, 1.0)
