"""Wall time and peak memory against the size of the day, as SVG."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.ingest.report import Result
from benchmarks.ingest.ways import OURS

_WIDTH, _HEIGHT = 860, 400
_PANEL_WIDTH, _PANEL_HEIGHT = 330, 230
_TOP, _LEFT, _GAP = 48, 60, 90
_LEGEND_TOP = _TOP + _PANEL_HEIGHT + 60
_STEPS = (1, 2, 5)
_HAIRLINE, _TEXT = "#d9d9d9", "#333333"


@dataclass(frozen=True)
class _Scale:
    """A logarithmic scale from figures to places."""

    low: float
    high: float
    start: float
    end: float

    def position(self, figure: float) -> float:
        share = (math.log(figure) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return self.start + share * (self.end - self.start)

    def marks(self) -> Iterator[float]:
        for exponent in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1):
            yield from (step * 10**exponent for step in _STEPS if self.low <= step * 10**exponent <= self.high)


def draw_picture(results: Sequence[Result], megabytes: Mapping[str, float]) -> str:
    """Two panels with a line for each way over the sizes, given in megabytes of CSV; all axes are logarithmic."""
    panels = (
        _panel("Wall time in s", _LEFT, results, megabytes, lambda result: result.cost.wall_seconds),
        _panel(
            "Peak memory in MB",
            _LEFT + _PANEL_WIDTH + _GAP,
            results,
            megabytes,
            lambda result: result.cost.peak_megabytes,
        ),
    )
    body = "\n".join(line for panel in (*panels, _legend(results)) for line in panel)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img">\n<title>Wall time and peak memory against size</title>\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _panel(
    title: str,
    left: float,
    results: Sequence[Result],
    megabytes: Mapping[str, float],
    figure: Callable[[Result], float],
) -> Iterator[str]:
    bottom, right = _TOP + _PANEL_HEIGHT, left + _PANEL_WIDTH
    figures = [figure(result) for result in results]
    across = _Scale(min(megabytes.values()) / 1.5, max(megabytes.values()) * 1.5, left, right)
    up = _Scale(min(figures) / 1.3, max(figures) * 1.3, bottom, _TOP)
    yield _text(left, _TOP - 16, title, weight="bold")
    for mark in up.marks():
        yield f'<path d="M{left} {up.position(mark):.1f}H{right}" stroke="{_HAIRLINE}"/>'
        yield _text(left - 8, up.position(mark) + 4, f"{mark:g}", anchor="end")
    yield f'<path d="M{left} {bottom}H{right}" stroke="{_TEXT}"/>'
    for size, amount in megabytes.items():
        yield _text(across.position(amount), bottom + 18, f"{size}: {amount:,.0f} MB", anchor="middle")
    for way in dict.fromkeys(result.way for result in results):
        points = [
            (across.position(megabytes[result.size]), up.position(figure(result)))
            for result in results
            if result.way == way
        ]
        width = 3 if way == OURS else 1.5
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        yield f'<path d="M{path}" fill="none" stroke="{way.colour}" stroke-width="{width}"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width + 2}" fill="{way.colour}"/>' for x, y in points)


def _legend(results: Sequence[Result]) -> Iterator[str]:
    for index, way in enumerate(dict.fromkeys(result.way for result in results)):
        x, y = _LEFT + index % 2 * (_PANEL_WIDTH + _GAP), _LEGEND_TOP + index // 2 * 20
        yield f'<rect x="{x}" y="{y - 9}" width="18" height="4" fill="{way.colour}"/>'
        yield _text(x + 26, y, way.label.replace("`", ""), weight="bold" if way == OURS else "normal")


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{_TEXT}">'
        f"{escape(words)}</text>"
    )
