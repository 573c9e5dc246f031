"""The list of all scorecards, as a page of calendars, and the links from one card to its neighbours.

A page that is opened as a file has no server beside it, so its links to others come from the server alone.
"""

from bisect import bisect_left, bisect_right
from calendar import Calendar
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from salted_assets.output.scorecard.rendering import render

_MARK = b"<!--other cards-->"
_DOCS_MARK = b"<a data-docs>"
_DOCS = "../../docs/scores.md"
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class ListedDay:
    """A day of a calendar that has a scorecard; one that is not stored is made when it is opened."""

    day: date
    is_stored: bool

    @property
    def words(self) -> str:
        """The day with its weekday."""
        return write_day(self.day)


@dataclass(frozen=True)
class Month:
    """A month of the calendar: weeks from Monday, each of seven days; None for one of another month."""

    title: str
    weeks: tuple[tuple[date | None, ...], ...]


def render_list(stored: Collection[date], scored: Collection[date], *, is_simulated: bool, account: str) -> str:
    """The page that lists the cards, the newest month first; its links are relative to the URL of all reports.

    A day that is only scored has a card that is made when it is opened.
    """
    listed = {day: ListedDay(day, is_stored=day in stored) for day in {*stored, *scored}}
    return render(
        "card_list.html.j2",
        listed=listed,
        newest=max(listed, default=None),
        months=list(_build_months(listed)),
        is_simulated=is_simulated,
        account=account,
    )


def link_neighbours(page: bytes, day: date, days: Collection[date]) -> bytes:
    """The page of a day with links to the cards before and after it and a week before, to list and documentation.

    The first mark of other cards alone is replaced: it stands before all texts that come from data.
    """
    links = "\n".join(f'<a class="card" href="{href}">{words}</a>' for href, words in _list_links(day, sorted(days)))
    links += f'\n<a href="{_DOCS}">How scores are made</a>'
    documented = page.replace(_DOCS_MARK, f'<a href="{_DOCS}">'.encode())
    return documented.replace(_MARK, f'<nav class="cards" aria-label="Other scorecards">{links}</nav>'.encode(), 1)


def write_day(day: date) -> str:
    """The day with its weekday.

    >>> write_day(date(2024, 1, 31))
    'Wednesday 31 January 2024'
    """
    return f"{day:%A} {day.day} {day:%B %Y}"


def _list_links(day: date, days: Sequence[date]) -> Iterator[tuple[str, str]]:
    before, after = bisect_left(days, day), bisect_right(days, day)
    if before:
        yield _href(days[before - 1]), f"← Previous card ({_short(days[before - 1])})"
    if day - _WEEK in days and days[before - 1] != day - _WEEK:
        yield _href(day - _WEEK), f"A week before ({_short(day - _WEEK)})"
    yield "../../", "All scorecards"
    if after < len(days):
        yield _href(days[after]), f"Next card ({_short(days[after])}) →"


def _href(day: date) -> str:
    return f"../date={day}/scorecard.html"


def _short(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def _build_months(days: Collection[date]) -> Iterator[Month]:
    for year, month in sorted({(day.year, day.month) for day in days}, reverse=True):
        weeks = Calendar().monthdatescalendar(year, month)
        own = tuple(tuple(day if day.month == month else None for day in week) for week in weeks)
        yield Month(f"{date(year, month, 1):%B %Y}", own)
