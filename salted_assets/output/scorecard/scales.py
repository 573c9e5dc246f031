"""Scales of plots: where a value lies on the paper, which values are marked, and how these are written."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from salted_assets.output.scorecard.text_width import FONT_SIZE, measure

_TICKS_MAX = 7
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_BASES = (math.sqrt(2), 2.0, 4.0, 10.0, 100.0, 1e4)
_RATIO_OF_STEPS = 3.0
_LABEL_GAP = 8.0
_WHOLE_FROM = 10.0
_NEAR = 1e-9


@dataclass(frozen=True)
class Tick:
    """A value that is marked, and how it is written."""

    value: float
    label: str


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high`, on the way from `start` to `end`; `is_log` where equal ratios are equally long."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Where the value lies; outside of the way for one outside of the scale."""
        value, low, high = (_log_of(each) if self.is_log else each for each in (value, self.low, self.high))
        return self.start + (self.end - self.start) * (value - low) / (high - low)


def scale_around(
    values: Sequence[float], start: float, end: float, *, margin: float = 0.04, is_log: bool = False
) -> Scale:
    """A scale that holds all values, with a margin on both sides; of a width also where they are alike.

    Raises ValueError without any value.
    """
    low, high = min(values), max(values)
    if is_log:
        edge = max(margin * math.log(high / low), 0.02)
        return Scale(low * math.exp(-edge), high * math.exp(edge), start, end, is_log=True)
    edge = max(margin * (high - low), 1e-6 + 0.01 * max(abs(low), abs(high)) * (high - low < _NEAR))
    return Scale(low - edge, high + edge, start, end)


def mark_even(scale: Scale, *, is_upright: bool = False) -> list[Tick]:
    """Round values in even steps, at most seven where their labels have room beside, or `is_upright` above each other.

    >>> [tick.label for tick in mark_even(Scale(-0.11, 0.13, 0, 300))]
    ['-0.10', '-0.05', '0.00', '0.05', '0.10']
    """
    return _first_that_fits(scale, _even_ways(scale), is_upright=is_upright)


def mark_ratios(scale: Scale) -> list[Tick]:
    """Round ratios whose labels do not touch: in even steps on a short scale, else by powers.

    >>> [tick.label for tick in mark_ratios(Scale(0.3, 4, 0, 300, is_log=True))]
    ['0.35', '0.5', '0.71', '1', '1.4', '2', '2.8', '4']
    """
    even = list(_even_ways(scale))
    powers = [[Tick(value, _write_ratio(value)) for value in _powers(scale, base)] for base in _BASES]
    return _first_that_fits(scale, even + powers if scale.high / scale.low < _RATIO_OF_STEPS else powers + even)


def mark_days(scale: Scale, days: Sequence[date]) -> list[Tick]:
    """The last of the days and, at even distances before it, as many as have room for their labels."""
    ticks = [Tick(day.toordinal(), f"{day.day} {day:%b}") for day in sorted(set(days), reverse=True)]
    ways = [ticks[::every] for every in range(1, len(ticks) + 1)]
    return _first_that_fits(scale, ways, fewest=1)[::-1]


def _first_that_fits(
    scale: Scale, ways: Iterable[list[Tick]], *, fewest: int = 2, is_upright: bool = False
) -> list[Tick]:
    """The first way of so many ticks or more whose labels do not touch; where there is none, that of fewest ticks."""
    possible = [ticks for ticks in ways if len(ticks) >= fewest]
    fitting = (ticks for ticks in possible if not _touch(scale, ticks, is_upright=is_upright))
    return next(fitting, None) or min(possible, key=len)


def _touch(scale: Scale, ticks: Sequence[Tick], *, is_upright: bool) -> bool:
    return any(
        abs(scale(a.value) - scale(b.value))
        < (FONT_SIZE if is_upright else (measure(a.label) + measure(b.label)) / 2 + _LABEL_GAP)
        for a, b in pairwise(ticks)
    )


def _even_ways(scale: Scale) -> Iterator[list[Tick]]:
    power = 10.0 ** math.floor(math.log10((scale.high - scale.low) / _TICKS_MAX))
    for step in (power * factor for factor in _STEPS):
        first, last = math.ceil(scale.low / step - _NEAR), math.floor(scale.high / step + _NEAR)
        if last - first < _TICKS_MAX:
            digits = max(0, -math.floor(math.log10(step) + _NEAR))
            values = [number * step for number in range(first, last + 1)]
            yield [Tick(value, _write(value, digits)) for value in values]


def _powers(scale: Scale, base: float) -> list[float]:
    first, last = (math.log(end, base) for end in (scale.low, scale.high))
    return [base**power for power in range(math.ceil(first - _NEAR), math.floor(last + _NEAR) + 1)]


def _write(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text if text.strip("-0.,") else f"{0:.{digits}f}"


def _write_ratio(value: float) -> str:
    return f"{value:.0f}" if value >= _WHOLE_FROM else f"{value:.2g}"


def _log_of(value: float) -> float:
    return math.log(max(value, 1e-300))
