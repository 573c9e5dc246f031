"""The simulated centre as the benchmark of accuracy reads it: each answer with its true facets, each agent's level."""

from datetime import timedelta

import numpy as np
import pytest

from benchmarks.accuracy.answers import plain_means
from benchmarks.accuracy.centre import LAST_DAY, Centre, draw_centre, know_all_facets
from salted_assets.scoring.stats import Floats

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def centre() -> Centre:
    return draw_centre(1)


def test_answers_are_those_of_91_days_by_human_reviewers(centre: Centre) -> None:
    ages = centre.answers.age_days
    assert ages.min() >= 0
    assert 80 < ages.max() < 91
    assert set(centre.answers.reviewer_pids) <= centre.truth.reviewer_leniency.keys()
    assert len(centre.agents.pids) > 30
    assert len(set(centre.agents.group.tolist())) > 1


def test_true_facets_belong_to_their_answers(centre: Centre) -> None:
    """Without them nothing is left of the reviewers' differences, and less of the answers' spread."""
    answers = centre.answers
    level = centre.levels(91)[answers.agent]
    raw, known = answers.score - level, answers.score - level - centre.facets

    def between_reviewers(values: Floats) -> float:
        counts = np.bincount(answers.reviewer)
        return float(np.std((np.bincount(answers.reviewer, weights=values) / np.maximum(counts, 1))[counts > 200]))

    assert between_reviewers(known) < 0.6 * between_reviewers(raw)
    assert known.std() < raw.std()


def test_levels_are_means_over_the_window(centre: Centre) -> None:
    changed = [change.pid for change in (centre.truth.worsening, centre.truth.coaching) if change]
    for days in (28, 91):
        each_day = [centre.truth.levels_on(LAST_DAY - timedelta(days=age)) for age in range(days)]
        expected = {pid: np.mean([levels[pid] for levels in each_day]) for pid in changed}
        levels = dict(zip(centre.agents.pids, centre.levels(days), strict=True))
        assert {pid: levels[pid] for pid in changed} == pytest.approx(expected)
        assert len(changed) == 2


def test_who_knows_all_facets_is_nearer_the_truth_than_plain_means(centre: Centre) -> None:
    truth = centre.levels(91)
    known = know_all_facets(centre, np.ones(centre.answers.score.size, bool))
    plain = plain_means(centre.answers, truth.size)
    assert np.std(known - truth) < 0.75 * np.std(plain - truth)
