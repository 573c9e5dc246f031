"""The names beside points: they cover no point and no other name, and stay within their panel."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from salted_assets.output.scorecard.label_places import PlacedLabel, place_labels
from salted_assets.output.scorecard.scales import Scale
from salted_assets.output.scorecard.svg import MARK, Panel
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure

PANEL = Panel(Scale(0, 1, 40, 350), Scale(0, 1, 230, 20))
POINTS = st.lists(st.tuples(st.floats(40, 350), st.floats(20, 230)), min_size=1, max_size=30)


def box_of(label: PlacedLabel) -> tuple[float, float, float, float]:
    x, y = label.at
    return x, y - 0.75 * FONT_SIZE, x + measure(label.text, is_strong=True), y + 0.1 * FONT_SIZE


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@given(POINTS, st.integers(1, 12))
def test_labels_cover_nothing_and_stay_inside(points: list[tuple[float, float]], count: int) -> None:
    named = [(point, f"Agent Nováková {n}") for n, point in enumerate(points[:count])]
    labels = place_labels(PANEL, named, points)

    boxes = [box_of(label) for label in labels]
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    dots = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in points]
    assert not [box for box in boxes if any(overlap(box, dot) for dot in dots)]
    assert all(box[0] >= PANEL.left and box[2] <= PANEL.right for box in boxes)
    assert all(box[1] >= PANEL.top and box[3] <= PANEL.bottom for box in boxes)


def test_a_point_alone_has_its_name_to_the_right_and_at_the_edge_to_the_left() -> None:
    for x, is_right in ((100.0, True), (345.0, False)):
        (label,) = place_labels(PANEL, [((x, 120.0), "Bo Li")], [(x, 120.0)])
        assert (label.at[0] > x) == is_right
        assert label.leader is None


def test_in_a_crowd_a_name_moves_away_and_has_a_line_to_its_point() -> None:
    crowd = [(150.0 + 9 * column, 100.0 + 9 * row) for column in range(7) for row in range(5)]
    (label,) = place_labels(PANEL, [(crowd[17], "Bo Li")], crowd)
    assert label.leader
    assert label.leader[0] == crowd[17]
