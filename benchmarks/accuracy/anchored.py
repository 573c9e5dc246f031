"""The anchored mean: people's evaluations of few engagements with auto scores of all, however the few were chosen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.accuracy.goals import (
    ANCHORED_BIAS_OF_INCORRECT,
    ANCHORED_COVERAGE,
    ANCHORED_RMSE,
    ANCHORED_WIDTH,
    Figure,
)
from benchmarks.accuracy.measures import Accuracy, measure
from benchmarks.accuracy.references import Estimate
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.stats import Floats, anchor_means, pooled_variance, sum_pairs
from salted_assets.scoring.stats.anchoring import FEWEST_OF_OTHERS
from salted_assets.scoring.stats.intervals import student_quantile

PEOPLE, EVALUATIONS, ENGAGEMENTS = (40, 6), (3, 5, 10, 20), (20, 400)
CORRELATIONS = (0.0, 0.2, 0.4, 0.55, 0.7, 0.85)
RANDOM, BY_AUTO, BY_HEARD = CHOICES = ("at random", "by auto score", "by what was heard")
_LEVEL, _LEVEL_SD, _SD, _AUTO_BIAS, _AUTO_BIAS_SD = 0.75, 0.07, 0.17, 0.05, 0.05
_PREFERENCE = 0.7
"""An engagement one standard deviation lower is exp(.7), twice, as likely to be chosen."""
_MORE_WORLDS_OF_FEW = 4
_ENGAGEMENTS_AT_ONCE = 2_000_000
_INCORRECT_MARGIN, _INCORRECT_SHARE = 0.15, 0.6
_SHOWN = (0.4, 0.55, 0.7)
_WIDTH_AT = 10

_TEXT = f"""\
Groups of 40 and of 6 people (levels N(.75, .07)); each has N engagements (20 or 400), of which reviewers evaluate n, \
and the auto reviewer scores all. Scores by people and by the auto reviewer have sd .17 within an agent, and the \
correlation of a column; the auto reviewer is off by another amount for each agent (.05, sd .05). The n are drawn at \
random, or low ones are preferred: one that is a standard deviation lower is twice as likely to be chosen, by the auto \
score, or by the part of the level that only who listens perceives. `RMSE` and `width` are over those of people's \
evaluations alone (plain mean; t interval with the pooled variance, cut to 0..1, too), `bias` is that of the anchored \
mean and of people's evaluations alone, `extra` the median of how many more evaluations the auto reviews are worth.

Where others have too few evaluations (of 6 people with 3 each they have 15, which is 10 less one of each), auto \
reviews count for nothing, and a choice by the auto score is not corrected. With N = 20 the ten that were evaluated \
are half of all, so that no method makes an interval narrower than by the root of 1 - correlation^2 (1 - n / N): .92 \
and .87 of it. What only who listens perceives, nothing corrects.

**Marked Incorrect**: of the auto reviews of evaluated engagements, {_INCORRECT_SHARE:.0%} of those that are more than \
{_INCORRECT_MARGIN:g} above the person's evaluation are marked Incorrect, of others none. The anchored mean takes auto \
reviews as they were first given; `dropped` is what it would be if those marked were left out."""


@dataclass(frozen=True)
class Setting:
    """How many people, evaluations of each and engagements of each, and how the evaluated ones were chosen."""

    choice: str
    people: int
    evaluations: int
    engagements: int

    @property
    def has_enough_others(self) -> bool:
        """Whether others have as many evaluations as it takes."""
        return (self.people - 1) * (self.evaluations - 1) >= FEWEST_OF_OTHERS


@dataclass(frozen=True)
class Drawn:
    """Worlds x people with their scores: of all engagements the auto scores' mean, of evaluated ones both."""

    level: Floats
    human: Floats
    auto: Floats
    auto_mean: Floats


@dataclass(frozen=True)
class Measured:
    """One setting and correlation: the anchored mean, and people's evaluations alone."""

    anchored: Accuracy
    alone: Accuracy
    extra: float

    @property
    def rmse_ratio(self) -> float:
        """The error beside that of people's evaluations alone."""
        return self.anchored.rmse / self.alone.rmse

    @property
    def width_ratio(self) -> float:
        """The width of intervals beside that of people's evaluations alone."""
        return self.anchored.width / self.alone.width


def draw(setting: Setting, worlds: int) -> dict[float, Drawn]:
    """Worlds for each correlation, which share levels, auto scores and the part that only who listens perceives."""
    chunk = max(1, _ENGAGEMENTS_AT_ONCE // (setting.people * setting.engagements))
    parts = [
        _draw_chunk(setting, min(chunk, worlds - start), np.random.default_rng([SEED, 7, *_number(setting), start]))
        for start in range(0, worlds, chunk)
    ]
    return {
        correlation: Drawn(*(np.concatenate(each) for each in zip(*(part[correlation] for part in parts), strict=True)))
        for correlation in CORRELATIONS
    }


def _number(setting: Setting) -> tuple[int, int, int, int]:
    return CHOICES.index(setting.choice), setting.people, setting.evaluations, setting.engagements


def _draw_chunk(setting: Setting, worlds: int, rng: np.random.Generator) -> dict[float, tuple[Floats, ...]]:
    size = worlds, setting.people, setting.engagements
    level = rng.normal(_LEVEL, _LEVEL_SD, size[:2])
    bias = rng.normal(_AUTO_BIAS, _AUTO_BIAS_SD, size[:2])
    seen, heard = rng.normal(size=size), rng.normal(size=size)
    # The n with the largest of preference + Gumbel noise are drawn with these odds, without replacement.
    odds = rng.gumbel(size=size)
    if setting.choice != RANDOM:
        odds -= _PREFERENCE * (seen if setting.choice == BY_AUTO else heard)
    order = np.argpartition(-odds, setting.evaluations - 1, axis=2)
    evaluated = order[..., : setting.evaluations]
    own_seen, own_heard = (np.take_along_axis(part, evaluated, 2) for part in (seen, heard))
    auto_level = level + bias
    auto, auto_mean = auto_level[..., None] + _SD * own_seen, auto_level + _SD * seen.mean(axis=2)
    return {
        each: (
            level,
            level[..., None] + _SD * (each * own_seen + np.sqrt(1 - each**2) * own_heard),
            auto,
            auto_mean,
        )
        for each in CORRELATIONS
    }


def estimate(drawn: Drawn, engagements: int) -> tuple[Estimate, Estimate, Floats]:
    """The anchored mean, people's evaluations alone, and what auto reviews are worth; worlds x people."""
    worlds, people, count = drawn.human.shape
    person, group = np.repeat(np.arange(worlds * people), count), np.repeat(np.arange(worlds), people)
    pairs = sum_pairs(person, drawn.human.ravel(), drawn.auto.ravel(), person_count=worlds * people)
    found = anchor_means(pairs, engagements, drawn.auto_mean.ravel(), group)
    mean = pairs.totals / pairs.counts
    within, freedom = pooled_variance(pairs.counts, pairs.totals, pairs.squares, group)
    half = student_quantile(freedom, 0.95) * np.sqrt(within / pairs.counts)
    shape = worlds, people
    return (
        Estimate(*(part.reshape(shape) for part in (found.value, found.low, found.high))),
        Estimate(*(np.clip(part, 0, 1).reshape(shape) for part in (mean, mean - half, mean + half))),
        found.extra_count.reshape(shape),
    )


def measure_setting(setting: Setting, worlds: int) -> dict[float, Measured]:
    """Both estimates at each correlation; of few people there are four times as many worlds."""
    count = worlds * (_MORE_WORLDS_OF_FEW if setting.people == min(PEOPLE) else 1)
    measured = {}
    for correlation, drawn in draw(setting, count).items():
        anchored, alone, extra = estimate(drawn, setting.engagements)
        measured[correlation] = Measured(
            measure(anchored, drawn.level), measure(alone, drawn.level), float(np.median(extra))
        )
    return measured


def measure_incorrect(correlation: float, worlds: int) -> tuple[float, float]:
    """The bias where auto reviews that were too high are marked Incorrect: of the anchored mean, and if dropped."""
    setting = Setting(RANDOM, 40, 10, 400)
    drawn = draw(setting, worlds)[correlation]
    marked = np.random.default_rng([SEED, 8]).random(drawn.auto.shape) < _INCORRECT_SHARE
    marked &= drawn.auto > drawn.human + _INCORRECT_MARGIN
    usual = drawn.auto_mean.mean(axis=1)[:, None, None]
    left = np.where(marked, usual, drawn.auto)
    auto_mean = drawn.auto_mean + (left - drawn.auto).sum(axis=2) / setting.engagements
    dropped = Drawn(drawn.level, drawn.human, left, auto_mean)
    first, second = (measure(estimate(each, setting.engagements)[0], each.level).bias for each in (drawn, dropped))
    return first, second


def measure_anchored(worlds: int) -> Section:
    """All settings at all correlations."""
    cases = {
        setting: measure_setting(setting, worlds)
        for setting in (Setting(*each) for each in product(CHOICES, PEOPLE, EVALUATIONS, ENGAGEMENTS))
    }
    incorrect = {correlation: measure_incorrect(correlation, worlds) for correlation in CORRELATIONS}
    marked: list[Row] = [("correlation", "bias", "bias if dropped")]
    marked += [(f"{each:g}", digits(first, 4), digits(second, 4)) for each, (first, second) in incorrect.items()]
    return Section(
        "Anchored means",
        _TEXT,
        [*_figures(cases), _figure_of_incorrect(incorrect)],
        [
            Table("", [_HEADER, *_rows(cases)]),
            Table("Auto reviews marked Incorrect (40 people, n = 10, N = 400)", marked),
        ],
    )


_HEADER = (
    *("chosen", "people", "n", "N", "coverage, lowest", "highest"),
    *(f"{what} at {at:g}" for what in ("RMSE", "width") for at in _SHOWN),
    *("bias at 0.7", "of people alone", "extra at 0.7"),
)


def _rows(cases: Mapping[Setting, Mapping[float, Measured]]) -> Iterator[Row]:
    for setting, measured in cases.items():
        coverages = [each.anchored.coverage for each in measured.values()]
        at = measured[0.7]
        yield (
            *(setting.choice, str(setting.people), str(setting.evaluations), str(setting.engagements)),
            *(digits(min(coverages)), digits(max(coverages))),
            *(digits(measured[each].rmse_ratio) for each in _SHOWN),
            *(digits(measured[each].width_ratio) for each in _SHOWN),
            *(digits(at.anchored.bias), digits(at.alone.bias), digits(at.extra, 1)),
        )


def _figures(cases: Mapping[Setting, Mapping[float, Measured]]) -> Iterator[Figure]:
    every = {(setting, at): found for setting, measured in cases.items() for at, found in measured.items()}
    for choice in (RANDOM, BY_AUTO):
        coverages = {key: each.anchored.coverage for key, each in every.items() if key[0].choice == choice}
        told = {key: value for key, value in coverages.items() if key[0].has_enough_others}
        named = {
            "coverage, lowest": min(told, key=told.__getitem__),
            "coverage, highest": max(told, key=told.__getitem__),
            "coverage, few others too, lowest": min(coverages, key=coverages.__getitem__),
        }
        for what, key in named.items():
            yield Figure(f"anchored, {choice}: {what} ({_describe(*key)})", coverages[key], ANCHORED_COVERAGE)
    ratios = {
        key: each.rmse_ratio for key, each in every.items() if key[0].has_enough_others and key[0].choice != BY_HEARD
    }
    key = max(ratios, key=ratios.__getitem__)
    what = f"anchored, {key[0].choice}: RMSE over people alone, highest ({_describe(*key)})"
    yield Figure(what, ratios[key], ANCHORED_RMSE)
    for (at, goal), engagements in product(ANCHORED_WIDTH.items(), reversed(ENGAGEMENTS)):
        settings = [Setting(RANDOM, people, _WIDTH_AT, engagements) for people in PEOPLE]
        widest = max(settings, key=lambda setting: every[setting, at].width_ratio)
        what = f"anchored, {RANDOM}: width over people alone, wider ({_describe(widest, at)})"
        yield Figure(what, every[widest, at].width_ratio, goal)


def _describe(setting: Setting, correlation: float) -> str:
    return f"{setting.people} people, n = {setting.evaluations} of {setting.engagements}, correlation {correlation:g}"


def _figure_of_incorrect(incorrect: Mapping[float, tuple[float, float]]) -> Figure:
    most = max(abs(first) for first, _ in incorrect.values())
    return Figure("anchored: bias where auto reviews are marked Incorrect, largest", most, ANCHORED_BIAS_OF_INCORRECT)
