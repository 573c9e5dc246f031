"""Covariances of many levels at once: each one's own variance, and what common facets add, a matrix of low rank.

Everything is by the Woodbury identity, so that no matrix of agents x agents is ever made.
"""

from dataclasses import dataclass

import numpy as np

from salted_assets.scoring.stats import Floats, Indices


@dataclass(frozen=True)
class Covariance:
    """diag(own) + loadings @ core @ loadings.T, with a row of loadings for each agent; the core may be indefinite."""

    own: Floats
    loadings: Floats
    core: Floats

    @property
    def diagonal(self) -> Floats:
        """Each agent's variance."""
        return self.own + self._of_facets

    @property
    def common(self) -> float:
        """The mean covariance of two agents: the error that all have in common; 0 for fewer than two."""
        people = self.own.size
        if people < 2 or not self.core.size:  # noqa: PLR2004 - a pair
            return 0.0
        summed = self.loadings.sum(axis=0)
        return float((summed @ self.core @ summed - self._of_facets.sum()) / (people * (people - 1)))

    def take(self, agents: Indices) -> "Covariance":
        """That of these agents alone."""
        return Covariance(self.own[agents], self.loadings[agents], self.core)

    def less_common(self, common: float) -> "Covariance":
        """The same without an error that all agents have in common."""
        if not common:
            return self
        size = self.core.shape[0]
        core = np.zeros((size + 1, size + 1))
        core[:size, :size], core[size, size] = self.core, -common
        return Covariance(self.own, np.column_stack([self.loadings, np.ones(self.own.size)]), core)

    def times(self, values: Floats) -> Floats:
        """The covariance matrix times a vector."""
        return np.asarray(self.own * values + self.loadings @ (self.core @ (self.loadings.T @ values)))

    def invert(self, between: float = 0.0) -> "Inverse":
        """The inverse after adding `between` to each variance."""
        precision = np.asarray(1 / (self.own + between))
        gram = self.loadings.T @ (self.loadings * precision[:, None])
        core = np.linalg.solve(np.eye(self.core.shape[0]) + self.core @ gram, self.core)
        return Inverse(self, between, precision, (core + core.T) / 2)

    @property
    def _of_facets(self) -> Floats:
        return _quadratic(self.loadings, self.core)


@dataclass(frozen=True)
class Inverse:
    """The inverse of a covariance with `between` added to its diagonal: E - E U core U' E, E = diag(precision)."""

    of: Covariance
    between: float
    precision: Floats
    core: Floats

    def times(self, values: Floats) -> Floats:
        """The inverse times a vector."""
        weighed = self.precision * values
        return weighed - self.precision * self._through(weighed)

    def noise_share(self, values: Floats) -> Floats:
        """Covariance @ inverse @ vector: how much of each agent's deviation is noise."""
        weighed = self.precision * values
        return np.asarray(self.of.own * weighed + self.between * self.precision * self._through(weighed))

    @property
    def posterior_variance(self) -> Floats:
        """Diagonal of between * I - between^2 * inverse: of the levels, given the means of all and the prior's mean."""
        signal = self.between * self.precision
        return signal * self.of.own + signal**2 * _quadratic(self.of.loadings, self.core)

    @property
    def trace(self) -> float:
        """Trace of the inverse."""
        return float(self.precision.sum() - np.sum(self.core * self._gram(2)))

    @property
    def trace_of_square(self) -> float:
        """Trace of the inverse times itself."""
        inner = self.core @ self._gram(2)
        return float(np.sum(self.precision**2) - 2 * np.sum(self.core * self._gram(3)) + np.sum(inner * inner.T))

    def _through(self, weighed: Floats) -> Floats:
        return np.asarray(self.of.loadings @ (self.core @ (self.of.loadings.T @ weighed)))

    def _gram(self, power: int) -> Floats:
        return np.asarray(self.of.loadings.T @ (self.of.loadings * self.precision[:, None] ** power))


def _quadratic(loadings: Floats, core: Floats) -> Floats:
    """Diagonal of loadings @ core @ loadings.T."""
    return np.asarray(np.einsum("ij,ij->i", loadings @ core, loadings))
