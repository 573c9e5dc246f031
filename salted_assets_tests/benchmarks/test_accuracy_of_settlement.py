"""The worlds in which settlement is held against what came: delays and measures are what they are said to be."""

import numpy as np
import pytest

from benchmarks.accuracy.settlement import (
    DELAY_WORLDS,
    HORIZON,
    Origin,
    draw_chances,
    draw_delay_world,
    figures_of,
    limit_counts,
    measure_delays,
    score_interval,
)
from salted_assets.scoring.settlement import FinalCount

WEEK = np.arange(7_000) % 7


def test_chances_are_those_of_the_page() -> None:
    chances = {name: draw_chances(np.random.default_rng(1), name, 7_000, WEEK) for name in DELAY_WORLDS}
    assert chances["steady"].mean() == pytest.approx(0.35, abs=0.01)
    assert (chances["weekend"][WEEK >= 5] == 0.03).all()
    assert (chances["holiday"][WEEK < 5] == 0.03).mean() == pytest.approx(1 / 20, abs=0.01)
    assert (chances["outage"] == 0).mean() == pytest.approx(2 / 25, abs=0.02)
    assert (chances["backlog"] == 0.75).mean() == pytest.approx(2 / 25, abs=0.02)


def test_counts_are_of_the_day_and_come_once() -> None:
    world = draw_delay_world(np.random.default_rng(2), "weekend")
    final = world.seen[HORIZON]
    assert final[world.weekday < 5].mean() == pytest.approx(60, rel=0.1)
    assert final[world.weekday >= 5].mean() == pytest.approx(20, rel=0.15)
    assert (np.diff(world.seen, axis=0) >= 0).all()
    late = figures_of(world, np.array([60, 70]), HORIZON)
    assert (late.now_count == late.final_count).all()
    assert late.final_mean == pytest.approx(late.now_mean)


def test_no_method_sees_what_comes_after_its_day() -> None:
    world = draw_delay_world(np.random.default_rng(3), "outage")
    origin = Origin(world, 55)
    before = limit_counts(origin)
    for age in range(HORIZON + 1):
        world.counts[max(0, 56 - age) :, :, age] = 999
    assert all((limit_counts(origin)[name].high == limits.high).all() for name, limits in before.items())


def test_a_miss_costs_twenty_times_its_size() -> None:
    limits = FinalCount(*(np.array([each]) for each in (10.0, 8.0, 12.0)))
    assert score_interval(limits, np.array([10.0])) == pytest.approx(0.4)
    assert score_interval(limits, np.array([15.0])) == pytest.approx((4 + 60) / 15)


def test_a_world_is_measured_at_every_age() -> None:
    measured = measure_delays(np.random.default_rng(4), "steady", 1, origins=4)
    assert measured.is_covered["settlement"].shape == (4, HORIZON)
    assert 0.8 < measured.is_covered["settlement"].mean() <= 1
    assert 0.7 < measured.moves_covered(1, 5) < 1
