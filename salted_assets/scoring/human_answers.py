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
from salted_assets.scoring.numbering import narrow
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.text_index import number_texts

HUMAN_COLUMNS = ("start_date", "source", "is_scored")
"""The columns of `scores/answer` by which answers are found, beside those that are gathered."""


@dataclass(frozen=True)
class TextColumn:
    """A column of texts: the different ones, sorted, and for each row the number of its text, -1 for null.

    There may be millions of rows: numbers take as little room as they can, and texts become Python's when they are
    asked.
    """

    different: pa.Array
    numbers: Indices

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
        numbers = np.where(is_there, np.cumsum(is_there) - 1, -1)
        different = self.different.filter(pa.array(is_there[:-1]))
        return TextColumn(different, narrow(numbers, len(different))[self.numbers])

    def among(self, texts: Sequence[str]) -> Indices:
        """For each row the index of its text among these, -1 for null and for what is not there."""
        indexes = {text: index for index, text in enumerate(texts)}
        return np.array([*(indexes.get(text, -1) for text in self.texts), -1], np.int64)[self.numbers]

    def meaning(self, meaning_of: Callable[[str], str]) -> "TextColumn":
        """The column of what the texts stand for."""
        meanings = [meaning_of(text) for text in self.texts]
        different = sorted(set(meanings))
        indexes = {text: index for index, text in enumerate(different)}
        numbers = np.array([*(indexes[text] for text in meanings), -1], np.int64)
        return TextColumn(pa.array(different, pa.string()), narrow(numbers, len(different))[self.numbers])


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
    texts: dict[str, list[TextColumn]] = {name: [] for name, kind in kinds.items() if pa.types.is_string(kind)}
    numbers: dict[str, list[Floats]] = {
        name: [np.empty(0)] for name, kind in kinds.items() if pa.types.is_floating(kind)
    }
    flags = {name: [np.empty(0, bool)] for name, kind in kinds.items() if pa.types.is_boolean(kind)}
    for day, table in split_days(rows, Answer):
        is_human = pc.and_(pc.equal(table["source"], "reviewer"), table["is_scored"])
        human = table.filter(pc.fill_null(is_human, False))
        days.append(np.full(human.num_rows, day.toordinal(), np.int32))
        there = kinds.keys() & set(human.column_names)
        for name in texts.keys() & there:
            texts[name].extend(map(_copy_texts, human[name].chunks))
        for name in numbers.keys() & there:
            numbers[name].append(human[name].to_numpy().copy())
        for name in flags.keys() & there:
            flags[name].append(pc.fill_null(human[name], False).to_numpy())
    # One column after the other, so that but one is there twice.
    return HumanAnswerRows(
        np.concatenate(days),
        {name: _join(texts.pop(name)) for name in tuple(texts)},
        {name: np.concatenate(numbers.pop(name)) for name in tuple(numbers)},
        {name: np.concatenate(flags.pop(name)) for name in tuple(flags)},
    )


def _copy_texts(chunk: pa.Array) -> TextColumn:
    """The chunk with those texts alone that it has, not yet sorted: files have those of all answers."""
    encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
    return TextColumn(encoded.dictionary, pc.fill_null(encoded.indices, -1).to_numpy()).present()


def _join(parts: Sequence[TextColumn]) -> TextColumn:
    """The parts one after the other, with their texts sorted."""
    order: list[pa.Array] = []

    def rank(texts: pa.Array) -> pa.Array:
        order.append(pc.sort_indices(texts))
        ranks = np.empty(len(texts), np.int32)
        ranks[order[0].to_numpy()] = np.arange(len(texts))
        return pa.array(ranks)

    texts, numbers = number_texts(pa.chunked_array([part.different for part in parts], pa.string()), rank)
    ranks = narrow(numbers.to_numpy(), len(texts))
    ends = np.cumsum([len(part.different) for part in parts])
    tables = (np.append(own, ranks.dtype.type(-1)) for own in np.split(ranks, ends))
    joined = [table[part.numbers] for table, part in zip(tables, parts, strict=False)]
    return TextColumn(texts.take(order[0]), np.concatenate([ranks[:0], *joined]))
