"""Where the names of single points may stand, so that they cover neither each other nor a point."""

from collections.abc import Sequence
from dataclasses import dataclass

from salted_assets.output.scorecard.svg import MARK, Panel, Point
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure

_DISTANCES = (0.0, 7.0, 15.0, 24.0)
_LEADER_FROM = 10.0


@dataclass(frozen=True)
class PlacedLabel:
    """A text from its left end on; `leader` is the line to its point, where that is not close by.

    `index` is the place of its point among those that were to be named.
    """

    index: int
    at: Point
    text: str
    leader: tuple[Point, Point] | None


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: "_Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def is_within(self, panel: Panel) -> bool:
        return (
            panel.left <= self.left and self.right <= panel.right and panel.top <= self.top
        ) and self.bottom <= panel.bottom


def place_labels(panel: Panel, named: Sequence[tuple[Point, str]], points: Sequence[Point]) -> list[PlacedLabel]:
    """The strong labels of the named points, the first ones first, in places free of all points and each other.

    A point that has no such place has no label.
    """
    reach = MARK + 2
    taken = [_Box(x - reach, y - reach, x + reach, y + reach) for x, y in points]
    placed = []
    for index, (point, text) in enumerate(named):
        for box, distance in _list_places(point, measure(text, is_strong=True)):
            if box.is_within(panel) and not any(box.touches(other) for other in taken):
                taken.append(box)
                placed.append(
                    PlacedLabel(index, (box.left, box.bottom - 0.25 * FONT_SIZE), text, _lead(point, box, distance))
                )
                break
    return placed


def _list_places(point: Point, width: float) -> list[tuple[_Box, float]]:
    """Boxes around the point, the nearest first: right, left, above, below, and between these."""
    x, y = point
    places = []
    for distance in _DISTANCES:
        beside, half = MARK + 3 + distance, FONT_SIZE / 2 + 1
        for across, down in ((1, 0), (-1, 0), (1, -1), (-1, -1), (1, 1), (-1, 1), (0, -1), (0, 1)):
            left = x + beside if across > 0 else x - beside - width if across < 0 else x - width / 2
            middle = y + down * (half + MARK + distance)
            places.append((_Box(left, middle - half, left + width, middle + half), distance))
    return places


def _lead(point: Point, box: _Box, distance: float) -> tuple[Point, Point] | None:
    if distance < _LEADER_FROM:
        return None
    end = (min(max(point[0], box.left), box.right), min(max(point[1], box.top), box.bottom))
    return point, end
