"""Simulated answers of human reviewers with known levels of agents, as the fair score's models read them."""

from dataclasses import dataclass, replace

import numpy as np

from salted_assets.scoring.fair import Agents, HumanAnswers
from salted_assets.scoring.fair.answer_rows import take_answers
from salted_assets.scoring.stats import Floats, Indices


@dataclass(frozen=True)
class World:
    """Answers, and the levels and reviewer effects behind them."""

    answers: HumanAnswers
    agents: Agents
    levels: Floats
    reviewers: Floats


@dataclass(frozen=True)
class Recipe:
    """Sizes and standard deviations; every engagement has one sitting, with `questions` answers."""

    agents: int = 60
    reviewers: int = 6
    evaluations: int = 8
    questions: int = 3
    yes_no: int = 0
    kinds_of_work: int = 0
    agent_spread: float = 0.07
    reviewer_spread: float = 0.06
    engagement_spread: float = 0.08
    work_spread: float = 0.05
    error: float = 0.2
    chosen_share: float = 0.0
    chosen_slope: float = 1.0
    chosen_spread: float = 0.0


def draw_world(recipe: Recipe, seed: int = 1) -> World:
    """Answers of the 91 days; chosen engagements are .08 lower where the agent is usual."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(0.75, recipe.agent_spread, recipe.agents)
    reviewers = rng.normal(0, recipe.reviewer_spread, recipe.reviewers)
    difficulty = np.linspace(-0.1, 0.1, recipe.questions) if recipe.questions > 1 else np.zeros(1)
    agent = np.repeat(np.arange(recipe.agents), recipe.evaluations)
    count = agent.size
    reviewer = rng.integers(0, recipe.reviewers, count)
    work = rng.integers(0, max(recipe.kinds_of_work, 1), count)
    is_chosen = rng.random(count) < recipe.chosen_share
    own_part = rng.normal(0, recipe.chosen_spread, recipe.agents)
    chosen_level = 0.67 + recipe.chosen_slope * (levels - 0.75) + own_part
    sitting = np.where(is_chosen, chosen_level[agent], levels[agent]) + reviewers[reviewer]
    sitting += rng.normal(0, recipe.engagement_spread, count)
    sitting += (rng.normal(0, recipe.work_spread, max(recipe.kinds_of_work, 1)) * bool(recipe.kinds_of_work))[work]
    engagement = np.repeat(np.arange(count), recipe.questions)
    question = np.tile(np.arange(recipe.questions), count)
    score = sitting[engagement] + difficulty[question] + rng.normal(0, recipe.error, engagement.size)
    is_yes_no = question < recipe.yes_no
    score = np.where(is_yes_no, rng.random(score.size) < sitting[engagement] + difficulty[question], score)
    answers = HumanAnswers(
        agent=agent[engagement],
        question=question,
        reviewer=reviewer[engagement],
        engagement=engagement,
        strata=(work[engagement],) if recipe.kinds_of_work else (),
        is_chosen=is_chosen[engagement],
        age_days=rng.integers(0, 91, count)[engagement],
        score=score,
        weight=np.ones(score.size),
        reviewer_pids=[f"reviewer {index}" for index in range(recipe.reviewers)],
    )
    return World(answers, build_agents(recipe.agents), levels, reviewers)


def draw_picked_world(seed: int, agents: int = 60) -> World:
    """Of 300 engagements of each agent 8 at random, and up to 12 of those with an auto score below .55."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(0.75, 0.07, agents)
    sittings = levels[:, None] + rng.normal(0, 0.12, (agents, 300))
    auto_scores = levels[:, None] + 0.8 * (sittings - levels[:, None]) + rng.normal(0, 0.08, sittings.shape)
    picked = [(index, place, False) for index in range(agents) for place in range(8)]
    for index in range(agents):
        low = np.flatnonzero(auto_scores[index, 8:] < 0.55) + 8
        picked += [(index, int(place), True) for place in low[:12]]
    agent, place, is_chosen = (np.array(column) for column in zip(*picked, strict=True))
    engagement, question = np.repeat(np.arange(agent.size), 5), np.tile(np.arange(5), agent.size)
    reviewers = rng.normal(0, 0.04, 6)
    reviewer = rng.integers(0, 6, agent.size)
    level = sittings[agent, place] + reviewers[reviewer]
    answers = HumanAnswers(
        agent=agent[engagement],
        question=question,
        reviewer=reviewer[engagement],
        engagement=engagement,
        strata=(),
        is_chosen=is_chosen[engagement],
        age_days=rng.integers(0, 91, agent.size)[engagement],
        score=level[engagement] + 0.04 * (question - 2) + rng.normal(0, 0.2, question.size),
        weight=np.ones(question.size),
        reviewer_pids=[f"reviewer {index}" for index in range(6)],
    )
    return World(answers, build_agents(agents), levels, reviewers)


def build_agents(count: int) -> Agents:
    """Agents of one group."""
    return Agents([f"agent {index}" for index in range(count)], np.zeros(count, np.int64))


def permute(answers: HumanAnswers, seed: int) -> HumanAnswers:
    """The same answers in another order."""
    order: Indices = np.random.default_rng(seed).permutation(answers.score.size)
    return take_answers(answers, order)


def append_stranger_component(world: World) -> tuple[HumanAnswers, Agents]:
    """The world's answers, and after them the same again by other agents, questions, reviewers, engagements."""
    own, people = world.answers, len(world.agents.pids)
    others = replace(
        own,
        agent=own.agent + people,
        question=own.question + own.question.max() + 1,
        reviewer=own.reviewer + len(own.reviewer_pids),
        engagement=own.engagement + own.engagement.max() + 1,
        strata=tuple(stratum + stratum.max() + 1 for stratum in own.strata),
        score=own.score[::-1],
    )
    joined = HumanAnswers(
        agent=np.concatenate([own.agent, others.agent]),
        question=np.concatenate([own.question, others.question]),
        reviewer=np.concatenate([own.reviewer, others.reviewer]),
        engagement=np.concatenate([own.engagement, others.engagement]),
        strata=tuple(np.concatenate(pair) for pair in zip(own.strata, others.strata, strict=True)),
        is_chosen=np.concatenate([own.is_chosen, others.is_chosen]),
        age_days=np.concatenate([own.age_days, others.age_days]),
        score=np.concatenate([own.score, others.score]),
        weight=np.concatenate([own.weight, others.weight]),
        reviewer_pids=[*own.reviewer_pids, *(f"stranger {pid}" for pid in own.reviewer_pids)],
    )
    return joined, Agents(
        [*world.agents.pids, *(f"stranger {pid}" for pid in world.agents.pids)], np.zeros(2 * people, int)
    )
