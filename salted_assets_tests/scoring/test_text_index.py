"""Texts of batches have the same indexes however many were seen before."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.text_index import Labels, number_texts

TEXTS = st.lists(st.sampled_from(["a", "A", " ", ""]) | st.integers(0, 40).map(str) | st.none(), max_size=40)


@given(st.lists(TEXTS, max_size=6), st.booleans())
def test_a_text_has_one_index_in_all_batches_and_so_have_those_that_mean_the_same(
    batches: list[list[str | None]], is_encoded: bool
) -> None:
    labels, expected = Labels(lambda text: text.strip().upper()), dict[str, int]()
    for texts in batches:
        column = pa.array(texts, pa.string())
        found = labels.index(pa.chunked_array([column.dictionary_encode() if is_encoded else column]))
        meanings = [(text or "").strip().upper() for text in texts]
        assert found.tolist() == [expected.setdefault(each, len(expected)) if each else -1 for each in meanings]
    assert labels.texts == list(expected)


def test_few_texts_that_come_to_many_are_looked_up_too() -> None:
    labels = Labels(str)
    many = [f"text {number}" for number in range(100)]
    labels.index(pa.chunked_array([many]))
    few = labels.index(pa.chunked_array([["text 7", None, "new", "text 99", "new"]]))
    assert few.tolist() == [7, -1, 100, 99, 100]
    assert labels.index(pa.chunked_array([[*many, "new"]])).tolist() == [*range(101)]


@pytest.mark.parametrize("others", [["b", None, "c"], ["a", None, "b"]])
def test_texts_have_one_number_in_all_chunks_whether_or_not_these_share_a_dictionary(others: list[str | None]) -> None:
    chunks = [pa.array(texts, pa.string()).dictionary_encode() for texts in (["a", "b", "a"], others)]
    different, numbers = number_texts(pa.chunked_array(chunks), lambda texts: pa.array(range(len(texts)), pa.int32()))
    found = [None if number is None else different[number].as_py() for number in numbers.to_pylist()]
    assert found == ["a", "b", "a", *others]
    assert different.to_pylist() == ["a", "b", "c"][: len(different)]
