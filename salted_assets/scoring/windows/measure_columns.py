"""The columns that both tables of windows share: mean and trend of a measure, by its kind."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES, RollingMeasure, Scale
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.windows.limits import Sample, find_limits, find_trend

Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Columns of one measure: a value for each agent or team."""

_BOUNDS = {"0..1": (0.0, 1.0), "ratio": (0.0, 1.0), "ms": (0.0, np.inf)}


def build_mean_columns(measure: RollingMeasure, now: Sample, before: Sample, group: Indices) -> dict[str, Floats]:
    """Mean of the window and trend since the one before for each agent or team, with their 95 % limits.

    NaN where nothing can be said. Limits are those of `find_limits`, cut where they go beyond what the unit can be, and
    of `find_trend`.

    >>> from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
    >>> from salted_assets.scoring.stats import DaySums
    >>> from salted_assets.scoring.windows.agent_sums import Sums, WindowSums
    >>> share = next(measure for measure in ROLLING_MEASURES if measure.name == "service_level_met_ratio")
    >>> n, met, group = np.array([100.0]), (np.array([90.0]), np.array([80.0])), np.array([0])
    >>> sums = [Sums(n, each, each) for each in met]
    >>> from salted_assets.scoring.windows.limits import take_sample
    >>> windows = [WindowSums(each, each, DaySums(n / 100, n**2, each.totals**2 / n), n) for each in sums]
    >>> now, before = (take_sample(each, group) for each in windows)
    >>> found = build_mean_columns(share, now, before, group)
    >>> [round(float(found[name][0]), 3) for name in ("mean", "mean_low", "trend", "trend_low", "trend_high")]
    [0.9, 0.826, 0.1, 0.0, 0.199]
    """
    limits, limits_before = (find_limits(measure, sample, group) for sample in (now, before))
    trend = find_trend(measure, now, before, limits, limits_before)
    return {
        "measure_count": now.sums.values.counts,
        "mean": limits.value,
        "mean_low": cut(measure, limits.low),
        "mean_high": cut(measure, limits.high),
        "previous_count": before.sums.values.counts,
        "previous_mean": limits_before.value,
        "trend": trend.value,
        "trend_low": trend.low,
        "trend_high": trend.high,
    }


MEASURES_ALIKE = tuple(
    tuple(measures)
    for _, measures in groupby(
        sorted(ROLLING_MEASURES, key=lambda each: (each.scale.name, each.is_bounded, each.unit)),
        key=lambda each: (each.scale, each.is_bounded, each.unit),
    )
)
"""The measures whose columns are made in the same way: what is made of all of them at once takes no longer."""


def build_columns_alike(
    measures: Sequence[RollingMeasure], now: Sample, before: Sample, group: Indices, sizes: Sequence[int]
) -> list[dict[RollingMeasure, dict[str, Floats]]]:
    """For each window of so many agents, or teams, the columns of measures that are alike, as `build_mean_columns` has.

    Samples and `group`, with indexes of its own for each measure of each window (`join_indexes`), hold all measures of
    the first window, one after the other, then those of the next.
    """
    columns = build_mean_columns(measures[0], now, before, group)
    found, start = [], 0
    for size in sizes:
        of_window: dict[RollingMeasure, dict[str, Floats]] = {}
        for measure in measures:
            of_window[measure] = {name: values[start : start + size] for name, values in columns.items()}
            start += size
        found.append(of_window)
    return found


def join_indexes(indexes: Sequence[Indices], sizes: Sequence[int], times: int) -> Indices:
    """Indexes of each window, below its size, so many times, each time others; -1 stays.

    >>> join_indexes([np.array([0, -1, 1]), np.array([0])], [2, 1], 2).tolist()
    [0, -1, 1, 2, -1, 3, 4, 5]
    """
    joined, start = [], 0
    for of_window, size in zip(indexes, sizes, strict=True):
        apart = of_window + (start + size * np.arange(times)[:, None])
        joined.append(np.where(of_window < 0, -1, apart).ravel())
        start += size * times
    return np.concatenate(joined)


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

    One row per measure that anybody has (`measure_count` above 0), in the order of `ROLLING_MEASURES`, and person. What
    a measure has no column for is null, and so is NaN.
    """
    in_order = [(measure, scored[measure]) for measure in ROLLING_MEASURES if measure in scored]
    shown = [(measure, columns) for measure, columns in in_order if (columns["measure_count"] > 0).any()]
    size = len(next(iter(who.values())))
    index = np.tile(np.arange(size), len(shown))
    table = {name: values.take(index) for name, values in who.items()}
    kind = np.repeat(np.arange(len(shown)), size)
    for name in ("measure", "unit", "unit_of_count", "is_ranked"):
        attribute = "name" if name == "measure" else name
        table[name] = pa.array([getattr(measure, attribute) for measure, _ in shown]).take(kind)
    for field in arrow_schema(model):
        if field.name not in table:
            table[field.name] = _join_column(field, [columns.get(field.name) for _, columns in shown], size)
    schema = arrow_schema(model)
    return pa.table({name: table[name].cast(schema.field(name).type) for name in schema.names}, schema=schema)


def _join_column(field: pa.Field, parts: Sequence[npt.NDArray[Any] | None], size: int) -> pa.Array | pa.ChunkedArray:
    """The values of a column of all measures, one after the other; None is `size` nulls, and so is NaN."""
    there = [part for part in parts if part is not None]
    if len(there) == len(parts) and parts:
        return pa.array(np.concatenate(there), from_pandas=True).cast(field.type)
    nothing = pa.nulls(size, field.type)
    arrays = [nothing if part is None else pa.array(part, from_pandas=True).cast(field.type) for part in parts]
    return pa.chunked_array(arrays, field.type)
