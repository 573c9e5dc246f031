"""The window of an export: instants in milliseconds since 1970 UTC, and which versions of rows a window selects."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from salted_assets.simulator.data.randomness import Flags, Integers, Numbers

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def day_of(day: date) -> int:
    """Days since 1970."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware `moment`, rounded down; raises ValueError for one without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give one, UTC for example")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def iso_seconds(ms: int) -> str:
    """ISO 8601 with second precision and `Z`, the precision that the vendor takes at ingest."""
    return f"{datetime.fromtimestamp(ms // SECOND_MS, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"


def whole_seconds(durations_ms: Numbers) -> Integers:
    """Milliseconds without what is less than a second."""
    return durations_ms.astype(np.int64) // SECOND_MS * SECOND_MS


class Window(NamedTuple):
    """An export of `[start_ms, end_ms)`, seen as the account stood at `as_of_ms`."""

    start_ms: int
    end_ms: int
    as_of_ms: int

    def holds(self, moments_ms: Integers) -> Flags:
        """Whether the half-open window holds each moment."""
        within: Flags = (self.start_ms <= moments_ms) & (moments_ms < self.end_ms)
        return within

    def selects(self, first_ms: Integers | int, updated_ms: Integers, *, is_linked: Flags) -> Flags:
        """Which rows an export holds that are there from `first_ms` on and were last updated at `updated_ms`.

        The vendor's newer page: a row is exported when the engagement it is linked to started inside the window
        (`is_linked`) or the row itself was last updated inside it, both half-open. What came after the as-of time is
        not known: `updated_ms` is what `newest_of` gives.
        """
        return np.logical_and(first_ms <= self.as_of_ms, is_linked | self.holds(updated_ms))

    def newest_of(self, moments_ms: Sequence[Integers]) -> Integers:
        """The latest of several moments of each row that can be known; 0 where none can."""
        newest: Integers = np.maximum.reduce([np.where(each <= self.as_of_ms, each, 0) for each in moments_ms])
        return newest
