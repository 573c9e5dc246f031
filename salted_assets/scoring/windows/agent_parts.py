"""What windows sum of a row of `scores/agent_daily`: the parts that its columns give, once each."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from salted_assets.schemas.rolling_measures import ROLLING_MEASURES, RollingMeasure
from salted_assets.scoring.day_rows import to_floats
from salted_assets.scoring.stats import Floats
from salted_assets.scoring.stats.samples import divide

_COLUMNS = tuple(
    dict.fromkeys(("engagement_count", *(column for measure in ROLLING_MEASURES for column in measure.columns)))
)

ROLLING_DAILY_COLUMNS = ("start_date", "agent_pid", "agent_name", "is_bot", *_COLUMNS)
"""The columns of `scores/agent_daily` that windows read."""

_SHARES = tuple(dict.fromkeys((each.count, each.total) for each in ROLLING_MEASURES if each.squares is None))


def _place_values(measure: RollingMeasure) -> tuple[int, int, int]:
    """The parts that are the measure's count, sum and sum of squares."""
    total = _COLUMNS.index(measure.total)
    if measure.squares is None:
        # Of a share the successes are their own squares.
        return len(_COLUMNS) + _SHARES.index((measure.count, measure.total)), total, total
    return _COLUMNS.index(measure.count), total, _COLUMNS.index(measure.squares)


def _place_units(measure: RollingMeasure) -> tuple[int, int, int]:
    """Those of its units."""
    if measure.engagement_columns is None:
        return _place_values(measure)
    count, total, squares = (_COLUMNS.index(column) for column in measure.engagement_columns[:3])
    return count, total, squares


_UNITS = tuple(dict.fromkeys(_place_units(measure)[:2] for measure in ROLLING_MEASURES))
_UNIT_COUNTS, _UNIT_TOTALS = (list(each) for each in zip(*_UNITS, strict=True))
_VALUE_PARTS = len(_COLUMNS) + len(_SHARES)

PART_COUNT = _VALUE_PARTS + 3 * len(_UNITS)
"""How many parts there are."""

ENGAGEMENTS = _COLUMNS.index("engagement_count")
"""The part that counts engagements."""


class Parts(NamedTuple):
    """A measure's parts: count, sum and sum of squares of its values and of its units, and its `DaySums`.

    And the sum of the squared numbers of values that units have; of single values that is their count.
    """

    values: tuple[int, int, int]
    units: tuple[int, int, int]
    days: tuple[int, int, int]
    squared_sizes: int


def _place(measure: RollingMeasure) -> Parts:
    units = _place_units(measure)
    days, squared_counts, squared_totals = (
        _VALUE_PARTS + kind * len(_UNITS) + _UNITS.index(units[:2]) for kind in range(3)
    )
    values, columns = _place_values(measure), measure.engagement_columns
    squared_sizes = _COLUMNS.index(columns[3]) if columns else values[0]
    return Parts(values, units, (days, squared_counts, squared_totals), squared_sizes)


PARTS = {measure: _place(measure) for measure in ROLLING_MEASURES}
"""Where each measure has its parts."""


def find_parts(rows: pa.Table) -> Floats:
    """The parts of each row (first axis); what is null counts as 0.

    A share whose successes are null has no trials either: what they need was not exported, or not set.
    """
    values = np.stack([to_floats(rows[column]) for column in _COLUMNS])
    known = np.nan_to_num(values)
    trials = [np.where(np.isnan(_of(values, total)), 0.0, _of(known, count)) for count, total in _SHARES]
    known = np.concatenate([known, trials])
    counts, totals = known[_UNIT_COUNTS], known[_UNIT_TOTALS]
    return np.concatenate([known, counts > 0, counts**2, np.nan_to_num(divide(totals**2, counts))]).T


def _of(values: Floats, column: str) -> Floats:
    found: Floats = values[_COLUMNS.index(column)]
    return found
