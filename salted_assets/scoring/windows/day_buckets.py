"""The days that windows read, cut into buckets out of which every window and the one before it is added up."""

from bisect import bisect

from salted_assets.schemas.scores.rolling import WINDOWS

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


def bucket_of(age_days: int) -> int:
    """The day bucket of the day so many days before the end date; -1 for days that no window takes.

    >>> [bucket_of(age) for age in (-1, 0, 6, 7, 181, 182)]
    [-1, 0, 0, 1, 5, -1]
    """
    return bisect(_EDGES, age_days) if 0 <= age_days < DAYS_READ else -1
