"""Groups of people with known true levels, and the evaluations that they are given: the recipes A to G and "one poor".

A world is one simulated group; all worlds of a scenario are drawn at once, and every method sees the same ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from zlib import crc32

import numpy as np
import scipy

from salted_assets.scoring.stats import Floats, Indices

SEED = 20_240_131
FEWEST, MOST = 3, 30
"""Evaluations of a person: uniform on these and all between."""
ANSWERS = 5
_ALIKE = 6.0
"""Alpha + beta of the share of questions done well in one evaluation."""
LEVELS = np.linspace(0.0, 1.4, 561)
"""The grid of true levels on which a reference that knows the prior computes."""


@dataclass(frozen=True)
class People:
    """All worlds of a scenario: arrays of worlds x people, the values with a third axis, NaN beyond the count."""

    truth: Floats
    count: Indices
    values: Floats
    spread: Floats
    """Standard deviation of one evaluation around the person's level, where the scenario is normal."""

    @property
    def group(self) -> Indices:
        """The world of each person, as the package's formulas want it: one flat array."""
        worlds, people = self.truth.shape
        return np.repeat(np.arange(worlds), people)

    @property
    def sums(self) -> tuple[Floats, Floats, Floats]:
        """Count, sum and sum of squares of each person, flat."""
        values = np.nan_to_num(self.values)
        return self.count.ravel().astype(float), values.sum(-1).ravel(), (values**2).sum(-1).ravel()


Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
Evaluate = Callable[[np.random.Generator, Floats, Floats], Floats]
"""Values out of generator, true levels and spreads, both with a third axis for the evaluations."""
Weigh = Callable[[int], Floats]
"""The prior of a group of so many people on `LEVELS`."""
Likelihood = Callable[[People], Floats]
"""Logarithm of the likelihood of each person's values on `LEVELS`, up to a constant for each person."""


@dataclass(frozen=True)
class Scenario:
    """A recipe, with all that an oracle may know of it."""

    name: str
    levels: str
    evaluations: str
    draw_levels: Draw
    draw_spreads: Draw
    evaluate: Evaluate
    prior: Weigh
    log_likelihood: Likelihood
    people_differ: bool = True
    is_bounded: bool = False

    def draw(self, worlds: int, people: int) -> People:
        """The same worlds at every call."""
        rng = np.random.default_rng([SEED, crc32(self.name.encode()), people])
        truth = self.draw_levels(rng, (worlds, people))
        spread = self.draw_spreads(rng, truth.shape)
        count = rng.integers(FEWEST, MOST, truth.shape, endpoint=True)
        each = np.broadcast_to(truth[..., None], (*truth.shape, MOST))
        values = self.evaluate(rng, each, np.broadcast_to(spread[..., None], each.shape))
        return People(truth, count, np.where(np.arange(MOST) < count[..., None], values, np.nan), spread)


def draw_forms(rng: np.random.Generator, levels: Floats, _: Floats | None = None) -> Floats:
    """Share of five questions done well, where the chance of one varies from evaluation to evaluation."""
    chance = rng.beta(_ALIKE * levels, _ALIKE * (1 - levels))
    return rng.binomial(ANSWERS, chance) / ANSWERS


def draw_normal(rng: np.random.Generator, levels: Floats, spreads: Floats) -> Floats:
    """Normal around the level."""
    return rng.normal(levels, spreads)


def draw_mostly_perfect(rng: np.random.Generator, levels: Floats, _: Floats | None = None) -> Floats:
    """1 with the probability p that makes the level p + (1 - p) / 2, else uniform on 0..1."""
    return np.where(rng.random(levels.shape) < 2 * levels - 1, 1.0, rng.random(levels.shape))


def _log_of_forms(people: People) -> Floats:
    marks = np.rint(np.nan_to_num(people.values, nan=-1) * ANSWERS)
    seen = np.stack([(marks == mark).sum(-1) for mark in range(ANSWERS + 1)], axis=-1)
    level = np.clip(LEVELS, 1e-6, 1 - 1e-6)
    done = np.arange(ANSWERS + 1)[:, None]
    first, second = _ALIKE * level, _ALIKE * (1 - level)
    # Beta-binomial, up to a constant for each mark.
    outcomes = scipy.special.betaln(done + first, ANSWERS - done + second) - scipy.special.betaln(first, second)
    return np.where(LEVELS < 1, seen @ outcomes, -np.inf)


def _log_of_normal(people: People) -> Floats:
    mean = np.nanmean(people.values, axis=-1)[..., None]
    return np.asarray(-((LEVELS - mean) ** 2) * (people.count / (2 * people.spread**2))[..., None])


def _log_of_mostly_perfect(people: People) -> Floats:
    perfect = (people.values == 1).sum(-1)[..., None]
    chance = np.clip(2 * LEVELS - 1, 1e-9, 1 - 1e-9)
    inside = perfect * np.log(chance) + (people.count[..., None] - perfect) * np.log1p(-chance)
    return np.where((LEVELS > 0.5) & (LEVELS < 1), inside, -np.inf)  # noqa: PLR2004 - p = 0


def _beta(mean: float, total: float, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.beta(mean * total, (1 - mean) * total, shape)


def _normal(mean: float, spread: float, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.normal(mean, spread, shape)


def _constant(value: float, _: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.full(shape, value)


def _tenth_poor(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    is_poor = rng.random(shape) < 0.1  # noqa: PLR2004 - the tenth
    return np.clip(np.where(is_poor, rng.normal(0.5, 0.03, shape), rng.normal(0.78, 0.03, shape)), 0, 1)


def _one_poor(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.asarray(rng.normal(0.75, 0.03, shape) - 0.25 * (np.arange(shape[1]) == 0))


def _unequal_spreads(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.lognormal(np.log(0.15), 0.45, shape)


def _half_of_beta(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return 0.5 + rng.beta(8, 2, shape) / 2


def _normal_prior(mean: float, spread: float, _: int) -> Floats:
    return np.exp(-(((LEVELS - mean) / spread) ** 2) / 2)


def _beta_prior(mean: float, total: float, _: int) -> Floats:
    return _beta_density(LEVELS, mean * total, (1 - mean) * total)


def _beta_density(values: Floats, first: float, second: float) -> Floats:
    """Up to a constant."""
    inside = np.clip(values, 0, 1)
    return np.where((values > 0) & (values < 1), inside ** (first - 1) * (1 - inside) ** (second - 1), 0.0)


def _one_poor_prior(people: int) -> Floats:
    return ((people - 1) * _normal_prior(0.75, 0.03, people) + _normal_prior(0.5, 0.03, people)) / people


_FORMS = "share of 5 questions done well, each with probability p, p ~ Beta(6 level, 6 (1 - level)) in each evaluation"
_NO_SPREAD = partial(_constant, np.nan)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "A",
            "Beta(.75 x 37.3, .25 x 37.3): mean .75, sd .07",
            _FORMS,
            partial(_beta, 0.75, 37.3),
            _NO_SPREAD,
            draw_forms,
            partial(_beta_prior, 0.75, 37.3),
            _log_of_forms,
            is_bounded=True,
        ),
        Scenario(
            "B",
            "near the ceiling: Beta(.93 x 39.7, .07 x 39.7), sd .04",
            "as in A",
            partial(_beta, 0.93, 39.7),
            _NO_SPREAD,
            draw_forms,
            partial(_beta_prior, 0.93, 39.7),
            _log_of_forms,
            is_bounded=True,
        ),
        Scenario(
            "C",
            "N(.75, .07)",
            "normal with a spread of the person's own, log-normal around .15 (sd of the logarithm .45)",
            partial(_normal, 0.75, 0.07),
            _unequal_spreads,
            draw_normal,
            partial(_normal_prior, 0.75, 0.07),
            _log_of_normal,
        ),
        Scenario(
            "D",
            "a tenth poor: N(.5, .03) with probability .1, else N(.78, .03)",
            "as in A",
            _tenth_poor,
            _NO_SPREAD,
            draw_forms,
            lambda people: 0.1 * _normal_prior(0.5, 0.03, people) + 0.9 * _normal_prior(0.78, 0.03, people),
            _log_of_forms,
            is_bounded=True,
        ),
        Scenario(
            "E",
            "nobody differs: all .80",
            "as in A",
            partial(_constant, 0.8),
            _NO_SPREAD,
            draw_forms,
            lambda _: (np.abs(LEVELS - 0.8) == np.abs(LEVELS - 0.8).min()).astype(float),
            _log_of_forms,
            people_differ=False,
            is_bounded=True,
        ),
        Scenario(
            "F",
            "N(.75, .07)",
            "N(level, .18)",
            partial(_normal, 0.75, 0.07),
            partial(_constant, 0.18),
            draw_normal,
            partial(_normal_prior, 0.75, 0.07),
            _log_of_normal,
        ),
        Scenario(
            "G",
            "mostly perfect: p ~ Beta(8, 2), level p + (1 - p) / 2",
            "1 with probability p, else uniform on 0..1",
            _half_of_beta,
            _NO_SPREAD,
            draw_mostly_perfect,
            lambda _: _beta_density(2 * LEVELS - 1, 8, 2),
            _log_of_mostly_perfect,
            is_bounded=True,
        ),
        Scenario(
            "one poor",
            "N(.75, .03), one person .25 lower",
            "N(level, .18)",
            _one_poor,
            partial(_constant, 0.18),
            draw_normal,
            _one_poor_prior,
            _log_of_normal,
        ),
    )
}
