"""Plots as SVG that stands in the page: it scales, takes its inks from the page's styles and says what it shows.

Lengths are units of a paper `WIDTH` wide, about a pixel each. Not here: what is drawn (`plots`, `trend_plots`).
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.agent_links import mark_agent
from salted_assets.output.scorecard.scales import Scale, Tick
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure

WIDTH = 360.0
TICK_ROOM, LABEL_ROOM = 16.0, 16.0
"""Below an axis: for the labels of its ticks, and for what it is about."""

MARK = 3.4
"""Half the width of a point."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Picture:
    """A plot as SVG, with the words that stand for it where it cannot be seen.

    Of several under one heading each has a `title` and may be about a team or a channel; `note` is said below it.
    """

    svg: str
    description: str
    title: str = ""
    about: About = field(default_factory=About)
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """The part of a paper between two axes."""

    x: Scale
    y: Scale

    @property
    def left(self) -> float:
        """Where the vertical axis is."""
        return self.x.start

    @property
    def right(self) -> float:
        """Where the horizontal axis ends."""
        return self.x.end

    @property
    def bottom(self) -> float:
        """Where the horizontal axis is."""
        return self.y.start

    @property
    def top(self) -> float:
        """Where the vertical axis ends."""
        return self.y.end


class Drawing:
    """The elements of one plot; `name` makes its ids its own among several in a page.

    What an element looks like is said by its class in the styles of the page: grid, axis, zero, band, line, usual,
    interval, beside, cut, unsure, compared, apart, strong, title.
    """

    def __init__(self, name: str, height: float) -> None:
        self._name = name
        self._height = height
        self._parts: list[str] = []

    def line(self, start: Point, end: Point, look: str, about: About | None = None) -> None:
        """A straight line."""
        (x1, y1), (x2, y2) = start, end
        self._parts.append(
            f'<path class="{look}"{about.attributes if about else ""} d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"/>'
        )

    def way(self, points: Sequence[Point], look: str, *, is_closed: bool = False) -> None:
        """A line through the points, or the area that they enclose."""
        steps = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        self._parts.append(f'<path class="{look}" d="M{steps}{"Z" if is_closed else ""}"/>')

    def text(
        self,
        at: Point,
        text: str,
        look: str = "",
        anchor: str = "start",
        *,
        about: About | None = None,
        agent: str = "",
    ) -> None:
        """A line of text, whose anchor (start, middle or end) lies on its base line at the point.

        The name of an `agent`, by pid, leads to the agent's page where that is served.
        """
        side = "" if anchor == "start" else f' text-anchor="{anchor}"'
        style = f' class="{look}"' if look else ""
        whom = about.attributes if about else ""
        label = mark_agent(agent, text) if agent else html.escape(text)
        self._parts.append(f'<text x="{_n(at[0])}" y="{_n(at[1])}"{side}{style}{whom}>{label}</text>')

    def mark(self, at: Point, look: str) -> None:
        """A point: a diamond for one that is `apart`, else a dot."""
        x, y = map(_n, at)
        if look == "apart":
            r = _n(MARK + 1.2)
            self._parts.append(f'<path class="{look}" d="M{x} {_n(at[1] - MARK - 1.2)}l{r} {r} -{r} {r} -{r} -{r}z"/>')
        else:
            self._parts.append(f'<circle class="{look}" cx="{x}" cy="{y}" r="{_n(MARK)}"/>')

    def row(self, panel: Panel, y: float, height: float) -> None:
        """A row of the paper that can be pointed at, from edge to edge."""
        self._parts.append(
            f'<rect class="row" y="{_n(y - height / 2)}" width="{_n(panel.right)}" height="{_n(height)}"/>'
        )

    @contextmanager
    def group(self, kind: str) -> Iterator[None]:
        """Elements that belong together, with an id."""
        self._parts.append(f'<g id="{self._name}-{kind}">')
        yield
        self._parts.append("</g>")

    @contextmanager
    def titled(self, tip: str, about: About | None = None) -> Iterator[None]:
        """Elements that say something when pointed at, and whom they are about."""
        self._parts.append(f"<g{about.attributes if about else ''}><title>{html.escape(tip)}</title>")
        yield
        self._parts.append("</g>")

    @contextmanager
    def moved(self, tip: str, about: About | None, y: float, rank: int, *, is_kept_back: bool) -> Iterator[None]:
        """Elements of a row that a filter may move, hide or show: `rank` is its place among all, from below."""
        style = ' class="kept-back"' if is_kept_back else ""
        self._parts.append(
            f'<g{about.attributes if about else ""} data-rank="{rank}"{style} transform="translate(0 {_n(y)})">'
            f"<title>{html.escape(tip)}</title>"
        )
        yield
        self._parts.append("</g>")

    @contextmanager
    def framed(self) -> Iterator[None]:
        """Elements around rows that a filter may move."""
        self._parts.append('<g class="frame">')
        yield
        self._parts.append("</g>")

    @contextmanager
    def clipped(self, panel: Panel) -> Iterator[None]:
        """Elements of which nothing is seen outside the panel."""
        name = f"{self._name}-inside"
        self._parts.append(
            f'<clipPath id="{name}"><rect x="{_n(panel.left)}" y="{_n(panel.top)}" '
            f'width="{_n(panel.right - panel.left)}" height="{_n(panel.bottom - panel.top)}"/></clipPath>'
            f'<g clip-path="url(#{name})">'
        )
        yield
        self._parts.append("</g>")

    def axis_below(self, panel: Panel, ticks: Sequence[Tick], label: str = "", *, is_named: bool = True) -> None:
        """The horizontal axis with grid lines at its ticks, their labels and what it is about."""
        for tick in ticks:
            x = panel.x(tick.value)
            self.line((x, panel.top), (x, panel.bottom), "grid")
            if is_named:
                # at the edge of the paper it would be cut
                middle = min(x, WIDTH - measure(tick.label) / 2)
                self.text((middle, panel.bottom + TICK_ROOM - 2), tick.label, anchor="middle")
        self.line((panel.left, panel.bottom), (panel.right, panel.bottom), "axis")
        if label:
            half = measure(label) / 2
            middle = max(half, min((panel.left + panel.right) / 2, WIDTH - half))
            self.text((middle, panel.bottom + TICK_ROOM + LABEL_ROOM - 3), label, anchor="middle")

    def axis_beside(self, panel: Panel, ticks: Sequence[Tick]) -> None:
        """The vertical axis with grid lines at its ticks and their labels."""
        for tick in ticks:
            y = panel.y(tick.value)
            self.line((panel.left, y), (panel.right, y), "grid")
            self.text((panel.left - 5, y + 0.35 * FONT_SIZE), tick.label, anchor="end")
        self.line((panel.left, panel.top), (panel.left, panel.bottom), "axis")

    def finish(self, description: str, layout: Mapping[str, float] | None = None) -> Picture:
        """The picture of all elements so far; `layout` says to a filter where its rows may go."""
        sizes = "".join(f' data-{name}="{_n(value)}"' for name, value in (layout or {}).items())
        if layout:
            sizes += f' data-box="0 0 {_n(WIDTH)} {_n(self._height)}"'
        parts = "".join(self._parts)
        # what is within an image is no link to who listens to the page
        role = "group" if "<a " in parts else "img"
        svg = (
            f'<svg class="plot" role="{role}" aria-label="{html.escape(description)}"{sizes} '
            f'viewBox="0 0 {_n(WIDTH)} {_n(self._height)}">{parts}</svg>'
        )
        return Picture(svg, description)


def _n(value: float) -> str:
    """The number as short as it may be on paper."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"
