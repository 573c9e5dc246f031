"""The mixed model's normal equations in sums, from which the variances, the facets and the agents' levels come.

A cell is what has a fixed level: an agent, or an agent's chosen engagements. Facets are all other effects: questions
(fixed), reviewers and kinds of work (random).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from salted_assets.scoring.stats import Floats, Indices


class Sums(NamedTuple):
    """Sums weighted by the inverse W of the errors' covariance: facets F, cells X, values y.

    F'WF, F'Wy, y'Wy; of each cell the diagonal of X'WX, X'WF and X'Wy; and -log |W|.
    """

    facets: Floats
    facet_values: Floats
    squares: float
    cells: Floats
    cell_facets: Floats
    cell_values: Floats
    log_determinant: float

    def take(self, columns: Indices) -> "Sums":
        """Those of these facets alone."""
        return self._replace(
            facets=self.facets[np.ix_(columns, columns)],
            facet_values=self.facet_values[columns],
            cell_facets=self.cell_facets[:, columns],
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


def eliminate_cells(sums: Sums) -> Eliminated:
    """Take the cells out of the facets' equations; cells without rows count for nothing."""
    root = np.sqrt(np.where(sums.cells > 0, sums.cells, 1.0))
    shares, levels = sums.cell_facets / root[:, None], sums.cell_values / root
    return Eliminated(
        sums.facets - shares.T @ shares,
        sums.facet_values - shares.T @ levels,
        sums.squares - float(levels @ levels),
    )
