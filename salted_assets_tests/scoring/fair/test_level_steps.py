"""The steps from the plain mean to the fair level: they add up to what the model gives, each for what it is called."""

from dataclasses import replace

import numpy as np
import pytest

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair import Agents, HumanAnswers, fit_human_answers, on_one_core
from salted_assets.scoring.fair.level_steps import TracedLevel, trace_level
from salted_assets_tests.support.fair_worlds import Recipe, append_stranger_component, build_agents, draw_world, permute

pytestmark = pytest.mark.slow

MIXED = Recipe(agents=10, chosen_share=0.3, kinds_of_work=3, questions=4, yes_no=2, chosen_slope=0.7)


def trace(answers: HumanAnswers, agents: Agents, agent: int, days: int = 91) -> TracedLevel:
    """With one evaluation for each engagement."""
    found = trace_level(answers, np.zeros(answers.score.size, np.int64), agents, agent, window_days=days)
    assert found is not None
    return found


def plain_mean(answers: HumanAnswers, agent: int, days: int) -> float:
    own = (answers.agent == agent) & (answers.age_days < days)
    return float(
        np.mean(
            [answers.score[own & (answers.engagement == each)].mean() for each in np.unique(answers.engagement[own])]
        )
    )


def test_the_steps_lead_from_the_plain_mean_to_the_fair_mean_of_each_window() -> None:
    world = draw_world(MIXED)
    answers = permute(replace(world.answers, score=np.clip(world.answers.score, 0, 1)), 3)
    answers, agents = append_stranger_component(replace(world, answers=answers))
    with on_one_core():
        fitted = fit_human_answers(answers, agents, min_count=3)
    traced = 0
    for agent in (0, 13):
        for days in WINDOWS:
            found = trace_level(answers, np.zeros(answers.score.size, np.int64), agents, agent, window_days=days)
            fair = fitted.windows[days].fair_mean[agent]
            assert (found is None) == bool(np.isnan(fair))
            if found is None:
                continue
            traced += 1
            *steps, end = found.steps
            assert end == pytest.approx(fair, abs=1e-9)
            assert sum(steps) == pytest.approx(end, abs=1e-12)
            assert found.steps.plain == pytest.approx(plain_mean(answers, agent, days), abs=1e-12)
            assert sum(found.shares.values()) == pytest.approx(1, abs=1e-12)
    assert traced >= 4


def test_a_strict_reviewer_and_hard_questions_give_back_what_they_took() -> None:
    recipe = Recipe(agents=12, evaluations=12, reviewers=2, questions=2, error=0.02, engagement_spread=0.02)
    world = draw_world(recipe)
    own = world.answers.agent == 0
    strict = np.where(own, 1, world.answers.reviewer)
    drawn = world.answers.score - world.reviewers[world.answers.reviewer]
    score = drawn - 0.1 * (strict == 1)
    answers = replace(world.answers, reviewer=strict, score=score)
    steps = trace(answers, world.agents, 0).steps
    beside = trace(replace(answers, score=drawn), world.agents, 0).steps
    assert steps.reviewers - beside.reviewers == pytest.approx(0.05, abs=0.02), "half of it is usual"
    asked = replace(answers, question=np.where(own, 0, answers.question), score=score)
    assert abs(trace(answers, world.agents, 0).steps.questions) < 1e-9, "each is asked all questions alike"
    assert trace(asked, world.agents, 0).steps.questions > 0.03, "the first question is the hardest"


def test_without_facets_the_plain_mean_is_the_fair_one() -> None:
    world = draw_world(Recipe(agents=8, reviewers=1, questions=1))
    answers = replace(world.answers, score=np.clip(world.answers.score, 0.02, 0.98))
    steps = trace(answers, world.agents, 3).steps
    assert max(map(abs, steps[1:-1])) < 1e-9
    assert steps.fair == pytest.approx(steps.plain, abs=1e-12)


def test_without_facets_the_shares_weigh_the_fair_mean() -> None:
    world = draw_world(Recipe(agents=8, reviewers=1, questions=1, evaluations=12))
    number = np.arange(world.answers.score.size)
    # of each agent's twelve answers the first four are of one engagement, the next two of another
    engagement = number - np.where(number % 12 < 4, number % 12, np.where(number % 12 == 5, 1, 0))
    score = np.clip(world.answers.score + 0.1 * np.sin(engagement), 0.02, 0.98)
    answers = replace(world.answers, score=score, engagement=engagement, age_days=np.zeros(number.size, np.int64))
    found = trace_level(answers, number, world.agents, 3, window_days=91)
    assert found is not None
    weighed = sum(share * score[at] for (_, at), share in found.shares.items())
    assert weighed == pytest.approx(found.steps.fair, abs=1e-9)
    shares = [found.shares[int(engagement[at]), at] for at in range(36, 48)]
    assert shares[0] < shares[5] < shares[6], "several answers of one engagement tell less each"


def test_where_nothing_tells_how_far_answers_are_off_chosen_ones_are_left_out() -> None:
    nothing, one = np.zeros(3, np.int64), np.ones(3)
    answers = HumanAnswers(
        agent=nothing,
        question=nothing,
        reviewer=nothing,
        engagement=np.arange(3),
        strata=(),
        is_chosen=np.array([True, False, False]),
        age_days=nothing,
        score=one * 0.5,
        weight=one,
        reviewer_pids=["r"],
    )
    answers = replace(answers, score=np.array([0.2, 0.5, 0.5]), agent=np.array([0, 0, 0]))
    alone = replace(answers, question=np.arange(3))
    found = trace(alone, build_agents(1), 0)
    fitted = fit_human_answers(alone, build_agents(1), min_count=1).windows[91]
    assert found.steps.fair == pytest.approx(fitted.fair_mean[0], abs=1e-12)
    assert found.steps.chosen == pytest.approx(0.1)
    assert found.steps.weighing == pytest.approx(0.0)


def test_one_with_chosen_engagements_alone_has_no_steps() -> None:
    world = draw_world(Recipe(agents=8))
    chosen = replace(world.answers, is_chosen=world.answers.is_chosen | (world.answers.agent == 2))
    assert trace_level(chosen, chosen.engagement, world.agents, 2, window_days=91) is None
