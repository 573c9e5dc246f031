"""Texts as indexes: each different text is looked at once, and millions of rows are small to group then."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.stats import Indices

_MANY_TO_ONE = 4
"""With more texts seen for each that is looked up it is not worth it to go through all of them at once."""


def number_texts(texts: pa.ChunkedArray, number_of: Callable[[pa.Array], pa.Array]) -> tuple[pa.Array, pa.ChunkedArray]:
    """The different texts, and for each row the number of its text, dictionary-encoded or not; null for null.

    `number_of` is asked once, for all different texts.
    """
    different, indices = _encode(texts)
    numbers = number_of(different)
    return different, pa.chunked_array([numbers.take(each) for each in indices], pa.int32())


def index_among(column: pa.ChunkedArray, texts: list[str]) -> Indices:
    """For each row the index of its text among `texts`, -1 for null and for what is not there."""
    known = pa.array(texts, pa.string())
    return _index_texts(column, lambda different: pc.index_in(different, value_set=known))


def is_text(column: pa.ChunkedArray, text: str) -> npt.NDArray[np.bool_]:
    """For each row whether it has the text."""
    return _look_up(column, lambda different: pc.fill_null(pc.equal(different, text), False).to_numpy(False), False)


class Labels:
    """Texts of a column that is read batch by batch, each with an index; texts that mean the same share one."""

    def __init__(self, meaning: Callable[[str], str]) -> None:
        """`meaning` gives the text that stands for this one; an empty one is not known."""
        self._meaning = meaning
        self._indexes: dict[str, int] = {}
        self._seen, self._index_of_seen = pa.array([], pa.string()), np.empty(0, np.int32)

    def __len__(self) -> int:
        return len(self._indexes)

    @property
    def texts(self) -> list[str]:
        """The texts so far, in the order of their indexes."""
        return list(self._indexes)

    def index(self, column: pa.ChunkedArray) -> Indices:
        """For each row the index of its text, -1 where it is not known."""
        return _index_texts(column, self._index)

    def sort(self, indexes: Indices) -> tuple[list[str], Indices]:
        """The texts in their order, and indexes that `index` gave as indexes into that."""
        texts = sorted(self._indexes)
        ranks = {text: rank for rank, text in enumerate(texts)}
        return texts, np.array([*(ranks[text] for text in self._indexes), -1], np.int64)[indexes]

    def _index(self, texts: pa.Array) -> pa.Array:
        """Texts that were there before, as nearly all were, are looked up together, unless few come to many."""
        if len(self._seen) > _MANY_TO_ONE * len(texts):
            return pa.array([None if text is None else self._index_of(text) for text in texts.to_pylist()], pa.int32())
        new = texts.filter(pc.and_(texts.is_valid(), pc.invert(pc.is_in(texts, value_set=self._seen))))
        if len(new):
            self._seen = pa.concat_arrays([self._seen, new])
            indexes = np.array([self._index_of(text) for text in new.to_pylist()], np.int32)
            self._index_of_seen = np.concatenate([self._index_of_seen, indexes])
        return pa.array(self._index_of_seen).take(pc.index_in(texts, value_set=self._seen))

    def _index_of(self, text: str) -> int:
        meaning = self._meaning(text)
        return self._indexes.setdefault(meaning, len(self._indexes)) if meaning else -1


def _index_texts(texts: pa.ChunkedArray, index_of: Callable[[pa.Array], pa.Array]) -> Indices:
    return _look_up(texts, lambda different: pc.fill_null(index_of(different), -1).to_numpy().astype(np.int64), -1)


def _look_up(
    texts: pa.ChunkedArray, values_of: Callable[[pa.Array], npt.NDArray[Any]], null_value: int | bool
) -> npt.NDArray[Any]:
    """For each row the value of its text; `values_of` is asked once, for all different texts."""
    different, indices = _encode(texts)
    values = values_of(different)
    table = np.append(values, values.dtype.type(null_value))
    numbers = (pc.fill_null(each, len(different)).to_numpy() for each in indices)
    return np.concatenate([table[:0], *(table[each] for each in numbers)])


def _encode(texts: pa.ChunkedArray) -> tuple[pa.Array, list[pa.Array]]:
    """The different texts, and for each chunk where each of its texts is among them."""
    encoded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    if not encoded.num_chunks:
        return pa.array([], pa.string()), []
    different = encoded.chunk(0).dictionary
    if not all(chunk.dictionary.equals(different) for chunk in encoded.chunks):  # to unify is to hash all of each
        encoded = encoded.unify_dictionaries()
        different = encoded.chunk(0).dictionary
    return different, [chunk.indices for chunk in encoded.chunks]
