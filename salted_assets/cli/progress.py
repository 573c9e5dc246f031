"""How far a command is: a bar on a terminal, else a line now and then. Every day of every asset counts, to the end."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from time import monotonic

import click
import dagster as dg

from salted_assets.defs.asset_keys import RAW_EXPORT, local_path

_SECONDS_BETWEEN_LINES = 30.0
_UNITS = 10_000
"""Of the bar, which counts whole ones."""
_USUAL_DAYS = 7
"""So many days are taken to have lasted as usual beside those that were made."""


@dataclass
class Progress:
    """Counts what is made against what is expected, each day of an asset by the seconds that it takes.

    Expectations are in parts, such as tables and windows, and may be put right when more is known: a part that turns
    out smaller lets the bar jump ahead, never beyond its end. A day takes as long as is usual, until days have been
    made: where `now` gives the time, what they took here counts instead, and days of other assets, but for exports, are
    taken to be as much slower or faster than usual.
    """

    usual_seconds_of: Callable[[dg.AssetKey], float] = lambda _: 1.0
    show: Callable[["Progress", str], None] = lambda *_: None
    now: Callable[[], float] | None = None
    expected: dict[str, Mapping[dg.AssetKey, int]] = field(default_factory=dict)
    done: Counter[dg.AssetKey] = field(default_factory=Counter)
    share: float = 0.0
    _spent: dict[dg.AssetKey, float] = field(default_factory=dict)
    _noted_at: float | None = None

    def seconds_of(self, key: dg.AssetKey) -> float:
        """The seconds of a day of the asset, as far as is known."""
        return self._seconds_at(self._find_pace(), key)

    @property
    def seconds_left(self) -> float:
        """What is expected and not done takes."""
        pace = self._find_pace()
        return sum(
            self._seconds_at(pace, key) * (count - self.done[key])
            for key, count in self._count_expected().items()
            if count > self.done[key]
        )

    def expect(self, part: str, counts: Mapping[dg.AssetKey, int]) -> None:
        """Expect so many days of each asset in this part, whatever was expected of it before."""
        self.expected[part] = dict(counts)
        if self.now and self._noted_at is None:
            self._noted_at = self.now()
        self._update("")

    def note(self, key: dg.AssetKey, day: date) -> None:
        """Count a day of an asset that was made."""
        self.done[key] += 1
        if self.now and self._noted_at is not None:
            before, self._noted_at = self._noted_at, self.now()
            self._spent[key] = self._spent.get(key, 0.0) + self._noted_at - before
        self._update(f"{'/'.join(local_path(key))} {day}")

    def _update(self, text: str) -> None:
        left = self.seconds_left
        done = sum(self.seconds_of(key) * count for key, count in self.done.items())
        # never back, whatever turns out to take longer
        self.share = max(self.share, done / (done + left) if done else 0.0)
        self.show(self, text)

    def _count_expected(self) -> Counter[dg.AssetKey]:
        expected: Counter[dg.AssetKey] = Counter()
        for part in self.expected.values():
            expected.update(part)
        return expected

    def _find_pace(self) -> float:
        """How much longer than usual days take, those of exports aside: these wait for the vendor."""
        made = [key for key in self._spent if local_path(key) != local_path(RAW_EXPORT)]
        usual = sum(self.usual_seconds_of(key) * self.done[key] for key in made)
        return (1 + sum(self._spent[key] for key in made)) / (1 + usual)

    def _seconds_at(self, pace: float, key: dg.AssetKey) -> float:
        """Between what days took and what is usual at this pace: days come by the frame, the first of one with all."""
        usual = self.usual_seconds_of(key) * (1.0 if local_path(key) == local_path(RAW_EXPORT) else pace)
        if key not in self._spent:
            return usual
        return (_USUAL_DAYS * usual + self._spent[key]) / (_USUAL_DAYS + self.done[key])


@contextmanager
def showing(
    seconds_of: Callable[[dg.AssetKey], float],
    *,
    is_terminal: bool | None = None,
    echo: Callable[[str], None] = click.echo,
    now: Callable[[], float] = monotonic,
) -> Iterator[Progress]:
    """A progress that is shown while the context lasts, and complete when it ends well."""
    if not (sys.stdout.isatty() if is_terminal is None else is_terminal):
        yield Progress(seconds_of, _Lines(echo, now).show, now)
        return
    with click.progressbar(length=_UNITS, show_pos=False, show_eta=False, item_show_func=lambda shown: shown) as bar:

        def show(progress: Progress, text: str) -> None:
            bar.update(round(progress.share * _UNITS) - bar.pos, _describe(progress, text) if text else None)

        yield Progress(seconds_of, show, now)
        bar.update(_UNITS - bar.pos)


class _Lines:
    """A line every half minute: what share is done, what was made last, how long the rest takes."""

    def __init__(self, echo: Callable[[str], None], now: Callable[[], float]) -> None:
        self._echo, self._now = echo, now
        self._last = now()

    def show(self, progress: Progress, text: str) -> None:
        now = self._now()
        if not text or now < self._last + _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        self._echo(f"{progress.share:4.0%}  {_describe(progress, text)}")


def _describe(progress: Progress, text: str) -> str:
    return f"{text}, about {show_seconds(progress.seconds_left)} left"


def show_seconds(seconds: float) -> str:
    """A duration for people.

    >>> [show_seconds(seconds) for seconds in (8.4, 190, 9000)]
    ['8 s', '3 min', '2.5 h']
    """
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004
