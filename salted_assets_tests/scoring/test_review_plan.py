"""Review plans: who gets how many reviews, which engagements are drawn, and what means of these are worth."""

import doctest
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring import review_plan
from salted_assets.scoring.review_plan import (
    Candidate,
    PoolVariances,
    allocate_reviews,
    draw_engagements,
    estimate_planned_mean,
)

CHAT = {"CHAT": PoolVariances(within=0.0324, between=0.0049)}


def agents(*counts: int, pool: str = "CHAT", eligible: int = 40) -> list[Candidate]:
    return [Candidate(f"{pool}{number}", pool, count, eligible) for number, count in enumerate(counts)]


def test_what_the_functions_say_of_themselves_holds() -> None:
    assert doctest.testmod(review_plan).failed == 0


def brute_force(candidates: list[Candidate], review_count: int) -> float:
    """The least sum of what is not known that so many reviews can leave, with one of each agent at least."""
    variances, best = CHAT["CHAT"], np.zeros(review_count + 1) + np.inf
    best[0] = 0.0
    for each in candidates:
        cost = np.array([variances.uncertainty(each.evaluated_count + given) for given in range(review_count + 1)])
        cost[0], cost[each.eligible_count + 1 :] = np.inf, np.inf
        best = np.array(
            [min(best[total - own] + cost[own] for own in range(total + 1)) for total in range(review_count + 1)]
        )
    return float(best[review_count])


@given(counts=st.lists(st.integers(0, 12), min_size=1, max_size=5), more=st.integers(0, 8))
def test_no_other_numbers_would_leave_less_unknown(counts: list[int], more: int) -> None:
    candidates = agents(*counts, eligible=6)
    review_count = min(len(counts) + more, 6 * len(counts))
    numbers = allocate_reviews(candidates, CHAT, review_count)
    left = sum(CHAT["CHAT"].uncertainty(each.evaluated_count + numbers[each.agent_pid]) for each in candidates)
    assert sum(numbers.values()) == review_count
    assert left == pytest.approx(brute_force(candidates, review_count))


def test_the_order_of_agents_changes_nothing() -> None:
    candidates = agents(3, 0, 3, 9, 0)
    assert allocate_reviews(candidates, CHAT, 9) == allocate_reviews(candidates[::-1], CHAT, 9)


@pytest.mark.parametrize("variances", [{}, {"CHAT": PoolVariances(0.03, 0.0)}, {"CHAT": PoolVariances(0.0, 0.0)}])
def test_where_it_is_not_known_how_much_agents_differ_those_with_fewest_come_first(
    variances: dict[str, PoolVariances],
) -> None:
    assert allocate_reviews(agents(0, 1, 5), variances, 7) == {"CHAT0": 4, "CHAT1": 2, "CHAT2": 1}


def test_pools_of_which_nothing_is_known_have_their_share_by_agents() -> None:
    candidates = [*agents(5, 5, 5), *agents(0, pool="VOICE")]
    assert allocate_reviews(candidates, CHAT, 12)["VOICE0"] == 3


def test_fewer_reviews_than_agents_go_where_they_tell_most() -> None:
    assert allocate_reviews(agents(9, 0, 4), CHAT, 2) == {"CHAT1": 2}


def test_nobody_has_more_than_there_are_engagements() -> None:
    candidates = [Candidate("a", "CHAT", 0, 2), Candidate("b", "CHAT", 30, 9), Candidate("c", "CHAT", 0, 0)]
    assert allocate_reviews(candidates, CHAT, 11) == {"a": 2, "b": 9}
    with pytest.raises(ValueError, match="fewer engagements"):
        allocate_reviews(candidates, CHAT, 12)


def test_each_engagement_is_as_likely_as_the_others() -> None:
    pids = [f"engagement {number}" for number in range(10)]
    drawn = Counter(pid for seed in range(3_000) for pid in draw_engagements(pids, 3, seed))
    expected = 900.0
    statistic = sum((drawn[pid] - expected) ** 2 / (expected * 0.7) for pid in pids) * 9 / 10
    assert statistic < 27.9  # the 99.9 % point of chi squared with nine degrees of freedom


def test_a_draw_is_by_the_seed_alone() -> None:
    pids = [f"e{number}" for number in range(50)]
    assert draw_engagements(pids, 5, seed=4) == draw_engagements(reversed(pids), 5, seed=4)
    assert draw_engagements(pids, 5, seed=4) != draw_engagements(pids, 5, seed=5)
    with pytest.raises(ValueError, match="fewer engagements"):
        draw_engagements(pids, 51, seed=4)


def test_the_mean_of_an_unequal_plan_is_unbiased_and_its_interval_covers() -> None:
    rng = np.random.default_rng(3)
    sizes, numbers = np.array([20, 60, 120, 200]), np.array([8, 2, 5, 3])
    frames = [np.clip(rng.normal(0.9 - 0.15 * agent, 0.1, size), 0, 1) for agent, size in enumerate(sizes)]
    truth = np.concatenate(frames).mean()
    agent = np.repeat(np.arange(4), numbers)
    found = [
        estimate_planned_mean(
            np.concatenate(
                [rng.choice(own, number, replace=False) for own, number in zip(frames, numbers, strict=True)]
            ),
            sizes[agent],
            agent,
        )
        for _ in range(2_000)
    ]
    values = np.array([each.value for each in found])
    error = values.std() / len(values) ** 0.5
    assert abs(values.mean() - truth) < 4 * error
    plain = float((numbers * [own.mean() for own in frames]).sum() / numbers.sum())
    assert abs(plain - truth) > 40 * error
    assert np.mean([each.low <= truth <= each.high for each in found]) > 0.93


def test_what_is_not_done_is_taken_for_missing_by_chance_and_nothing_done_tells_nothing() -> None:
    done = estimate_planned_mean([0.9, 0.9, 0.5], [10, 10, 30], np.array([0, 0, 1]))
    assert (round(done.value, 6), done.score_count) == (0.6, 3)
    assert np.isnan(estimate_planned_mean([0.4], [10], np.array([0])).low)
    assert np.isnan(estimate_planned_mean([], [], np.array([], np.int64)).value)


def test_the_worked_example_of_the_documentation() -> None:
    chat = CHAT["CHAT"]
    assert [round(chat.uncertainty(count), 4) for count in (2, 12)] == [0.0038, 0.0017]
    numbers = allocate_reviews([Candidate("Ada", "CHAT", 2, 50), Candidate("Ben", "CHAT", 12, 50)], CHAT, 12)
    assert numbers == {"Ada": 11, "Ben": 1}
    assert [count / 50 for count in numbers.values()] == [0.22, 0.02]
    scores = [0.7] * 11 + [0.9]
    mean = estimate_planned_mean(scores, [50] * 12, np.array([0] * 11 + [1]))
    assert (round(mean.value, 2), round(sum(scores) / 12, 2)) == (0.8, 0.72)


def test_an_interval_of_three_scores_stays_among_scores() -> None:
    mean = estimate_planned_mean([1.0, 0.5, 1.0], [50, 50, 2], np.array([0, 0, 1]))
    assert (mean.low, mean.high) == (0, 1)
