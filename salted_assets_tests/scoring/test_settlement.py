"""What late rows teach: shares, limits and moves out of days that are complete."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.settlement import (
    UNWIDENED,
    covering_bound,
    expect_final,
    find_move_factor,
    find_move_root,
    learn_settlement,
    widen_limits,
)
from salted_assets.scoring.stats import Floats, Indices

WEEKDAYS = np.arange(28) % 7


def days_of(share: Floats, final: float = 40.0) -> tuple[Floats, Floats]:
    """Days of which a share (a row for each age) has been seen of a final count that varies a little."""
    counts: Floats = final + np.arange(28.0) % 3
    return np.asarray(np.round(share * counts)), np.asarray(counts)


def test_a_weekday_that_is_slow_has_its_own_share() -> None:
    shares = np.where(WEEKDAYS == 5, 0.1, 0.6)[np.newaxis]
    learned = learn_settlement(*days_of(shares), WEEKDAYS)
    assert learned.share[0, 5] == pytest.approx(0.1, abs=0.02)
    assert learned.share[0, 0] == pytest.approx(0.6, abs=0.02)
    assert learned.log_odds[0, 5] < learned.log_odds[0, 0] - 1.5


def test_weekdays_that_differ_by_chance_alone_are_drawn_together() -> None:
    seen, final = days_of(np.random.default_rng(1).uniform(0.4, 0.6, (50, 28)), 400)
    learned = learn_settlement(seen, final, WEEKDAYS)
    log_odds = np.log((seen + 0.5) / (final - seen + 0.5))
    plain = np.array([log_odds[:, day == WEEKDAYS].mean(1) for day in range(7)])
    assert learned.log_odds.std(1).mean() < 0.6 * plain.std(0).mean()


def test_an_expected_final_count_is_what_the_share_says_and_lies_within_whole_limits() -> None:
    seen, final = days_of(np.random.default_rng(2).uniform(0.4, 0.6, (1, 28)))
    learned = learn_settlement(seen, final, WEEKDAYS)
    found = expect_final(20, learned.log_odds[0, 0], learned.reach[0], learned.largest_count[0])
    assert found.expected == pytest.approx(41, abs=3)
    assert found.low < found.expected < found.high
    assert found.low == int(found.low)
    assert found.high == int(found.high)


def test_where_everything_is_in_at_once_the_count_is_final() -> None:
    seen, final = days_of(np.ones((3, 28)))
    learned = learn_settlement(seen, final, WEEKDAYS)
    for count in (0, 1, 20, 41, 60):
        found = expect_final(count, learned.log_odds[0, 0], learned.reach[0], learned.largest_count[0])
        assert {float(found.low), float(found.high)} == {count}
    assert learned.settled_age == 0


def test_next_to_nothing_seen_excludes_no_more_than_days_like_it_do() -> None:
    seen, final = days_of(np.random.default_rng(3).uniform(0.01, 0.99, (1, 28)))
    learned = learn_settlement(seen, final, WEEKDAYS)
    unlimited = expect_final(5, learned.log_odds[0, 0], learned.reach[0])
    limited = expect_final(5, learned.log_odds[0, 0], learned.reach[0], learned.largest_count[0])
    assert unlimited.high > 100
    assert 40 <= limited.high <= 45


def test_rows_that_go_again_count_as_seen_all() -> None:
    final = np.full(28, 10.0)
    learned = learn_settlement([final + 2], final, WEEKDAYS)
    assert learned.share[0].tolist() == [1.0] * 7
    assert expect_final(12, learned.log_odds[0, 0], learned.reach[0]).low == 12


def test_days_without_rows_say_nothing() -> None:
    """A centre of five days: weekends have no share of their own, and do not spoil that of the others."""
    final = np.where(WEEKDAYS < 5, 40.0, 0.0)
    learned = learn_settlement([final / 2], final, WEEKDAYS)
    assert learned.case_count.tolist() == [20]
    assert learned.share[0].tolist() == [0.5] * 7
    assert np.isfinite(learned.reach).all()


@pytest.mark.parametrize(("days", "is_known"), [(8, False), (9, True)])
def test_limits_take_nine_days(days: int, is_known: bool) -> None:
    seen, final = days_of(np.random.default_rng(4).uniform(0.4, 0.6, (1, 28)))
    learned = learn_settlement(seen[:, :days], final[:days], WEEKDAYS[:days])
    assert bool(np.isfinite(learned.reach[0])) is is_known


def test_no_rows_at_all_teach_nothing() -> None:
    learned = learn_settlement(np.zeros((2, 28)), np.zeros(28), WEEKDAYS)
    assert np.isnan(learned.share).all()
    assert np.isnan(learned.reach).all()
    assert learned.settled_age is None


def test_settled_is_the_age_from_which_on_all_but_a_hundredth_is_there() -> None:
    shares = np.array([0.2, 1.0, 0.9, 0.99, 1.0])[:, np.newaxis] * np.ones(28)
    seen, final = shares * 1_000, np.full(28, 1_000.0)
    assert learn_settlement(seen, final, WEEKDAYS).settled_age == 3


def test_an_outage_widens_the_upper_limit_and_a_backlog_the_lower_one() -> None:
    assert widen_limits(50, 60, 6) == UNWIDENED
    outage, backlog = widen_limits(9.5, 59.5, 6), widen_limits(119.5, 59.5, 6)
    assert outage == (1, 6)
    assert backlog == (2, 1)
    usual = expect_final(20, 0.0, 0.5)
    assert expect_final(20, 0.0, 0.5, widening=outage).high - 40 == pytest.approx(6 * (usual.high - 40), abs=4)
    assert expect_final(20, 0.0, 0.5, widening=backlog).low == 24


def test_what_arrives_within_two_days_is_known_by_age_and_weekday() -> None:
    seen = np.array([[4.0] * 28, [10.0] * 28, [15.0] * 28])
    seen[:, WEEKDAYS == 6] *= 2
    learned = learn_settlement(seen, seen[-1], WEEKDAYS)
    assert learned.arrivals[:, 0].tolist() == [4, 10, 11]
    assert learned.arrivals[:, 6].tolist() == [8, 20, 22]
    assert learned.arrivals_deviation.tolist() == [0, 0, 0]


def test_moves_are_measured_by_how_many_values_are_missing() -> None:
    rng = np.random.default_rng(5)
    now, final = rng.integers(1, 30, 2_000), rng.integers(1, 60, 2_000)
    moves = 0.17 * find_move_root(now, final) * rng.standard_normal(2_000)
    factor = find_move_factor(0.7 + np.zeros(2_000), 0.7 + moves, now, final)
    assert factor == pytest.approx(0.17 * 1.645, rel=0.08)
    assert np.isnan(find_move_root(0, 5))
    assert find_move_root(5, 5) == 0
    assert np.isnan(find_move_factor([0.5] * 9, [0.6] * 9, [0, *[5] * 8], [9, *[5] * 8]))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_the_bound_leaves_a_tenth_beyond_it(values: list[float]) -> None:
    bound = covering_bound(np.array(values))
    if len(values) < 9:
        assert np.isnan(bound)
    else:
        assert sum(value <= bound for value in values) >= 0.9 * len(values)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=28, max_size=28),
    st.integers(0, 100),
)
def test_whatever_the_counts_limits_are_in_order_or_not_known(days: list[tuple[int, int]], now: int) -> None:
    seen, final = np.array(days, float).T
    learned = learn_settlement([seen], final, WEEKDAYS)
    weekday: Indices = np.arange(7)
    found = expect_final(now, learned.log_odds[0, weekday], learned.reach[0], learned.largest_count)
    is_known = ~np.isnan(found.high)
    assert (found.low >= now)[is_known].all()
    assert (found.low <= found.high)[is_known].all()
