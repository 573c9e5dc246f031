"""What sums of human answers are multiplied with at any variances, and the derivatives of that.

Answers of one engagement share a random effect. With it absorbed, an answer of the kind k (weight w_k) adds w_k to what
it is about, less w_k c (w_1 n_1 + w_2 n_2 + ...), c = v / (1 + v (w_1 n_1 + ...)), v the engagement effect's variance:
so all that counts of an engagement beside its facets is its shape, the numbers n_k of its answers by kind.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats import Floats

_WEIGHT_BOUNDS = (-np.log(25.0), np.log(25.0))
"""No kind of question may count more than 25 times another: answers that never differ would count for all."""

_ENGAGEMENT_BOUNDS = (np.log(1e-8), np.log(1e4))

_IMAGINARY = 1e-40
_STEP = 1e-4


class Expansion(NamedTuple):
    """Weights and their derivatives by each parameter, one a row; second derivatives by two parameters each."""

    rows: Floats
    bends: Floats


class AnswerWeights:
    """Weights of sums as functions of the error parameters: log weights of the kinds after the first, and log v.

    The last is only there where some engagement has two answers. Weights are those of sums by kind, by shape and two
    kinds, by shape and kind, by shape, and at last -log |W|, in one row.
    """

    def __init__(self, shapes: Floats, shape_counts: Floats) -> None:
        self._shapes, self._shape_counts = shapes, shape_counts
        self._kind_counts = shape_counts @ shapes
        self.kinds = shapes.shape[1]
        self.has_pairs = bool((shapes.sum(axis=1) > 1).any())
        self.bounds = [_WEIGHT_BOUNDS] * (self.kinds - 1) + [_ENGAGEMENT_BOUNDS] * self.has_pairs
        ends = np.cumsum([0, self.kinds, shapes.size * self.kinds, shapes.size, len(shapes)])
        self._size = int(ends[-1]) + 1
        self.by_facets, self.by_cell_facets, self.by_cells = (
            slice(int(ends[first]), int(ends[last])) for first, last in ((0, 2), (2, 3), (3, 4))
        )

    def at(self, parameters: Floats) -> Floats:
        """The weights at these parameters."""
        return np.asarray(self._list(parameters[None])[0])

    def expand(self, parameters: Floats) -> Expansion:
        """The weights with their derivatives.

        First ones are imaginary parts at points a little off in an imaginary direction, which lose no digit (Squire and
        Trapp 1998, SIAM Review 40); second ones are differences of these.
        """
        size = parameters.size
        if not size:
            return Expansion(self.at(parameters)[None], np.zeros((0, 0, self._size)))
        steps = np.eye(size)
        points = parameters + _STEP * np.concatenate([np.zeros((1, size)), steps, -steps])
        beside = points[:, None] + _IMAGINARY * 1j * steps
        found = self._list(beside.reshape(-1, size)).reshape(*beside.shape[:2], -1)
        slopes = found.imag / _IMAGINARY
        bends = (slopes[1 : size + 1] - slopes[size + 1 :]) / (2 * _STEP)
        return Expansion(np.concatenate([found[0, :1].real, slopes[0]]), bends)

    def _list(self, points: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
        """The weights at each of many points."""
        count = len(points)
        first = np.ones((count, 1))
        weights = np.concatenate([first, np.exp(points[:, : self.kinds - 1])], axis=1)
        variance = np.exp(points[:, -1:]) if self.has_pairs else 0 * first
        summed = weights @ self._shapes.T
        kept = 1 / (1 + variance * summed)
        single = kept[:, :, None] * weights[:, None]
        pair = (-variance)[:, :, None, None] * single[:, :, :, None] * weights[:, None, None]
        log_determinant = -np.log(weights) @ self._kind_counts - np.log(kept) @ self._shape_counts
        parts = (weights, pair, single, summed * kept, log_determinant)
        return np.concatenate([part.reshape(count, -1) for part in parts], axis=1)
