"""Half a million answers as sums out of which the equations come at any variances, in milliseconds."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy

from salted_assets.scoring.fair.answer_weights import AnswerWeights
from salted_assets.scoring.fair.normal_equations import Sums
from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import Floats, Indices


class AnswerRows(NamedTuple):
    """Answers of agents whom questions connect; all arrays have an element for each answer.

    `columns` has a row for each kind of facet with the facet's column. `cell` is twice the agent's index,
    plus 1 where the engagement was chosen; `part` the index of the shortest window that has the day.
    """

    cell: Indices
    part: Indices
    engagement: Indices
    kind: Indices
    columns: Indices
    value: Floats


class Products(NamedTuple):
    """Sums of products, weighted by the inverse W of the errors' covariance, and how they change with each parameter.

    The first axis has the sums, then a change for each parameter. Values y are the last of the facets: F'WF, the
    diagonal of X'WX, X'WF; and -log |W|.
    """

    facets: Floats
    cells: Floats
    cell_facets: Floats
    log_determinant: Floats


class _Entries(NamedTuple):
    """Of each answer the facets that it has, with the amount 1, and its value as that of the last facet.

    All first facets come first, then all second ones, the values at last.
    """

    answer: Indices
    column: Indices
    amount: Floats

    def table(self, row: Indices, column: Indices, shape: tuple[int, int]) -> "scipy.sparse.csr_array":
        """The amounts added up by row and column."""
        return scipy.sparse.csr_array((self.amount, (row, column)), shape=shape)


@dataclass(frozen=True)
class AnswerSums:
    """Products of `count` answers' facets, with the answer itself as the last facet, as functions of error parameters.

    `of_facets` and `of_cell_facets` have a row for each product of two facets, and of a cell with a facet; `of_cells`
    one for each cell; all a column for each of the weights that they are multiplied with.
    """

    count: int
    weights: AnswerWeights
    of_facets: "scipy.sparse.csr_array"
    of_cell_facets: "scipy.sparse.csr_array"
    of_cells: Floats

    @cached_property
    def facets(self) -> int:
        """How many facets there are, without the answer itself."""
        return int(self.of_cell_facets.shape[0] // len(self.of_cells) - 1)

    @cached_property
    def _by_facets(self) -> "scipy.sparse.csc_array":
        return self.of_facets.T

    @cached_property
    def _by_cell_facets(self) -> "scipy.sparse.csc_array":
        return self.of_cell_facets.T

    def take(self, facets: Indices) -> "AnswerSums":
        """The same with these facets alone."""
        if np.array_equal(facets, np.arange(self.facets)):
            return self
        kept, columns = np.append(facets, self.facets), self.facets + 1
        cells = np.arange(len(self.of_cells))
        return replace(
            self,
            of_facets=self.of_facets[(kept[:, None] * columns + kept).ravel()],
            of_cell_facets=self.of_cell_facets[(cells[:, None] * columns + kept).ravel()],
        )

    def sum_up(self, parameters: Floats) -> Sums:
        """The sums over the whole of the longest window."""
        products = self._multiply(self.weights.at(parameters)[None])
        facets, cells, cell_facets, log_determinant = (part[0] for part in products)
        return Sums(
            facets[:-1, :-1],
            facets[:-1, -1],
            float(facets[-1, -1]),
            cells,
            cell_facets[:, :-1],
            cell_facets[:, -1],
            float(log_determinant),
        )

    def expand(self, parameters: Floats) -> tuple[Products, Floats]:
        """The products with their first derivatives; the second derivatives of what `bend` takes."""
        rows, bends = self.weights.expand(parameters)
        return self._multiply(rows), bends

    def bend(self, bends: Floats, worth: Products) -> Floats:
        """Second derivatives by two parameters each of all products, each times what it is worth, in all."""
        parts = (
            self._by_facets @ worth.facets.ravel(),
            self._by_cell_facets @ worth.cell_facets.ravel(),
            worth.cells @ self.of_cells,
            worth.log_determinant,
        )
        return np.asarray(bends @ np.concatenate(parts))

    def _multiply(self, weights: Floats) -> Products:
        count, columns, cells = len(weights), self.facets + 1, len(self.of_cells)
        facets, cell_facets = (
            np.ascontiguousarray((each @ weights[:, which].T).T)
            for each, which in (
                (self.of_facets, self.weights.by_facets),
                (self.of_cell_facets, self.weights.by_cell_facets),
            )
        )
        return Products(
            facets.reshape(count, columns, columns),
            weights[:, self.weights.by_cells] @ self.of_cells.T,
            cell_facets.reshape(count, cells, columns),
            weights[:, -1],
        )


@dataclass(frozen=True)
class PartSums:
    """What `AnswerSums` has of cells, by part of the window: amounts of facets, what they go to and by which weight.

    `counts` are the numbers of engagements by cell, part and shape.
    """

    weights: AnswerWeights
    amount: Floats
    at: Indices
    weight: Indices
    counts: Floats

    def sum_up(self, parameters: Floats, facets: int) -> tuple[Floats, Floats, Floats]:
        """Of each cell (first axis) and part of the window (second) X'WX, X'WF and X'Wy."""
        weights, shape = self.weights.at(parameters), self.counts.shape[:2]
        weighed = weights[self.weights.by_cell_facets][self.weight] * self.amount
        found = np.bincount(self.at, weighed, math.prod(shape) * (facets + 1)).astype(np.float64, copy=False)
        found = found.reshape(*shape, facets + 1)
        return self.counts @ weights[self.weights.by_cells], found[:, :, :-1], found[:, :, -1]


def add_up_answers(rows: AnswerRows, *, cells: int, facets: int, parts: int) -> tuple[AnswerSums, PartSums]:
    """The sums of so many cells, facets and parts of the window: over the whole window, and those of cells by part."""
    kinds = int(rows.kind.max(initial=0)) + 1
    engagements, engagement, firsts = number_values(rows.engagement)
    numbers = np.bincount(engagement * kinds + rows.kind, minlength=engagements.size * kinds).reshape(-1, kinds)
    shapes, shape = _find_shapes(numbers)
    weights = AnswerWeights(shapes, np.bincount(shape, minlength=len(shapes)).astype(np.float64))
    entries = _list_entries(rows, facets)
    part = rows.cell * parts + rows.part
    counted = np.bincount(part[firsts] * len(shapes) + shape, minlength=cells * parts * len(shapes))
    counts = counted.reshape(cells, parts, -1).astype(np.float64)
    columns = facets + 1
    of_facets = _multiply_facets(entries, columns, rows.kind, engagement, shape)
    weight = shape[engagement] * kinds + rows.kind
    at = part[entries.answer] * columns + entries.column
    stored = entries.table(at, weight[entries.answer], (cells * parts * columns, shapes.size)).tocoo()
    of_part, of_column = np.divmod(stored.row.astype(np.int64), columns)
    of_cell_facets = scipy.sparse.csr_array(
        (stored.data, (of_part // parts * columns + of_column, stored.col)), shape=(cells * columns, shapes.size)
    )
    return (
        AnswerSums(rows.value.size, weights, of_facets, of_cell_facets, counts.sum(axis=1)),
        PartSums(weights, stored.data, stored.row, stored.col, counts),
    )


def _multiply_facets(
    entries: _Entries, columns: int, kind: Indices, engagement: Indices, shape: Indices
) -> "scipy.sparse.csr_array":
    """Products of two facets by kind of answer, and those of their sums in engagements by shape and two kinds."""
    kinds, shapes = int(kind.max(initial=0)) + 1, int(shape.max(initial=0)) + 1
    of_kind = kind[entries.answer] * columns + entries.column
    own = entries.table(engagement[entries.answer], of_kind, (shape.size, kinds * columns))
    of_shape = own.indices + np.repeat(shape * kinds * columns, np.diff(own.indptr))
    summed = scipy.sparse.csr_array((own.data, of_shape, own.indptr), shape=(shape.size, shapes * kinds * columns))
    pairs = (summed.T @ own).tocoo()
    alike = _multiply_alike(entries, columns, kind)
    first_kind, at = alike.nonzero()
    of_pair, first_of_pair = np.divmod(pairs.row.astype(np.int64), columns)
    second_kind, second_of_pair = np.divmod(pairs.col.astype(np.int64), columns)
    data = np.concatenate([alike[first_kind, at], pairs.data])
    row = np.concatenate([at, first_of_pair * columns + second_of_pair])
    weight = np.concatenate([first_kind, kinds + of_pair * kinds + second_kind])
    return scipy.sparse.csr_array((data, (row, weight)), shape=(columns**2, kinds + shapes * kinds * kinds))


def _list_entries(rows: AnswerRows, facets: int) -> _Entries:
    every = np.arange(rows.value.size, dtype=np.int32)
    return _Entries(
        np.tile(every, len(rows.columns) + 1),
        np.append(rows.columns.astype(np.int32), np.full(every.size, facets, np.int32)),
        np.append(np.ones(rows.columns.size), rows.value),
    )


def _multiply_alike(entries: _Entries, columns: int, kind: Indices) -> Floats:
    """Products of two facets of one answer, added up by kind (rows)."""
    column, amount = entries.column.reshape(-1, kind.size), entries.amount.reshape(-1, kind.size)
    size = (int(kind.max(initial=0)) + 1) * columns**2
    found = np.zeros(size)
    for first, second in np.ndindex(len(column), len(column)):
        at = (kind * columns + column[first]) * columns + column[second]
        found += np.bincount(at, amount[first] * amount[second], size)
    return found.reshape(-1, columns**2)


def _find_shapes(numbers: Indices) -> tuple[Floats, Indices]:
    """The different rows in order, and for each row the index of its own."""
    packed = np.zeros(len(numbers), np.int64)
    for column in numbers.T:
        packed = packed * (int(column.max(initial=0)) + 1) + column
    _, shape, firsts = number_values(packed)
    return numbers[firsts].astype(np.float64), shape
