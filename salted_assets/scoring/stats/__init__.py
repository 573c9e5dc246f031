"""Statistics over whole arrays of people at once: intervals, shrinkage, ranks, agreement.

Here: formulas from the literature, each with its source, on plain numbers; whatever cannot be said is NaN. Every
function takes arrays (or scalars) that broadcast against each other, and never raises for odd numbers in them.
SciPy is imported as a whole, which loads each of its parts when it is first used: loading the definitions uses none.
Not here: what the numbers measure or which of them may be compared (`scoring`), tables, files.
"""

from salted_assets.scoring.stats.agreement import Agreement, measure_agreement
from salted_assets.scoring.stats.anchoring import Anchored, AnchorOutcome, PairSums, anchor_means, sum_pairs
from salted_assets.scoring.stats.dependence import DaySums, Dependence, estimate_dependence, find_size_effect, sum_days
from salted_assets.scoring.stats.intervals import (
    Interval,
    bounded_mean_interval,
    count_needed,
    difference_of_intervals,
    difference_of_means,
    geometric_mean_interval,
    mean_interval,
    wilson_interval,
)
from salted_assets.scoring.stats.ranks import Percentiles, percentile_ranks
from salted_assets.scoring.stats.samples import Floats, Indices, divide, pooled_variance, sample_mean, sample_variance
from salted_assets.scoring.stats.shrinkage import FEWEST_PEOPLE, ShrinkOutcome, Shrunk, shrink, shrink_means

__all__ = [
    "FEWEST_PEOPLE",
    "Agreement",
    "AnchorOutcome",
    "Anchored",
    "DaySums",
    "Dependence",
    "Floats",
    "Indices",
    "Interval",
    "PairSums",
    "Percentiles",
    "ShrinkOutcome",
    "Shrunk",
    "anchor_means",
    "bounded_mean_interval",
    "count_needed",
    "difference_of_intervals",
    "difference_of_means",
    "divide",
    "estimate_dependence",
    "find_size_effect",
    "geometric_mean_interval",
    "mean_interval",
    "measure_agreement",
    "percentile_ranks",
    "pooled_variance",
    "sample_mean",
    "sample_variance",
    "shrink",
    "shrink_means",
    "sum_days",
    "sum_pairs",
    "wilson_interval",
]
