"""Numbering by a table gives what a sort gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.numbering import look_up, narrow, number_values

FAR = 10**12
"""So far from the others that no table has room."""

VALUES = st.lists(st.integers(-3, 40) | st.sampled_from([FAR, FAR + 1, -FAR]), max_size=30)


@given(VALUES)
def test_values_are_numbered_as_by_a_sort(values: list[int]) -> None:
    given = np.array(values, np.int64)
    expected = np.unique(given, return_index=True, return_inverse=True)
    result = number_values(given)
    for part, other in zip((result.different, result.firsts, result.numbers), expected, strict=True):
        np.testing.assert_array_equal(part, other)


@given(st.lists(st.tuples(st.integers(-3, 9) | st.just(FAR), st.integers(0, 5)), max_size=20), VALUES)
def test_the_first_of_equal_ones_is_looked_up(pairs: list[tuple[int, int]], asked: list[int]) -> None:
    first: dict[int, int] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    known, at = np.array(pairs, np.int64).reshape(-1, 2).T
    keys = [*asked, *first]
    result = look_up(known, at, np.array(keys, np.int64))
    assert result.tolist() == [first.get(key, -1) for key in keys]


@pytest.mark.parametrize("count", [0, 1, 126, 127, 32_766, 32_767])
def test_narrow_numbers_are_numbered_and_looked_up_as_wide_ones(count: int) -> None:
    wide = np.array([count, -1, count // 2, count])
    small = narrow(wide, count)
    assert (small + 1).tolist() == (wide + 1).tolist()
    for part, expected in zip(number_values(small), number_values(wide), strict=True):
        np.testing.assert_array_equal(part, expected)
    for first in range(3):
        assert (
            look_up(small[first:], wide[first:], small).tolist() == look_up(wide[first:], wide[first:], wide).tolist()
        )


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_values_keep_their_kind(dtype: type[np.signedinteger]) -> None:
    assert number_values(np.array([3, 1, 3], dtype)).different.dtype == dtype
