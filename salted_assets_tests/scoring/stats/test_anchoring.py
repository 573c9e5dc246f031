"""The anchored mean: what it says by hand, without predictions, with perfect ones, and in whatever order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.stats import (
    Anchored,
    AnchorOutcome,
    Floats,
    Indices,
    anchor_means,
    pooled_variance,
    sum_pairs,
)
from salted_assets.scoring.stats.intervals import student_quantile

SEEDS = st.integers(0, 2**32 - 1)
PEOPLE, VALUES = 5, 8
PERSON = np.repeat(np.arange(PEOPLE), VALUES)
TOGETHER = np.zeros(PEOPLE, np.int64)


def draw(seed: int, correlation: float = 0.7) -> tuple[Floats, Floats]:
    """Values and predictions of five people of eight units each."""
    rng = np.random.default_rng(seed)
    seen, heard = rng.normal(0, 0.15, (2, PERSON.size))
    level = rng.normal(0.6, 0.05, PEOPLE)[PERSON]
    return level + correlation * seen + np.sqrt(1 - correlation**2) * heard, level + 0.05 + seen


def anchor(value: Floats, prediction: Floats, predicted_mean: Floats, group: Indices = TOGETHER) -> Anchored:
    """The anchored means of people with 200 units each."""
    pairs = sum_pairs(PERSON, value, prediction, person_count=PEOPLE)
    return anchor_means(pairs, np.full(PEOPLE, 200), predicted_mean, group)


def means(values: Floats) -> Floats:
    return np.asarray(np.bincount(PERSON, weights=values) / VALUES)


def assert_as_by_values_alone(found: Anchored, value: Floats) -> None:
    """Mean and limits are those of the pooled variance of the values."""
    pairs = sum_pairs(PERSON, value, np.zeros(value.size), person_count=PEOPLE)
    within, freedom = pooled_variance(pairs.counts, pairs.totals, pairs.squares, TOGETHER)
    half = student_quantile(freedom, 0.95) * np.sqrt(within / VALUES)
    np.testing.assert_allclose(found.value, means(value), rtol=1e-12)
    np.testing.assert_allclose(found.low, np.clip(means(value) - half, 0, 1), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.high, np.clip(means(value) + half, 0, 1), rtol=1e-12)
    assert found.weight.tolist() == [0] * PEOPLE
    np.testing.assert_allclose(found.extra_count, 0, atol=1e-9)


def test_mean_weight_and_variance_are_those_by_hand() -> None:
    value, prediction = draw(3)
    gap = np.array([0.05, -0.02, 0.0, 0.1, -0.1])
    found = anchor(value, prediction, means(prediction) + gap)
    y, f = value - means(value)[PERSON], prediction - means(prediction)[PERSON]
    others = PERSON != 0
    slope = (y * f)[others].sum() / (f**2)[others].sum()
    left = ((y - slope * f)[others] ** 2).sum() / (4 * (VALUES - 1) - 1)
    slope_variance = left / (f**2)[others].sum()
    weight = slope * (1 - slope_variance / slope**2)
    around_line = ((y - (y @ f) / (f @ f) * f) ** 2).sum() / (PEOPLE * (VALUES - 1) - 1)
    of_predictions = (f**2).sum() / (PEOPLE * (VALUES - 1))
    variance = (
        around_line / VALUES + (slope_variance + (slope - weight) ** 2) * gap[0] ** 2 + slope**2 * of_predictions / 200
    )
    alone = (y**2).sum() / (PEOPLE * (VALUES - 1))
    assert found.weight[0] == pytest.approx(weight)
    assert found.value[0] == pytest.approx(value[:VALUES].mean() + weight * gap[0])
    assert found.variance[0] == pytest.approx(variance)
    assert found.extra_count[0] == pytest.approx(alone / variance - VALUES)
    assert found.high[0] - found.value[0] == pytest.approx(2.0301 * np.sqrt(variance), rel=1e-4)  # t of 35


@given(SEEDS)
def test_without_predictions_all_is_as_by_values_alone(seed: int) -> None:
    value, _ = draw(seed)
    found = anchor(value, np.full(value.size, np.nan), np.full(PEOPLE, np.nan))
    assert_as_by_values_alone(found, value)
    assert set(found.outcome) == {AnchorOutcome.NO_RELATION}


@given(SEEDS)
def test_predictions_that_go_the_other_way_count_for_nothing(seed: int) -> None:
    value, _ = draw(seed)
    found = anchor(value, 1 - value, np.full(PEOPLE, 0.9))
    assert_as_by_values_alone(found, value)
    assert set(found.outcome) == {AnchorOutcome.NO_RELATION}


def test_predictions_that_hardly_go_the_other_way_count_for_nothing_either() -> None:
    value, prediction = draw(5, -0.1)
    y, f = value - means(value)[PERSON], prediction - means(prediction)[PERSON]
    slopes = np.array([(y * f)[each != PERSON].sum() / (f**2)[each != PERSON].sum() for each in range(PEOPLE)])
    assert (slopes < 0).all()
    assert_as_by_values_alone(anchor(value, prediction, np.full(PEOPLE, 0.9)), value)


def test_predictions_count_for_nothing_where_others_have_few_values() -> None:
    value, prediction = draw(1, 0.9)
    pairs = sum_pairs(PERSON[:24], value[:24], prediction[:24], person_count=3)
    found = anchor_means(pairs, [200] * 3, [0.9] * 3, np.array([0, 0, 1]))  # the others have 7, 7 and no value but one
    assert found.outcome.tolist() == [AnchorOutcome.FEW_OTHERS] * 3
    assert found.value.tolist() == pytest.approx(means(value)[:3])
    found = anchor_means(pairs, [200] * 3, [0.9] * 3, np.zeros(3, np.int64))
    assert found.outcome.tolist() == [AnchorOutcome.FEW_OTHERS] * 3  # 14


@given(SEEDS)
def test_perfect_predictions_say_what_all_units_are_worth(seed: int) -> None:
    value, _ = draw(seed)
    every = np.clip(means(value) + 0.1, 0, 0.9)
    found = anchor(value, value - 0.2, every - 0.2)
    np.testing.assert_allclose(found.value, every, atol=1e-9)
    within = found.variance * 200  # as of 200 values
    np.testing.assert_allclose(found.extra_count, 200 - VALUES, rtol=1e-6)
    assert (within > 0).all()


@given(SEEDS)
def test_the_order_of_people_and_units_does_not_matter(seed: int) -> None:
    value, prediction = draw(seed)
    rng = np.random.default_rng(seed)
    order, people, every = rng.permutation(PERSON.size), rng.permutation(PEOPLE), means(prediction) + 0.03
    pairs = sum_pairs(people[PERSON][order], value[order], prediction[order], person_count=PEOPLE)
    moved = np.empty(PEOPLE)
    moved[people] = every
    found = anchor_means(pairs, np.full(PEOPLE, 200), moved, TOGETHER)
    for part, expected in zip(found, anchor(value, prediction, every), strict=True):
        np.testing.assert_allclose(part[people], expected, rtol=1e-9)


@given(SEEDS)
def test_a_person_s_own_values_do_not_choose_the_weight(seed: int) -> None:
    value, prediction = draw(seed)
    other = value.copy()
    other[:VALUES] = np.random.default_rng(seed + 1).random(VALUES)
    first, second = (anchor(each, prediction, means(prediction)) for each in (value, other))
    assert first.weight[0] == pytest.approx(second.weight[0], rel=1e-9)


def test_who_has_no_value_has_no_anchored_mean() -> None:
    value, prediction = draw(2)
    pairs = sum_pairs(PERSON, value, prediction, person_count=PEOPLE + 1)
    found = anchor_means(pairs, [200] * 6, [0.7] * 6, np.zeros(6, np.int64))
    assert found.outcome[5] == AnchorOutcome.NO_VALUE
    assert np.isnan([part[5] for part in (found.value, found.low, found.high, found.weight, found.extra_count)]).all()
    whole = anchor(value, prediction, np.full(PEOPLE, 0.7))
    np.testing.assert_array_equal(found.value[:5], whole.value)


def test_values_that_are_all_equal_have_no_limits() -> None:
    found = anchor(np.full(PERSON.size, 0.5), draw(1)[1], np.full(PEOPLE, 0.7))
    assert found.value.tolist() == [0.5] * PEOPLE
    assert np.isnan(found.low).all()
