"""What would be expected of a person, given the cases that came. Not here: which strata there are (`scoring`)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy

from salted_assets.statistics.samples import Codes, Floats, as_floats, divide

ENOUGH_IN_STRATUM = 30
"""Cases of others that a stratum's mean needs; with fewer the next coarser stratum is looked at."""


def add_up(values: Floats, code: Codes, size: int) -> Floats:
    """The rows of the same code added up, columns apart: as many rows as there are codes, 0 where there is none.

    >>> add_up(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([2, 0, 2]), 3).tolist()
    [[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]]
    """
    matrix = scipy.sparse.csr_array((np.ones(code.size), (code, np.arange(code.size))), shape=(size, code.size))
    return as_floats(np.asarray(matrix @ values))


def expected_means(
    owner: Codes,
    strata: Sequence[Codes],
    counts: npt.ArrayLike,
    totals: npt.ArrayLike,
    *,
    owner_count: int | None = None,
    enough_count: float = ENOUGH_IN_STRATUM,
) -> Floats:
    """The mean that each owner would have if every case went as it goes, in the same stratum, for the others.

    Indirect standardization (Breslow and Day 1987, Statistical Methods in Cancer Research II, chapter 2): the mean over
    the owner's cases of the others' mean in the case's stratum. The owner's own cases are taken out of that mean, else
    whoever handles most of a stratum would be compared with himself. A row is one owner's cases in one finest stratum;
    `counts` and `totals` hold a measure in each column. `strata` are codes of each row's stratum from the finest to the
    coarsest level; for each row and measure the first level serves where the others have `enough_count` cases.

    One row per owner, one column per measure; NaN where the owner has no case, or a case has enough of the others at no
    level. Two people with 10 and 40 cases in one stratum, whose sums are 20 and 120:

    >>> one = np.zeros(2, int)
    >>> expected_means(np.array([0, 1]), [one], [[10.0], [40.0]], [[20.0], [120.0]])[:, 0].tolist()
    [3.0, nan]
    """
    cases, sums = as_floats(counts), as_floats(totals)
    owners = owner_count if owner_count is not None else int(owner.max(initial=-1)) + 1
    means = np.full(cases.shape, np.nan)
    for stratum in strata:
        is_open = np.isnan(means) & (cases > 0)
        if not is_open.any():
            break
        others, others_sums = _of_others(owner, stratum, cases), _of_others(owner, stratum, sums)
        np.divide(others_sums, others, out=means, where=is_open & (others >= enough_count))
    return divide(add_up(np.where(cases > 0, cases * means, 0.0), owner, owners), add_up(cases, owner, owners))


def _of_others(owner: Codes, stratum: Codes, values: Floats) -> Floats:
    """For each row the sums of `values` over its stratum without its owner's."""
    strata = int(stratum.max(initial=-1)) + 1
    pairs, pair = np.unique(owner * strata + stratum, return_inverse=True)
    own = add_up(values, pair, pairs.size)
    of_pair = pairs % max(strata, 1)
    whole = add_up(own, of_pair, strata)
    return as_floats((whole[of_pair] - own)[pair])
