"""Shrinkage against a plain look at all the others, on its edges, and on simulated people whose truth is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.stats import FEWEST_PEERS, Shrunk, shrink
from salted_assets_tests.support import shrinkage_oracle as oracle
from salted_assets_tests.support.shrinkage_oracle import Person

PEOPLE = st.lists(
    st.builds(
        Person,
        group=st.integers(0, 1),
        values=st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.6, 1.0]), max_size=5),
    ),
    min_size=1,
    max_size=18,
)


def shrink_people(people: list[Person], min_count: int = 2) -> Shrunk:
    count = [person.count for person in people]
    total = [sum(person.values) for person in people]
    squares = [sum(value**2 for value in person.values) for person in people]
    return shrink(count, total, squares, np.array([person.group for person in people]), min_count=min_count)


@given(people=PEOPLE, min_count=st.integers(1, 3))
def test_each_person_is_judged_by_the_others_alone(people: list[Person], min_count: int) -> None:
    given_back = shrink_people(people, min_count)
    for index, person in enumerate(people):
        in_group = [other for other in people if other.group == person.group]
        if sum(max(other.count - 1, 0) for other in in_group) == 0:
            assert np.isnan(given_back.value[index])
            continue
        expected = oracle.shrunk(people, index, min_count)
        found = (given_back.value[index], given_back.reliability[index], given_back.peer_mean[index])
        assert found == pytest.approx(expected or (np.nan,) * 3, abs=1e-9, nan_ok=True)


def test_fewer_than_five_peers_say_nothing() -> None:
    people = [Person(0, [0.1 * index, 0.5]) for index in range(FEWEST_PEERS)]
    shrunk = shrink_people(people)
    assert np.isnan([shrunk.value, shrunk.low, shrunk.high, shrunk.reliability, shrunk.peer_mean]).all()
    assert shrunk.peer_count.tolist() == [FEWEST_PEERS - 1] * FEWEST_PEERS
    assert np.isfinite(shrink_people([*people, Person(0, [0.9, 0.5])]).value).all()


def test_people_with_too_few_values_are_judged_but_are_nobodys_peers() -> None:
    people = [Person(0, [0.1 * index, 0.5, 0.6]) for index in range(6)]
    with_newcomer = [*people, Person(0, [1.0])]
    shrunk, without = shrink_people(with_newcomer, min_count=3), shrink_people(people, min_count=3)
    assert shrunk.value[:6] == pytest.approx(without.value)
    assert np.isfinite(shrunk.value[6])
    assert shrunk.peer_count.tolist() == [5] * 6 + [6]


def test_a_person_without_a_value_has_none_but_sees_the_peers() -> None:
    shrunk = shrink_people([Person(0, [])] + [Person(0, [0.1 * index, 0.5]) for index in range(6)])
    assert np.isnan([shrunk.value[0], shrunk.low[0], shrunk.reliability[0]]).all()
    assert np.isfinite(shrunk.peer_mean[0])


def test_a_between_variance_below_zero_gives_everybody_the_peer_mean_with_a_width() -> None:
    people = [Person(0, [0.0, 1.0, 0.01 * index]) for index in range(8)]
    shrunk = shrink_people(people)
    assert shrunk.between_variance.tolist() == [0] * 8
    assert shrunk.value == pytest.approx(shrunk.peer_mean)
    assert shrunk.reliability.tolist() == [0] * 8
    assert (shrunk.high - shrunk.low > 0.05).all()


def test_people_who_are_all_equal_are_all_their_mean() -> None:
    shrunk = shrink_people([Person(0, [0.1] * (2 + index)) for index in range(8)])
    assert shrunk.value == pytest.approx([0.1] * 8)
    assert shrunk.reliability.tolist() == [0] * 8
    assert shrunk.low == pytest.approx([0.1] * 8)


def test_without_spread_within_people_means_are_taken_as_they_are() -> None:
    shrunk = shrink_people([Person(0, [0.1 * index] * 3) for index in range(8)])
    assert shrunk.value == pytest.approx([0.1 * index for index in range(8)])
    assert shrunk.reliability == pytest.approx([1] * 8)


def test_one_value_each_tells_no_spread_and_so_nothing() -> None:
    shrunk = shrink_people([Person(0, [0.1 * index]) for index in range(8)], min_count=1)
    assert np.isnan(shrunk.value).all()


def test_large_numbers_cost_no_digits() -> None:
    people = [Person(0, [0.1 * index, 0.5, 0.7]) for index in range(8)]
    far = [Person(0, [value + 1000 for value in person.values]) for person in people]
    assert shrink_people(far).value - 1000 == pytest.approx(shrink_people(people).value, abs=1e-6)


def test_nobody_gives_nothing() -> None:
    assert shrink([], [], [], np.array([], int)).value.size == 0


@dataclass(frozen=True)
class Simulated:
    """Many groups of people of known ability, and what is estimated of them."""

    truth: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    shrunk: Shrunk

    @property
    def coverage(self) -> float:
        return float(np.mean((self.shrunk.low <= self.truth) & (self.truth <= self.shrunk.high)))

    @property
    def error_ratio(self) -> float:
        return float(np.mean((self.shrunk.value - self.truth) ** 2) / np.mean((self.mean - self.truth) ** 2))


def simulate(people: int, between: float, groups: int, seed: int = 3) -> Simulated:
    random = np.random.default_rng(seed)
    count = random.integers(2, 40, (groups, people))
    truth = 0.7 + between * random.standard_normal((groups, people))
    mean = truth + 0.2 / np.sqrt(count) * random.standard_normal((groups, people))
    squares = 0.04 * random.chisquare(count - 1) + count * mean**2
    group = np.repeat(np.arange(groups), people)
    shrunk = shrink(count.ravel(), (count * mean).ravel(), squares.ravel(), group)
    return Simulated(truth.ravel(), mean.ravel(), shrunk)


@pytest.mark.parametrize(("people", "groups"), [(12, 400), (40, 150), (300, 20)])
@pytest.mark.parametrize("between", [0.05, 0.1, 0.2])
def test_intervals_cover_the_truth_and_shrinkage_lowers_the_error(people: int, groups: int, between: float) -> None:
    simulated = simulate(people, between, groups)
    # People of one group share a prior: the groups, not the people, are the independent trials.
    assert simulated.coverage == pytest.approx(0.95, abs=0.01 + min(3 * np.sqrt(0.95 * 0.05 / groups), 0.03))
    assert simulated.error_ratio < 0.97


@pytest.mark.parametrize("people", [6, 8, 12, 40])
@pytest.mark.parametrize("between", [0.0, 0.02])
def test_intervals_are_not_too_narrow_where_hardly_anybody_differs(people: int, between: float) -> None:
    simulated = simulate(people, between, groups=3000 // people)
    assert simulated.coverage > 0.94
    assert simulated.error_ratio < 0.3


def test_reliability_is_the_squared_correlation_of_means_with_the_truth() -> None:
    simulated = simulate(2000, 0.1, 1)
    expected = 0.1**2 / (0.1**2 + 0.04 / 10)
    similar = np.abs(simulated.shrunk.reliability - expected) < 0.05
    correlation = np.corrcoef(simulated.truth[similar], simulated.mean[similar])[0, 1]
    assert correlation**2 == pytest.approx(expected, abs=0.08)
