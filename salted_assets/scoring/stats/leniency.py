"""How much more generous than others each rater is, on the same things."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from salted_assets.scoring.stats.samples import ROUNDING, Floats, Indices, as_floats, divide

_LEAST_RATIO = 1e-9
"""Without chance the equations have no single solution: lenient, relative to what?"""


class Leniency(NamedTuple):
    """What is known of each rater; the arrays' indexes are the raters.

    `difference` is the plain mean difference to the others, NaN where nobody else rated in the same cell, and `weight`
    is the number of ratings that it is worth. `value` is the shrunk estimate of how far the rater is from the mean of
    those whom shared cells connect, with its standard deviation: 0 where nothing is known.
    """

    value: Floats
    standard_deviation: Floats
    difference: Floats
    weight: Floats


def estimate_leniency(
    rater: Indices,
    cell: Indices,
    counts: npt.ArrayLike,
    totals: npt.ArrayLike,
    sums_of_squares: npt.ArrayLike,
    *,
    rater_count: int | None = None,
) -> Leniency:
    """Leniency of each rater, out of ratings in cells: one for each thing that several can rate, as agent and question.

    A row is one rater's ratings in one cell: their number n, sum and sum of squares. Where others have m ratings in the
    cell too, d = own mean - theirs tells of the rater, and weighs w = n m / (n + m):
    difference = sum of w d / sum of w.

    That difference also holds the others' leniency: of two raters who are 0.2 apart it makes one 0.2 too lenient and
    the other 0.2 too strict, and taking off both would turn them round. So `value` solves for all raters at once:
    rating = level of the cell + leniency of the rater + chance, with fixed cells and random raters (best linear
    unbiased prediction, Henderson 1975, Biometrics 31), that is (A + (chance / between) I) value = b with
    A_rr = sum of w, A_rs = - sum over cells of n_r n_s / n, b = sum of w d. It is relative to the usual rater, and
    pulled to 0 by its own uncertainty. The standard deviation is that of the prediction error relative to the raters'
    mean: where that mean itself lies no ratings tell, and no comparison asks. It takes the variances as known.

    The variances chance and between are estimated by Henderson's method 3 (1953, Biometrics 9); where `between` comes
    out at or below 0, or cannot be estimated, nobody is lenient.

    Two raters in three cells, 0.2 apart each time: plain differences of 0.2, of which nearly 0.1 are each one's own.

    >>> rater, cell = np.array([0, 1] * 3), np.array([0, 0, 1, 1, 2, 2])
    >>> mean = np.array([0.9, 0.7, 0.8, 0.6, 0.5, 0.3])
    >>> found = estimate_leniency(rater, cell, [2] * 6, 2 * mean, 2 * mean**2 + 0.001)
    >>> found.difference.round(3).tolist(), found.value.round(3).tolist(), found.weight.tolist()
    ([0.2, -0.2], [0.099, -0.099], [3.0, 3.0])
    """
    number, summed = as_floats(counts), as_floats(totals)
    raters = rater_count if rater_count is not None else int(rater.max(initial=-1)) + 1
    cells = int(cell.max(initial=-1)) + 1
    ratings = np.bincount(cell, weights=number, minlength=cells)
    mean = np.nan_to_num(divide(np.bincount(cell, weights=summed, minlength=cells), ratings))
    excess = as_floats(np.bincount(rater, weights=summed - number * mean[cell], minlength=raters))
    table = scipy.sparse.csr_array((number, (cell, rater)), shape=(cells, raters))
    inverse = scipy.sparse.diags_array(np.nan_to_num(divide(1, ratings)))
    shared = as_floats((table.T @ inverse @ table).toarray())
    design = np.diag(as_floats(np.bincount(rater, weights=number, minlength=raters))) - shared
    weight = np.where(np.diag(design) > ROUNDING * ratings.sum(), np.diag(design), 0.0)
    scattered = as_floats(sums_of_squares).sum() - (ratings * mean**2).sum()
    chance, between = _variances(design, excess, scattered, ratings.sum() - np.count_nonzero(ratings))
    difference, nothing = divide(excess, weight), np.zeros(raters)
    if not between > 0:
        return Leniency(nothing, nothing, difference, weight)
    spread = np.linalg.inv(design + max(chance / between, _LEAST_RATIO) * np.eye(raters))
    is_known = weight > 0
    against_mean = design @ np.linalg.pinv(design, hermitian=True)
    value, variance = np.where(is_known, spread @ excess, 0.0), np.maximum(chance * np.diag(spread @ against_mean), 0)
    return Leniency(value, np.where(is_known, np.sqrt(variance), 0.0), difference, weight)


def _variances(design: Floats, excess: Floats, scattered: float, freedom: float) -> tuple[float, float]:
    """Chance and between by Henderson's method 3; NaN where there are too few ratings to tell."""
    rank = int(np.linalg.matrix_rank(design, hermitian=True)) if design.any() else 0
    if freedom <= rank or not rank:
        return np.nan, np.nan
    explained = float(excess @ np.linalg.pinv(design, hermitian=True) @ excess)
    unexplained = scattered - explained
    chance = (unexplained if unexplained > ROUNDING * scattered else 0.0) / (freedom - rank)
    between = explained - rank * chance
    return chance, (between if between > ROUNDING * explained else 0.0) / float(np.trace(design))
