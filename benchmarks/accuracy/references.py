"""What estimates are measured against: the plain mean, an oracle that knows the prior, and a full Bayesian fit."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy

from benchmarks.accuracy.scenarios import LEVELS, People, Scenario
from salted_assets.scoring.stats import Floats, mean_interval, pooled_variance

_CHUNK = 3_000
"""People whose grids are in memory at once."""
_SPREADS = np.arange(0.005, 0.35, 0.01)
_TAIL = 0.025
_HALVINGS = 16


class Estimate(NamedTuple):
    """Everybody's estimate with its limits, arrays of worlds x people; limits are NaN where there are none."""

    value: Floats
    low: Floats
    high: Floats


def as_estimate(parts: Sequence[Floats], shape: tuple[int, ...]) -> Estimate:
    """Value and limits of people one after the other, brought into worlds x people."""
    return Estimate(*(part.reshape(shape) for part in parts))


def without_limits(value: Floats) -> Estimate:
    """An estimate that has no interval."""
    nothing = np.full(value.shape, np.nan)
    return Estimate(value, nothing, nothing)


def stack(worlds: Iterable[Estimate]) -> Estimate:
    """Estimates of single worlds, one array of people each, as worlds x people."""
    return Estimate(*(np.array(parts) for parts in zip(*worlds, strict=True)))


def plain_t(people: People) -> Estimate:
    """The plain mean with Student's t interval."""
    return as_estimate(mean_interval(*people.sums), people.truth.shape)


def oracle(scenario: Scenario, people: People) -> Estimate:
    """The posterior of who knows how true levels are spread, and how evaluations arise: nobody can do better."""
    prior = scenario.prior(people.truth.shape[1])
    with np.errstate(divide="ignore"):
        log_prior = np.log(prior)
    parts = [_posterior(scenario.log_likelihood(chunk) + log_prior) for chunk in _chunks(people)]
    return Estimate(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def grid_bayes(people: People) -> Estimate:
    """As `_grid_bayes`, by parts that fit the processor's memory."""
    parts = [_grid_bayes(chunk) for chunk in _chunks(people)]
    return Estimate(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _grid_bayes(people: People) -> Estimate:
    """The full posterior of the normal model, within variance pooled and taken as known.

    The mean and the standard deviation between people have flat priors, the latter on a grid up to .35; the mean is
    integrated out. Limits are quantiles of the posterior.
    """
    count, total, squares = people.sums
    within, _ = (part.reshape(people.truth.shape) for part in pooled_variance(count, total, squares, people.group))
    mean = (total / count).reshape(people.truth.shape)
    noise = np.maximum(within, 1e-9) / people.count
    weight = 1 / (noise[..., None] + _SPREADS**2)
    summed = weight.sum(1, keepdims=True)
    centre = (weight * mean[..., None]).sum(1, keepdims=True) / summed
    misfit = (weight * (mean[..., None] - centre) ** 2).sum(1, keepdims=True)
    log = (np.log(weight).sum(1, keepdims=True) - np.log(summed) - misfit) / 2
    share = np.exp(log - log.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    pull = noise[..., None] * weight
    means = mean[..., None] + pull * (centre - mean[..., None])
    deviations = np.sqrt((1 - pull) * noise[..., None] + pull**2 / summed)
    return Estimate(
        (share * means).sum(-1),
        _quantile_of_mixture(share, means, deviations, _TAIL),
        _quantile_of_mixture(share, means, deviations, 1 - _TAIL),
    )


def _quantile_of_mixture(share: Floats, means: Floats, deviations: Floats, probability: float) -> Floats:
    """By bisection, the same number of steps for all."""
    low, high = (means - 6 * deviations).min(-1), (means + 6 * deviations).max(-1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = (share * scipy.special.ndtr((middle[..., None] - means) / deviations)).sum(-1)
        is_below = below < probability
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.asarray((low + high) / 2)


def _chunks(people: People) -> Iterator[People]:
    worlds, size = people.truth.shape
    step = max(1, _CHUNK // size)
    for start in range(0, worlds, step):
        part = slice(start, start + step)
        yield People(people.truth[part], people.count[part], people.values[part], people.spread[part])


def _posterior(log: Floats) -> Estimate:
    share = np.exp(log - log.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    below = share.cumsum(-1)
    return Estimate(share @ LEVELS, _quantile(below, _TAIL), _quantile(below, 1 - _TAIL))


def _quantile(below: Floats, probability: float) -> Floats:
    """Between grid points by a straight line; each point stands for the step around it."""
    index = (below < probability).sum(-1)[..., None]
    step = LEVELS[1] - LEVELS[0]
    upper = np.take_along_axis(below, index, -1)
    lower = np.where(index > 0, np.take_along_axis(below, np.maximum(index - 1, 0), -1), 0.0)
    return np.asarray((LEVELS[index] - step / 2 + step * (probability - lower) / (upper - lower))[..., 0])
