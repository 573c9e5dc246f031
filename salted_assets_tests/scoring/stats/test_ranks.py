"""Percentiles among peers: against the exact order, with simulated people, and the same again each time."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.stats import Percentiles, percentile_ranks


def rank(
    value: npt.ArrayLike, deviation: float, *, group: npt.ArrayLike = 0, is_peer: npt.ArrayLike = True
) -> Percentiles:
    values = np.asarray(value, float)
    return percentile_ranks(
        values,
        np.full(values.size, deviation),
        np.broadcast_to(np.asarray(group, np.int64), values.shape),
        person=np.arange(values.size),
        is_peer=np.broadcast_to(np.asarray(is_peer, bool), values.shape),
    )


@given(values=st.lists(st.integers(-50, 50), min_size=2, max_size=20), peers=st.data())
def test_values_that_are_sure_are_ranked_by_counting(values: list[int], peers: st.DataObject) -> None:
    is_peer = peers.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    ranks = rank(values, 0.0, is_peer=is_peer)
    for index, value in enumerate(values):
        others = [
            other for at, (other, is_one) in enumerate(zip(values, is_peer, strict=True)) if is_one and at != index
        ]
        found = (ranks.value[index], ranks.low[index], ranks.high[index], ranks.above_median_probability[index])
        if not others:
            assert np.isnan(found).all()
            continue
        share = sum((other < value) + (other == value) / 2 for other in others) / len(others)
        assert found == pytest.approx((share, share, share, float(share > 0.5)), abs=1e-6)


def test_people_of_unsure_ability_stand_anywhere() -> None:
    ranks = rank(np.linspace(0, 0.01, 50), 1.0)
    assert (ranks.low < 0.1).all()
    assert (ranks.high > 0.9).all()
    assert ranks.above_median_probability == pytest.approx(np.full(50, 0.5), abs=0.1)


def test_groups_do_not_see_each_other_and_the_unknown_has_no_rank() -> None:
    ranks = rank([1.0, 2, 3, 100, 101, 102, np.nan], 0.001, group=[0, 1, 0, 1, 0, 1, 0])
    assert ranks.value[:6] == pytest.approx([0, 0, 0.5, 0.5, 1, 1])
    assert np.isnan(ranks.value[6])


def test_one_far_away_does_not_blur_the_others() -> None:
    ranks = rank([*np.linspace(0, 1, 100), 1e6], 0.0)
    assert ranks.value == pytest.approx(np.arange(101) / 100, abs=0.02)


def test_the_same_question_has_the_same_answer_in_whatever_order() -> None:
    value, person = np.linspace(0, 1, 30), np.arange(30)
    everybody = np.ones(30, bool)
    first = percentile_ranks(value, np.full(30, 0.2), person * 0, person=person, is_peer=everybody)
    turned = percentile_ranks(value[::-1], np.full(30, 0.2), person * 0, person=person[::-1], is_peer=everybody)
    np.testing.assert_allclose(np.array(first), np.array(turned)[:, ::-1])


def test_nobody_has_no_rank() -> None:
    assert rank([], 1.0).value.size == 0
    assert np.isnan(rank([np.nan], 1.0).value).all()


def test_intervals_cover_the_true_percentile_and_probabilities_are_what_they_say() -> None:
    random = np.random.default_rng(5)
    groups, people = 40, 60
    deviation = np.sqrt(0.1**2 * 0.05**2 / (0.1**2 + 0.05**2))
    estimate = random.normal(0, 0.1, (groups, people))
    truth = estimate + deviation * random.standard_normal((groups, people))
    ranks = percentile_ranks(
        estimate.ravel(),
        np.full(estimate.size, deviation),
        np.repeat(np.arange(groups), people),
        person=np.tile(np.arange(people), groups),
        is_peer=np.ones(estimate.size, bool),
    )
    true_rank = (truth.argsort(axis=1).argsort(axis=1) / (people - 1)).ravel()
    covered = np.mean((ranks.low <= true_rank + 1e-6) & (true_rank - 1e-6 <= ranks.high))
    assert covered == pytest.approx(0.95, abs=0.03)
    is_likely = (ranks.above_median_probability > 0.7) & (ranks.above_median_probability < 0.9)
    assert np.mean(true_rank[is_likely] > 0.5) == pytest.approx(0.8, abs=0.08)
