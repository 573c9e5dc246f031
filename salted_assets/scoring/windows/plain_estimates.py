"""The estimates of measures in which nothing but the agent is told apart: the plain mean, shrunk within the channel."""

from collections.abc import Collection, Sequence

import numpy as np

from salted_assets.schemas.rolling_measures import RollingMeasure
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.fair.results import FairMeasure, Reason
from salted_assets.scoring.stats import (
    Floats,
    Indices,
    ShrinkOutcome,
    Shrunk,
    percentile_ranks,
    sample_mean,
    shrink,
)
from salted_assets.scoring.windows.agent_sums import AgentSums, WindowSums
from salted_assets.scoring.windows.agent_windows import AgentWindow
from salted_assets.scoring.windows.limits import find_limits, take_sample
from salted_assets.scoring.windows.measure_columns import MEASURES_ALIKE, cut, join_indexes, unscale


def estimate_windows(
    sums: AgentSums, windows: Sequence[AgentWindow], measures: Collection[RollingMeasure], choices: RollingChoices
) -> list[dict[RollingMeasure, FairMeasure]]:
    """For each window what `estimate_plain` has of the measures, all that are alike at once."""
    found: list[dict[RollingMeasure, FairMeasure]] = [{} for _ in windows]
    groups, sizes = [window.group for window in windows], [window.present.size for window in windows]
    group_counts = [int(group.max(initial=-1)) + 1 for group in groups]
    present = {window.days: window.present for window in windows}
    for alike in MEASURES_ALIKE:
        some = [measure for measure in alike if measure in measures]
        if not some:
            continue
        min_counts = [choices.min_units_of(measure) for measure in some]
        together = estimate_plain(
            some[0],
            sums.join_windows_of(some, present),
            join_indexes(groups, group_counts, len(some)),
            np.concatenate([np.repeat(min_counts, size) for size in sizes]),
        )
        start = 0
        for of_window, size in zip(found, sizes, strict=True):
            for measure in some:
                of_window[measure] = together.at(slice(start, start + size))
                start += size
    return found


def estimate_plain(measure: RollingMeasure, sums: WindowSums, group: Indices, min_count: int | Indices) -> FairMeasure:
    """The measure of each agent, whose group are those of the same index with at least `min_count` values.

    The fair mean is the plain one with the limits of `find_limits`, the shrunk one that of `shrink` with design effects
    (`take_sample`); shares and logarithms are shrunk as they add up. There are no components and nothing
    to expect.

    >>> from salted_assets.schemas.rolling_measures import FAIR_MEASURES
    >>> empathy = next(measure for measure in FAIR_MEASURES if measure.name == "empathy")
    >>> from salted_assets.scoring.stats import DaySums
    >>> from salted_assets.scoring.windows.agent_sums import Sums
    >>> mean, n = np.array([1.0, 2, 3, 4, 5, 6]), np.full(6, 2.0)
    >>> sums, days = Sums(n, n * mean, n * mean**2 + 2), DaySums(n, n, n * mean**2)
    >>> found = estimate_plain(empathy, WindowSums(sums, sums, days, n), np.zeros(6, int), 2)
    >>> round(float(found.fair_mean[0]), 3), round(float(found.shrunk_mean[0]), 3), int(found.reason[0])
    (1.0, 1.429, 0)
    """
    values, units, _, _ = sums
    sample = take_sample(sums, group)
    limits, effect = find_limits(measure, sample, group), sample.dependence.design_effect
    is_member = values.counts >= min_count
    mean = sample_mean(values.counts, values.totals)
    shrunk = shrink(*units, group, min_count=1, is_member=is_member, centre=mean, design_effect=effect)
    ranks = percentile_ranks(shrunk.value, shrunk.error, group, is_peer=is_member)
    nothing = np.full(group.size, np.nan)
    return FairMeasure(
        fair_mean=limits.value,
        fair_low=cut(measure, limits.low),
        fair_high=cut(measure, limits.high),
        shrunk_mean=unscale(measure, shrunk.value),
        shrunk_low=cut(measure, unscale(measure, shrunk.low)),
        shrunk_high=cut(measure, unscale(measure, shrunk.high)),
        shrink_weight=shrunk.weight,
        reliability_ratio=shrunk.reliability,
        percentile=ranks.value,
        percentile_low=ranks.low,
        percentile_high=ranks.high,
        above_median_probability=ranks.above_median_probability,
        **dict.fromkeys((f"{name}{end}" for name in _EXPECTED for end in ("", "_low", "_high")), nothing),
        effective_count=units.counts / effect,
        group_mean=unscale(measure, shrunk.group_mean),
        component=np.full(group.size, -1),
        reason=_find_reasons(values.counts, is_member, shrunk),
    )


_EXPECTED = ("difference_to_expected", "ratio_to_expected")


def _find_reasons(counts: Floats, is_member: np.ndarray, shrunk: Shrunk) -> Indices:
    reasons = [
        (counts <= 0, Reason.NO_VALUE),
        (~is_member, Reason.TOO_FEW),
        (shrunk.outcome == ShrinkOutcome.TOO_FEW_PEOPLE, Reason.FEW_PEOPLE),
        (shrunk.outcome == ShrinkOutcome.NO_SPREAD, Reason.NO_SPREAD),
    ]
    conditions, outcomes = zip(*reasons, strict=True)
    found: Indices = np.select(conditions, outcomes, Reason.COMPARED).astype(np.int64)
    return found
