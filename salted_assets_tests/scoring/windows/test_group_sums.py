"""Sums while rows are read: indexes of pairs and labels, and sums that grow."""

import doctest
import itertools
from collections import defaultdict
from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from salted_assets.scoring.text_index import Labels
from salted_assets.scoring.windows import group_sums
from salted_assets.scoring.windows.group_sums import GroupSums, PairIndex

PAIRS = st.tuples(st.integers(-1, 6), st.integers(-1, 40))
BATCHES = st.lists(st.lists(PAIRS, max_size=12), max_size=6)
SIZES = st.sampled_from([0, 8, 60, 1 << 25])
ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-1, 2), st.integers(-1, 3), st.integers(0, 9)),
    max_size=15,
)


def arrays(rows: Sequence[tuple[int, ...]], width: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return [np.array([row[index] for row in rows], np.int64) for index in range(width)]


@given(batches=BATCHES, largest_grid=SIZES)
def test_a_pair_has_one_index_however_it_is_looked_up(batches: list[list[tuple[int, int]]], largest_grid: int) -> None:
    pairs = PairIndex(largest_grid)
    found = [pairs.index(*arrays(batch, 2)) for batch in batches]
    of_index = list(zip(*(indexes.tolist() for indexes in pairs.pairs()), strict=True))
    assert len(set(of_index)) == len(of_index) == len(pairs) == len(set(itertools.chain(*batches)))
    for batch, indexes in zip(batches, found, strict=True):
        assert [of_index[index] for index in indexes] == batch


def test_a_grid_that_became_too_large_is_not_looked_into_again() -> None:
    pairs = PairIndex(largest_grid=8)
    small, large = np.array([0, 0]), np.array([0, 9])
    assert pairs.index(small, small).tolist() == [0, 0]
    assert pairs.index(small, large).tolist() == [0, 1]
    assert pairs.index(small, small).tolist() == [0, 0]
    assert len(pairs) == 2


@given(batches=st.lists(st.tuples(ROWS, st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)))), max_size=5))
def test_sums_are_those_of_all_batches_that_a_window_takes(
    batches: list[tuple[list[tuple[int, ...]], list[tuple[int, int]]]],
) -> None:
    sums = GroupSums(label_count=2, window_count=2, bucket_count=3, sum_count=1)
    expected: list[dict[tuple[int, ...], list[int]]] = [defaultdict(lambda: [0, 0, 0]) for _ in range(2)]
    for rows, takers in batches:
        agent, first, second, value = arrays(rows, 4)
        sums.add(agent, (first, second), [value.astype(np.float64)], takers)
        for (*group, number), (window, bucket) in itertools.product(rows, takers):
            expected[window][tuple(group)][bucket] += number
    for window in range(2):
        groups = sums.take(window)
        keys = zip(groups.agent.tolist(), *(label.tolist() for label in groups.labels), strict=True)
        found = {key: [float(bucket[0][index]) for bucket in groups.sums] for index, key in enumerate(keys)}
        assert found == expected[window]


@pytest.mark.parametrize("is_encoded", [True, False])
def test_texts_that_mean_the_same_are_one_label_over_all_batches(is_encoded: bool) -> None:
    labels = Labels(lambda text: text.strip().upper())
    batches: list[list[str | None]] = [["voice", None, "Chat "], ["CHAT", " ", "voice"], []]
    found = []
    for batch in batches:
        column = pa.chunked_array([pa.array(batch[:2], pa.string()), pa.array(batch[2:], pa.string())])
        found.append(labels.index(column.dictionary_encode() if is_encoded else column))
    texts, indexes = labels.sort(np.concatenate(found))
    assert texts == ["CHAT", "VOICE"]
    assert indexes.tolist() == [1, -1, 0, 0, -1, 1]


def test_worked_numbers_hold() -> None:
    result = doctest.testmod(group_sums)
    assert result.attempted > 0
    assert result.failed == 0
