"""The scorecard's lines week by week: of all people, of each team, and the small one that the UI shows."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.scales import Scale, mark_days, mark_even, scale_around
from salted_assets.output.scorecard.svg import TICK_ROOM, WIDTH, Drawing, Panel, Picture
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure

_WEEK = timedelta(days=7)
_HEIGHT, _TEAM_HEIGHT = 150.0, 62.0
_TITLE_ROOM = FONT_SIZE + 11
_DAYS_EDGE = 0.07
"""Room before the first and after the last point for half a label, as a part of what is between them."""


@dataclass(frozen=True)
class TrendPoint:
    """A week's mean with its interval; `last_day` is the week's end."""

    last_day: date
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class TeamTrend:
    """A team's weeks, and how many people it had in the last of them."""

    name: str
    people: int
    points: tuple[TrendPoint, ...]


def plot_trend(
    name: str,
    label: str,
    points: Sequence[TrendPoint],
    incomplete: Collection[date] = (),
    beside: Sequence[TrendPoint] = (),
) -> Picture:
    """A figure week by week with the band of its intervals; weeks that are `incomplete` are hollow.

    `beside` is another figure of the same weeks, a dashed line without a band.
    """
    drawing = Drawing(f"trend-{name}", _TITLE_ROOM + _HEIGHT + TICK_ROOM)
    drawing.text((0, FONT_SIZE), label)
    other = [replace(point, low=math.nan, high=math.nan) for point in beside]
    panel = _panel_of([points, other], _TITLE_ROOM, _HEIGHT)
    _draw_axes(drawing, panel, [points, other], is_last=True)
    _draw_band(drawing, panel, points)
    for part in _unbroken(other):
        drawing.way([_at(panel, point) for point in part], "usual")
    _draw_line(drawing, panel, points, incomplete)
    return drawing.finish(f"{label}, {len(points)} weeks, each with its 95% interval.")


def draw_team_trends(
    name: str,
    label: str,
    teams: Sequence[TeamTrend],
    everyone: Sequence[TrendPoint],
    incomplete: Collection[date] = (),
) -> tuple[Picture, ...]:
    """A plot for each team, all on one scale: its figure week by week, the band of its intervals, all people's line."""
    lines = [everyone, *(team.points for team in teams)]
    return tuple(
        _plot_team(f"teams-{name}-{index}", label, team, lines, incomplete) for index, team in enumerate(teams)
    )


def _plot_team(
    name: str, label: str, team: TeamTrend, lines: Sequence[Sequence[TrendPoint]], incomplete: Collection[date]
) -> Picture:
    """The first of the lines is all people's."""
    drawing = Drawing(name, _TITLE_ROOM + _TEAM_HEIGHT + TICK_ROOM)
    drawing.text((0, FONT_SIZE), label)
    panel = _panel_of(lines, _TITLE_ROOM, _TEAM_HEIGHT)
    _draw_axes(drawing, panel, lines, is_last=True)
    _draw_band(drawing, panel, team.points)
    for part in _unbroken(lines[0]):
        drawing.way([_at(panel, point) for point in part], "usual")
    _draw_line(drawing, panel, team.points, incomplete)
    picture = drawing.finish(f"{label} of the team {team.name} week by week, each with its 95% interval.")
    return replace(picture, title=f"{team.name} ({team.people} people)", about=About(team=team.name))


def plot_measure_trends(
    name: str, trends: Sequence[tuple[str, Sequence[TrendPoint]]], incomplete: Collection[date] = ()
) -> Picture:
    """A panel for each figure week by week, each with its own scale and the same weeks."""
    step = _TITLE_ROOM + _TEAM_HEIGHT
    drawing = Drawing(f"trend-{name}", step * len(trends) + TICK_ROOM)
    lines = [points for _, points in trends]
    room = max(_panel_of([points], 0, _TEAM_HEIGHT).left for points in lines)
    weeks = _panel_of(lines, 0, _TEAM_HEIGHT).x
    for index, (label, points) in enumerate(trends):
        own = _panel_of([points], step * index + _TITLE_ROOM, _TEAM_HEIGHT)
        panel = Panel(Scale(weeks.low, weeks.high, room, WIDTH - 6), own.y)
        drawing.text((panel.left, panel.top - 6), label, "title")
        _draw_axes(drawing, panel, lines, is_last=index == len(trends) - 1)
        _draw_band(drawing, panel, points)
        _draw_line(drawing, panel, points, incomplete)
    return drawing.finish(f"{len(trends)} figures week by week, each with its 95% interval: {', '.join(dict(trends))}.")


def draw_sparkline(values: Sequence[float]) -> str:
    """A line of a few dozen pixels as SVG, short enough for the UI to show; blank for fewer than two values."""
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="16">{}</svg>'
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:  # noqa: PLR2004 - a line has two ends
        return picture.format("")
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    step = 60 / (len(finite) - 1)
    points = " ".join(f"{n * step:.0f},{14 - 12 * (value - low) / span:.0f}" for n, value in enumerate(finite))
    return picture.format(f'<polyline points="{points}" fill="none" stroke="#0072b2"/>')


def _panel_of(lines: Sequence[Sequence[TrendPoint]], top: float, height: float) -> Panel:
    points = [point for line in lines for point in line]
    limits = [each for point in points for each in (point.low, point.high, point.mean) if math.isfinite(each)]
    up = scale_around(limits, top + height, top)
    left = max(measure(tick.label) for tick in mark_even(up, is_upright=True)) + 8
    days = [point.last_day.toordinal() for point in points]
    edge = _DAYS_EDGE * (max(days) - min(days))
    return Panel(Scale(min(days) - edge, max(days) + edge, left, WIDTH - 6), up)


def _draw_axes(drawing: Drawing, panel: Panel, lines: Sequence[Sequence[TrendPoint]], *, is_last: bool) -> None:
    drawing.axis_beside(panel, mark_even(panel.y, is_upright=True))
    days = mark_days(panel.x, [point.last_day for line in lines for point in line])
    drawing.axis_below(panel, days, is_named=is_last)


def _draw_band(drawing: Drawing, panel: Panel, points: Sequence[TrendPoint]) -> None:
    """The intervals, joined where the points are a week apart."""
    for part in _unbroken(points):
        known = [point for point in part if math.isfinite(point.low) and math.isfinite(point.high)]
        above = [(panel.x(point.last_day.toordinal()), panel.y(point.high)) for point in known]
        below = [(panel.x(point.last_day.toordinal()), panel.y(point.low)) for point in known]
        if len(known) > 1:
            drawing.way([*above, *below[::-1]], "band", is_closed=True)
        elif known:
            drawing.line(above[0], below[0], "interval")


def _draw_line(drawing: Drawing, panel: Panel, points: Sequence[TrendPoint], incomplete: Collection[date]) -> None:
    """The points, joined where they are a week apart: where a week is missing, so is the line."""
    for part in _unbroken(points):
        drawing.way([_at(panel, point) for point in part], "line")
        for point in part:
            drawing.mark(_at(panel, point), "unsure" if point.last_day in incomplete else "compared")


def _at(panel: Panel, point: TrendPoint) -> tuple[float, float]:
    return panel.x(point.last_day.toordinal()), panel.y(point.mean)


def _unbroken(points: Sequence[TrendPoint]) -> Iterator[list[TrendPoint]]:
    part: list[TrendPoint] = []
    for point in points:
        if part and point.last_day - part[-1].last_day > _WEEK:
            yield part
            part = []
        part.append(point)
    if part:
        yield part
