"""Agreement against plain Python."""

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from salted_assets.scoring.stats import Agreement, measure_agreement
from salted_assets_tests.support import shrinkage_oracle as oracle


def agree(first: npt.ArrayLike, second: npt.ArrayLike, unit: Sequence[int] | None = None) -> Agreement:
    units = None if unit is None else np.array(unit)
    return measure_agreement(first, second, np.zeros(np.size(first), int), group_count=1, unit=units)


SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
PAIRS = st.lists(st.tuples(SCORES, SCORES, st.integers(0, 30)), min_size=20, max_size=60)


@given(rows=PAIRS)
def test_agreement_and_its_jackknife_are_those_of_plain_python(rows: list[tuple[float, float, int]]) -> None:
    pairs, units = [row[:2] for row in rows], sorted({row[2] for row in rows})
    found = agree([a for a, _ in pairs], [b for _, b in pairs], [row[2] for row in rows])
    answers = {0.0, 1.0, *(score for pair in pairs for score in pair)}

    def ac2(kept: list[tuple[float, float]]) -> float:
        return oracle.ac2(kept, answers)

    def kappa(kept: list[tuple[float, float]]) -> float:
        varies = min(len({pair[side] for pair in kept}) for side in (0, 1)) > 1
        return oracle.kappa(kept) if varies else math.nan

    assert found.exact.value[0] == pytest.approx(fmean(a == b for a, b in pairs))
    for name, formula in (("ac2", ac2), ("kappa", kappa)):
        value, low, high = (float(part[0]) for part in getattr(found, name))
        assert value == pytest.approx(formula(pairs), abs=1e-9, nan_ok=True)
        if len(units) == 1:
            assert np.isnan([low, high]).all()
            continue
        left = [formula(kept) for unit in units if (kept := [row[:2] for row in rows if row[2] != unit])]
        error = math.sqrt((len(left) - 1) ** 2 / len(left) * np.var(left, ddof=1))
        half = stats.t.ppf(0.975, len(left) - 1) * error if error > 1e-9 else math.nan
        expected = (math.nan, math.nan) if math.isnan(half) else (max(value - half, -1), min(value + half, 1))
        assert (low, high) == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_a_rater_who_never_varies_has_no_kappa_but_an_exact_share_and_ac2() -> None:
    """The 87.8 % of pairs that are equal say more than a kappa of 0."""
    found = agree([1.0] * 90, [1.0] * 79 + [0.0] * 11)
    assert np.isnan([part[0] for part in found.kappa]).all()
    assert found.exact.value[0] == pytest.approx(79 / 90)
    assert 0.78 < found.exact.low[0] < 0.82
    assert found.ac2.value[0] > 0.8
    assert found.ac2.low[0] < found.ac2.value[0] < found.ac2.high[0]


def test_full_agreement_has_a_share_with_limits_and_no_others() -> None:
    found = agree([0.0, 1.0] * 20, [0.0, 1.0] * 20)
    assert (found.exact.value[0], found.ac2.value[0], found.kappa.value[0]) == (1, 1, 1)
    assert found.exact.low[0] == pytest.approx(0.912, abs=0.001)
    assert np.isnan([found.ac2.low[0], found.ac2.high[0], found.kappa.low[0], found.kappa.high[0]]).all()


def test_kappas_are_told_for_each_group_with_twenty_pairs() -> None:
    first = [0.0, 1.0] * 10 + [0.0, 1.0] * 9 + [0.0, 1.0] * 10 + [math.nan]
    second = [0.0, 1.0] * 10 + [0.0, 1.0] * 9 + [1.0, 0.0] * 10 + [1.0]
    group = np.array([0] * 20 + [1] * 18 + [3] * 21)
    found = measure_agreement(first, second, group, group_count=5)
    assert found.pair_count.tolist() == [20, 18, 0, 20, 0]
    np.testing.assert_allclose(found.kappa.value, [1, np.nan, np.nan, -1, np.nan])
    np.testing.assert_allclose(found.exact.value, [1, np.nan, np.nan, 0, np.nan])


def test_more_pairs_elsewhere_and_another_order_change_no_agreement() -> None:
    random = np.random.default_rng(6)
    first, second, group = random.integers(0, 3, 90) / 2, random.integers(0, 3, 90) / 2, np.repeat([0, 1, 2], 30)
    unit, order = random.integers(0, 12, 90), random.permutation(90)
    whole = measure_agreement(first, second, group, group_count=3, unit=unit)
    turned = measure_agreement(first[order], second[order], group[order], group_count=3, unit=unit[order])
    alone = measure_agreement(first[:30], second[:30], group[:30], group_count=1, unit=unit[:30])
    for of_all, other, of_one in zip(whole[:3], turned[:3], alone[:3], strict=True):
        np.testing.assert_allclose(other, of_all, rtol=1e-9)
        np.testing.assert_allclose(of_one, np.array(of_all)[:, :1], rtol=1e-9)


def test_a_rater_who_is_always_stricter_does_not_agree() -> None:
    lenient = np.tile([0.4, 0.6, 0.8, 1.0], 10)
    assert agree(lenient, lenient).kappa.value[0] == 1
    assert agree(lenient, lenient - 0.4).kappa.value[0] < 0.5
