"""Shrinkage against a plain look at the whole group, on its edges, and on simulated people whose truth is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.stats import FEWEST_PEOPLE, ShrinkOutcome, Shrunk, shrink, shrink_means
from salted_assets.scoring.stats.shrinkage import list_betweens
from salted_assets_tests.support import shrinkage_oracle as oracle
from salted_assets_tests.support.shrinkage_oracle import Estimate, Person

PEOPLE = st.lists(
    st.builds(
        Person,
        group=st.integers(0, 1),
        values=st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.6, 1.0]), max_size=5),
        design_effect=st.sampled_from([1.0, 1.5, 4.0]),
    ),
    min_size=1,
    max_size=22,
)


def shrink_people(people: list[Person], min_count: int = 2) -> Shrunk:
    count = [person.count for person in people]
    total = [sum(person.values) for person in people]
    squares = [sum(value**2 for value in person.values) for person in people]
    group = np.array([person.group for person in people])
    effect = [person.design_effect for person in people]
    return shrink(count, total, squares, group, min_count=min_count, design_effect=effect)


def simple(mean: npt.ArrayLike, *, count: int, deviation: float) -> Shrunk:
    """Shrunk means of people of one group, who have `count` values each with exactly this standard deviation."""
    means = np.asarray(mean, float)
    squares = count * means**2 + (count - 1) * deviation**2
    return shrink(np.full(means.size, count), count * means, squares, np.zeros(means.size, int))


@given(people=PEOPLE, min_count=st.integers(1, 3))
def test_each_person_is_estimated_as_by_plain_python(people: list[Person], min_count: int) -> None:
    found = shrink_people(people, min_count)
    for index, person in enumerate(people):
        members = [other.count for other in people if other.group == person.group and other.count >= min_count]
        expected = oracle.shrunk(people, index, min_count) if person.count or members else None
        of_person = expected or Estimate(*[np.nan] * 5)
        half_width = (found.high[index] - found.low[index]) / 2
        given_back = (found.value[index], half_width, found.reliability[index], found.weight[index])
        wanted = (of_person.value, of_person.half_width, of_person.reliability, of_person.weight)
        assert given_back == pytest.approx(wanted, abs=1e-9, nan_ok=True)
        assert found.group_mean[index] == pytest.approx(of_person.group_mean, abs=1e-9, nan_ok=True)
        assert found.group_count[index] == len([count for count in members if count])


def test_the_agent_who_is_far_off_stays_far_off_and_the_others_are_alike() -> None:
    shrunk = simple([0.50, *np.linspace(0.72, 0.80, 7)], count=20, deviation=0.15)
    assert 0.51 <= shrunk.value[0] <= 0.52
    assert shrunk.low[0] == pytest.approx(0.42, abs=0.01)
    assert shrunk.high[0] == pytest.approx(0.61, abs=0.01)
    assert shrunk.value[1:].max() < shrunk.value[0] + 0.29
    assert (np.diff(shrunk.value[1:]) < 0.08 / 6).all()


def test_hardly_anybody_is_reliable_among_six_who_are_alike() -> None:
    random = np.random.default_rng(14)
    worlds, people, count = 1000, 6, 10
    values = random.normal(0.75, 0.15, (worlds * people, count))
    group = np.repeat(np.arange(worlds), people)
    shrunk = shrink([count] * len(values), values.sum(axis=1), (values**2).sum(axis=1), group)
    assert np.mean(shrunk.reliability >= 0.7) <= 0.03
    assert np.isfinite(shrunk.value).all()


@pytest.mark.parametrize("people", [6, 9, 30])
def test_estimates_spread_as_the_factor_says_where_nobody_differs_beyond_chance(people: int) -> None:
    means = 0.7 + 0.02 * np.linspace(-1, 1, people)
    shrunk = simple(means, count=10, deviation=0.2)
    assert shrunk.between_variance == pytest.approx(np.zeros(people))
    assert np.std(shrunk.value) == pytest.approx(2 / (people - 1) * np.std(means))
    assert shrunk.reliability == pytest.approx(np.zeros(people))
    assert shrunk.weight[0] == pytest.approx(2 / (people - 1))
    assert (shrunk.high - shrunk.low > 0.05).all()


def test_nobody_is_pulled_farther_than_a_person_at_the_limit() -> None:
    crowd = np.linspace(0.72, 0.80, 29)
    far, farther = (simple([*crowd, mean], count=6, deviation=0.15) for mean in (0.30, 0.20))
    scale = np.sqrt(0.15**2 / 6 + far.between_variance[-1])
    pull = far.value[-1] - 0.30
    assert pull == pytest.approx(27 / 29 * (1 - far.reliability[-1]) * 1.36 * scale)
    assert farther.value[-1] - 0.20 < 1.36 * np.sqrt(0.15**2 / 6 + farther.between_variance[-1])
    assert far.weight[-1] > 1 - 27 / 29 * (1 - far.reliability[-1])


def test_one_who_is_far_off_does_not_make_the_others_differ() -> None:
    crowd = np.linspace(0.72, 0.80, 29)
    alike, with_one = (simple(means, count=20, deviation=0.1) for means in (crowd, [*crowd, 0.30]))
    assert with_one.between_variance[0] < 0.2 * np.var([*crowd, 0.30])
    width, wider = ((each.high - each.low)[0] for each in (alike, with_one))
    assert width < wider < 1.3 * width


def test_fewer_than_six_people_say_nothing_and_with_six_everybody_is_compared() -> None:
    people = [Person(0, [0.1 * index, 0.5]) for index in range(FEWEST_PEOPLE - 1)]
    newcomer = Person(0, [0.9])
    too_few = shrink_people([*people, newcomer])
    assert np.isnan([too_few.value, too_few.low, too_few.reliability, too_few.group_mean]).all()
    assert set(too_few.outcome) == {ShrinkOutcome.TOO_FEW_PEOPLE}
    assert too_few.group_count.tolist() == [FEWEST_PEOPLE - 1] * FEWEST_PEOPLE
    enough = shrink_people([*people, Person(0, [0.9, 0.8]), newcomer])
    assert np.isfinite(enough.value).all()
    assert set(enough.outcome) == {ShrinkOutcome.SHRUNK}


def test_people_with_too_few_values_get_the_prior_without_being_part_of_it() -> None:
    people = [Person(0, [0.1 * index, 0.5, 0.6]) for index in range(6)]
    shrunk, without = (shrink_people(each, min_count=3) for each in ([*people, Person(0, [1.0, 0.0])], people))
    for with_newcomer, alone in zip(shrunk, without, strict=True):
        np.testing.assert_array_equal(with_newcomer[:6], alone)
    assert np.isfinite(shrunk.value[6])
    assert shrunk.group_count.tolist() == [6] * 7


def test_a_person_without_a_value_has_none_but_sees_the_group() -> None:
    shrunk = shrink_people([Person(0, [])] + [Person(0, [0.1 * index, 0.5]) for index in range(6)])
    assert np.isnan([shrunk.value[0], shrunk.low[0], shrunk.reliability[0], shrunk.weight[0]]).all()
    assert np.isfinite(shrunk.group_mean[0])
    assert shrunk.outcome.tolist() == [ShrinkOutcome.NO_VALUE] + [ShrinkOutcome.SHRUNK] * 6


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_without_spread_within_people_nothing_is_said(value: float) -> None:
    shrunk = shrink_people([Person(0, [value] * 3) for _ in range(6)])
    assert np.isnan([shrunk.value, shrunk.low, shrunk.high, shrunk.error]).all()
    assert set(shrunk.outcome) == {ShrinkOutcome.NO_SPREAD}


def test_one_value_each_tells_no_spread_and_so_nothing() -> None:
    shrunk = shrink_people([Person(0, [0.1 * index]) for index in range(8)], min_count=1)
    assert np.isnan(shrunk.value).all()
    assert set(shrunk.outcome) == {ShrinkOutcome.NO_SPREAD}


def test_a_person_at_the_mean_of_the_group_has_no_weight_but_an_estimate() -> None:
    shrunk = simple([0.25, 0.375, 0.5, 0.5, 0.5, 0.625, 0.75], count=4, deviation=0.1)
    assert np.isnan(shrunk.weight).tolist() == [False, False, True, True, True, False, False]
    assert shrunk.value[2] == pytest.approx(0.5)


def test_large_numbers_cost_no_digits() -> None:
    people = [Person(0, [0.1 * index, 0.5, 0.7]) for index in range(8)]
    far = [Person(0, [value + 1000 for value in person.values]) for person in people]
    assert shrink_people(far).value - 1000 == pytest.approx(shrink_people(people).value, abs=1e-6)


def test_nobody_gives_nothing() -> None:
    assert shrink([], [], [], np.array([], int)).value.size == 0


def test_means_with_their_variances_are_shrunk_as_the_values_they_come_from() -> None:
    random = np.random.default_rng(3)
    count, mean = random.integers(2, 30, 20), random.normal(0.7, 0.1, 20)
    of_values = shrink(count, count * mean, count * mean**2 + (count - 1) * 0.04, np.zeros(20, int))
    of_means = shrink_means(mean, 0.04 / count, np.zeros(20, int), freedom=(count - 1).sum())
    for name in ("value", "low", "high", "error", "reliability", "weight", "between_variance"):
        np.testing.assert_allclose(getattr(of_means, name), getattr(of_values, name), rtol=1e-9)


def test_the_order_of_people_and_unconnected_groups_change_nothing() -> None:
    random = np.random.default_rng(8)
    count, mean = random.integers(2, 30, 40), random.normal(0.7, 0.1, 40)
    group, order = np.repeat([0, 1], 20), random.permutation(40)

    def shrink_at(index: npt.NDArray[np.int64]) -> Shrunk:
        n, m = count[index], mean[index]
        return shrink(n, n * m, n * m**2 + 0.03 * (n - 1), group[index])

    shrunk, other = shrink_at(np.arange(40)), shrink_at(order)
    for both, shuffled, alone in zip(shrunk, other, shrink_at(np.arange(20)), strict=True):
        np.testing.assert_allclose(shuffled, both[order], rtol=1e-9)
        np.testing.assert_array_equal(both[:20], alone)


@pytest.mark.parametrize("between", [0.04, 0.2])
def test_what_the_variance_between_may_be_is_as_likely_as_said(between: float) -> None:
    """Twenty people with equal errors: whatever is said to be exceeded so often is."""
    random, people, noise = np.random.default_rng(5), 20, 0.01
    scatter = (between + noise) * random.chisquare(people - 1, 4000) / (people - 1)
    raw = scatter - noise
    error = np.sqrt(2 / (people - 1)) * (noise + np.maximum(raw, 0))
    nodes = list_betweens(raw, error, np.full(raw.size, noise))
    assert (np.diff(nodes, axis=0) >= 0).all()
    assert np.mean(nodes > between, axis=1) == pytest.approx((np.arange(9) + 0.5) / 9, abs=0.03)


@pytest.mark.parametrize("people", [6, 30])
def test_equal_means_do_not_tell_that_nobody_differs(people: int) -> None:
    nodes = list_betweens(-0.01, 0.01 * np.sqrt(2 / (people - 1)), 0.01)
    assert (nodes > 0).all()
    assert nodes.max() < 0.03


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
    assert simulated.error_ratio < (0.3 if people > 8 else 0.45)


def test_reliability_is_the_squared_correlation_of_means_with_the_truth() -> None:
    simulated = simulate(2000, 0.1, 1)
    expected = 0.1**2 / (0.1**2 + 0.04 / 10)
    similar = np.abs(simulated.shrunk.reliability - expected) < 0.05
    correlation = np.corrcoef(simulated.truth[similar], simulated.mean[similar])[0, 1]
    assert correlation**2 == pytest.approx(expected, abs=0.08)
