"""The centre in which planned reviews are held against reviews by volume: what is drawn and measured is as it says."""

import numpy as np
import pytest

from benchmarks.accuracy.plan import (
    BEGUN,
    BY_VOLUME,
    FROM_NOTHING,
    PLANNED,
    Frame,
    compare_widths,
    evaluate,
    find_widest,
    measure_means,
    plan_reviews,
)

FRAME = Frame(
    engagements=np.repeat([400, 60], [12, 8]),
    evaluated=np.repeat([9, 1], [12, 8]),
    level=np.linspace(0.6, 0.9, 20),
    channel=np.tile([0, 1], 10),
    within=np.full(20, 0.03),
)


def test_evaluations_are_normal_around_the_level_and_none_gives_nothing() -> None:
    rng = np.random.default_rng(1)
    sums = [evaluate(FRAME, np.full(20, 5), rng) for _ in range(2_000)]
    mean = np.mean([each.total for each in sums], axis=0) / 5
    scatter = np.mean([each.squares - each.total**2 / 5 for each in sums], axis=0)
    np.testing.assert_allclose(mean, FRAME.level, atol=0.01)
    np.testing.assert_allclose(scatter, 4 * 0.03, rtol=0.1)
    nothing = evaluate(FRAME, np.zeros(20, np.int64), rng)
    assert not nothing.count.any()
    assert not nothing.total.any()
    assert not nothing.squares.any()


def test_all_reviews_are_planned_and_most_where_least_is_known() -> None:
    numbers = plan_reviews(FRAME, evaluate(FRAME, FRAME.evaluated, np.random.default_rng(2)))
    assert (numbers.sum(), numbers.min()) == (PLANNED, 1)
    assert numbers[12:].min() > numbers[:12].max()


def test_who_has_no_evaluation_may_be_anywhere() -> None:
    rng = np.random.default_rng(3)
    assert find_widest(FRAME, evaluate(FRAME, np.r_[np.full(19, 5), 0], rng))[0] == 1.0
    plain, guess, uncertain = find_widest(FRAME, evaluate(FRAME, np.full(20, 50), rng))
    assert max(plain, guess) < 0.15
    assert uncertain == pytest.approx((1 / (1 / FRAME.between.max() + 50 / 0.03)) ** 0.5)


def test_twice_as_many_by_volume_leave_wider_intervals_where_volumes_differ() -> None:
    assert BY_VOLUME == 2 * PLANNED
    for state in (BEGUN, FROM_NOTHING):
        found = compare_widths(FRAME, state, 20)
        assert found["planned"][0] < found["by volume"][0]


def test_weighted_means_of_an_unequal_plan_are_right_where_plain_ones_are_not() -> None:
    for _, bias, error, plain in measure_means(FRAME, 80):
        assert abs(bias) < 3 * error
        assert abs(plain) > 4 * error
