"""Symmetric positive definite matrices: inverse and determinant by Cholesky, a third of the usual work."""

import numpy as np
import scipy

from salted_assets.scoring.stats import Floats


def invert_positive(matrix: Floats) -> tuple[Floats, float]:
    """The inverse and the logarithm of the determinant. Raises LinAlgError for a matrix that is not positive definite.

    >>> inverse, log_determinant = invert_positive(np.array([[4.0, 0.0], [0.0, 0.25]]))
    >>> inverse.tolist(), log_determinant
    ([[0.25, 0.0], [0.0, 4.0]], 0.0)
    """
    if not matrix.size:
        return matrix, 0.0
    factor, failed = scipy.linalg.lapack.dpotrf(matrix, lower=True)
    if failed:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    lower = np.tril(scipy.linalg.lapack.dpotri(factor, lower=True)[0])
    return lower + np.tril(lower, -1).T, float(2 * np.log(np.diag(factor)).sum())
