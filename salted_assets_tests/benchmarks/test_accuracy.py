"""The benchmark of accuracy: worlds are what they are said to be, references and measures are right."""

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.accuracy.compare import main
from benchmarks.accuracy.dependence import draw_days, draw_reviewed
from benchmarks.accuracy.goals import Figure, Goal
from benchmarks.accuracy.measures import correlation, coverage_by_count, lowest, measure, share_found
from benchmarks.accuracy.plain_intervals import SINGLES, draw_singles
from benchmarks.accuracy.references import Estimate, grid_bayes, oracle, plain_t
from benchmarks.accuracy.report import render_figures, render_page
from benchmarks.accuracy.scenarios import SCENARIOS, People
from benchmarks.accuracy.section import Section, Table
from salted_assets.scoring.stats import Floats

WORLDS, PEOPLE = 300, 30
LEVELS = {
    "A": (0.75, 0.07),
    "B": (0.93, 0.04),
    "C": (0.75, 0.07),
    "D": (0.752, 0.0892),  # .1 x .5 + .9 x .78; spread of the mixture: .09 x .28^2 + .03^2
    "E": (0.80, 0.0),
    "F": (0.75, 0.07),
    "G": (0.90, 0.0603),  # half of Beta(8, 2), whose variance is 16 / (100 x 11)
    "one poor": (0.75 - 0.25 / PEOPLE, 0.0541),
}
SCENARIOS_BY_NAME = pytest.mark.parametrize("name", SCENARIOS)


def deviations(people: People) -> Floats:
    return np.asarray(people.values - people.truth[..., None])


@SCENARIOS_BY_NAME
def test_levels_are_spread_as_the_page_says(name: str) -> None:
    truth = SCENARIOS[name].draw(WORLDS, PEOPLE).truth
    mean, spread = LEVELS[name]
    assert truth.mean() == pytest.approx(mean, abs=0.003)
    assert truth.std() == pytest.approx(spread, abs=0.002)


@SCENARIOS_BY_NAME
def test_evaluations_are_right_on_average_at_every_level(name: str) -> None:
    people = SCENARIOS[name].draw(WORLDS, PEOPLE)
    order = people.truth.ravel().argsort()
    for part in np.array_split(deviations(people).reshape(-1, 30)[order], 3):
        assert np.nanmean(part) == pytest.approx(0, abs=0.004)


@SCENARIOS_BY_NAME
def test_people_have_3_to_30_evaluations(name: str) -> None:
    people = SCENARIOS[name].draw(20, PEOPLE)
    assert (people.count == np.isfinite(people.values).sum(-1)).all()
    assert set(people.count.ravel()) == set(range(3, 31))
    if SCENARIOS[name].is_bounded:
        assert np.nanmin(people.values) >= 0
        assert np.nanmax(people.values) <= 1


def test_forms_vary_as_beta_binomial_ones_do() -> None:
    people = SCENARIOS["E"].draw(WORLDS, PEOPLE)
    assert np.nanvar(deviations(people)) == pytest.approx(0.8 * 0.2 * (1 / 5 + 4 / 5 / 7), rel=0.02)


def test_every_call_draws_the_same_worlds_and_every_size_others() -> None:
    first, again, other = (SCENARIOS["A"].draw(5, size) for size in (8, 8, 9))
    assert (first.truth == again.truth).all()
    assert np.array_equal(first.values, again.values, equal_nan=True)
    assert not (first.truth == other.truth[:, :8]).any()


def test_the_sums_are_those_of_the_values() -> None:
    people = SCENARIOS["G"].draw(3, 4)
    count, total, squares = people.sums
    own = people.values[1, 2][: people.count[1, 2]]
    assert people.group.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert (count[6], total[6], squares[6]) == pytest.approx((own.size, own.sum(), (own**2).sum()))


def test_the_oracle_of_normal_levels_is_the_closed_form() -> None:
    people = SCENARIOS["F"].draw(20, 8)
    noise = 0.18**2 / people.count
    weight = 0.07**2 / (0.07**2 + noise)
    value = 0.75 + weight * (np.nanmean(people.values, -1) - 0.75)
    half = 1.959964 * np.sqrt(weight * noise)
    for found, expected in zip(oracle(SCENARIOS["F"], people), (value, value - half, value + half), strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_the_oracle_of_mostly_perfect_scores_is_the_conjugate_one() -> None:
    people = SCENARIOS["G"].draw(20, 8)
    perfect = (people.values == 1).sum(-1)
    expected = 0.5 + (8 + perfect) / (10 + people.count) / 2
    np.testing.assert_allclose(oracle(SCENARIOS["G"], people).value, expected, atol=5e-4)


@SCENARIOS_BY_NAME
def test_nothing_beats_the_oracle_and_its_intervals_hold(name: str) -> None:
    scenario = SCENARIOS[name]
    people = scenario.draw(100, PEOPLE)
    best, plain = measure(oracle(scenario, people), people.truth), measure(plain_t(people), people.truth)
    assert best.rmse < 0.8 * plain.rmse
    assert best.coverage >= 0.935
    assert best.coverage <= 0.965 or not scenario.people_differ


def test_a_full_fit_of_many_people_is_as_good_as_the_oracle() -> None:
    people = SCENARIOS["F"].draw(20, 300)
    full, best = measure(grid_bayes(people), people.truth), measure(oracle(SCENARIOS["F"], people), people.truth)
    assert full.rmse == pytest.approx(best.rmse, rel=0.02)
    assert full.width == pytest.approx(best.width, rel=0.02)
    assert full.coverage == pytest.approx(0.95, abs=0.01)


def test_errors_coverage_and_width_are_counted() -> None:
    estimate = Estimate(
        np.array([[0.5, 0.5, 0.7, 0.9]]), np.array([[0.4, 0.4, 0.6, np.nan]]), np.array([[0.6, 0.8, 0.8, np.nan]])
    )
    truth = np.array([[0.5, 0.3, 0.7, 0.9]])

    found = measure(estimate, truth)

    assert found.rmse == pytest.approx(0.1)
    assert found.bias == pytest.approx(0.05)
    assert found.coverage == pytest.approx(2 / 3)
    assert found.width == pytest.approx(0.8 / 3)
    assert found.share_without == pytest.approx(1 / 4)
    assert measure(estimate, truth, truth < 0.4).coverage == 0
    assert coverage_by_count(estimate, truth, np.array([[3, 3, 4, 4]])) == {3: 0.5, 4: 1.0}


def test_the_lowest_tenth_is_one_of_twelve_and_three_of_thirty() -> None:
    values = np.array([np.arange(12.0), np.arange(12.0)[::-1]])
    assert np.argwhere(lowest(values)).tolist() == [[0, 0], [1, 11]]
    assert lowest(np.arange(30.0)[None, :]).sum() == 3
    assert lowest(np.arange(6.0)[None, :]).sum() == 1
    assert share_found(values[::-1], values) == 0
    assert share_found(values, values * 2) == 1


def test_a_correlation_is_the_mean_of_the_worlds() -> None:
    truth = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4]])
    assert correlation(np.array([[2.0, 4, 6, 8], [4, 3, 2, 1]]), truth) == pytest.approx(0)
    assert correlation(np.array([[2.0, 4, 6, np.nan]]), truth[:1]) == pytest.approx(1)


def test_a_goal_is_met_within_its_bounds_alone() -> None:
    both = Goal(0.94, 0.97)
    assert [Figure("x", value, both).is_met for value in (0.9399, 0.94, 0.97, 0.9701, np.nan)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert [str(goal) for goal in (both, Goal(low=0.9), Goal(high=0.1), Goal(0, 0))] == [
        "0.94 to 0.97",
        ">= 0.9",
        "<= 0.1",
        "0",
    ]


def test_the_page_shows_every_figure_and_how_many_are_met() -> None:
    figures = [Figure("first", 0.93996, Goal(low=0.94)), Figure("second", 0.95, Goal(low=0.94))]
    page = render_page(
        [Section("Subject", "Words.", figures, [Table("Rows", [("a", "b"), ("1", "2")])])],
        worlds=20,
        command="python -m benchmarks.accuracy",
        date="2026-01-01",
    )
    assert "1 of 2 figures reach their goals" in page
    assert render_figures(figures) in page
    assert "| first  | 0.940    | >= 0.94 | **not met** |" in page
    assert "## Subject\n\nWords.\n\nRows:\n\n| a | b |" in page


@pytest.mark.parametrize("name", SINGLES)
def test_single_people_have_the_mean_and_variance_that_their_intervals_are_held_against(name: str) -> None:
    people = draw_singles(name, 5, 40_000)
    assert people.truth.shape == (40_000, 1)
    assert people.values.mean() == pytest.approx(people.truth[0, 0], abs=0.004)
    assert people.values.var() == pytest.approx(SINGLES[name][1], rel=0.03)


def test_a_tenth_of_the_variance_is_of_the_day() -> None:
    days = draw_days(50, (20,))
    mean = days.total / 20
    within = (days.sum_of_squares - 20 * mean**2).sum() / (19 * mean.size)
    between = mean.var(axis=-1, ddof=1).mean() - within / 20
    assert within + between == pytest.approx(0.18**2, rel=0.03)
    assert between / (within + between) == pytest.approx(0.1, abs=0.01)


def test_part_timers_have_no_values_on_the_days_of_the_others() -> None:
    days = draw_days(2, (3, 20))
    assert set(days.count.sum(-1).ravel()) == {60.0, 400.0}
    assert days.total[days.count == 0].tolist() == [0.0] * int((days.count == 0).sum())


def test_twelve_of_a_hundred_engagements_have_three_evaluations() -> None:
    reviewed = draw_reviewed(100)
    engagements = (3 + 30) / 2
    count, total, _ = reviewed.evaluations
    assert reviewed.count.sum(-1).mean() == pytest.approx(engagements, rel=0.01)
    assert count.mean() == pytest.approx(engagements * (0.88 + 3 * 0.12), rel=0.01)
    assert (total / count - reviewed.truth).std() == pytest.approx(0.0285, rel=0.05)


def test_the_command_prints_figures_of_one_part(tmp_path: object) -> None:
    result = CliRunner().invoke(main, ["--worlds", "20", "--only", "dependence", "--docs", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "three reviewers: coverage" in result.output
