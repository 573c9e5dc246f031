"""Handle times and AI scores less the kinds of work that came."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from salted_assets.scoring.fair import Agents, FairMeasure, Reason, StratumSums, fit_strata
from salted_assets.scoring.stats import DaySums, Floats, Indices, sum_days
from salted_assets_tests.support.dense_fair_model import DenseModel, indicators, together
from salted_assets_tests.support.fair_worlds import build_agents

pytestmark = pytest.mark.slow

WINDOWS = (7, 28, 91)
QUEUES = 6


@dataclass(frozen=True)
class Work:
    """Engagements: agent, queue, a finer kind, age in days, value; and the agents' true levels."""

    agent: Indices
    queue: Indices
    fine: Indices
    age_days: Indices
    value: Floats
    levels: Floats

    @property
    def days(self) -> dict[int, DaySums]:
        """Every engagement on a day of its own."""
        found = {}
        for length in WINDOWS:
            own = self.age_days < length
            people = self.levels.size
            found[length] = sum_days(self.agent[own], np.ones(own.sum()), self.value[own], person_count=people)
        return found

    @property
    def sums(self) -> StratumSums:
        """By agent and fine kind."""
        keys, element = np.unique(self.agent * (self.fine.max() + 1) + self.fine, return_inverse=True)
        firsts = np.unique(element, return_index=True)[1]
        part = np.searchsorted(WINDOWS, self.age_days, side="right")
        sums = [np.zeros((len(WINDOWS), keys.size)) for _ in range(3)]
        for power, each in enumerate(sums):
            np.add.at(each, (part, element), self.value**power)
        return StratumSums(self.agent[firsts], (self.queue[firsts], self.fine[firsts]), *sums)


def draw_work(agents: int, cases: int, seed: int = 1, *, spread: float = 0.15) -> Work:
    """Good agents share queues, in which the others are seldom."""
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.normal(0, spread, agents))
    agent = np.repeat(np.arange(agents), cases)
    own = 2 * (agent * 3 // agents) + rng.integers(0, 2, agent.size)
    queue = np.where(rng.random(agent.size) < 0.8, own, rng.integers(0, QUEUES, agent.size))
    fine = 2 * queue + rng.integers(0, 2, agent.size)
    effects = rng.normal(0, 0.3, QUEUES)[queue] + rng.normal(0, 0.1, 2 * QUEUES)[fine]
    value = 5 + levels[agent] + effects + rng.normal(0, 0.6, agent.size)
    return Work(agent, queue, fine, rng.integers(0, 91, agent.size), value, levels)


def fit(work: Work, *, is_log: bool = False) -> dict[int, FairMeasure]:
    return fit_strata(work.sums, work.days, build_agents(work.levels.size), min_count=5, is_log=is_log)


def test_levels_are_those_of_a_dense_fit_by_restricted_maximum_likelihood() -> None:
    work = draw_work(60, 7)
    parts = [np.eye(work.value.size), together(work.queue), together(work.fine)]
    dense = DenseModel(work.value, indicators(work.agent), parts)
    variances = np.array([0.36, 0.09, 0.01])
    for _ in range(15):
        variances = np.maximum(variances + dense.score_step(variances), 1e-9)
    np.testing.assert_allclose(dense.score_step(variances), 0, atol=1e-9)
    people = 60
    random = [np.zeros((people, work.value.size + people))]
    for kind in (work.queue, work.fine):
        shares = indicators(kind).mean(axis=0)
        random.append(np.tile(np.append(shares[kind], np.full(people, shares @ shares)), (people, 1)))
    expected, covariance = dense.predict(variances, np.eye(people), random)
    found = fit(work)[91]
    np.testing.assert_allclose(found.fair_mean, expected, atol=1e-7)
    np.testing.assert_allclose(found.effective_count, variances[0] / np.diag(covariance), rtol=1e-6)


def test_skill_is_found_where_good_agents_share_queues() -> None:
    work = draw_work(40, 400)
    plain = np.bincount(work.agent, weights=work.value)
    found = fit(work, is_log=True)[91]
    assert np.corrcoef(work.levels, plain)[0, 1] < 0.94
    assert np.corrcoef(work.levels, np.log(found.fair_mean))[0, 1] > 0.96
    apart = work.levels - work.levels.mean()
    covered = (np.log(found.ratio_to_expected_low) <= apart) & (apart <= np.log(found.ratio_to_expected_high))
    assert covered.mean() >= 0.85


def test_the_expected_mean_is_the_plain_mean_less_the_difference() -> None:
    work = draw_work(12, 50)
    found, logged = fit(work)[91], fit(work, is_log=True)[91]
    plain = np.bincount(work.agent, weights=work.value) / 50
    np.testing.assert_allclose(logged.ratio_to_expected, np.exp(found.difference_to_expected))
    np.testing.assert_allclose(
        np.exp(plain) - logged.difference_to_expected, np.exp(plain - found.difference_to_expected)
    )
    assert (found.difference_to_expected_low < found.difference_to_expected).all()


def test_the_mean_of_the_group_is_what_shrunk_means_are_moved_towards() -> None:
    found = fit(draw_work(20, 30), is_log=True)[28]
    fair, shrunk, group = (np.log(each) for each in (found.fair_mean, found.shrunk_mean, found.group_mean))
    assert np.ptp(group) == 0
    np.testing.assert_allclose(np.abs(shrunk - fair), (1 - found.shrink_weight) * np.abs(fair - group), atol=1e-9)


def test_days_that_are_alike_within_themselves_widen_limits() -> None:
    work = draw_work(10, 200)
    rng = np.random.default_rng(3)
    alike = replace(work, value=work.value + rng.normal(0, 0.4, (10, 91))[work.agent, work.age_days])
    people = 10
    day = alike.agent * 91 + alike.age_days
    counts, totals = np.bincount(day, minlength=910), np.bincount(day, weights=alike.value, minlength=910)
    days = sum_days(np.repeat(np.arange(people), 91), counts, totals, person_count=people)
    agents = build_agents(people)
    with_days = fit_strata(alike.sums, dict.fromkeys(WINDOWS, days), agents, min_count=5)[91]
    without = fit_strata(alike.sums, alike.days, agents, min_count=5)[91]
    assert (with_days.effective_count < 0.9 * without.effective_count).all()


def test_queues_that_nobody_shares_are_components_apart_and_change_no_bit() -> None:
    work = draw_work(10, 50)
    joined = Work(
        np.concatenate([work.agent, work.agent + 10]),
        np.concatenate([work.queue, work.queue + QUEUES]),
        np.concatenate([work.fine, work.fine + 2 * QUEUES]),
        np.concatenate([work.age_days, work.age_days]),
        np.concatenate([work.value, work.value[::-1]]),
        np.concatenate([work.levels, work.levels]),
    )
    alone, both = fit(work), fit(joined)
    assert both[91].component.tolist() == [0] * 10 + [1] * 10
    for length in WINDOWS:
        for field in fields(FairMeasure):
            first, second = getattr(alone[length], field.name), getattr(both[length], field.name)
            np.testing.assert_array_equal(first, second[:10], err_msg=field.name)


def test_without_spread_or_values_nothing_is_compared() -> None:
    work = draw_work(8, 20)
    flat = replace(work, value=np.full(work.value.size, 3.0))
    found = fit(flat)[91]
    assert found.reason.tolist() == [Reason.NO_SPREAD] * 8
    assert found.fair_mean.tolist() == pytest.approx([3.0] * 8)
    few = draw_work(5, 20)
    of_few = fit(replace(few, value=np.full(few.value.size, 3.0)))[91]
    assert of_few.reason.tolist() == [Reason.FEW_PEOPLE] * 5
    nobody = Agents(build_agents(8).pids, np.full(8, -1))
    empty = fit_strata(work.sums, work.days, nobody, min_count=5)[7]
    assert empty.reason.tolist() == [Reason.NO_VALUE] * 8
