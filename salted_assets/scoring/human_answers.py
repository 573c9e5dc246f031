"""Scored answers of human reviewers over many days, gone through once: windows of any length and end are cut out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores.answer import Answer
from salted_assets.scoring.day_rows import DayRows, split_days
from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.text_index import number_texts

HUMAN_COLUMNS = ("start_date", "source", "is_scored")
"""The columns of `scores/answer` by which answers are found, beside those that are gathered."""


@dataclass(frozen=True)
class TextColumn:
    """A column of texts: the different ones, sorted, and for each row the number of its text, -1 for null.

    There may be millions of rows: numbers take half the room of indexes, and texts become Python's when they are asked.
    """

    different: pa.Array
    numbers: npt.NDArray[np.int32]

    @property
    def texts(self) -> list[str]:
        """The different texts."""
        texts: list[str] = self.different.to_pylist()
        return texts

    @property
    def index(self) -> Indices:
        """For each row the index of its text among `texts`, -1 for null."""
        return self.numbers.astype(np.int64)

    def present(self) -> "TextColumn":
        """The column without texts that no row has."""
        is_there = np.zeros(len(self.different) + 1, bool)
        is_there[self.numbers] = True
        is_there[-1] = False
        numbers = np.where(is_there, np.cumsum(is_there, dtype=np.int32) - 1, -1).astype(np.int32)
        return TextColumn(self.different.filter(pa.array(is_there[:-1])), numbers[self.numbers])

    def among(self, texts: Sequence[str]) -> Indices:
        """For each row the index of its text among these, -1 for null and for what is not there."""
        indexes = {text: index for index, text in enumerate(texts)}
        return np.array([*(indexes.get(text, -1) for text in self.texts), -1], np.int64)[self.numbers]

    def meaning(self, meaning_of: Callable[[str], str]) -> "TextColumn":
        """The column of what the texts stand for."""
        meanings = [meaning_of(text) for text in self.texts]
        different = sorted(set(meanings))
        indexes = {text: index for index, text in enumerate(different)}
        numbers = np.array([*(indexes[text] for text in meanings), -1], np.int32)
        return TextColumn(pa.array(different, pa.string()), numbers[self.numbers])


@dataclass(frozen=True)
class HumanAnswerRows:
    """Answers by day, the oldest first: `day` in ordinals of the calendar, other columns by their names.

    A column may be shorter: then it is that of the last rows.
    """

    day: npt.NDArray[np.int32]
    texts: Mapping[str, TextColumn]
    numbers: Mapping[str, Floats]
    flags: Mapping[str, npt.NDArray[np.bool_]]

    def __len__(self) -> int:
        return self.day.size

    def within(self, end_date: date, days: int) -> "HumanAnswerRows":
        """Those of so many days to the end date, without columns that not all of them have."""
        last = end_date.toordinal()
        return self.take(slice(*np.searchsorted(self.day, (last - days + 1, last + 1)).tolist()))

    def take(self, rows: slice | npt.NDArray[np.bool_]) -> "HumanAnswerRows":
        """These rows alone; a mask is of columns that all rows have."""
        numbers = self._cut({name: column.numbers for name, column in self.texts.items()}, rows)
        return HumanAnswerRows(
            self.day[rows],
            {name: TextColumn(self.texts[name].different, own) for name, own in numbers.items()},
            self._cut(self.numbers, rows),
            self._cut(self.flags, rows),
        )

    def copied(self) -> "HumanAnswerRows":
        """The same rows in memory of their own: those of which they were cut may go."""
        return self.take(np.ones(len(self), bool))

    def _cut(self, columns: Mapping[str, npt.NDArray[Any]], rows: slice | npt.NDArray[np.bool_]) -> dict[str, Any]:
        if not isinstance(rows, slice):
            return {name: column[rows] for name, column in columns.items()}
        start, stop, _ = rows.indices(len(self))
        missing = {name: len(self) - column.size for name, column in columns.items()}
        return {
            name: column[start - missing[name] : stop - missing[name]]
            for name, column in columns.items()
            if start >= missing[name]
        }


def gather_human_answers(rows: DayRows, columns: Sequence[str]) -> HumanAnswerRows:
    """The scored answers by human reviewers out of rows of `scores/answer`, with these columns.

    Rows have `HUMAN_COLUMNS`, too. A flag that is null is false, a number NaN. Tables of the first days may lack some
    columns.
    """
    wanted = [field.remove_metadata().with_nullable(True) for field in arrow_schema(Answer) if field.name in columns]
    kinds = {field.name: field.type for field in wanted if field.name not in HUMAN_COLUMNS}
    days: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)]
    chunks: dict[str, list[pa.Array]] = {name: [] for name in kinds}
    for day, table in split_days(rows, Answer):
        is_human = pc.and_(pc.equal(table["source"], "reviewer"), table["is_scored"])
        human = table.filter(pc.fill_null(is_human, False))
        days.append(np.full(human.num_rows, day.toordinal(), np.int32))
        for name in kinds.keys() & set(human.column_names):
            chunks[name].extend(map(_with_own_texts, human[name].chunks))
    # One column after the other, so that but one is there twice.
    every = {name: pa.chunked_array(chunks.pop(name), _encoded(kind)) for name, kind in kinds.items()}
    return HumanAnswerRows(
        np.concatenate(days),
        {name: _sort(every.pop(name)) for name, kind in kinds.items() if pa.types.is_string(kind)},
        {name: every.pop(name).to_numpy() for name, kind in kinds.items() if pa.types.is_floating(kind)},
        {name: _known(every.pop(name)) for name, kind in kinds.items() if pa.types.is_boolean(kind)},
    )


def _encoded(kind: pa.DataType) -> pa.DataType:
    """How a column is kept until all days are there: texts dictionary-encoded, as they come from files."""
    return pa.dictionary(pa.int32(), pa.string()) if pa.types.is_string(kind) else kind


def _with_own_texts(chunk: pa.Array) -> pa.Array:
    """The chunk, of texts with a dictionary of those alone that it has: files have those of all answers."""
    if pa.types.is_dictionary(chunk.type):
        # The last number is that of null.
        numbers = pc.fill_null(chunk.indices, len(chunk.dictionary)).to_numpy()
        different, own, _ = number_values(numbers)
        texts = chunk.dictionary.take(pa.array(different[different < len(chunk.dictionary)]))
        return pa.DictionaryArray.from_arrays(pa.array(own.astype(np.int32), mask=own == len(texts)), texts)
    return chunk.dictionary_encode() if pa.types.is_string(chunk.type) else chunk


def _sort(column: pa.ChunkedArray) -> TextColumn:
    order: list[pa.Array] = []

    def rank(texts: pa.Array) -> pa.Array:
        order.append(pc.sort_indices(texts))
        ranks = np.empty(len(texts), np.int32)
        ranks[order[0].to_numpy()] = np.arange(len(texts))
        return pa.array(ranks)

    texts, ranks = number_texts(column, rank)
    return TextColumn(texts.take(order[0]), pc.fill_null(ranks, -1).to_numpy())


def _known(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    flags: npt.NDArray[np.bool_] = pc.fill_null(column, False).to_numpy()
    return flags
