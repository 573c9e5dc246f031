"""Design effects and score intervals against plain Python on the same values, and on simulated people."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.stats import (
    DaySums,
    Dependence,
    bounded_mean_interval,
    estimate_dependence,
    geometric_mean_interval,
    mean_interval,
    sum_days,
    wilson_interval,
)
from salted_assets_tests.support.dependence_oracle import Person, expected_dependence, expected_interval

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0])
GROUPS = st.lists(
    st.lists(st.lists(st.lists(VALUES, min_size=1, max_size=4), max_size=3), min_size=1, max_size=4),
    min_size=1,
    max_size=2,
)


def sums_of(people: Sequence[Person]) -> tuple[Floats, Floats, Floats, DaySums]:
    flat = [[value for day in person for value in day] for person in people]
    rows = [(index, len(day), math.fsum(day)) for index, person in enumerate(people) for day in person]
    index, count, total = (np.array(part) for part in zip(*rows, strict=True)) if rows else (np.array([], int),) * 3
    return (
        np.array([len(values) for values in flat], float),
        np.array([math.fsum(values) for values in flat]),
        np.array([math.fsum(value**2 for value in values) for values in flat]),
        sum_days(index, count, total, person_count=len(people)),
    )


@given(groups=GROUPS)
def test_design_effects_and_score_intervals_are_those_of_plain_python(groups: list[list[Person]]) -> None:
    people = [person for group in groups for person in group]
    group = np.repeat(np.arange(len(groups)), [len(each) for each in groups])
    count, total, squares, days = sums_of(people)
    found = estimate_dependence(count, total, squares, days, group)
    interval = bounded_mean_interval(
        count, total, squares, group, design_effect=found.design_effect, freedom=found.freedom
    )
    for index, person in enumerate(people):
        effect, freedom = expected_dependence(groups[group[index]], person)
        assert found.design_effect[index] == pytest.approx(effect, abs=1e-9)
        assert found.freedom[index] == freedom
        if not count[index]:
            assert np.isnan([interval.value[index], interval.low[index], interval.high[index]]).all()
            continue
        expected = expected_interval(groups[group[index]], person, freedom, effect)
        assert (interval.low[index], interval.high[index]) == pytest.approx(expected, abs=1e-7)
        assert interval.high[index] - interval.low[index] > 0.01


def simulate(people: int, days: int, a_day: int, correlation: float, worlds: int) -> tuple[Floats, Dependence, Indices]:
    """Values of people, truly 0, whose days have effects: values, dependence, and each person's group."""
    random = np.random.default_rng(17)
    shape = (worlds * people, days, a_day)
    effects = math.sqrt(correlation) * random.standard_normal((*shape[:2], 1))
    values = effects + math.sqrt(1 - correlation) * random.standard_normal(shape)
    group = np.repeat(np.arange(worlds), people)
    flat, person = values.reshape(shape[0], -1), np.repeat(np.arange(shape[0]), days)
    of_days = sum_days(person, np.full(person.size, a_day), values.sum(axis=2).ravel(), person_count=shape[0])
    found = estimate_dependence(
        np.full(shape[0], days * a_day), flat.sum(axis=1), (flat**2).sum(axis=1), of_days, group
    )
    return flat, found, group


@pytest.mark.parametrize("days", [5, 20])
def test_intervals_hold_where_the_values_of_a_day_resemble_each_other(days: int) -> None:
    values, found, _ = simulate(people=30, days=days, a_day=20, correlation=0.1, worlds=40)
    count, total, squares = values.shape[1], values.sum(axis=1), (values**2).sum(axis=1)
    plain, wider = (mean_interval(count, total, squares, design_effect=effect) for effect in (1, found.design_effect))
    covered = [np.mean((each.low <= 0) & (each.high >= 0)) for each in (plain, wider)]
    assert covered[0] < 0.85
    assert covered[1] >= 0.93
    assert np.mean(found.correlation) == pytest.approx(0.1, abs=0.01)


def test_independent_values_have_hardly_a_design_effect() -> None:
    _, found, _ = simulate(people=30, days=10, a_day=10, correlation=0.0, worlds=20)
    assert np.mean(found.design_effect) < 1.1
    assert (found.freedom == 30 * 9).all()


@pytest.mark.parametrize("days", [[1.0] * 4, [2.0, 2.0, 4.0, 1.0]])
def test_without_two_values_of_a_day_nothing_is_dependent(days: list[float]) -> None:
    """One value a day each; or one day for each person, so that the days cannot be told from the people."""
    count, person = np.array(days), np.arange(4)
    total = 0.5 * count
    found = estimate_dependence(count, total, total, sum_days(person, count, total, person_count=4), person * 0)
    assert found.design_effect.tolist() == [1] * 4
    assert found.freedom.tolist() == [sum(days) - 4] * 4


def test_day_sums_add_up_over_parts_of_a_window_and_the_order_of_people_does_not_count() -> None:
    random = np.random.default_rng(2)
    person, count, total = random.integers(0, 6, 40), random.integers(0, 5, 40), random.random(40)
    whole, *parts = (
        sum_days(person[at], count[at], total[at], person_count=6)
        for at in (slice(None), slice(0, 15), slice(15, None))
    )
    for both, first, second in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(both, first + second)
    values, found, group = simulate(people=10, days=4, a_day=5, correlation=0.3, worlds=2)
    sums = [np.full(20, 20.0), values.sum(axis=1), (values**2).sum(axis=1)]
    days = [np.full(20, 4.0), np.full(20, 100.0), (values.reshape(20, 4, 5).sum(axis=2) ** 2).sum(axis=1) / 5]
    order = random.permutation(20)
    count, total, squares, *of_days = (part[order] for part in (*sums, *days))
    shuffled = estimate_dependence(count, total, squares, DaySums(*of_days), group[order])
    for one, other in zip(found, shuffled, strict=True):
        np.testing.assert_allclose(other, one[order])


def test_a_group_elsewhere_moves_no_interval() -> None:
    sums = np.array([[3, 4, 5, 6.0], [2.5, 3.5, 4.0, 3.0], [2.2, 3.2, 3.5, 2.0]])
    alone = bounded_mean_interval(sums[0, :2], sums[1, :2], sums[2, :2], np.zeros(2, int))
    both = bounded_mean_interval(sums[0], sums[1], sums[2], np.array([0, 0, 1, 1]))
    for one, other in zip(alone, both, strict=True):
        np.testing.assert_array_equal(other[:2], one)


def test_few_values_vary_no_more_than_yes_and_no() -> None:
    found = bounded_mean_interval([3], [2.0], [2.0], np.zeros(1, int))
    assert np.stack(found)[:, 0] == pytest.approx(np.stack(wilson_interval(2, 3)))
    # Days on which hardly anything is known widen it all the same.
    by_days = bounded_mean_interval([3], [2.0], [2.0], np.zeros(1, int), freedom=1)
    assert by_days.low[0] < found.low[0] - 0.1


@pytest.mark.parametrize(("value", "people"), [(1.0, 3), (0.0, 1), (0.4, 2)])
def test_equal_values_have_the_interval_of_a_share(value: float, people: int) -> None:
    found = bounded_mean_interval([3] * people, [3 * value] * people, [3 * value**2] * people, np.zeros(people, int))
    share = wilson_interval(3 * value, 3)
    assert (found.low[0], found.high[0]) == pytest.approx((float(share.low), float(share.high)))
    assert found.high[0] - found.low[0] > 0.4


def test_the_centre_may_be_another_mean() -> None:
    sums = ([3, 3], [2.4, 2.1], [2.0, 1.6], np.zeros(2, int))
    found = bounded_mean_interval(*sums, centre=[0.75, 0.7])
    assert found.value.tolist() == [0.75, 0.7]
    assert found.low[0] < bounded_mean_interval(*sums).low[0]
    assert found.low[1] == pytest.approx(bounded_mean_interval(*sums).low[1])


@pytest.mark.parametrize("build", [mean_interval, geometric_mean_interval])
def test_a_design_effect_is_a_smaller_sample_with_the_same_degrees_of_freedom(build: type) -> None:
    plain, wide = (build(9, 9.0, 12.0, design_effect=effect) for effect in (1, 4))
    scale = np.log if build is geometric_mean_interval else np.asarray
    assert scale(wide.high) - scale(wide.value) == pytest.approx(2 * (scale(plain.high) - scale(plain.value)))


def test_a_share_with_a_design_effect_is_that_of_a_smaller_sample() -> None:
    assert np.array(wilson_interval(30, 40, design_effect=4)) == pytest.approx(np.array(wilson_interval(7.5, 10)))


@pytest.mark.parametrize(("probability", "perfect"), [(0.9, 0.0), (0.5, 0.8)])
def test_score_intervals_cover_where_many_values_are_perfect(probability: float, perfect: float) -> None:
    """Forms of five yes and no, or perfect four times of five: eight agents of 3 to 30 each."""
    random = np.random.default_rng(23)
    worlds, people, most = 600, 8, 30
    count = random.integers(3, 31, worlds * people)
    values = random.binomial(5, probability, (count.size, most)) / 5
    values = np.where(random.random(values.shape) < perfect, 1.0, values)
    values = np.where(np.arange(most) < count[:, None], values, 0.0)
    group = np.repeat(np.arange(worlds), people)
    found = bounded_mean_interval(count, values.sum(axis=1), (values**2).sum(axis=1), group)
    truth = perfect + (1 - perfect) * probability
    assert np.mean((found.low <= truth) & (truth <= found.high)) == pytest.approx(0.955, abs=0.015)
