"""The scales of plots: no axis without ticks, no labels that touch, whatever lies on it."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.output.scorecard.scales import Scale, Tick, mark_days, mark_even, mark_ratios, scale_around
from salted_assets.output.scorecard.text_width import FONT_SIZE, measure, shorten

WIDTH = 220.0


def are_apart(scale: Scale, ticks: list[Tick]) -> bool:
    return all(scale(b.value) - scale(a.value) > (measure(a.label) + measure(b.label)) / 2 for a, b in pairwise(ticks))


@given(st.floats(-1e4, 1e4), st.floats(0, 1e4), st.booleans())
def test_an_even_axis_has_ticks_within_it_in_even_steps(low: float, width: float, is_upright: bool) -> None:
    scale = scale_around([low, low + width], 30, 30 + WIDTH)
    ticks = mark_even(scale, is_upright=is_upright)

    assert 2 <= len(ticks) <= 7
    assert all(scale.low - 1e-6 <= tick.value <= scale.high + 1e-6 for tick in ticks)
    steps = [b.value - a.value for a, b in pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3)
    assert len({tick.label for tick in ticks}) == len(ticks)


@given(st.floats(-1, 1), st.floats(0.01, 2))
def test_labels_of_scores_never_touch(low: float, width: float) -> None:
    scale = scale_around([low, low + width], 30, 30 + WIDTH)
    assert are_apart(scale, mark_even(scale))


@given(st.floats(0.01, 20), st.floats(1, 1000))
def test_an_axis_of_ratios_has_ticks_that_do_not_touch(low: float, ratio: float) -> None:
    scale = scale_around([low, low * ratio], 30, 30 + WIDTH, is_log=True)
    ticks = mark_ratios(scale)

    assert len(ticks) >= 2
    assert are_apart(scale, ticks)
    assert all(scale.low * 0.999 <= tick.value <= scale.high * 1.001 for tick in ticks)
    assert all(float(tick.label) == pytest.approx(tick.value, rel=0.06) for tick in ticks)


@given(st.sets(st.integers(0, 120), min_size=1, max_size=40))
def test_the_last_day_is_named_and_no_two_days_touch(offsets: set[int]) -> None:
    days = [date(2025, 12, 1) + timedelta(days=offset) for offset in offsets]
    scale = Scale(min(days).toordinal() - 1, max(days).toordinal() + 1, 30, 30 + WIDTH)
    ticks = mark_days(scale, days)

    assert ticks[-1].value == max(days).toordinal()
    assert {date.fromordinal(int(tick.value)) for tick in ticks} <= set(days)
    assert are_apart(scale, ticks)


@pytest.mark.parametrize("is_log", [False, True])
def test_equal_values_have_a_scale_with_them_in_its_middle(is_log: bool) -> None:
    scale = scale_around([0.7, 0.7], 0, 100, is_log=is_log)
    assert scale(0.7) == pytest.approx(50)


def test_ends_of_a_scale_lie_at_the_ends_and_zero_has_no_sign() -> None:
    assert (Scale(0.5, 2, 10, 20, is_log=True)(1), Scale(-1, 1, 100, 0)(1)) == (15, 0)
    assert [tick.label for tick in mark_even(Scale(-0.04, 0.04, 0, 400))][2] == "0.00"


@given(st.text(max_size=40), st.floats(20, 200))
def test_a_name_is_cut_to_what_fits(name: str, width: float) -> None:
    cut = shorten(name, width)
    assert measure(cut) <= max(width, FONT_SIZE)
    assert cut == name or cut.endswith("…")
