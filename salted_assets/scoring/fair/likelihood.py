"""The restricted likelihood of human answers as a function of all variances, with exact derivatives."""

from typing import NamedTuple

import numpy as np

from salted_assets.scoring.fair.answer_sums import AnswerSums, Products
from salted_assets.scoring.fair.newton import Curve
from salted_assets.scoring.fair.normal_equations import Blocks
from salted_assets.scoring.fair.positive import invert_positive
from salted_assets.scoring.stats import Floats

_ROUNDING = 1e-13
_NO_ERROR = 1e-12


class _Equations(NamedTuple):
    """The facets' equations N at some error parameters, y last, after the cells' fixed levels are eliminated.

    `bends` are for `AnswerSums.bend`; `levels` are the cells' rows of X'WF and X'Wy beside their weights, `divisor`;
    cells without rows weigh 1.
    """

    products: Products
    bends: Floats
    divisor: Floats
    levels: Floats
    matrix: Floats

    @property
    def squares(self) -> float:
        """Y'Wy before anything is taken out, of which rounding takes a share."""
        return float(self.products.facets[0, -1, -1])


class _Solution(NamedTuple):
    """Inverse of the facets' equations with their priors, logarithm of the determinant, (-effects, 1), squares left."""

    inverse: Floats
    log_determinant: float
    direction: Floats
    left: float


class _Changes(NamedTuple):
    """How N changes with parameters: dN u but for its last element, u'dNu, tr C dN, tr C dN C dN of any two.

    `slope` is what else the value changes by, `bend` what it bends by beside the changes of N taken twice.
    """

    moved: Floats
    left: Floats
    traces: Floats
    crossed: Floats
    slope: Floats
    bend: Floats


class RestrictedLikelihood:
    """-2 log of the restricted likelihood, without constants, with the error's variance at its best.

    Parameters are those of `AnswerWeights`, then the logarithms of the random blocks' variances beside the error's.
    """

    def __init__(self, sums: AnswerSums, blocks: Blocks) -> None:
        self._sums, self._sizes = sums, blocks.sizes
        self._errors = len(sums.weights.bounds)
        self._members = np.zeros((len(blocks.random), sums.facets))
        for level, block in enumerate(blocks.random):
            self._members[level, block] = 1
        self._equations_at: tuple[bytes, _Equations] | None = None
        cells = self._eliminate(np.zeros(self._errors)).products.cells[0]
        self.freedom = sums.count - int(np.count_nonzero(cells > 0)) - blocks.fixed

    def find_error(self, at: Floats) -> float:
        """The error's variance that goes best with these parameters; 0 where rounding alone made it other."""
        equations, solution = self._solve(at)
        return solution.left / self.freedom if solution.left > _NO_ERROR * equations.squares else 0.0

    def find_value(self, at: Floats) -> float:
        """The value alone."""
        return self._value(at, *self._solve(at))

    def _value(self, at: Floats, equations: _Equations, solution: _Solution) -> float:
        # Where effects explain all there is, rounding may leave less than nothing.
        left = max(solution.left, _ROUNDING * equations.squares)
        of_cells = float(np.log(equations.divisor).sum() + equations.products.log_determinant[0])
        of_random = float(self._sizes @ at[self._errors :])
        return self.freedom * float(np.log(left)) + solution.log_determinant + of_cells + of_random

    def evaluate(self, at: Floats) -> Curve:
        """The curve, as that of one function.

        With C the inverse of the facets' equations and u = (-effects, 1), the squares left change by u'dNu with N, and
        log |N| by tr C dN; they bend by -2 u'dN C dN u and -tr C dN C dN, and by N's own bend.
        """
        equations, solution = self._solve(at)
        left = max(solution.left, _ROUNDING * equations.squares)
        scale = self.freedom / left
        changes = self._change(at, equations, solution, scale)
        gradient = scale * changes.left + changes.traces + changes.slope
        moved = changes.moved @ solution.inverse @ changes.moved.T
        hessian = changes.bend - changes.crossed - scale * (2 * moved + np.outer(changes.left, changes.left) / left)
        return Curve(np.array([self._value(at, equations, solution)]), gradient[None], hessian[None])

    def _change(self, at: Floats, equations: _Equations, solution: _Solution, scale: float) -> _Changes:
        """By all parameters: those of the errors, then variances, of which each adds to its block's diagonal alone."""
        inverse, effects = solution.inverse, solution.direction[:-1]
        priors = np.exp(-at[self._errors :])[:, None] * self._members
        moved = -priors * effects
        left, traces = moved @ effects, -priors @ inverse.diagonal()
        bend, crossed = np.diag(-scale * left - traces), priors @ inverse**2 @ priors.T
        own = _Changes(moved, left, traces, crossed, self._sizes, bend)
        if not self._errors:
            return own
        errors, through = self._change_with_errors(equations, solution, scale)
        crossed, bend = (_join(*parts) for parts in ((errors.crossed, own.crossed), (errors.bend, own.bend)))
        mixed = -(through * inverse).sum(axis=2) @ priors.T
        crossed[: self._errors, self._errors :], crossed[self._errors :, : self._errors] = mixed, mixed.T
        moved, left, traces, slope = (
            np.concatenate([getattr(errors, name), getattr(own, name)]) for name in ("moved", "left", "traces", "slope")
        )
        return _Changes(moved, left, traces, crossed, slope, bend)

    def _change_with_errors(self, equations: _Equations, solution: _Solution, scale: float) -> tuple[_Changes, Floats]:
        """By the error parameters alone; and of each C dN."""
        products, bends, divisor, levels, _ = equations
        inverse, direction = solution.inverse, solution.direction
        apart = products.cell_facets[1:] - products.cells[1:, :, None] * levels
        shared = (apart + products.cells[1:, :, None] * (levels / 2)).swapaxes(1, 2) @ levels
        change = products.facets[1:] - shared - shared.swapaxes(1, 2)
        moved, through = change @ direction, inverse @ change[:, :-1, :-1]
        # What a change of N is worth, directly and through the cells.
        worth = scale * np.outer(direction, direction)
        worth[:-1, :-1] += inverse
        weighed = levels @ worth
        of_products = Products(worth, 1 / divisor + (weighed * levels).sum(axis=1), -2 * weighed, np.ones(1))
        weights = products.cells[1:] / divisor
        count = self._errors
        twice = (apart @ worth / divisor[:, None]).reshape(count, -1) @ apart.reshape(count, -1).T
        found = _Changes(
            moved[:, :-1],
            moved @ direction,
            through.reshape(count, -1)[:, :: len(inverse) + 1].sum(axis=1),
            through.reshape(count, -1) @ through.swapaxes(1, 2).reshape(count, -1).T,
            products.log_determinant[1:] + weights.sum(axis=1),
            self._sums.bend(bends, of_products) - weights @ weights.T - 2 * twice,
        )
        return found, through

    def _solve(self, at: Floats) -> tuple[_Equations, _Solution]:
        equations = self._eliminate(at[: self._errors])
        matrix = equations.matrix[:-1, :-1].copy()
        matrix.flat[:: len(matrix) + 1] += np.exp(-at[self._errors :]) @ self._members
        inverse, log_determinant = invert_positive(matrix)
        values = equations.matrix[:-1, -1]
        effects = inverse @ values
        left = float(equations.matrix[-1, -1] - values @ effects)
        return equations, _Solution(inverse, log_determinant, np.append(-effects, 1.0), left)

    def _eliminate(self, parameters: Floats) -> _Equations:
        """The equations at these error parameters, kept until there are others."""
        key = parameters.tobytes()
        if self._equations_at is None or self._equations_at[0] != key:
            products, bends = self._sums.expand(parameters)
            divisor = np.where(products.cells[0] > 0, products.cells[0], 1.0)
            levels = products.cell_facets[0] / divisor[:, None]
            matrix = products.facets[0] - products.cell_facets[0].T @ levels
            self._equations_at = key, _Equations(products, bends, divisor, levels, matrix)
        return self._equations_at[1]


def _join(first: Floats, second: Floats) -> Floats:
    """Both matrices along one diagonal."""
    size = len(first) + len(second)
    joined = np.zeros((size, size))
    joined[: len(first), : len(first)], joined[len(first) :, len(first) :] = first, second
    return joined
