"""What would be expected of a person, given the cases that came."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats.samples import Floats, Indices, as_floats, divide

MIN_IN_STRATUM = 30
"""SegmentSums of others that a stratum's mean needs; with fewer the next coarser stratum is looked at."""


class CaseMix:
    """Whose cases are in which strata, for as many measures as there are of these cases.

    An element of each array is one owner's cases in one finest stratum. `strata` are indexes of each element's stratum
    from the finest to the coarsest level.

    Two people with 10 and 40 cases in one stratum, whose sums are 20 and 120:

    >>> CaseMix(np.array([0, 1]), [np.zeros(2, int)], owner_count=2).expected_mean([10, 40], [20, 120]).tolist()
    [3.0, nan]
    """

    def __init__(self, owner: Indices, strata: Sequence[Indices], *, owner_count: int) -> None:
        self._owner = owner
        self._strata = strata
        self._owner_count = owner_count
        self._levels: list[_Level] = []

    def expected_mean(
        self, counts: npt.ArrayLike, totals: npt.ArrayLike, *, min_count: float = MIN_IN_STRATUM
    ) -> Floats:
        """The mean that each owner would have if every case went as it goes, in the same stratum, for the others.

        Indirect standardization (Breslow and Day 1987, Statistical Methods in Cancer Research II, chapter 2): the mean
        over the owner's cases of the others' mean in the case's stratum. The owner's own cases are taken out of that
        mean, else an agent who handles most of a stratum would be compared with themselves. For each element the
        first level serves where the others have `min_count` cases. NaN where the owner has no case, or a case has
        enough of the others at no level.
        """
        cases, sums = as_floats(counts), as_floats(totals)
        means = np.full(cases.shape, np.nan)
        for index in range(len(self._strata)):
            is_open = np.isnan(means) & (cases > 0)
            if not is_open.any():
                break
            others, others_sums = (self._level(index).of_others(each) for each in (cases, sums))
            np.divide(others_sums, others, out=means, where=is_open & (others >= min_count))
        return divide(self._add_up(np.where(cases > 0, cases * means, 0.0)), self._add_up(cases))

    def _level(self, index: int) -> "_Level":
        """Made when it is first asked for: coarse levels seldom are."""
        while len(self._levels) <= index:
            self._levels.append(_Level(self._owner, self._strata[len(self._levels)]))
        return self._levels[index]

    def _add_up(self, values: Floats) -> Floats:
        return as_floats(np.bincount(self._owner, weights=values, minlength=self._owner_count))


class _Level:
    """Which elements are of the same stratum, and which of the same owner within it."""

    def __init__(self, owner: Indices, stratum: Indices) -> None:
        strata = int(stratum.max(initial=-1)) + 1
        pairs, self._pair = np.unique(owner * strata + stratum, return_inverse=True)
        self._stratum = stratum
        self._is_finest = pairs.size == stratum.size

    def of_others(self, values: Floats) -> Floats:
        """For each element the sum of `values` over its stratum without its owner's."""
        whole = np.bincount(self._stratum, weights=values)[self._stratum]
        own = values if self._is_finest else np.bincount(self._pair, weights=values)[self._pair]
        return as_floats(whole - own)
