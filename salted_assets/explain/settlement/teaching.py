"""Which days teach how late rows come: those that were exported on their day, and so was each day up to the horizon."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from salted_assets.history import FooterCache
from salted_assets.landing.windows import Calendar, list_days
from salted_assets.scoring.settlement import LEARNING_DAYS

REVIEWS = ("tables", "review")

IN_TIME = timedelta(hours=48)
"""An export that is requested later than this after the end of its day does not show what was there at the time."""

REACH_DAYS = 91
"""Start days that are looked at for complete ones: a day without its export costs those that it is the horizon of."""

_LONGEST_WAIT = 400

LOOKED_BACK = (
    "days are exported again later (SALTED_LOOKBACK_DAYS), and what each export brought at first is not kept in tables"
)
"""Why nothing is learned, and never will be, while days are exported again as a rule."""


@dataclass(frozen=True)
class Teaching:
    """The start days that are learned from at the end of a day, newest last; or why there are not enough of them.

    `known_from` is the first partition that will know, if every day from now on is exported on time.
    """

    days: tuple[date, ...]
    reason: str = ""
    known_from: date | None = None


def find_requests(footers: FooterCache, first: date, last: date) -> dict[date, datetime]:
    """When the export behind each day's reviews was requested; days without one, or that do not say, are left out."""
    found = {}
    for day in footers.days(REVIEWS):
        partition = footers.partition(REVIEWS, day) if first <= day <= last else None
        if partition is not None and partition.footer.requested_at is not None:
            found[day] = partition.footer.requested_at
    return found


def find_teaching(requests: Mapping[date, datetime], calendar: Calendar, today: date, horizon: int) -> Teaching:
    """The days that teach at the end of `today`, by when the exports of days were requested.

    A day teaches if it and each of the `horizon` days after it were exported within `IN_TIME` of their end. The newest
    28 are taken, out of the last 91. A day that was exported again later is not one of them.
    """
    in_time = {
        day: at <= calendar.start_of(day + timedelta(days=1)) + IN_TIME for day, at in requests.items() if day <= today
    }
    complete = _list_complete(today, horizon, lambda day: in_time.get(day, False))
    if len(complete) >= LEARNING_DAYS:
        return Teaching(tuple(complete[-LEARNING_DAYS:]))
    known_from = _find_known_from(in_time, today, horizon)
    return Teaching((), _explain(in_time, len(complete), horizon), known_from)


def _list_complete(today: date, horizon: int, is_in_time: Callable[[date], bool]) -> list[date]:
    first = today - timedelta(days=horizon + REACH_DAYS - 1)
    complete, run = [], 0
    for day in list_days(first, today):
        run = run + 1 if is_in_time(day) else 0
        if run > horizon:
            complete.append(day - timedelta(days=horizon))
    return complete


def _find_known_from(in_time: Mapping[date, bool], today: date, horizon: int) -> date | None:
    for ahead in range(1, _LONGEST_WAIT):
        later = today + timedelta(days=ahead)
        complete = _list_complete(later, horizon, lambda day: day > today or in_time.get(day, False))
        if len(complete) >= LEARNING_DAYS:
            return later
    return None


def _explain(in_time: Mapping[date, bool], complete_count: int, horizon: int) -> str:
    needed = f"it takes {LEARNING_DAYS + horizon} days that are exported day by day"
    if not any(in_time.values()):
        return f"no day was exported within 48 hours of its end, as on a first load none is; {needed}"
    return (
        f"{complete_count} of {LEARNING_DAYS} days were exported within 48 hours of their end, as was each of the "
        f"{horizon} days after them; {needed}"
    )
