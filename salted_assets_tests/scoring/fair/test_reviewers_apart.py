"""Reviewers with agents of their own: their leniency must not pass for the agents' skill."""

import numpy as np
import pytest

from salted_assets.scoring.fair import FairMeasure, HumanAnswers, ReviewerEffects, fit_human_answers
from salted_assets.scoring.stats import Floats
from salted_assets_tests.support.fair_worlds import build_agents

EVALUATIONS = 20
STRICT_AND_KIND = np.array([-0.14, 0.14])


def draw(reviewer: list[int], leniency: Floats, *, shared: int = 0, spread: float = 0.0, seed: int = 1) -> HumanAnswers:
    """Twenty evaluations of each agent by the agent's reviewer; `shared` of the first agent's by the last reviewer."""
    rng = np.random.default_rng(seed)
    agents = len(reviewer)
    levels = rng.normal(0.6, spread, agents)
    agent = np.repeat(np.arange(agents), EVALUATIONS)
    of_evaluation = np.array(reviewer)[agent]
    of_evaluation[:shared] = reviewer[-1]
    sitting = levels[agent] + leniency[of_evaluation] + rng.normal(0, 0.08, agent.size)
    engagement, question = np.repeat(np.arange(agent.size), 3), np.tile(np.arange(3), agent.size)
    return HumanAnswers(
        agent=agent[engagement],
        question=question,
        reviewer=of_evaluation[engagement],
        engagement=engagement,
        strata=(),
        is_chosen=np.zeros(engagement.size, bool),
        age_days=rng.integers(0, 91, agent.size)[engagement],
        score=sitting[engagement] + 0.05 * (question - 1) + rng.normal(0, 0.2, question.size),
        weight=np.ones(question.size),
        reviewer_pids=[f"reviewer {index}" for index in range(leniency.size)],
    )


def fit(answers: HumanAnswers, agents: int) -> tuple[FairMeasure, ReviewerEffects]:
    found = fit_human_answers(answers, build_agents(agents), min_count=5)
    return found.windows[91], found.reviewers


@pytest.mark.parametrize("shared", [0, 1, 3])
def test_equal_agents_of_a_strict_and_a_kind_reviewer_are_not_told_apart(shared: int) -> None:
    measure, _ = fit(draw([0] * 4 + [1] * 4, STRICT_AND_KIND, shared=shared), 8)
    assert measure.reliability_ratio.max() < 0.3
    for low, high in [("fair_low", "fair_high"), ("shrunk_low", "shrunk_high")]:
        assert (getattr(measure, low) < 0.6).all()
        assert (getattr(measure, high) > 0.6).all()
    assert (measure.percentile_high - measure.percentile_low).min() > 0.7


def test_agents_with_a_reviewer_each_are_not_told_apart() -> None:
    leniency = np.random.default_rng(5).normal(0, 0.08, 8)
    measure, _ = fit(draw(list(range(8)), leniency), 8)
    assert np.ptp(measure.fair_mean) > 0.2
    assert measure.reliability_ratio.max() < 0.3


def test_who_evaluates_agents_of_their_own_has_no_leniency() -> None:
    _, reviewers = fit(draw([0] * 4 + [1] * 4, STRICT_AND_KIND), 8)
    assert np.isnan([*reviewers.effect, *reviewers.low, *reviewers.high]).all()


def test_a_shared_agent_tells_the_leniency_of_two_and_nothing_of_a_third() -> None:
    answers = draw([0] * 4 + [2] * 4 + [1] * 4, np.array([-0.14, 0.14, 0.0]), shared=10)
    _, reviewers = fit(answers, 12)
    assert np.isnan(reviewers.effect).tolist() == [False, False, True]
    assert (reviewers.low[:2] < STRICT_AND_KIND).all()
    assert (reviewers.high[:2] > STRICT_AND_KIND).all()
    assert reviewers.effect[:2].sum() == pytest.approx(0, abs=1e-9)


def test_agents_who_differ_are_told_apart_when_reviewers_share_them() -> None:
    answers = draw([0] * 4 + [1] * 4, STRICT_AND_KIND, spread=0.1)
    alternating = answers.engagement % 2
    shared = HumanAnswers(**{**vars(answers), "reviewer": alternating})
    assert fit(shared, 8)[0].reliability_ratio.min() > 0.8
    assert fit(answers, 8)[0].reliability_ratio.max() < 0.7
