"""The restricted likelihood of random effects as a function of their variances, of many models at once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.newton import Curve
from salted_assets.scoring.fair.normal_equations import Blocks, Eliminated
from salted_assets.scoring.fair.positive import invert_positive, reduce_positive
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.stats.samples import as_floats

_ROUNDING = 1e-13
_NO_ERROR = 1e-12
_SMALL = 16
"""Columns up to which many matrices are inverted by one call."""
_WIDTH_STEP = 16


class RandomEffects(NamedTuple):
    """One model's equations without its cells, and degrees of freedom: rows less fixed effects."""

    own: Eliminated
    blocks: Blocks
    freedom: int


class Evaluated(NamedTuple):
    """The curves by the logarithms of the variances, and what they were made of: inverses, effects, squares left."""

    curve: Curve
    inverse: Floats
    effects: Floats
    left: Floats


@dataclass(frozen=True)
class RandomStack:
    """Models of one shape, in which some columns may say nothing.

    `members` says which column belongs to which block, `idle` which ones to no effect at all, `sizes` how many effects
    a block has.
    """

    facets: Floats
    values: Floats
    squares: Floats
    freedom: Floats
    members: Floats
    idle: Floats
    sizes: Floats

    def take(self, which: Indices) -> "RandomStack":
        """These models alone."""
        if which.size == len(self.squares):
            return self
        return RandomStack(*(getattr(self, field.name)[which] for field in fields(self)))

    def errors(self, variances: Floats) -> Floats:
        """The error's variance that goes best with these; 0 where rounding alone made it other."""
        left = self._solve(variances)[3]
        return np.where(self._is_error(left), left / self.freedom, 0.0)

    def have_errors(self, variances: Floats) -> npt.NDArray[np.bool_]:
        """Whether these leave an error that is more than rounding."""
        return self._is_error(self._reduce(variances)[0])

    def find_values(self, variances: Floats) -> Floats:
        """The values of the curves alone."""
        return self._value(variances, *self._reduce(variances))

    def _is_error(self, left: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(left > _NO_ERROR * self.squares)

    def _value(self, variances: Floats, left: Floats, log_determinant: Floats) -> Floats:
        # Where effects explain all there is, rounding may leave less than nothing.
        left = np.maximum(left, _ROUNDING * self.squares)
        of_random = np.sum(self.sizes * np.log(variances), axis=1)
        return as_floats(self.freedom * np.log(left) + log_determinant + of_random)

    def evaluate(self, variances: Floats) -> Evaluated:
        """-2 log of the restricted likelihood of each, with the error's variance at its best, and its derivatives."""
        inverse, log_determinant, effects, left = self._solve(variances)
        value = self._value(variances, left, log_determinant)
        left = np.maximum(left, _ROUNDING * self.squares)
        precisions = 1 / variances
        own = self.members * effects[:, None, :]
        spread = precisions * np.sum(own * effects[:, None, :], axis=2)
        at = np.arange(inverse.shape[1])
        traces = precisions * np.matmul(self.members, inverse[:, at, at][:, :, None])[:, :, 0]
        crossed = np.matmul(np.matmul(own, inverse), own.swapaxes(1, 2))
        squared = np.matmul(np.matmul(self.members, inverse**2), self.members.swapaxes(1, 2))
        both = precisions[:, :, None] * precisions[:, None, :]
        scale = (self.freedom / left)[:, None]
        diagonal = np.eye(self.sizes.shape[1])
        hessian = diagonal * (scale * spread + traces)[:, :, None]
        hessian -= both * (2 * scale[:, :, None] * crossed + squared)
        hessian -= (self.freedom / left**2)[:, None, None] * spread[:, :, None] * spread[:, None, :]
        return Evaluated(Curve(value, self.sizes - scale * spread - traces, hessian), inverse, effects, left)

    def _solve(self, variances: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Inverse, log determinant, effects, and the squares that they leave."""
        inverse, log_determinant = _invert(self._add_priors(variances))
        effects = np.matmul(inverse, self.values[:, :, None])[:, :, 0]
        return inverse, log_determinant, effects, self.squares - np.sum(self.values * effects, axis=1)

    def _reduce(self, variances: Floats) -> tuple[Floats, Floats]:
        """The squares that effects leave, and log determinant."""
        pairs = zip(self._add_priors(variances), self.values, strict=True)
        explained, log_determinant = np.array([reduce_positive(*each) for each in pairs]).T
        return self.squares - explained, log_determinant

    def _add_priors(self, variances: Floats) -> Floats:
        matrix = self.facets.copy()
        at = np.arange(matrix.shape[1])
        matrix[:, at, at] += self.idle + np.matmul((1 / variances)[:, None, :], self.members)[:, 0]
        return matrix


def _invert(matrices: Floats) -> tuple[Floats, Floats]:
    """Inverses and logarithms of determinants."""
    if matrices.shape[1] <= _SMALL:
        return as_floats(np.linalg.inv(matrices)), as_floats(np.linalg.slogdet(matrices)[1])
    inverses, logs = zip(*map(invert_positive, matrices), strict=True)
    return np.stack(inverses), np.array(logs)


def shape_of(model: RandomEffects) -> tuple[int, int]:
    """How many columns and random blocks the model has in a stack: columns in steps, so that many are of one shape.

    Only models of one shape are to be stacked up, so that what is found of one does not depend on the others in any
    bit: a sum of more numbers, be they 0, is added up in another order.
    """
    return -(-model.own.values.size // _WIDTH_STEP) * _WIDTH_STEP, len(model.blocks.random)


def stack_up(models: Sequence[RandomEffects], width: int | None = None) -> RandomStack:
    """Models of one shape as one stack, of so many columns, or as many as the first one has."""
    width = models[0].own.values.size if width is None else width
    levels = len(models[0].blocks.random)
    count = len(models)
    stack = RandomStack(
        np.zeros((count, width, width)),
        np.zeros((count, width)),
        np.array([each.own.squares for each in models]),
        np.array([each.freedom for each in models], np.float64),
        np.zeros((count, levels, width)),
        np.ones((count, width)),
        np.zeros((count, levels)),
    )
    for index, (own, blocks, _) in enumerate(models):
        size = own.values.size
        stack.facets[index, :size, :size], stack.values[index, :size] = own.facets, own.values
        stack.idle[index, :size] = 0
        for level, block in enumerate(blocks.random):
            stack.members[index, level, block] = 1
            stack.sizes[index, level] = block.stop - block.start
    return stack
