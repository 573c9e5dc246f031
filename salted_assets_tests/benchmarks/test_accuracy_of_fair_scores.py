"""The worlds in which the fair score is measured: what is planted comes out where nothing is left to chance."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.answers import Evaluations, Facets, additive_levels, plain_means
from benchmarks.accuracy.fair_scores import AGENTS, EVALUATIONS, draw_facets, estimate_levels
from benchmarks.accuracy.handle_times import draw_queues, estimate_queues
from benchmarks.accuracy.leniency import CASES, draw_reviewers
from benchmarks.accuracy.measures import correlation

SURE = Facets(
    level=np.array([0.7, 0.8, 0.9]),
    ease=np.array([0.1, -0.1, 0.0]),
    leniency=np.array([0.05, -0.05]),
    forms=np.array([[0, 1], [1, 2]]),
    chosen_shift=-0.08,
    evaluation_sd=0.0,
    answer_sd=0.0,
)
TWELVE = Evaluations(
    agent=np.repeat(np.arange(3), 4),
    reviewer=np.tile([0, 0, 1, 1], 3),
    form=np.array([0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0]),
    is_chosen=np.array([0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0], bool),
    age_days=np.zeros(12, np.int64),
)


def test_an_answer_is_the_sum_of_what_is_planted() -> None:
    answers = SURE.answer(np.random.default_rng(1), TWELVE)
    second = answers.engagement == 1
    assert answers.question[second].tolist() == [1, 2]
    assert answers.score[second] == pytest.approx([0.7 + 0.05 - 0.1 - 0.08, 0.7 + 0.05 + 0.0 - 0.08])
    assert answers.agent[second].tolist() == [0, 0]


def test_answers_without_all_facets_are_the_level() -> None:
    answers = SURE.answer(np.random.default_rng(1), TWELVE)
    assert plain_means(SURE.without(answers), 3) == pytest.approx([0.7, 0.8, 0.9])
    assert plain_means(answers, 3) != pytest.approx([0.7, 0.8, 0.9])


def test_least_squares_takes_all_facets_off() -> None:
    answers = SURE.answer(np.random.default_rng(1), TWELVE)
    assert np.diff(additive_levels(answers, 3)) == pytest.approx([0.1, 0.1])


def test_plain_means_take_evaluations_not_answers() -> None:
    answers = SURE.answer(np.random.default_rng(1), TWELVE)
    kept = (answers.engagement > 0) | (answers.question == 0)  # the first evaluation has one answer left
    fewer = replace(
        answers,
        **{
            name: getattr(answers, name)[kept]
            for name in ("agent", "question", "reviewer", "engagement", "is_chosen", "age_days", "score", "weight")
        },
    )
    of_agent = [answers.score[answers.engagement == engagement].mean() for engagement in (1, 2, 3)]
    assert plain_means(fewer, 3)[0] == pytest.approx(np.mean([0.7 + 0.05 + 0.1, *of_agent]))


def test_facets_differ_between_agents_and_worlds_stay_the_same() -> None:
    drawn, again, other = draw_facets(0), draw_facets(0), draw_facets(1)
    answers = drawn.answers
    assert (answers.score == again.answers.score).all()
    assert not np.array_equal(answers.score, other.answers.score)
    assert np.bincount(answers.agent).tolist() == [EVALUATIONS * 5] * AGENTS
    chosen = np.bincount(answers.agent, weights=answers.is_chosen) / (EVALUATIONS * 5)
    assert chosen.std() > 0.18  # by chance alone .13
    assert 0.2 < chosen.mean() < 0.45
    assert set(answers.question) == set(range(10))


def test_plain_means_of_unequal_work_rank_worse_than_least_squares() -> None:
    drawn = [draw_facets(world) for world in range(20)]
    truth = np.array([each.truth for each in drawn])
    plain, additive = (
        correlation(np.array([method(each.answers, AGENTS) for each in drawn]), truth)
        for method in (plain_means, additive_levels)
    )
    assert plain < 0.82
    assert additive > 0.86


def test_fair_means_are_nearer_the_truth_than_plain_ones() -> None:
    drawn = [draw_facets(world) for world in range(3)]
    found = [estimate_levels(each) for each in drawn]
    fair, plain = (
        np.mean([(each[name].value - world.truth) ** 2 for each, world in zip(found, drawn, strict=True)])
        for name in ("fair mean", "plain")
    )
    assert fair < 0.7 * plain


def test_half_of_the_reviewers_do_chosen_evaluations_in_one_case() -> None:
    facets, answers = draw_reviewers(CASES[3], 0)
    share = np.bincount(answers.reviewer, weights=answers.is_chosen) / np.bincount(answers.reviewer)
    assert share[:5] == pytest.approx(0.8, abs=0.08)
    assert share[5:].tolist() == [0] * 5
    assert facets.chosen_shift == -0.08


def test_sittings_vary_as_a_case_says() -> None:
    facets, answers = draw_reviewers(CASES[2], 0)
    known = facets.without(answers).score - facets.level[answers.agent]
    of_sitting = known.reshape(-1, 5).mean(axis=1)
    assert of_sitting.std() == pytest.approx(np.hypot(0.15, 0.2 / np.sqrt(5)), rel=0.03)


def test_queues_are_shared_by_the_fast_and_by_the_slow() -> None:
    drawn = draw_queues(0)
    counts = drawn.counts.sum(-1)
    assert counts.sum(1).tolist() == [400.0] * 40
    assert (np.diff(drawn.agent) > 0).all()
    assert counts[:13, :2].sum() / counts[:13].sum() == pytest.approx(0.8, abs=0.02)
    assert counts[-13:, 4:].sum() / counts[-13:].sum() == pytest.approx(0.8, abs=0.02)
    error = (drawn.totals - drawn.counts * (drawn.agent[:, None] + drawn.queue)[..., None]).sum((1, 2)) / 400
    assert error.std() == pytest.approx(0.6 / 20, rel=0.3)
    within = (drawn.squares - drawn.totals**2 / np.maximum(drawn.counts, 1)).sum()
    assert within / (drawn.counts - 1).clip(0).sum() == pytest.approx(0.36, rel=0.05)


def test_who_knows_the_queues_is_right_and_the_plain_mean_is_not() -> None:
    drawn = draw_queues(1)
    estimates = estimate_queues(drawn)
    assert np.abs(estimates["oracle"].value - drawn.truth).max() < 0.12
    assert np.abs(estimates["plain"].value - drawn.truth).max() > 0.12
