"""Scored answers of human reviewers over many days, gone through once: windows of any length and end are cut out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores.answer import Answer
from salted_assets.scoring.day_rows import DayRows, split_days
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.text_index import number_texts

HUMAN_COLUMNS = ("start_date", "source", "is_scored")
"""The columns of `scores/answer` by which answers are found, beside those that are gathered."""


@dataclass(frozen=True)
class TextColumn:
    """A column of texts: the different ones, sorted, and for each row the index among them, -1 for null."""

    texts: list[str]
    index: Indices

    def present(self) -> tuple[list[str], Indices]:
        """The texts that rows have, sorted, and for each row the index among these, -1 for null."""
        is_there = np.zeros(len(self.texts) + 1, bool)
        is_there[self.index] = True
        is_there[-1] = False
        at = np.where(is_there, np.cumsum(is_there) - 1, -1)
        return [text for text, there in zip(self.texts, is_there.tolist(), strict=False) if there], at[self.index]

    def among(self, texts: Sequence[str]) -> Indices:
        """For each row the index of its text among these, -1 for null and for what is not there."""
        indexes = {text: index for index, text in enumerate(texts)}
        return np.array([*(indexes.get(text, -1) for text in self.texts), -1], np.int64)[self.index]

    def meaning(self, meaning_of: Callable[[str], str]) -> "TextColumn":
        """The column of what the texts stand for."""
        meanings = [meaning_of(text) for text in self.texts]
        different = sorted(set(meanings))
        indexes = {text: index for index, text in enumerate(different)}
        at = np.array([*(indexes[text] for text in meanings), -1], np.int64)
        return TextColumn(different, at[self.index])


@dataclass(frozen=True)
class HumanAnswerRows:
    """Answers by day, the oldest first: `day` in ordinals of the calendar, other columns by their names."""

    day: Indices
    texts: Mapping[str, TextColumn]
    numbers: Mapping[str, Floats]
    flags: Mapping[str, npt.NDArray[np.bool_]]

    def __len__(self) -> int:
        return self.day.size

    def within(self, end_date: date, days: int) -> "HumanAnswerRows":
        """Those of so many days to the end date."""
        last = end_date.toordinal()
        return self.take(slice(*np.searchsorted(self.day, (last - days + 1, last + 1)).tolist()))

    def take(self, rows: slice | npt.NDArray[np.bool_]) -> "HumanAnswerRows":
        """These rows alone."""
        return HumanAnswerRows(
            self.day[rows],
            {name: TextColumn(column.texts, column.index[rows]) for name, column in self.texts.items()},
            {name: column[rows] for name, column in self.numbers.items()},
            {name: column[rows] for name, column in self.flags.items()},
        )


def gather_human_answers(rows: DayRows, columns: Sequence[str]) -> HumanAnswerRows:
    """The scored answers by human reviewers out of rows of `scores/answer`, with these columns.

    Rows have `HUMAN_COLUMNS`, too. A flag that is null is false, a number NaN.
    """
    wanted = [field.remove_metadata().with_nullable(True) for field in arrow_schema(Answer) if field.name in columns]
    schema = pa.schema(field for field in wanted if field.name not in HUMAN_COLUMNS)
    days, tables = [np.empty(0, np.int64)], [_encoded(schema.empty_table())]
    for day, table in split_days(rows, Answer):
        is_human = pc.and_(pc.equal(table["source"], "reviewer"), table["is_scored"])
        human = table.filter(pc.fill_null(is_human, False)).select(schema.names)
        days.append(np.full(human.num_rows, day.toordinal()))
        tables.append(_encoded(human))
    every = pa.concat_tables(tables).combine_chunks()
    kinds = {field.name: field.type for field in schema}
    return HumanAnswerRows(
        np.concatenate(days),
        {name: _sort(every[name]) for name, kind in kinds.items() if pa.types.is_string(kind)},
        {name: every[name].to_numpy() for name, kind in kinds.items() if pa.types.is_floating(kind)},
        {name: _known(every[name]) for name, kind in kinds.items() if pa.types.is_boolean(kind)},
    )


def _encoded(table: pa.Table) -> pa.Table:
    """The columns with texts dictionary-encoded, as they come from files, and nothing said of null."""
    columns = {name: table[name] for name in table.column_names}
    texts = {name: column.dictionary_encode() for name, column in columns.items() if pa.types.is_string(column.type)}
    return pa.table(columns | texts)


def _sort(column: pa.ChunkedArray) -> TextColumn:
    order: list[pa.Array] = []

    def rank(texts: pa.Array) -> pa.Array:
        order.append(pc.sort_indices(texts))
        ranks = np.empty(len(texts), np.int32)
        ranks[order[0].to_numpy()] = np.arange(len(texts))
        return pa.array(ranks)

    texts, ranks = number_texts(column, rank)
    in_order = texts.take(order[0]).to_pylist() if order else []
    return TextColumn(in_order, pc.fill_null(ranks, -1).to_numpy().astype(np.int64))


def _known(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    flags: npt.NDArray[np.bool_] = pc.fill_null(column, False).to_numpy()
    return flags
