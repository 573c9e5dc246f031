"""Reviewers' leniency against the equations that define it."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from salted_assets.scoring.stats import Leniency, estimate_leniency


def summed(answers: Sequence[tuple[int, int, float]], raters: int) -> Leniency:
    """Ratings given one by one as rater, cell, score."""
    pairs = sorted({(rater, cell) for rater, cell, _ in answers})
    scores = [[score for rater, cell, score in answers if (rater, cell) == pair] for pair in pairs]
    return estimate_leniency(
        np.array([rater for rater, _ in pairs], int),
        np.array([cell for _, cell in pairs], int),
        [len(each) for each in scores],
        [sum(each) for each in scores],
        [sum(score**2 for score in each) for each in scores],
        rater_count=raters,
    )


def simulate(
    truth: npt.NDArray[np.float64], *, cells: int, seed: int, noise: float = 0.15
) -> list[tuple[int, int, float]]:
    """Three raters in each cell, drawn at random, two ratings each."""
    random = np.random.default_rng(seed)
    answers = []
    for cell in range(cells):
        level = random.normal(0.7, 0.2)
        for rater in random.choice(truth.size, 3, replace=False):
            answers += [(int(rater), cell, level + truth[rater] + random.normal(0, noise)) for _ in range(2)]
    return answers


def test_the_plain_difference_is_the_weighted_mean_over_cells() -> None:
    answers = [(0, 0, 0.9), (0, 0, 0.8), (1, 0, 0.5), (0, 1, 0.4), (1, 1, 0.6), (2, 1, 0.6), (0, 2, 0.0)]
    found = summed(answers, 4)
    assert found.difference[0] == pytest.approx((2 / 3 * (0.85 - 0.5) + 2 / 3 * (0.4 - 0.6)) / (4 / 3))
    assert found.weight[0] == pytest.approx(4 / 3)
    assert math.isnan(found.difference[3])
    assert (found.weight[3], found.value[3], found.standard_deviation[3]) == (0, 0, 0)


def test_the_estimate_solves_the_mixed_model_equations() -> None:
    truth = np.array([0.2, 0.1, 0.0, -0.1, -0.2, 0.05])
    answers = simulate(truth, cells=40, seed=4)
    found = summed(answers, 6)
    raters, cells = np.eye(6)[[rater for rater, _, _ in answers]], np.eye(40)[[cell for _, cell, _ in answers]]
    scores = np.array([score for _, _, score in answers])
    # The ratio of the variances is what the estimate's own spread says it took.
    excess = raters.T @ (scores - cells @ np.linalg.lstsq(cells, scores)[0])
    design = raters.T @ raters - raters.T @ cells @ np.linalg.inv(cells.T @ cells) @ cells.T @ raters
    ratio = float(np.mean((excess - design @ found.value) / found.value))
    whole = np.block([[cells.T @ cells, cells.T @ raters], [raters.T @ cells, raters.T @ raters + ratio * np.eye(6)]])
    solved = np.linalg.solve(whole, np.concatenate([cells.T @ scores, raters.T @ scores]))
    assert found.value == pytest.approx(solved[40:], abs=1e-9)
    assert ratio == pytest.approx(0.15**2 / np.var(truth, ddof=1), rel=0.6)


def test_known_leniency_is_found_and_its_spread_covers_it() -> None:
    random = np.random.default_rng(8)
    covered, errors = [], []
    for seed in range(30):
        truth = random.normal(0, 0.1, 8)
        found = summed(simulate(truth, cells=60, seed=seed), 8)
        relative = truth - truth.mean()
        errors.append(np.mean((found.value - relative) ** 2))
        covered.append(np.abs(found.value - relative) < 2.2 * found.standard_deviation)
    assert np.sqrt(np.mean(errors)) < 0.03
    assert np.mean(covered) > 0.9


def test_where_raters_do_not_differ_hardly_anything_is_taken_off() -> None:
    found = [summed(simulate(np.zeros(8), cells=40, seed=seed), 8).value for seed in range(20)]
    assert np.abs(found).max() < 0.06
    assert any((value == 0).all() for value in found)


@pytest.mark.parametrize(
    "answers", [[], [(0, 0, 0.5)], [(0, 0, 0.5), (1, 1, 0.9)], [(0, 0, 0.5), (1, 0, 0.5)], [(0, 0, 0.1), (1, 0, 0.9)]]
)
def test_too_little_says_nothing(answers: list[tuple[int, int, float]]) -> None:
    assert summed(answers, 2).value.tolist() == [0, 0]


def test_raters_who_differ_exactly_are_told_apart_exactly() -> None:
    answers = [(rater, cell, 0.1 * cell + 0.2 * rater) for rater in (0, 1) for cell in range(5) for _ in range(2)]
    assert summed(answers, 2).value == pytest.approx([-0.1, 0.1], abs=1e-6)
