"""The form that three plots have in common: a row for each person, with a point, its interval and a name."""

from collections.abc import Sequence
from dataclasses import dataclass

from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.scales import Scale, mark_even, mark_ratios, scale_around
from salted_assets.output.scorecard.svg import LABEL_ROOM, TICK_ROOM, WIDTH, Drawing, Panel, Picture
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure, shorten_name

ROWS_MAX = 36
"""The rows that a plot can show and still be read."""

ROW_HEIGHT = 16.0
_FEWEST_HEIGHTS = 4
_NAMES_WIDTH, _NAME_GAP = 128.0, 8.0
_TOP, _EDGE = 4.0, 6.0
_LOOKS = ("unsure", "compared", "apart")


@dataclass(frozen=True)
class IntervalRow:
    """A person's point with its limits; `beside` is what it is compared with, `look` one of unsure, compared, apart.

    A row that `is_kept_back` is seen only when the page's filter asks for it.
    """

    name: str
    point: float
    low: float
    high: float
    look: str
    tip: str
    beside: float | None = None
    about: About | None = None
    is_kept_back: bool = False


def draw_rows(
    name: str,
    rows: Sequence[IntervalRow],
    label: str,
    description: str,
    *,
    line_at: float | None = None,
    is_ratio: bool = False,
) -> Picture:
    """The rows from below to above, with a line at the value that all are compared with, if there is one.

    Where some are kept back, a line says where in the middle. Raises ValueError without rows.
    """
    shown = [row for row in rows if not row.is_kept_back]
    height = _height_of(len(shown))
    room = min(_NAMES_WIDTH, max(measure(row.name, is_strong=row.look == "apart") for row in rows)) + _NAME_GAP + 0.1
    values = [value for row in shown for value in (row.low, row.high, row.point, row.beside) if value is not None]
    points = [value for row in rows for value in (row.point, row.beside) if value is not None]
    across = scale_around(
        [*values, *points, *([] if line_at is None else [line_at])], room, WIDTH - _EDGE, margin=0.03, is_log=is_ratio
    )
    panel = Panel(across, Scale(0, 1, height, _TOP))
    drawing = Drawing(name, height + TICK_ROOM + LABEL_ROOM)
    ticks = mark_ratios(across) if is_ratio else mark_even(across)
    # what moves up when the filter leaves fewer rows, see filter.js
    with drawing.framed():
        drawing.axis_below(panel, ticks, label)
        if line_at is not None:
            drawing.line((across(line_at), panel.top), (across(line_at), panel.bottom), "zero")
    if len(shown) < len(rows):
        middle = (height + _TOP) / 2
        drawing.line((0, middle), (panel.right, middle), "cut")
    places = {id(row): height - (place + 0.5) * ROW_HEIGHT for place, row in enumerate(shown)}
    for look in _LOOKS:
        with drawing.group(look):
            for rank, row in enumerate(rows):
                if row.look == look:
                    _draw_row(drawing, panel, row, places.get(id(row), height), rank)
    return drawing.finish(
        description,
        {"rows": ROWS_MAX, "step": ROW_HEIGHT, "fewest": _FEWEST_HEIGHTS, "top": _TOP, "bottom": height},
    )


def _height_of(count: int) -> float:
    return _TOP + ROW_HEIGHT * max(_FEWEST_HEIGHTS, count)


def _draw_row(drawing: Drawing, panel: Panel, row: IntervalRow, y: float, rank: int) -> None:
    low, high = (min(max(panel.x(value), panel.left), panel.right) for value in (row.low, row.high))
    with drawing.moved(row.tip, row.about, y, rank, is_kept_back=row.is_kept_back):
        drawing.row(panel, 0, ROW_HEIGHT)
        is_strong = row.look == "apart"
        name = shorten_name(row.name, panel.left - _NAME_GAP, is_strong=is_strong)
        agent = row.about.agent if row.about else ""
        drawing.text((panel.left - 6, 0.35 * FONT_SIZE), name, "strong" if is_strong else "", "end", agent=agent)
        drawing.line((low, 0), (high, 0), "interval")
        if row.beside is not None:
            drawing.line((panel.x(row.beside), -5), (panel.x(row.beside), 5), "beside")
        drawing.mark((panel.x(row.point), 0), row.look)
