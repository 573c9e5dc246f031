"""Symmetric positive definite matrices: inverse and determinant by Cholesky, a third of the usual work."""

from contextlib import AbstractContextManager
from functools import cache

import numpy as np
import scipy
import threadpoolctl

from salted_assets.scoring.stats import Floats

_ROUNDING = 1e-13


def on_one_core() -> AbstractContextManager[object]:
    """A context in which linear algebra takes no threads of its own.

    The matrices are many and small: threads that wait for each other cost ten times as much as they save.
    """
    return _find_libraries().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


@cache
def _find_libraries() -> threadpoolctl.ThreadpoolController:
    # scipy brings a library of its own when its linear algebra is first used, and only those that are loaded obey.
    _ = scipy.linalg.lapack
    return threadpoolctl.ThreadpoolController()


def invert_positive(matrix: Floats) -> tuple[Floats, float]:
    """The inverse and the logarithm of the determinant.

    Where rounding has left a matrix that is not quite positive definite, eigenvalues count as 1e-13 of the largest at
    least.

    >>> inverse, log_determinant = invert_positive(np.array([[4.0, 0.0], [0.0, 0.25]]))
    >>> inverse.tolist(), log_determinant
    ([[0.25, 0.0], [0.0, 4.0]], 0.0)
    >>> bool(np.isfinite(invert_positive(np.ones((2, 2)))[0]).all())
    True
    """
    if not matrix.size:
        return matrix, 0.0
    factor, failed = scipy.linalg.lapack.dpotrf(matrix, lower=True)
    if failed:
        values, vectors = np.linalg.eigh(matrix)
        values = np.maximum(values, _ROUNDING * max(values[-1], np.finfo(np.float64).tiny / _ROUNDING))
        return (vectors / values) @ vectors.T, float(np.log(values).sum())
    # Both are 0 above the diagonal.
    lower = scipy.linalg.lapack.dpotri(factor, lower=True)[0]
    inverse = lower + lower.T
    inverse.flat[:: len(inverse) + 1] /= 2
    return inverse, float(2 * np.log(factor.diagonal()).sum())


def reduce_positive(matrix: Floats, values: Floats) -> tuple[float, float]:
    """Values' inverse values, and the logarithm of the determinant, for a third of what the inverse takes.

    >>> reduce_positive(np.array([[4.0, 0.0], [0.0, 0.25]]), np.array([2.0, 1.0]))
    (5.0, 0.0)
    >>> reduce_positive(np.zeros((0, 0)), np.zeros(0))
    (0.0, 0.0)
    """
    if not values.size:
        return 0.0, 0.0
    factor, failed = scipy.linalg.lapack.dpotrf(matrix, lower=True)
    if failed:
        inverse, log_determinant = invert_positive(matrix)
        return float(values @ inverse @ values), log_determinant
    solved = scipy.linalg.lapack.dtrtrs(factor, values, lower=True)[0]
    return float(solved @ solved), float(2 * np.log(factor.diagonal()).sum())


def root_positive(matrix: Floats) -> Floats:
    """A root R, so that R R' is the matrix; where rounding has left one that is not quite positive definite, too.

    >>> root = root_positive(np.array([[4.0, 2.0], [2.0, 0.9999]]))
    >>> bool(np.allclose(root @ root.T, [[4, 2], [2, 1]], atol=1e-3))
    True
    """
    try:
        return np.asarray(np.linalg.cholesky(matrix), np.float64)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), np.float64)
