"""Rounded parts add up to their rounded sum."""

import math

from hypothesis import example, given
from hypothesis import strategies as st

from salted_assets.explain.rounding import round_to_sum

PARTS = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=12)


@given(parts=PARTS, digits=st.integers(0, 3))
def test_parts_add_up_and_none_is_a_whole_unit_off(parts: list[float], digits: int) -> None:
    rounded = round_to_sum(parts, digits)
    unit = 10.0**-digits
    assert math.isclose(math.fsum(rounded), round(math.fsum(parts), digits), abs_tol=unit * 1e-6)
    assert all(abs(part - shown) < unit * 1.000001 for part, shown in zip(parts, rounded, strict=True))


@given(parts=PARTS, total=st.floats(-1e4, 1e4))
@example(parts=[0.0], total=6.949999999999999)
def test_parts_add_up_to_a_total_that_is_given(parts: list[float], total: float) -> None:
    assert math.isclose(math.fsum(round_to_sum(parts, 1, total)), round(total, 1), abs_tol=1e-6)


def test_what_lost_most_gets_the_unit_and_nothing_gives_nothing() -> None:
    assert round_to_sum([0.5, 0.25, 0.25], 0) == [1.0, 0.0, 0.0]
    assert round_to_sum([], 1) == []
