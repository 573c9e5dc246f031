"""Agents' levels less the facets, with the covariance of their errors, for any part of the window."""

from typing import NamedTuple

import numpy as np

from salted_assets.scoring.fair.covariance import Covariance
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.stats.samples import divide

_DEPENDENT = 1e-9


class CellSums(NamedTuple):
    """Of each agent the weight of the rows, their weighted facets and values: X'WX, X'WF and X'Wy."""

    weight: Floats
    facets: Floats
    values: Floats


class Equations(NamedTuple):
    """Of each agent the level as it follows from the facets: level = `level` - `facets` @ effects, its precision."""

    precision: Floats
    facets: Floats
    level: Floats


class Effects(NamedTuple):
    """Facet effects with the inverse of their equations: the covariance of their errors in units of the error's."""

    values: Floats
    inverse: Floats


def to_equations(sums: CellSums) -> Equations:
    """The levels' equations; NaN levels, and no precision, for agents without rows."""
    return Equations(
        sums.weight, np.nan_to_num(divide(sums.facets, sums.weight[:, None])), divide(sums.values, sums.weight)
    )


def solve_facets(facets: Floats, values: Floats, equations: Equations, prior: Floats) -> Effects:
    """Facet effects after the agents' levels are eliminated; `prior` is added to the diagonal.

    Of fixed facets, whose prior is 0, those that follow from others before them have the effect 0.
    """
    weighed = equations.facets * equations.precision[:, None]
    matrix = facets - weighed.T @ equations.facets
    right = values - weighed.T @ np.nan_to_num(equations.level)
    fixed = prior == 0
    kept = np.ones(prior.size, bool)
    kept[fixed] = find_independent(matrix[np.ix_(fixed, fixed)], np.diag(facets)[fixed])
    inverse = np.zeros_like(matrix)
    inverse[np.ix_(kept, kept)] = np.linalg.inv((matrix + np.diag(prior))[np.ix_(kept, kept)])
    return Effects(inverse @ right, inverse)


def find_independent(matrix: Floats, scale: Floats) -> Indices:
    """Which rows of a positive semidefinite matrix do not follow from those before; `scale` says what is as good as 0.

    >>> find_independent(np.array([[1.0, -1, 0], [-1, 1, 0], [0, 0, 2]]), np.ones(3)).tolist()
    [True, False, True]
    """
    left = matrix.copy()
    kept = np.zeros(len(matrix), bool)
    for index in range(len(matrix)):
        pivot = left[index, index]
        if pivot > _DEPENDENT * scale[index]:
            kept[index] = True
            left -= np.outer(left[:, index], left[index]) / pivot
    return kept


class Levels(NamedTuple):
    """Agents' levels, the covariance of their errors, and what one standard deviation of facets' errors moves each."""

    values: Floats
    covariance: Covariance
    shared: Floats


def describe_levels(
    window: Equations, whole: Equations, effects: Effects, mix: Floats, error_variance: float
) -> Levels:
    """Levels at the usual mix of facets, for the agents of one window.

    With T the facets of the window's level and T0 that of the whole's, each less the mix, and D = T - T0:
    covariance = error variance * (1 / precision + T0 C T0' - D C D'), C the inverse of the facets' equations. The last
    term is there because the facets were fitted to the window's own rows, too; it is 0 for the whole.
    """
    own = window.facets - mix
    level = window.level - own @ effects.values
    core = error_variance * effects.inverse
    variance = error_variance / window.precision
    shared = own @ _root(core)
    if window is whole:
        return Levels(level, Covariance(variance, own, core), shared)
    nothing = np.zeros_like(core)
    covariance = Covariance(
        variance,
        np.column_stack([whole.facets - mix, window.facets - whole.facets]),
        np.block([[core, nothing], [nothing, -core]]),
    )
    return Levels(level, covariance, shared)


def _root(core: Floats) -> Floats:
    """A triangular root, which hardly moves when the core hardly does; facets without an effect have none."""
    kept = np.flatnonzero(np.diag(core) > 0)
    root = np.zeros_like(core)
    root[np.ix_(kept, kept)] = np.linalg.cholesky(core[np.ix_(kept, kept)])
    return root
