"""Evaluations that depend on each other: days that are alike within themselves, engagements with three reviewers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.goals import DAYS_COVERAGE, THREE_REVIEWERS_COVERAGE, Figure
from benchmarks.accuracy.measures import Accuracy, measure
from benchmarks.accuracy.references import Estimate, as_estimate
from benchmarks.accuracy.scenarios import FEWEST, MOST, SEED
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.stats import (
    Floats,
    bounded_mean_interval,
    estimate_dependence,
    find_size_effect,
    mean_interval,
    shrink,
    sum_days,
)

_PEOPLE = 30
_SPREAD, _ICC, _A_DAY = 0.18, 0.1, 20
_DAYS = {"5 days (n = 100)": (5,), "20 days (n = 400)": (20,), "3 and 20 days (n = 60 and 400)": (3, 20)}
"""Days of a person; where there are two numbers, half of the people have each."""
_REVIEWED_BY_THREE, _DAYS_OF_WINDOW = 0.12, 28
_OF_ENGAGEMENT, _OF_SITTING, _OF_EYE = 0.08, 0.04, 0.02

_TEXT = """\
**Days**: 30 people, levels N(.75, .07), 20 evaluations a day, of which a tenth of the variance (.18 squared) is of \
the day.

**Three reviewers**: 30 people, 3 to 30 engagements each on random days of 28, of which 12 % are evaluated by three \
reviewers; an engagement has its own level (sd .08), a sitting (sd .04) and a reviewer's eye for an engagement (sd \
.02) add to it.

`t` takes evaluations for independent. `t, by days` and `score, by days` are the intervals that the tables have for \
unbounded and for bounded scores, widened by the design effect of days, of engagements' means; `shrunk, by days` is \
the shrunk mean with it. The score and shrunk intervals are around the mean of evaluations, in which an engagement \
with three counts three times: the design effect of unequal numbers is for that."""


@dataclass(frozen=True)
class Days:
    """Units of one day of one person, in worlds x people x days; days that a person does not work have no value.

    Units are evaluations, or the means of engagements' evaluations; `evaluations` are count, sum and sum of squares of
    each person's, in worlds x people, `squared_sizes` the sum of the squared numbers of them that units have.
    """

    truth: Floats
    count: Floats
    total: Floats
    sum_of_squares: Floats
    evaluations: tuple[Floats, Floats, Floats]
    squared_sizes: Floats


def draw_days(worlds: int, days: tuple[int, ...]) -> Days:
    """Each day's count, sum and sum of squares, drawn as they are distributed, without its single evaluations."""
    rng = np.random.default_rng([SEED, 1, *days])
    shape = (worlds, _PEOPLE, max(days))
    truth = rng.normal(0.75, 0.07, shape[:2])
    level = truth[..., None] + rng.normal(0, _SPREAD * np.sqrt(_ICC), shape)
    within = _SPREAD**2 * (1 - _ICC)
    mean = level + rng.normal(0, np.sqrt(within / _A_DAY), shape)
    squares = within * rng.chisquare(_A_DAY - 1, shape) + _A_DAY * mean**2
    worked = np.resize(np.array(days), _PEOPLE)[:, None] > np.arange(max(days))
    sums = _A_DAY * worked * np.ones(shape), _A_DAY * mean * worked, squares * worked
    return Days(truth, *sums, (sums[0].sum(-1), sums[1].sum(-1), sums[2].sum(-1)), sums[0].sum(-1))


def estimate_by_days(days: Days) -> dict[str, Estimate]:
    """Intervals that know of days and one that does not."""
    shape, length = days.truth.shape, days.count.shape[-1]
    count, total, squares = (part.sum(-1).ravel() for part in (days.count, days.total, days.sum_of_squares))
    group, person = np.repeat(np.arange(shape[0]), shape[1]), np.repeat(np.arange(days.truth.size), length)
    of_days = sum_days(person, days.count.ravel(), days.total.ravel(), person_count=days.truth.size)
    effect, freedom, _ = estimate_dependence(count, total, squares, of_days, group)
    evaluation_count, evaluation_total, evaluation_squares = (part.ravel() for part in days.evaluations)
    mean = evaluation_total / evaluation_count
    both = effect * find_size_effect(count, evaluation_count, days.squared_sizes.ravel())
    shrunk = shrink(count, total, squares, group, design_effect=both, centre=mean)
    score = bounded_mean_interval(count, total, squares, group, centre=mean, design_effect=both, freedom=freedom)
    return {
        "t": as_estimate(mean_interval(evaluation_count, evaluation_total, evaluation_squares), shape),
        "t, by days": as_estimate(mean_interval(count, total, squares, design_effect=effect), shape),
        "score, by days": as_estimate(score, shape),
        "shrunk, by days": as_estimate((shrunk.value, shrunk.low, shrunk.high), shape),
    }


def draw_reviewed(worlds: int) -> Days:
    """Engagements with one evaluation, and some with three, on random days of 28."""
    rng = np.random.default_rng([SEED, 2])
    shape = (worlds, _PEOPLE, MOST)
    truth = np.clip(rng.normal(0.75, 0.07, shape[:2]), 0, 1)
    level = truth[..., None] + rng.normal(0, _OF_ENGAGEMENT, shape)
    each = level[..., None] + rng.normal(0, np.hypot(_OF_SITTING, _OF_EYE), (*shape, 3))
    number = np.where(rng.random(shape) < _REVIEWED_BY_THREE, 3, 1)
    number *= np.arange(MOST) < rng.integers(FEWEST, MOST, shape[:2], endpoint=True)[..., None]
    kept = np.where(np.arange(3) < number[..., None], each, 0)
    day = np.arange(truth.size).reshape(*truth.shape, 1) * _DAYS_OF_WINDOW + rng.integers(0, _DAYS_OF_WINDOW, shape)

    def by_day(values: Floats) -> Floats:
        summed = np.bincount(day.ravel(), weights=values.ravel(), minlength=truth.size * _DAYS_OF_WINDOW)
        return np.asarray(summed.reshape(*truth.shape, _DAYS_OF_WINDOW), np.float64)

    means = kept.sum(-1) / np.maximum(number, 1)
    evaluations = number.sum(-1).astype(float), kept.sum((-2, -1)), (kept**2).sum((-2, -1))
    sums = by_day(np.minimum(number, 1.0)), by_day(means), by_day(means**2)
    return Days(truth, *sums, evaluations, (number**2).sum(-1).astype(float))


def measure_dependence(worlds: int) -> Section:
    """Days and three reviewers."""
    rows: list[Row] = [("what", "interval", "RMSE", "coverage", "width", "without")]
    figures = []
    for name, days in _DAYS.items():
        drawn = draw_days(worlds, days)
        estimates = estimate_by_days(drawn)
        rows += _rows(name, {method: measure(each, drawn.truth) for method, each in estimates.items()})
        for number in days if len(days) > 1 else ():
            some = np.broadcast_to((drawn.count > 0).sum(-1) == number, drawn.truth.shape)
            of_some = {method: measure(each, drawn.truth, some) for method, each in estimates.items()}
            rows += _rows(f"of these, those with {number} days", of_some)
            figures.append(
                Figure(
                    f"days: coverage, those with {number} beside others", of_some["t, by days"].coverage, DAYS_COVERAGE
                )
            )
        if len(days) == 1:
            coverage = measure(estimates["t, by days"], drawn.truth).coverage
            figures.append(Figure(f"days: coverage, {name}", coverage, DAYS_COVERAGE))
    reviewed = draw_reviewed(worlds)
    of_reviewed = {method: measure(each, reviewed.truth) for method, each in estimate_by_days(reviewed).items()}
    rows += _rows("three reviewers", of_reviewed)
    figures.append(
        Figure("three reviewers: coverage", of_reviewed["score, by days"].coverage, THREE_REVIEWERS_COVERAGE)
    )
    return Section("Evaluations that depend on each other", _TEXT, figures, [Table("", rows)])


def _rows(name: str, accuracies: dict[str, Accuracy]) -> Iterator[Row]:
    for method, accuracy in accuracies.items():
        cells = (accuracy.coverage, accuracy.width, accuracy.share_without)
        yield (name, method, digits(accuracy.rmse, 4), *map(digits, cells))
