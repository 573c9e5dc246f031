"""Percentiles among peers: against a plain count of outcomes, with simulated people, and where one more comes."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from salted_assets.scoring.stats import Percentiles, percentile_ranks
from salted_assets.scoring.stats import ranks as module

NORMAL = NormalDist()


def rank(
    value: npt.ArrayLike, error: npt.ArrayLike, *, group: npt.ArrayLike = 0, is_peer: npt.ArrayLike = True
) -> Percentiles:
    values = np.asarray(value, float)
    groups = np.array(np.broadcast_to(np.asarray(group, np.int64), values.shape))
    return percentile_ranks(values, np.broadcast_to(np.asarray(error, float), values.shape), groups, is_peer=is_peer)


@pytest.mark.parametrize("peers", [6, 100])
def test_limits_hold_the_percentile_also_where_hardly_anything_is_open(peers: int) -> None:
    # In one of fifty outcomes the last but one is above the last: the mean is below what holds 95 %.
    found = rank([*np.linspace(-9, 0, peers - 1), 2.9], 1.0)
    assert found.value[-1] < 1
    assert (found.low <= found.value).all()
    assert (found.high >= found.value).all()


def at_most(count: int, value: list[float], error: list[float], person: int) -> float:
    """The probability that at most so many others are below: over every outcome, summed up over one's own values."""
    others = [index for index in range(len(value)) if index != person]

    def given_own(score: float) -> float:
        own = value[person] + error[person] * score
        below = [NORMAL.cdf((own - value[other]) / error[other]) for other in others]
        total = 0.0
        for outcome in itertools.product([0, 1], repeat=len(others)):
            if sum(outcome) <= count:
                total += math.prod(p if is_below else 1 - p for p, is_below in zip(below, outcome, strict=True))
        return total * NORMAL.pdf(score)

    scores = [step / 10 for step in range(-60, 61)]
    return math.fsum(given_own(score) for score in scores) / 10


@given(people=st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 1)), min_size=3, max_size=5))
@hypothesis_settings(deadline=None)
def test_few_people_are_ranked_as_by_every_outcome(people: list[tuple[float, float]]) -> None:
    value, error = (list(part) for part in zip(*people, strict=True))
    ranks, others = rank(value, error), len(people) - 1
    distribution = [at_most(count, value, error, 0) for count in range(others + 1)]
    mean = others - math.fsum(distribution[:-1])
    median = (distribution[others // 2] + distribution[(others - 1) // 2]) / 2
    assert ranks.value[0] == pytest.approx(mean / others, abs=1e-5)
    assert ranks.above_median_probability[0] == pytest.approx(1 - median, abs=1e-5)
    for limit, probability in ((ranks.low[0], 0.025), (ranks.high[0], 0.975)):
        count = round(limit * others)
        assert distribution[count] >= probability - 1e-5
        assert count == 0 or distribution[count - 1] <= probability + 1e-5


@pytest.mark.parametrize("errors", [(0.02, 0.05), (0.003, 0.01), (0.005, 0.06), (0.2, 0.2)])
@pytest.mark.parametrize("people", [65, 130])
def test_many_people_are_ranked_nearly_as_exactly(
    people: int, errors: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(people)
    value, error = random.normal(0.75, 0.07, people), random.uniform(*errors, people)
    quick = rank(value, error)
    monkeypatch.setattr(module, "MOST_PEERS_EXACT", people)
    exact = rank(value, error)
    np.testing.assert_allclose(quick.value, exact.value, atol=1e-6)
    np.testing.assert_allclose(quick.above_median_probability, exact.above_median_probability, atol=1e-3)
    for name in ("low", "high"):
        np.testing.assert_allclose(getattr(quick, name), getattr(exact, name), atol=1.01 / (people - 1))
    assert np.mean(quick.low == exact.low) > 0.9


def test_one_more_who_is_elsewhere_moves_nothing_and_the_order_does_not_count() -> None:
    random = np.random.default_rng(4)
    value, error, group = random.random(31), random.uniform(0.05, 0.2, 31), np.array([0, 1] * 15 + [1])
    before, after = rank(value[:30], error[:30], group=group[:30]), rank(value, error, group=group)
    shuffled = random.permutation(31)
    turned = rank(value[shuffled], error[shuffled], group=group[shuffled])
    for early, late, other in zip(before, after, turned, strict=True):
        np.testing.assert_array_equal(early[:30:2], late[:30:2])
        np.testing.assert_allclose(other, late[shuffled], atol=1e-9)


def test_values_that_are_sure_are_ranked_by_counting() -> None:
    ranks = rank([1.0, 2, 3, 100, 101, 102, np.nan], 0.001, group=[0, 1, 0, 1, 0, 1, 0])
    for part in (ranks.value, ranks.low, ranks.high):
        assert part[:6] == pytest.approx([0, 0, 0.5, 0.5, 1, 1], abs=1e-6)
        assert np.isnan(part[6])
    assert ranks.above_median_probability[:6] == pytest.approx([0, 0, 0.5, 0.5, 1, 1])


@pytest.mark.parametrize("people", [50, 500])
def test_people_of_unsure_ability_stand_anywhere(people: int) -> None:
    ranks = rank(np.linspace(0, 0.01, people), 1.0)
    assert (ranks.low < 0.05).all()
    assert (ranks.high > 0.95).all()
    assert ranks.above_median_probability == pytest.approx(np.full(people, 0.5), abs=0.02)


def test_turned_round_everybody_stands_at_the_other_end() -> None:
    random = np.random.default_rng(9)
    value, error = random.random(30), random.uniform(0.05, 0.2, 30)
    ranks, turned = rank(value, error), rank(-value, error)
    np.testing.assert_allclose(turned.value, 1 - ranks.value, atol=1e-9)
    np.testing.assert_allclose(turned.above_median_probability, 1 - ranks.above_median_probability, atol=1e-9)
    np.testing.assert_allclose(turned.low, 1 - ranks.high, atol=1e-9)


@pytest.mark.parametrize("peers", [6, 100])
def test_one_who_is_nobodys_peer_is_compared_with_all_and_moves_nobody(peers: int) -> None:
    random = np.random.default_rng(peers)
    value, error = random.random(peers + 1), random.uniform(0.05, 0.2, peers + 1)
    is_peer = np.arange(peers + 1) < peers
    ranks, alone = rank(value, error, is_peer=is_peer), rank(value[:-1], error[:-1])
    assert ranks.value[:-1] == pytest.approx(alone.value, abs=1e-4)
    assert ranks.above_median_probability[:-1] == pytest.approx(alone.above_median_probability, abs=1e-3)
    above = [NORMAL.cdf((value[-1] - value[at]) / math.hypot(error[-1], error[at])) for at in range(peers)]
    assert ranks.value[-1] == pytest.approx(math.fsum(above) / peers, abs=1e-4)


@pytest.mark.parametrize("error", [0.0, np.nan])
def test_who_has_no_error_or_nobody_beside_has_no_rank(error: float) -> None:
    assert rank([], 1.0).value.size == 0
    assert np.isnan(np.array(rank([1.0], 1.0))).all()
    assert np.isnan(np.array(rank([1.0, 2.0], error))).all()


@pytest.mark.parametrize(("groups", "people"), [(40, 60), (12, 200)])
def test_intervals_cover_the_true_percentile_and_probabilities_are_what_they_say(groups: int, people: int) -> None:
    random = np.random.default_rng(5)
    error = np.sqrt(0.1**2 * 0.05**2 / (0.1**2 + 0.05**2))
    estimate = random.normal(0, 0.1, (groups, people))
    truth = estimate + error * random.standard_normal((groups, people))
    ranks = rank(estimate.ravel(), error, group=np.repeat(np.arange(groups), people))
    true_rank = (truth.argsort(axis=1).argsort(axis=1) / (people - 1)).ravel()
    covered = np.mean((ranks.low <= true_rank + 1e-6) & (true_rank - 1e-6 <= ranks.high))
    assert covered == pytest.approx(0.955, abs=0.02)
    is_likely = (ranks.above_median_probability > 0.7) & (ranks.above_median_probability < 0.9)
    assert np.mean(true_rank[is_likely] > 0.5) == pytest.approx(0.8, abs=0.06)
