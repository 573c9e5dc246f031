"""How far two raters agree: in how many pairs exactly, and beyond chance by Gwet's AC2 and by weighted kappa."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats.intervals import Interval, student_quantile, wilson_interval
from salted_assets.scoring.stats.samples import ROUNDING, Floats, Indices, as_floats, divide

FEWEST_PAIRS = 20
"""With fewer pairs than this, no agreement is reported."""

FEWEST_PAIRS_TO_LIST = 100
"""With fewer pairs than this, nobody is listed as one who disagrees: the limits are too wide to single people out."""


class Agreement(NamedTuple):
    """Each group's measures of agreement with 95 % limits, NaN where they are not reported, and its number of pairs."""

    exact: Interval
    ac2: Interval
    kappa: Interval
    pair_count: Indices


class _Sums(NamedTuple):
    """What pairs add up to, for each group or for each group without one unit.

    `alike` counts, over all scores of both raters, how often two of them are the same: the sum over categories of the
    squared number of scores.
    """

    pairs: Floats
    exact: Floats
    first: Floats
    second: Floats
    first_squares: Floats
    second_squares: Floats
    distances: Floats
    alike: Floats


def measure_agreement(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    group: Indices,
    *,
    group_count: int,
    unit: Indices | None = None,
    scale: Indices | None = None,
    fewest_pairs: int = FEWEST_PAIRS,
    confidence: float = 0.95,
) -> Agreement:
    """Agreement of paired scores in 0..1, where 0 and 1 are the ends of the scale, for each group of pairs.

    - exact: the share of pairs with equal scores.
    - AC2 = (pa - pe) / (1 - pe), pa = mean of 1 - (a - b)^2, pe = T / (q (q - 1)) * sum of p (1 - p) over the q answers
      of the scale, p being an answer's share of both raters' scores and T the sum of 1 - (k - l)^2 over all answers k
      with all l (Gwet 2008, British Journal of Mathematical and Statistical Psychology 61; 2014, Handbook of
      Inter-Rater Reliability). Unlike kappa it does not fall where nearly all answers are the same. Answers of a scale
      are 0, 1 and all scores seen in groups of the same `scale` (an index for each group; its own where None).
    - kappa = 1 - mean (a - b)^2 / mean over all a and b of (a - b)^2 (Cohen 1968, Psychological Bulletin 70): quadratic
      in the distance of the scores themselves, so the intraclass correlation (Fleiss and Cohen 1973, Educational and
      Psychological Measurement 33). NaN where a rater never varies: agreement and chance are the same there.

    Limits of AC2 and kappa are +- t(units - 1) times the jackknife's standard error (Efron and Stein 1981, Annals of
    Statistics 9), cut to -1..1; NaN where leaving out a unit never changes anything. A unit is what is left out at
    once, as all pairs of one engagement; without `unit` each pair is. Those of the exact share are Wilson's, wider by
    as much as the jackknife's variance exceeds that of independent pairs.

    Pairs with a NaN do not count. NaN for fewer than `fewest_pairs` pairs.

    >>> agreement = measure_agreement([0, 0.5, 1, 1] * 10, [0, 0.5, 0.5, 1] * 10, np.zeros(40, int), group_count=1)
    >>> [[round(float(part[0]), 3) for part in each] for each in agreement[:3]]
    [[0.75, 0.596, 0.859], [0.818, 0.721, 0.915], [0.8, 0.67, 0.93]]
    """
    a, b = as_floats(first), as_floats(second)
    is_pair = np.isfinite(a) & np.isfinite(b)
    a, b, groups = a[is_pair], b[is_pair], group[is_pair]
    units = np.arange(a.size) if unit is None else unit[is_pair]
    scales = np.arange(group_count) if scale is None else scale
    of_pairs = _distinct(groups, units)
    unit_group, unit_count = of_pairs.first, np.bincount(of_pairs.first, minlength=group_count)
    answers, chance_factor = _describe_scales(scales, groups, a, b)
    of_groups, without = _sum_up(a, b, answers, of_pairs, group_count)

    def estimate(sums: _Sums, factor: Floats) -> tuple[Floats, Floats, Floats]:
        return divide(sums.exact, sums.pairs), _ac2(sums, factor), _kappa(sums)

    found, left = estimate(of_groups, chance_factor), estimate(without, chance_factor[unit_group])
    errors = [_jackknife(each, unit_group, unit_count) for each in left]
    is_reported = np.where(of_groups.pairs >= fewest_pairs, 1.0, np.nan)
    exact, ac2, kappa = (is_reported * each for each in found)
    independent = divide(exact * (1 - exact), of_groups.pairs)
    effect = np.fmax(divide(errors[0] ** 2, independent), 1)
    share = wilson_interval(is_reported * of_groups.exact, of_groups.pairs, confidence, design_effect=effect)
    quantile = student_quantile(unit_count - 1, confidence)
    return Agreement(
        exact=share,
        ac2=_within_bounds(ac2, quantile * errors[1]),
        kappa=_within_bounds(kappa, quantile * errors[2]),
        pair_count=np.rint(of_groups.pairs).astype(np.int64),
    )


class _PairsOf(NamedTuple):
    """The distinct pairs among two indexes of the same rows: both parts, each row's pair, and how many rows it has."""

    first: Indices
    second: Indices
    of_row: Indices
    rows: Floats


def _distinct(first: Indices, second: Indices) -> _PairsOf:
    width = int(second.max(initial=0)) + 1
    keys, of_row, rows = np.unique(first * width + second, return_inverse=True, return_counts=True)
    return _PairsOf(keys // width, keys % width, of_row, as_floats(rows))


def _describe_scales(scales: Indices, groups: Indices, a: Floats, b: Floats) -> tuple[Indices, Floats]:
    """The answer of each score, those of `a` before those of `b`, and T / (q (q - 1)) for each group."""
    used = np.unique(scales)
    scores, score = np.unique(np.concatenate([a, b, 0 * used, 1 + 0 * used]), return_inverse=True)
    answers = _distinct(np.concatenate([scales[groups], scales[groups], used, used]), score)
    value = scores[answers.second]
    q, summed, squared = (np.bincount(answers.first, weights=part) for part in (value**0, value, value**2))
    alike = q**2 - 2 * q * squared + 2 * summed**2
    return answers.of_row[: 2 * a.size], divide(alike, q * (q - 1))[scales]


def _sum_up(a: Floats, b: Floats, answers: Indices, units: _PairsOf, group_count: int) -> tuple[_Sums, _Sums]:
    """Sums of each group, and for each unit those of its group without it."""
    unit_group, unit_count = units.first, units.first.size
    parts = (np.ones(a.size), a == b, a, b, a**2, b**2, (a - b) ** 2)
    of_units = [np.bincount(units.of_row, weights=part, minlength=unit_count) for part in parts]
    of_groups = [np.bincount(unit_group, weights=part, minlength=group_count) for part in of_units]
    in_units = _distinct(np.concatenate([units.of_row, units.of_row]), answers)
    in_groups = _distinct(unit_group[in_units.first], in_units.second)
    group_counts = np.bincount(in_groups.of_row, weights=in_units.rows)
    alike = np.bincount(in_groups.first, weights=group_counts**2, minlength=group_count)
    taken = in_units.rows * (2 * group_counts[in_groups.of_row] - in_units.rows)
    left = alike[unit_group] - np.bincount(in_units.first, weights=taken, minlength=unit_count)
    without = (of_group[unit_group] - of_unit for of_group, of_unit in zip(of_groups, of_units, strict=True))
    return _Sums._make([*of_groups, alike]), _Sums._make([*without, left])


def _ac2(sums: _Sums, factor: Floats) -> Floats:
    by_chance = factor * (1 - divide(sums.alike, 4 * sums.pairs**2))
    return divide(1 - divide(sums.distances, sums.pairs) - by_chance, 1 - by_chance)


def _kappa(sums: _Sums) -> Floats:
    first, second = divide(sums.first, sums.pairs), divide(sums.second, sums.pairs)
    variances = [
        divide(squares, sums.pairs) - mean**2
        for squares, mean in ((sums.first_squares, first), (sums.second_squares, second))
    ]
    chance = variances[0] + variances[1] + (first - second) ** 2
    return np.where(np.minimum(*variances) > ROUNDING, 1 - divide(divide(sums.distances, sums.pairs), chance), np.nan)


def _jackknife(left: Floats, unit_group: Indices, unit_count: Indices) -> Floats:
    """The standard error of each group's estimate, out of the estimates without each of its units."""
    mean = divide(np.bincount(unit_group, weights=left, minlength=unit_count.size), unit_count)
    squared = np.bincount(unit_group, weights=(left - mean[unit_group]) ** 2, minlength=unit_count.size)
    return np.sqrt(divide((unit_count - 1) * squared, unit_count))


def _within_bounds(value: Floats, half: Floats) -> Interval:
    half = np.where(half > ROUNDING, half, np.nan)
    return Interval(value, np.maximum(value - half, -1), np.minimum(value + half, 1))
