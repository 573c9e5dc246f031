"""Covariances of many levels at once: each one's own variance, and what common facets add, a matrix of low rank.

Everything is by the Woodbury identity, so that no matrix of agents x agents is ever made.
"""

from dataclasses import dataclass

import numpy as np

from salted_assets.scoring.fair.positive import invert_positive
from salted_assets.scoring.stats import Floats, Indices

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Covariance:
    """diag(own) + loadings @ loadings.T, with a row of loadings for each agent."""

    own: Floats
    loadings: Floats

    @property
    def diagonal(self) -> Floats:
        """Each agent's variance."""
        return self.own + self.diagonal_of_facets

    @property
    def common(self) -> float:
        """The mean covariance of two agents: the error that all have in common; 0 for fewer than two."""
        people = self.own.size
        if people < 2 or not self.loadings.size:  # noqa: PLR2004 - a pair
            return 0.0
        summed = self.loadings.sum(axis=0)
        return float((summed @ summed - self.diagonal_of_facets.sum()) / (people * (people - 1)))

    def take(self, agents: Indices) -> "Covariance":
        """That of these agents alone."""
        return Covariance(self.own[agents], self.loadings[agents])

    def times(self, values: Floats) -> Floats:
        """The covariance matrix times a vector."""
        return np.asarray(self.own * values + self.loadings @ (self.loadings.T @ values))

    def compact(self) -> "Covariance":
        """The same without directions of the loadings that add less than a thousandth to the variance of any sum."""
        if not self.loadings.size:
            return self
        scaled = self.loadings / np.sqrt(self.own)[:, None]
        shares, vectors = np.linalg.eigh(scaled.T @ scaled)
        return Covariance(self.own, self.loadings @ vectors[:, shares > _TOLERANCE])

    def invert(self, between: float | Floats = 0.0, common: float = 0.0) -> "Inverse":
        """The inverse after adding `between` to each variance and taking `common` off every element.

        `between` may be a column of several, each of which gives an inverse of its own.
        """
        precision = np.asarray(1 / (self.own + between))
        weighed = self.loadings * np.sqrt(precision)[..., None]
        grams = np.eye(weighed.shape[-1]) + weighed.swapaxes(-1, -2) @ weighed
        return Inverse(self, between, common, precision, _invert(grams))

    @property
    def diagonal_of_facets(self) -> Floats:
        """What facets add to each agent's variance."""
        return np.asarray(np.einsum("ij,ij->i", self.loadings, self.loadings))


def _invert(grams: Floats) -> Floats:
    if grams.ndim == 2:  # noqa: PLR2004 - one matrix
        return invert_positive(grams)[0]
    return np.stack([invert_positive(gram)[0] for gram in grams])


class Inverse:
    """The inverse of covariance + between * I - common * 11'; of several values of between one in each row.

    Without common that is E - E Z inner Z' E with E = diag(precision), Z the loadings; what is common is by the formula
    of Sherman and Morrison.
    """

    def __init__(
        self, of: Covariance, between: float | Floats, common: float, precision: Floats, inner: Floats
    ) -> None:
        self._of, self._between, self._precision, self._inner = of, between, precision, inner
        self._total = precision - precision * self._through(precision)
        left = 1 - common * self._total.sum(axis=-1, keepdims=True)
        self._common = np.where(left > 0, common / np.where(left > 0, left, 1.0), 0.0)

    def times(self, values: Floats) -> Floats:
        """The inverse times a vector."""
        weighed = self._precision * values
        return weighed - self._precision * self._through(weighed) + self._of_common(values)

    def noise_share(self, values: Floats) -> Floats:
        """(Covariance less common) @ inverse @ vector: how much of each agent's deviation is noise."""
        weighed = self._precision * values
        facets = self._precision * self._through(weighed) - self._of_common(values)
        return np.asarray(self._of.own * weighed + self._between * facets)

    @property
    def posterior_variance(self) -> Floats:
        """Diagonal of between * I - between^2 * inverse: of the levels, given the means of all and the prior's mean.

        No less than facets leave that are known: an agent of whom nearly all is known may have less of what is common.
        """
        signal = self._between * self._precision
        facets = np.sum((self._of.loadings @ self._inner) * self._of.loadings, axis=-1)
        shared = signal**2 * facets - self._between**2 * self._common * self._total**2
        return np.asarray(signal * self._of.own + np.maximum(shared, 0.0))

    @property
    def trace(self) -> float:
        """Trace of the inverse, where nothing is taken off."""
        return float(self._precision.sum() - np.sum(self._inner * self._gram(2)))

    @property
    def trace_of_square(self) -> float:
        """Trace of the inverse times itself, where nothing is taken off."""
        twice = self._inner @ self._gram(2)
        return float(np.sum(self._precision**2) - 2 * np.sum(self._inner * self._gram(3)) + np.sum(twice * twice.T))

    def _through(self, weighed: Floats) -> Floats:
        inner: Floats = (self._inner @ (weighed @ self._of.loadings)[..., None])[..., 0]
        return np.asarray(inner @ self._of.loadings.T)

    def _of_common(self, values: Floats) -> Floats:
        return np.asarray(self._common * self._total * np.sum(self._total * values, axis=-1, keepdims=True))

    def _gram(self, power: int) -> Floats:
        return np.asarray(self._of.loadings.T @ (self._of.loadings * self._precision[:, None] ** power))
