"""The columns that both tables of windows share: mean and trend of a measure, by its kind."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.schemas.rolling_measures import RollingMeasure, Scale
from salted_assets.scoring.stats import (
    Floats,
    Indices,
    Interval,
    difference_of_intervals,
    difference_of_means,
    geometric_mean_interval,
    mean_interval,
    wilson_interval,
)
from salted_assets.scoring.windows.agent_sums import Sums

Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Columns of one measure: a value for each agent or team."""

_BOUNDS = {"0..1": (0.0, 1.0), "ratio": (0.0, 1.0), "ms": (0.0, np.inf)}


def build_mean_columns(measure: RollingMeasure, now: Sums, before: Sums) -> dict[str, Floats]:
    """Mean and trend of each agent or team, with their 95 % limits; NaN where nothing can be said.

    By `measure.scale`: the mean with Student's t interval, the geometric mean with that of the logarithms, the share
    with Wilson's. Limits of the mean beyond what the unit can be are cut. The trend is the mean less that of the window
    before: Welch's difference of means, else that of the two intervals (Newcombe 1998; Zou and Donner 2008).

    >>> from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
    >>> share = next(measure for measure in ROLLING_MEASURES if measure.name == "service_level_met_ratio")
    >>> now, before = (Sums(np.array([100.0]), *[np.array([met])] * 2) for met in (90.0, 80.0))
    >>> found = build_mean_columns(share, now, before)
    >>> [round(float(found[name][0]), 3) for name in ("mean", "mean_low", "trend", "trend_low", "trend_high")]
    [0.9, 0.826, 0.1, 0.0, 0.199]
    """
    value, low, high = _interval(measure, now)
    previous = _interval(measure, before)
    if measure.scale is Scale.PLAIN:
        trend = difference_of_means(now, before)
    else:
        trend = difference_of_intervals(Interval(value, low, high), previous)
    return {
        "measure_count": now.counts,
        "mean": value,
        "mean_low": cut(measure, low),
        "mean_high": cut(measure, high),
        "previous_count": before.counts,
        "previous_mean": previous.value,
        "trend": trend.value,
        "trend_low": trend.low,
        "trend_high": trend.high,
    }


def unscale(measure: RollingMeasure, value: Floats) -> Floats:
    """From the scale on which sums add up to the unit of the measure."""
    return np.exp(value) if measure.scale is Scale.LOG else value


def cut(measure: RollingMeasure, limit: Floats) -> Floats:
    """A limit, no further than the unit goes: a share is in 0..1, a duration is not negative."""
    return np.clip(limit, *_BOUNDS[measure.unit]) if measure.unit in _BOUNDS else limit


def label_column(labels: Sequence[str], indexes: Indices) -> pa.Array:
    """The labels at these indexes, null for -1."""
    return pa.array([*labels, None], pa.string()).take(pa.array(np.where(indexes < 0, len(labels), indexes)))


def build_table(model: type[Table], who: Mapping[str, pa.Array], scored: Mapping[RollingMeasure, Columns]) -> pa.Table:
    """The model's table out of columns that say who it is about and, for each measure, columns of as many values.

    One row per measure that anybody has (`measure_count` above 0) and person, in this order. What a measure has no
    column for is null, and so is NaN.
    """
    shown = [(measure, columns) for measure, columns in scored.items() if (columns["measure_count"] > 0).any()]
    size = len(next(iter(who.values())))
    index = np.tile(np.arange(size), len(shown))
    table = {name: values.take(index) for name, values in who.items()}
    kind = np.repeat(np.arange(len(shown)), size)
    for name in ("measure", "unit", "unit_of_count", "is_ranked"):
        attribute = "name" if name == "measure" else name
        table[name] = pa.array([getattr(measure, attribute) for measure, _ in shown]).take(kind)
    for field in arrow_schema(model):
        if field.name not in table:
            nothing = pa.nulls(size, field.type)
            parts = [
                pa.array(columns[field.name], from_pandas=True).cast(field.type) if field.name in columns else nothing
                for _, columns in shown
            ]
            table[field.name] = pa.chunked_array(parts, field.type)
    schema = arrow_schema(model)
    return pa.table({name: table[name].cast(schema.field(name).type) for name in schema.names}, schema=schema)


def _interval(measure: RollingMeasure, sums: Sums) -> Interval:
    if measure.scale is Scale.SHARE:
        return wilson_interval(sums.totals, sums.counts)
    build = geometric_mean_interval if measure.scale is Scale.LOG else mean_interval
    return build(*sums)
