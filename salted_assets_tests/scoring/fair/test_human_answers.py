"""The fair score of human answers: what must not change it, what must, and when it says nothing."""

from dataclasses import fields, replace

import numpy as np
import pytest

from salted_assets.scoring.fair import Agents, FairMeasure, HumanAnswers, Reason, fit_human_answers
from salted_assets.scoring.fair.answer_rows import take_answers
from salted_assets.scoring.stats import shrink
from salted_assets_tests.support.fair_worlds import (
    Recipe,
    append_stranger_component,
    draw_picked_world,
    draw_world,
    permute,
)

pytestmark = pytest.mark.slow

MIN_COUNT = 5
MIXED = Recipe(agents=30, chosen_share=0.3, kinds_of_work=3, questions=4, yes_no=2)


def assert_same(first: FairMeasure, second: FairMeasure, people: int) -> None:
    """To the last bit, for the first people."""
    for field in fields(FairMeasure):
        np.testing.assert_array_equal(
            getattr(first, field.name)[:people], getattr(second, field.name)[:people], err_msg=field.name
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_answers_changes_nothing(seed: int) -> None:
    world = draw_world(MIXED, seed)
    found = fit_human_answers(world.answers, world.agents, min_count=MIN_COUNT)
    permuted = fit_human_answers(permute(world.answers, seed), world.agents, min_count=MIN_COUNT)
    for days, measure in found.windows.items():
        assert_same(measure, permuted.windows[days], 30)
    np.testing.assert_array_equal(found.reviewers.effect, permuted.reviewers.effect)
    assert np.isfinite(found.windows[91].percentile).all()


def test_a_component_that_nothing_connects_changes_no_bit() -> None:
    world = draw_world(MIXED)
    alone = fit_human_answers(world.answers, world.agents, min_count=MIN_COUNT)
    joined = fit_human_answers(*append_stranger_component(world), min_count=MIN_COUNT)
    for days, measure in alone.windows.items():
        assert_same(measure, joined.windows[days], 30)
    np.testing.assert_array_equal(alone.reviewers.effect, joined.reviewers.effect[:6])
    assert joined.windows[91].component.tolist() == [0] * 30 + [1] * 30


def test_agents_of_another_channel_are_another_component() -> None:
    world = draw_world(MIXED)
    halves = Agents(world.agents.pids, np.repeat([0, 1], 15))
    found = fit_human_answers(world.answers, halves, min_count=MIN_COUNT).windows[91]
    assert found.component.tolist() == [0] * 15 + [1] * 15


def test_with_one_question_and_reviewer_it_is_the_shrunk_plain_mean() -> None:
    world = draw_world(Recipe(agents=12, reviewers=1, questions=1, evaluations=9, agent_spread=0.05))
    answers = replace(world.answers, score=np.clip(world.answers.score, 0.02, 0.98))
    answers = take_answers(answers, np.flatnonzero(np.arange(answers.score.size) % 7 != 3))
    found = fit_human_answers(answers, world.agents, min_count=MIN_COUNT).windows[91]
    count, total, squares = (np.bincount(answers.agent, weights=answers.score**power) for power in range(3))
    expected = shrink(count, total, squares, np.zeros(12, np.int64), min_count=MIN_COUNT)
    pairs = {
        "fair mean": (found.fair_mean, total / count),
        "shrunk mean": (found.shrunk_mean, expected.value),
        "lower limit": (found.shrunk_low, expected.low),
        "upper limit": (found.shrunk_high, expected.high),
        "reliability": (found.reliability_ratio, expected.reliability),
        "weight": (found.shrink_weight, expected.weight),
        "mean of the group": (found.group_mean, expected.group_mean),
        "count": (found.effective_count, count),
    }
    for name, (own, plain) in pairs.items():
        np.testing.assert_allclose(own, plain, rtol=0, atol=1e-9, err_msg=name)


def test_an_agent_who_drops_a_week_ago_differs_between_windows() -> None:
    world = draw_world(Recipe(agents=20, evaluations=90, chosen_share=0.2))
    answers = world.answers
    dropped = replace(answers, score=answers.score - 0.2 * ((answers.agent == 0) & (answers.age_days < 7)))
    before, after = (fit_human_answers(each, world.agents, min_count=MIN_COUNT).windows for each in (answers, dropped))
    moved = {days: after[days].fair_mean - before[days].fair_mean for days in after}
    assert moved[7][0] == pytest.approx(-0.2, abs=0.03)
    assert -0.08 < moved[28][0] < -0.03
    assert -0.03 < moved[91][0] < -0.005
    assert np.abs(moved[7][1:]).max() < 0.01


def test_a_fair_mean_is_worth_no_more_engagements_than_there_are() -> None:
    world = draw_world(Recipe(agents=20, reviewers=1, chosen_share=0.6, evaluations=20))
    answers = world.answers
    firsts = np.unique(answers.engagement, return_index=True)[1]
    for days, measure in fit_human_answers(answers, world.agents, min_count=MIN_COUNT).windows.items():
        in_window = firsts[answers.age_days[firsts] < days]
        engagements = np.bincount(answers.agent[in_window], minlength=20)
        known = np.isfinite(measure.effective_count)
        assert known.any()
        assert (measure.effective_count <= engagements)[known].all()


def test_an_agent_with_chosen_engagements_alone_has_no_fair_mean() -> None:
    world = draw_world(Recipe(agents=8, evaluations=30, chosen_share=0.3))
    is_chosen = world.answers.is_chosen | (world.answers.agent == 3)
    found = fit_human_answers(replace(world.answers, is_chosen=is_chosen), world.agents, min_count=MIN_COUNT)
    measure = found.windows[91]
    assert measure.reason.tolist() == [Reason.COMPARED] * 3 + [Reason.ONLY_CHOSEN] + [Reason.COMPARED] * 4
    assert np.flatnonzero(np.isnan(measure.fair_mean)).tolist() == [3]
    assert np.flatnonzero(np.isnan(measure.shrunk_mean)).tolist() == [3]


def test_fewer_than_six_people_are_not_compared_but_have_fair_means() -> None:
    world = draw_world(Recipe(agents=5, evaluations=30))
    measure = fit_human_answers(world.answers, world.agents, min_count=MIN_COUNT).windows[91]
    assert measure.reason.tolist() == [Reason.FEW_PEOPLE] * 5
    assert np.isfinite(measure.fair_low).all()
    assert np.isnan(measure.shrunk_mean).all()
    assert np.isnan(measure.percentile).all()


def test_who_has_too_few_is_told_so_where_nothing_can_be_fitted() -> None:
    world = draw_world(Recipe(agents=6, evaluations=1, reviewers=1, questions=1))
    once = take_answers(world.answers, np.unique(world.answers.agent, return_index=True)[1])
    measure = fit_human_answers(once, world.agents, min_count=MIN_COUNT).windows[91]
    assert measure.reason.tolist() == [Reason.TOO_FEW] * 6


def test_where_no_answer_differs_nobody_is_compared_and_no_limits_are_of_no_width() -> None:
    world = draw_world(Recipe(agents=8, evaluations=10))
    answers = replace(world.answers, score=np.ones(world.answers.score.size))
    measure = fit_human_answers(answers, world.agents, min_count=MIN_COUNT).windows[91]
    assert measure.reason.tolist() == [Reason.NO_SPREAD] * 8
    assert measure.fair_mean.tolist() == [1.0] * 8
    assert (measure.fair_low < 0.9).all()


def test_no_answer_gives_nothing() -> None:
    world = draw_world(Recipe(agents=8))
    nothing: HumanAnswers = take_answers(world.answers, np.zeros(0, np.int64))
    found = fit_human_answers(nothing, world.agents, min_count=MIN_COUNT)
    assert set(found.windows) == {7, 28, 91}
    assert found.windows[7].reason.tolist() == [Reason.NO_VALUE] * 8
    assert np.isnan(found.reviewers.effect).all()


def test_leniency_is_beside_the_other_reviewers() -> None:
    world = draw_world(Recipe(agents=40, evaluations=20, reviewer_spread=0.1))
    found = fit_human_answers(world.answers, world.agents, min_count=MIN_COUNT).reviewers
    expected = world.reviewers - world.reviewers.mean()
    assert found.effect.sum() == pytest.approx(0, abs=1e-9)
    half = (found.high - found.low) / 2
    assert (np.abs(found.effect - expected) < 1.5 * half).all()  # three standard errors
    # Where the reviewers' mean lies is not in it: that alone is unsure by 0.1 / sqrt(6) = 0.04.
    assert (half < 0.03).all()


def test_a_reviewer_without_others_has_no_leniency() -> None:
    world = draw_world(Recipe(agents=12, reviewers=1))
    found = fit_human_answers(world.answers, world.agents, min_count=MIN_COUNT).reviewers
    assert np.isnan([*found.effect, *found.low, *found.high]).all()


def test_agents_whose_low_engagements_are_picked_are_not_flattered() -> None:
    worlds = [draw_picked_world(seed) for seed in range(15)]
    found = [fit_human_answers(world.answers, world.agents, min_count=MIN_COUNT).windows[91] for world in worlds]
    errors = [measure.fair_mean - world.levels for measure, world in zip(found, worlds, strict=True)]
    worst = [np.argsort(world.levels)[:6] for world in worlds]
    bias = [error[lowest].mean() - error.mean() for error, lowest in zip(errors, worst, strict=True)]
    assert abs(np.mean(bias)) <= 0.01
