"""The look of every plot: sizes, inks, and the way from a Matplotlib figure to an SVG in the page's colours."""

import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, GRID, GOOD, BAD, BAND, PAPER = (
    "#010101",
    "#020202",
    "#030303",
    "#040404",
    "#050505",
    "#060606",
    "#070707",
)
"""Stand-ins for colours: the page says what they are, in light and in dark."""

_VARIABLES: Mapping[str, str] = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    GRID: "var(--grid)",
    GOOD: "var(--blue)",
    BAD: "var(--orange)",
    BAND: "var(--band)",
    PAPER: "var(--paper)",
}

_WIDTH_INCHES = 4.5
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.fonttype": "none",
    "text.parse_math": False,  # an agent may have a dollar in the name
}


@dataclass(frozen=True)
class Picture:
    """A plot as SVG, with the words that stand for it where it cannot be seen."""

    svg: str
    description: str


@contextmanager
def draw(name: str, height_inches: float) -> Iterator[tuple["Figure", "Axes"]]:
    """One figure in the common style, away from any global state of Matplotlib's; `name` makes its ids its own."""
    with draw_panels(name, height_inches, 1) as (figure, panels):
        yield figure, panels[0]


@contextmanager
def draw_panels(name: str, height_inches: float, count: int) -> Iterator[tuple["Figure", list["Axes"]]]:
    """The same with so many panels below each other, which share their scales."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy, and only a report needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(_WIDTH_INCHES, height_inches), layout="constrained")
        figure.patch.set_alpha(0)
        panels = list(figure.subplots(count, squeeze=False, sharex=True, sharey=True)[:, 0])
        for axes in panels:
            axes.patch.set_alpha(0)
        yield figure, panels


def render(figure: "Figure", name: str, description: str, tips: Mapping[str, Sequence[str]] | None = None) -> Picture:
    """The figure as SVG that can stand in a page: it scales, follows the page's colours and carries its description.

    `tips` has, by the gid of a collection of points, what each of its points says when pointed at.
    """
    out = io.BytesIO()
    with warnings.catch_warnings():
        # text stays text, so the reader's fonts draw what the measuring font does not have
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue().decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for stand_in, variable in _VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    svg = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(description)}" ', 1)
    for gid, lines in (tips or {}).items():
        if lines:  # a collection without points is not drawn
            svg = _with_tips(svg, gid, lines)
    # several figures stand in one page, and an id may be there once only
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    return Picture(svg, description)


def _with_tips(svg: str, gid: str, lines: Sequence[str]) -> str:
    start = svg.index(f'<g id="{gid}">')
    rest = iter(lines)

    def add(found: re.Match[str]) -> str:
        line = next(rest, None)
        if line is None:
            return found.group(0)
        return f"{found.group(1)}><title>{html.escape(line)}</title></use>"

    return svg[:start] + re.sub(r"(<use [^>]*?)/>", add, svg[start:], count=len(lines))


def mark_points(
    axes: "Axes", x: Any, y: Any, *, gid: str, color: str, is_hollow: bool = False, marker: str = "o"
) -> None:
    """Points that differ without colour: full where a figure can be relied on, hollow where not, or of another form."""
    face = PAPER if is_hollow else color
    axes.scatter(x, y, s=22, c=face, edgecolors=color, linewidths=1.2, zorder=3, gid=gid, marker=marker)
