"""How sure a plain mean of a window is, and what it changed by: 95 % limits by the kind of the measure."""

from typing import NamedTuple

from salted_assets.schemas.rolling_measures import RollingMeasure, Scale
from salted_assets.scoring.stats import (
    Dependence,
    Floats,
    Indices,
    Interval,
    bounded_mean_interval,
    difference_of_intervals,
    difference_of_means,
    estimate_dependence,
    find_size_effect,
    geometric_mean_interval,
    mean_interval,
    sample_mean,
    wilson_interval,
)
from salted_assets.scoring.windows.agent_sums import WindowSums


class Sample(NamedTuple):
    """A measure in a window, and by how much the days that are alike widen its limits."""

    sums: WindowSums
    dependence: Dependence


def take_sample(sums: WindowSums, group: Indices) -> Sample:
    """The measure with the design effects of its days and of units that have several values."""
    found = estimate_dependence(*sums.units, sums.days, group)
    return Sample(sums, found._replace(design_effect=found.design_effect * size_effect_of(sums)))


def size_effect_of(sums: WindowSums) -> Floats:
    """How much wider a mean of all values is, for units that have several count more (`find_size_effect`)."""
    return find_size_effect(sums.units.counts, sums.values.counts, sums.squared_sizes)


def find_limits(measure: RollingMeasure, sample: Sample, group: Indices) -> Interval:
    """The plain mean with its 95 % limits, in the unit of the measure; `group` are those whose spread is pooled.

    Score intervals for what is bounded (`bounded_mean_interval`; of shares Wilson's), Student's t for the others, of
    durations' logarithms where the mean is geometric; all of them wider where the values of one day resemble each
    other, or engagements have unequal numbers of values.
    """
    (values, units, _, _), (effect, freedom, _) = sample
    if measure.scale is Scale.SHARE:
        return wilson_interval(units.totals, units.counts, design_effect=effect)
    if measure.is_bounded:
        centre = sample_mean(values.counts, values.totals)
        return bounded_mean_interval(*units, group, centre=centre, design_effect=effect, freedom=freedom)
    build = geometric_mean_interval if measure.scale is Scale.LOG else mean_interval
    return build(*units, design_effect=effect)


def find_trend(
    measure: RollingMeasure, now: Sample, before: Sample, limits: Interval, limits_before: Interval
) -> Interval:
    """The mean less that of the window before, with its limits; the means' own are those of `find_limits`.

    Of two plain means Welch's difference, else that of the two intervals (Newcombe 1998; Zou and Donner 2008).
    """
    if measure.scale is Scale.PLAIN and not measure.is_bounded:
        effects = now.dependence.design_effect, before.dependence.design_effect
        return difference_of_means(now.sums.units, before.sums.units, design_effects=effects)
    return difference_of_intervals(limits, limits_before)
