"""The fair score's model by dense matrices: every row's covariance written out, nothing absorbed or eliminated."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair import HumanAnswers
from salted_assets.scoring.stats import Floats, Indices


@dataclass(frozen=True)
class DenseModel:
    """Rows of a mixed model: `fixed` and the variance parts, `parts[i]` the covariance that goes with variance i."""

    values: Floats
    fixed: Floats
    parts: list[Floats]

    def covariance(self, variances: Floats) -> Floats:
        return np.asarray(sum(variance * part for variance, part in zip(variances, self.parts, strict=True)))

    def restricted_log_likelihood(self, variances: Floats) -> float:
        inverse = np.linalg.inv(self.covariance(variances))
        information = self.fixed.T @ inverse @ self.fixed
        projection = inverse - inverse @ self.fixed @ np.linalg.solve(information, self.fixed.T @ inverse)
        return (
            float(
                np.linalg.slogdet(inverse)[1]
                - np.linalg.slogdet(information)[1]
                - self.values @ projection @ self.values
            )
            / 2
        )

    def score_step(self, variances: Floats) -> Floats:
        """One step of Fisher's scoring towards the variances that maximise the restricted likelihood."""
        inverse = np.linalg.inv(self.covariance(variances))
        information = self.fixed.T @ inverse @ self.fixed
        projection = inverse - inverse @ self.fixed @ np.linalg.solve(information, self.fixed.T @ inverse)
        pieces = [projection @ part for part in self.parts]
        left = projection @ self.values
        slope = [left @ part @ left - np.trace(piece) for part, piece in zip(self.parts, pieces, strict=True)]
        expected = [[np.sum(first * second.T) for second in pieces] for first in pieces]
        return np.linalg.solve(np.array(expected), np.array(slope))

    def predict(self, variances: Floats, fixed: Floats, random: list[Floats]) -> tuple[Floats, Floats]:
        """Best linear unbiased prediction of sums of effects, one a row of `fixed`, and their errors' covariance.

        `random` has for each variance the covariances of the targets with the rows and, beside them, with each other,
        per unit of the variance.
        """
        rows = self.values.size
        joint = np.asarray(sum(variance * part for variance, part in zip(variances, random, strict=True)))
        with_rows, own = joint[:, :rows], joint[:, rows:]
        inverse = np.linalg.inv(self.covariance(variances))
        spread = np.linalg.inv(self.fixed.T @ inverse @ self.fixed)
        effects = spread @ self.fixed.T @ inverse @ self.values
        weights = with_rows @ inverse
        left = fixed - weights @ self.fixed
        predicted = fixed @ effects + weights @ (self.values - self.fixed @ effects)
        return predicted, own - weights @ with_rows.T + left @ spread @ left.T


def together(index: Indices) -> Floats:
    """1 where two rows share an index."""
    return np.asarray(index[:, None] == index, np.float64)


def indicators(index: Indices) -> Floats:
    """A column for each index."""
    return np.asarray(index[:, None] == np.arange(index.max() + 1), np.float64)


def build_dense(answers: HumanAnswers, yes_no: int) -> DenseModel:
    """Agents and questions fixed; errors by kind, engagements, kinds of work, reviewers random, in this order."""
    is_yes_no = answers.question < yes_no
    kinds = [np.diag((is_yes_no == value).astype(np.float64)) for value in sorted({*is_yes_no.tolist()}, reverse=True)]
    fixed = np.column_stack([indicators(answers.agent), indicators(answers.question)[:, 1:]])
    parts = [*kinds, together(answers.engagement), *map(together, answers.strata), together(answers.reviewer)]
    return DenseModel(answers.score, fixed, parts)


def levels_at_mix(answers: HumanAnswers, variances: Floats, dense: DenseModel) -> tuple[Floats, Floats]:
    """Levels of agents at the mean over all answers of questions and kinds of work, and their errors' covariance."""
    people = int(answers.agent.max()) + 1
    mix = indicators(answers.question)[:, 1:].mean(axis=0)
    fixed = np.column_stack([np.eye(people), np.tile(mix, (people, 1))])
    nothing = np.zeros((people, answers.score.size + people))
    random = [nothing] * len(dense.parts)
    for index, stratum in enumerate(answers.strata):
        shares = indicators(stratum).mean(axis=0)
        own = np.tile(np.append(shares[stratum], np.full(people, shares @ shares)), (people, 1))
        random[len(dense.parts) - 1 - len(answers.strata) + index] = own
    return dense.predict(variances, fixed, random)


@dataclass(frozen=True)
class DenseFacets:
    """Facets of rows, a column each, with the precisions of their priors and their shares in the usual mix."""

    columns: Floats
    prior: Floats
    mix: Floats


def window_operator(
    agent: Indices, loading: Floats, in_window: npt.NDArray[np.bool_], errors: Floats, facets: DenseFacets
) -> Floats:
    """The matrix that makes levels out of scores: facets from all rows first, then the window's means less these.

    A row for each agent of the window; `errors` is the covariance of rows without what facets add.
    """
    loaded = indicators(agent) * loading[:, None]
    inverse = np.linalg.inv(errors)
    both = np.column_stack([loaded, facets.columns])
    added = np.diag(np.append(np.zeros(loaded.shape[1]), facets.prior))
    effects = np.linalg.solve(both.T @ inverse @ both + added, both.T @ inverse)[loaded.shape[1] :]
    rows = np.flatnonzero(in_window)
    own_inverse = np.linalg.inv(errors[np.ix_(rows, rows)])
    own = loaded[np.ix_(rows, np.unique(agent[rows]))]
    means = np.linalg.solve(own.T @ own_inverse @ own, own.T @ own_inverse)
    operator = -(means @ facets.columns[rows] - facets.mix) @ effects
    operator[:, rows] += means
    return np.asarray(operator)
