"""The days that windows read, cut into buckets out of which every window and the one before it is added up."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.stats import Indices

_EDGES = sorted({edge for days in WINDOWS for edge in (days, 2 * days)})

BUCKET_COUNT = len(_EDGES)
"""Into how many day buckets the days of the longest window and the one before it are cut."""

DAYS_READ = 2 * max(WINDOWS)
"""Days back from the end date that the longest window and the one before it take, the end date included."""


def buckets_of(days: int, *, is_previous: bool = False) -> slice:
    """The day buckets that make up the window of `days`, or the one before it.

    >>> buckets_of(28), buckets_of(28, is_previous=True)
    (slice(0, 3, None), slice(3, 4, None))
    """
    last = _EDGES.index(days) + 1
    return slice(last, _EDGES.index(2 * days) + 1) if is_previous else slice(0, last)


def bucket_sql(end_date: date) -> str:
    """The SQL expression that gives each row's day bucket, by its `start_date`; null for days that no window takes."""
    buckets = " ".join(f"WHEN start_date > {_day(end_date, edge)} THEN {index}" for index, edge in enumerate(_EDGES))
    return f"CASE WHEN start_date > {_day(end_date, 0)} THEN NULL {buckets} END"


def find_buckets(start_dates: pa.ChunkedArray, end_date: date) -> Indices:
    """The day bucket of each day as `bucket_sql` has it; -1 for days that no window takes.

    >>> days = pa.chunked_array([pa.array([date(2024, 1, day) for day in (1, 24, 25, 31)])])
    >>> find_buckets(days, date(2024, 1, 30)).tolist()
    [3, 0, 0, -1]
    """
    buckets = np.array([*range(BUCKET_COUNT), -1], np.int64)
    days_before = (np.datetime64(end_date, "D") - start_dates.to_numpy().astype("datetime64[D]")).astype(np.int64)
    return np.where(days_before < 0, -1, buckets[np.searchsorted(_EDGES, days_before, side="right")])


def _day(end_date: date, days_before: int) -> str:
    return f"DATE '{end_date - timedelta(days=days_before)}'"
