"""The form that three plots have in common: a row for each person, with a point, its interval and a name."""

from collections.abc import Sequence
from dataclasses import dataclass

from salted_assets.output.scorecard.scales import Scale, mark_even, mark_ratios, scale_around
from salted_assets.output.scorecard.svg import LABEL_ROOM, TICK_ROOM, WIDTH, Drawing, Panel, Picture
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure, shorten

ROWS_MAX = 36
"""The rows that a plot can show and still be read."""

_ROW_HEIGHT = 16.0
_FEWEST_HEIGHTS = 4
_NAMES_WIDTH = 128.0
_TOP, _EDGE = 4.0, 6.0
_LOOKS = ("unsure", "compared", "apart")


@dataclass(frozen=True)
class IntervalRow:
    """A person's point with its limits; `beside` is what it is compared with, `look` one of unsure, compared, apart."""

    name: str
    point: float
    low: float
    high: float
    look: str
    tip: str
    beside: float | None = None


def draw_rows(
    name: str,
    rows: Sequence[IntervalRow],
    label: str,
    description: str,
    *,
    left_out: int = 0,
    line_at: float | None = None,
    is_ratio: bool = False,
) -> Picture:
    """The rows from below to above, with a line at the value that all are compared with, if there is one.

    Where `left_out` are missing in their middle, a line says where. Raises ValueError without rows.
    """
    height = _TOP + _ROW_HEIGHT * max(_FEWEST_HEIGHTS, len(rows))
    room = min(_NAMES_WIDTH, max(measure(row.name, is_strong=row.look == "apart") for row in rows)) + 8
    values = [value for row in rows for value in (row.low, row.high, row.point, row.beside) if value is not None]
    across = scale_around(
        [*values, *([] if line_at is None else [line_at])], room, WIDTH - _EDGE, margin=0.03, is_log=is_ratio
    )
    panel = Panel(across, Scale(-0.5, max(_FEWEST_HEIGHTS, len(rows)) - 0.5, height, _TOP))
    drawing = Drawing(name, height + TICK_ROOM + LABEL_ROOM)
    ticks = mark_ratios(across) if is_ratio else mark_even(across)
    drawing.axis_below(panel, ticks, label)
    if line_at is not None:
        drawing.line((across(line_at), panel.top), (across(line_at), panel.bottom), "zero")
    if left_out:
        middle = panel.y(len(rows) / 2 - 0.5)
        drawing.line((0, middle), (panel.right, middle), "cut")
    for look in _LOOKS:
        with drawing.group(look):
            for index, row in enumerate(rows):
                if row.look == look:
                    _draw_row(drawing, panel, row, panel.y(index))
    return drawing.finish(description)


def _draw_row(drawing: Drawing, panel: Panel, row: IntervalRow, y: float) -> None:
    with drawing.titled(row.tip):
        drawing.row(panel, y, _ROW_HEIGHT)
        is_strong = row.look == "apart"
        name = shorten(row.name, panel.left - 8, is_strong=is_strong)
        drawing.text((panel.left - 6, y + 0.35 * FONT_SIZE), name, "strong" if is_strong else "", "end")
        drawing.line((panel.x(row.low), y), (panel.x(row.high), y), "interval")
        if row.beside is not None:
            drawing.line((panel.x(row.beside), y - 5), (panel.x(row.beside), y + 5), "beside")
        drawing.mark((panel.x(row.point), y), row.look)
