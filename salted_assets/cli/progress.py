"""How far a command is: a bar on a terminal, else a line now and then. Every day of every asset counts, to the end."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from time import monotonic

import click
import dagster as dg

from salted_assets.defs.asset_keys import local_path

_SECONDS_BETWEEN_LINES = 30.0
_UNITS = 10_000
"""Of the bar, which counts whole ones."""


@dataclass
class Progress:
    """Counts what is made against what is expected, each day of an asset by the seconds that it usually takes.

    Expectations are in parts, such as tables and windows, and may be put right when more is known: a part that turns
    out smaller lets the bar jump ahead, never beyond its end. So are the seconds, where `now` gives the time: those
    that days of a layer take here count instead of the usual ones.
    """

    usual_seconds_of: Callable[[dg.AssetKey], float] = lambda _: 1.0
    show: Callable[["Progress", str], None] = lambda *_: None
    now: Callable[[], float] | None = None
    expected: dict[str, Mapping[dg.AssetKey, int]] = field(default_factory=dict)
    done: dict[dg.AssetKey, int] = field(default_factory=dict)
    share: float = 0.0
    _spent: dict[str, tuple[float, int]] = field(default_factory=dict)
    _noted_at: float | None = None

    def seconds_of(self, key: dg.AssetKey) -> float:
        """The seconds of a day of the asset, as far as is known."""
        spent, count = self._spent.get(local_path(key)[0], (0.0, 0))
        return spent / count if spent > 0 else self.usual_seconds_of(key)

    @property
    def total_seconds(self) -> float:
        """What all that is expected takes, and all that was done."""
        counts: dict[dg.AssetKey, int] = {}
        for part in self.expected.values():
            for key, count in part.items():
                counts[key] = counts.get(key, 0) + count
        keys = counts.keys() | self.done.keys()
        return sum(self.seconds_of(key) * max(counts.get(key, 0), self.done.get(key, 0)) for key in keys)

    @property
    def done_seconds(self) -> float:
        """What was done of it."""
        return sum(self.seconds_of(key) * count for key, count in self.done.items())

    def expect(self, part: str, counts: Mapping[dg.AssetKey, int]) -> None:
        """Expect so many days of each asset in this part, whatever was expected of it before."""
        self.expected[part] = dict(counts)
        if self.now and self._noted_at is None:
            self._noted_at = self.now()
        self._update("")

    def note(self, key: dg.AssetKey, day: date) -> None:
        """Count a day of an asset that was made."""
        self.done[key] = self.done.get(key, 0) + 1
        if self.now and self._noted_at is not None:
            before, self._noted_at = self._noted_at, self.now()
            spent, count = self._spent.get(local_path(key)[0], (0.0, 0))
            self._spent[local_path(key)[0]] = spent + self._noted_at - before, count + 1
        self._update(f"{'/'.join(local_path(key))} {day}")

    def _update(self, text: str) -> None:
        # never back, whatever turns out to take longer
        self.share = max(self.share, self.done_seconds / self.total_seconds if self.total_seconds else 0.0)
        self.show(self, text)


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
    with click.progressbar(length=_UNITS, show_pos=False, item_show_func=lambda shown: shown) as bar:
        yield Progress(
            seconds_of, lambda progress, text: bar.update(round(progress.share * _UNITS) - bar.pos, text or None), now
        )
        bar.update(_UNITS - bar.pos)


class _Lines:
    """A line every half minute: what share is done, what was made last, how long the rest takes at this pace."""

    def __init__(self, echo: Callable[[str], None], now: Callable[[], float]) -> None:
        self._echo, self._now = echo, now
        self._start = self._last = now()

    def show(self, progress: Progress, text: str) -> None:
        now, done = self._now(), progress.share
        if not text or now < self._last + _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        left = (now - self._start) * (1 - done) / done
        self._echo(f"{done:4.0%}  {text}, about {show_seconds(left)} left")


def show_seconds(seconds: float) -> str:
    """A duration for people.

    >>> [show_seconds(seconds) for seconds in (8.4, 190, 9000)]
    ['8 s', '3 min', '2.5 h']
    """
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004
