"""Texts as numbers, each text looked at once: millions of rows are small to group then.

Here: numbers for columns of text, in one piece or in several. Not here: what texts mean, what is grouped by them.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.stats import Codes


def number_texts(texts: pa.ChunkedArray, number_of: Callable[[pa.Array], pa.Array]) -> tuple[pa.Array, pa.ChunkedArray]:
    """The different texts, and for each row the number of its text, dictionary-encoded or not; null for null.

    `number_of` is asked once, for all different texts.
    """
    encoded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    chunks = encoded.unify_dictionaries().chunks
    if not chunks:
        return pa.array([], pa.string()), pa.chunked_array([], pa.int32())
    numbers = number_of(chunks[0].dictionary)
    return chunks[0].dictionary, pa.chunked_array([numbers.take(chunk.indices) for chunk in chunks], pa.int32())


def place_texts(texts: pa.ChunkedArray, place_of: Callable[[pa.Array], pa.Array]) -> Codes:
    """The same numbers as codes, -1 for null."""
    _, places = number_texts(texts, place_of)
    codes: Codes = pc.fill_null(places, -1).to_numpy().astype(np.int64)
    return codes


class Labels:
    """Texts of a column that comes in pieces, each with a place; texts that mean the same share one."""

    def __init__(self, meaning: Callable[[str], str]) -> None:
        """`meaning` gives the text that stands for this one; an empty one is not known."""
        self._meaning = meaning
        self._places: dict[str, int] = {}

    def place(self, column: pa.ChunkedArray) -> Codes:
        """For each row the place of its text, -1 where it is not known."""
        return place_texts(
            column, lambda texts: pa.array([self._place(text) for text in texts.to_pylist()], pa.int32())
        )

    def sort(self, codes: Codes) -> tuple[list[str], Codes]:
        """The texts in their order, and codes that `place` gave as places in that."""
        texts = sorted(self._places)
        ranks = {text: rank for rank, text in enumerate(texts)}
        return texts, np.array([*(ranks[text] for text in self._places), -1], np.int64)[codes]

    def _place_all(self, texts: pa.Array) -> pa.Array:
        return pa.array(map(self._place, texts.to_pylist()), pa.int32())

    def _place(self, text: str | None) -> int:
        meaning = self._meaning(text) if text is not None else ""
        return self._places.setdefault(meaning, len(self._places)) if meaning else -1
