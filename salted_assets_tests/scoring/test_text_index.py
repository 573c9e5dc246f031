"""Texts of batches have the same indexes however many were seen before."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.scoring.text_index import Labels

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
