"""Agents' levels less the facets, with the covariance of their errors, for any part of the window."""

from typing import NamedTuple

import numpy as np

from salted_assets.scoring.fair.covariance import Covariance
from salted_assets.scoring.fair.positive import root_positive
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.stats.samples import divide, zero_unknown

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
        sums.weight, zero_unknown(divide(sums.facets, sums.weight[:, None])), divide(sums.values, sums.weight)
    )


def solve_facets(facets: Floats, values: Floats, equations: Equations, prior: Floats) -> Effects:
    """Facet effects after the agents' levels are eliminated; `prior` is added to the diagonal.

    Of fixed facets, whose prior is 0, those that follow from others before them have the effect 0.
    """
    weighed = equations.facets * equations.precision[:, None]
    matrix = facets - weighed.T @ equations.facets
    right = values - weighed.T @ zero_unknown(equations.level)
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
    """Agents' levels, and the covariance of their errors."""

    values: Floats
    covariance: Covariance


class FacetErrors(NamedTuple):
    """Facet effects, and what their errors do to each agent's level over the whole window.

    One standard deviation of each direction of the errors moves levels by `loadings`; `lost` is the variance of each
    level by directions that hardly anybody shares.
    """

    effects: Effects
    mix: Floats
    error_variance: float
    whole: Equations
    loadings: Floats
    lost: Floats


def find_facet_errors(whole: Equations, effects: Effects, mix: Floats, error_variance: float) -> FacetErrors:
    """Loadings of levels at the mix on facets' errors: by a triangular root of the covariance of these."""
    kept = np.flatnonzero(np.diag(effects.inverse) > 0)
    root = root_positive(error_variance * effects.inverse[np.ix_(kept, kept)])
    own = error_variance / np.where(whole.precision > 0, whole.precision, np.inf)
    shared = Covariance(np.where(own > 0, own, np.inf), (whole.facets - mix)[:, kept] @ root)
    compact = shared.compact()
    lost = np.maximum(shared.diagonal_of_facets - compact.diagonal_of_facets, 0)
    return FacetErrors(effects, mix, error_variance, whole, compact.loadings, lost)


def describe_levels(window: Equations, errors: FacetErrors, agents: Indices) -> Levels:
    """Levels of these agents at the usual mix of facets, and the covariance of their errors, in one window.

    With T the facets of the window's level and T0 those of the whole's, D = T - T0, C the inverse of the facets'
    equations: the covariance is error variance * (1 / precision + T0 C T0' - D C D'). The last term is there because
    the facets were fitted to the window's own rows, too; it is 0 for the whole. Its diagonal is taken, what is off it
    is not: given the facets' errors, agents' errors are independent but for what they did to the facets.
    """
    own = window.facets[agents]
    values = window.level[agents] - (own - errors.mix) @ errors.effects.values
    apart = own - errors.whole.facets[agents]
    reused = np.einsum("ij,ij->i", apart @ errors.effects.inverse, apart)
    variance = errors.error_variance * (1 / window.precision[agents] - reused) + errors.lost[agents]
    return Levels(values, Covariance(variance, errors.loadings[agents]))
