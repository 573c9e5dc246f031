"""Half a million answers as sums out of which the equations come at any variances, in milliseconds.

Answers of one engagement share a random effect. With it absorbed, an answer of the kind k (weight w_k) adds w_k to what
it is about, less w_k c (w_1 n_1 + w_2 n_2 + ...), c = v / (1 + v (w_1 n_1 + ...)), v the engagement effect's variance:
so all that counts of an engagement beside its facets is its shape, the numbers n_k of its answers by kind.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from salted_assets.scoring.fair.normal_equations import Sums
from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import Floats, Indices

_KIND_BOUNDS = (-np.log(25.0), np.log(25.0))
"""No kind of question may count more than 25 times another: answers that never differ would count for all."""

_ENGAGEMENT_BOUNDS = (np.log(1e-8), np.log(1e4))


class AnswerRows(NamedTuple):
    """Answers of agents whom questions connect; all arrays have an element for each answer.

    `columns` has a row for each kind of facet with the facet's column, -1 for none. `cell` is twice the agent's index,
    plus 1 where the engagement was chosen; `part` the index of the shortest window that has the day.
    """

    cell: Indices
    part: Indices
    engagement: Indices
    kind: Indices
    columns: Indices
    value: Floats


class _Coefficients(NamedTuple):
    """What the stored sums are multiplied with: by kind, by shape and two kinds, by shape and kind, by shape."""

    kind: Floats
    pair: Floats
    single: Floats
    shape: Floats
    log_determinant: float


class AnswerSums:
    """The `Errors` of human answers: parameters are log weights of the kinds after the first, and log v.

    The last is only there where some engagement has two answers.
    """

    def __init__(self, rows: AnswerRows, *, cells: int, facets: int, parts: int) -> None:
        self.count = rows.value.size
        kinds = int(rows.kind.max(initial=0)) + 1
        engagements, engagement, _ = number_values(rows.engagement)
        numbers = np.bincount(engagement * kinds + rows.kind, minlength=engagements.size * kinds).reshape(-1, kinds)
        self._shapes, shape = _find_shapes(numbers)
        self._kinds, self._cells, self._facets, self._parts = kinds, cells, facets, parts
        self._kind_counts = numbers.sum(axis=0)
        self._shape_counts = np.bincount(shape, minlength=len(self._shapes)).astype(np.float64)
        has_pairs = bool((numbers.sum(axis=1) > 1).any())
        self.bounds: Sequence[tuple[float, float]] = [_KIND_BOUNDS] * (kinds - 1) + [_ENGAGEMENT_BOUNDS] * has_pairs
        self.weights = kinds - 1
        self._has_pairs = has_pairs
        self._add_up_rows(rows)
        self._add_up_engagements(rows, engagement, shape)
        self._add_up_cells(rows, engagement, shape)

    def sum_up(self, parameters: Floats) -> Sums:
        """The sums over the whole of the longest window."""
        return self._combine(self._coefficients(parameters))

    def differentiate(self, parameters: Floats) -> list[Sums]:
        """How they change with each parameter."""
        return [self._combine(each) for each in self._coefficient_changes(parameters)]

    def sum_up_parts(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        """Of each cell (first axis) and part of the window (second) X'WX, X'WF and X'Wy."""
        coefficients = self._coefficients(parameters)
        single, shape = coefficients.single.ravel(), (self._cells, self._parts)
        at = self._facet_parts * self._facets + self._facet_columns
        facets = self._add_up_facets(single, at, self._cells * self._parts)
        return (
            (self._part_counts @ coefficients.shape).reshape(shape),
            facets.reshape(*shape, self._facets),
            (self._part_values @ single).reshape(shape),
        )

    def _add_up_rows(self, rows: AnswerRows) -> None:
        kind_facets, kind_values, kind_squares = [], [], []
        for kind in range(self._kinds):
            of_kind = rows.kind == kind
            table = self._table(rows.columns[:, of_kind], np.arange(of_kind.sum()), int(of_kind.sum()))
            values = rows.value[of_kind]
            kind_facets.append((table.T @ table).toarray().ravel())
            kind_values.append(table.T @ values)
            kind_squares.append(values @ values)
        self._kind_facets, self._kind_values = np.array(kind_facets), np.array(kind_values)
        self._kind_squares = np.array(kind_squares)

    def _add_up_engagements(self, rows: AnswerRows, engagement: Indices, shape: Indices) -> None:
        """Products of the sums of each engagement, added up by shape and by the two kinds of its answers."""
        kinds, shapes, facets = self._kinds, len(self._shapes), self._facets
        tables, by_shape, values = [], [], []
        for kind in range(kinds):
            columns, own = rows.columns[:, rows.kind == kind], engagement[rows.kind == kind]
            tables.append(self._table(columns, own, shape.size))
            # Each shape has columns of its own, so that one product has the sums of all of them.
            apart = np.where(columns >= 0, columns + facets * shape[own], -1)
            by_shape.append(self._table(apart, own, shape.size, shapes * facets).T.tocsr())
            values.append(np.bincount(own, weights=rows.value[rows.kind == kind], minlength=shape.size))
        size = shapes, kinds, kinds
        pair_values, squares = np.zeros((*size, facets)), np.zeros(size)
        entries: list[tuple[Floats, Indices, Indices]] = []
        for first, second in np.ndindex(kinds, kinds):
            product = (by_shape[first] @ tables[second]).tocoo()
            of_shape, facet = np.divmod(product.row.astype(np.int64), facets)
            pair = (of_shape * kinds + first) * kinds + second
            entries.append((product.data, facet * facets + product.col, pair))
            pair_values[:, first, second] = (by_shape[first] @ values[second]).reshape(shapes, facets)
            squares[:, first, second] = np.bincount(shape, values[first] * values[second], shapes)
        data, cell, pair = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        self._pair_facets = scipy.sparse.csr_array((data, (cell, pair)), shape=(facets**2, squares.size))
        self._pair_values, self._pair_squares = pair_values.reshape(-1, facets), squares.ravel()

    def _add_up_cells(self, rows: AnswerRows, engagement: Indices, shape: Indices) -> None:
        labels = len(self._shapes) * self._kinds
        part = rows.cell * self._parts + rows.part
        label = part * labels + shape[engagement] * self._kinds + rows.kind
        size = self._cells * self._parts * labels
        stored = self._table(rows.columns, label, size)
        row = np.repeat(np.arange(size), np.diff(stored.indptr))
        self._part_facets, self._labels_of_facets = stored.data, row % labels
        self._facet_columns, self._facet_parts = stored.indices.astype(np.int64), row // labels
        self._part_values = np.bincount(label, weights=rows.value, minlength=size).reshape(-1, labels)
        firsts = number_values(engagement).firsts
        numbers = np.bincount(part[firsts] * len(self._shapes) + shape, minlength=size // self._kinds)
        self._part_counts = numbers.reshape(-1, len(self._shapes)).astype(np.float64)
        self._cell_values, self._cell_counts = (
            each.reshape(self._cells, self._parts, -1).sum(axis=1) for each in (self._part_values, self._part_counts)
        )
        self._facet_cells = self._facet_parts // self._parts * self._facets + self._facet_columns

    def _table(self, columns: Indices, row: Indices, size: int, width: int | None = None) -> "scipy.sparse.csr_array":
        """How often each facet occurs in each row."""
        known = columns >= 0
        rows = np.broadcast_to(row, columns.shape)[known]
        return scipy.sparse.csr_array((np.ones(rows.size), (rows, columns[known])), shape=(size, width or self._facets))

    def _weights(self, parameters: Floats) -> tuple[Floats, float]:
        weights = np.exp(np.concatenate([[0.0], parameters[: self._kinds - 1]]))
        return weights, float(np.exp(parameters[-1])) if self._has_pairs else 0.0

    def _coefficients(self, parameters: Floats) -> _Coefficients:
        weights, variance = self._weights(parameters)
        summed = self._shapes @ weights
        kept = 1 / (1 + variance * summed)
        crossed = weights[:, None] * weights
        return _Coefficients(
            kind=weights,
            pair=variance * kept[:, None, None] * crossed,
            single=kept[:, None] * weights,
            shape=summed * kept,
            log_determinant=float(-self._kind_counts @ np.log(weights) - self._shape_counts @ np.log(kept)),
        )

    def _coefficient_changes(self, parameters: Floats) -> list[_Coefficients]:
        weights, variance = self._weights(parameters)
        summed = self._shapes @ weights
        kept = 1 / (1 + variance * summed)
        crossed = weights[:, None] * weights
        changes = []
        for kind in range(1, self._kinds):
            step = weights * (np.arange(self._kinds) == kind)
            both = step[:, None] * weights
            added = self._shapes @ step
            kept_change = -variance * kept**2 * added
            changes.append(
                _Coefficients(
                    kind=step,
                    pair=variance * (kept_change[:, None, None] * crossed + kept[:, None, None] * (both + both.T)),
                    single=kept_change[:, None] * weights + kept[:, None] * step,
                    shape=kept**2 * added,
                    log_determinant=float(-self._kind_counts[kind] + self._shape_counts @ (variance * kept * added)),
                )
            )
        if self._has_pairs:
            kept_change = -variance * kept**2 * summed
            changes.append(
                _Coefficients(
                    kind=np.zeros_like(weights),
                    pair=(variance * kept**2)[:, None, None] * crossed,
                    single=kept_change[:, None] * weights,
                    shape=kept_change * summed,
                    log_determinant=float(self._shape_counts @ (variance * kept * summed)),
                )
            )
        return changes

    def _combine(self, coefficients: _Coefficients) -> Sums:
        kind, pair = coefficients.kind, coefficients.pair.ravel()
        single = coefficients.single.ravel()
        facets = kind @ self._kind_facets - self._pair_facets @ pair
        return Sums(
            facets.reshape(self._facets, self._facets),
            kind @ self._kind_values - pair @ self._pair_values,
            float(kind @ self._kind_squares - pair @ self._pair_squares),
            self._cell_counts @ coefficients.shape,
            self._add_up_facets(single, self._facet_cells, self._cells),
            self._cell_values @ single,
            coefficients.log_determinant,
        )

    def _add_up_facets(self, single: Floats, cell: Indices, cells: int) -> Floats:
        weighed = single[self._labels_of_facets] * self._part_facets
        summed = np.bincount(cell, weights=weighed, minlength=cells * self._facets).astype(np.float64, copy=False)
        return summed.reshape(cells, self._facets)


def _find_shapes(numbers: Indices) -> tuple[Floats, Indices]:
    """The different rows in order, and for each row the index of its own."""
    packed = np.zeros(len(numbers), np.int64)
    for column in numbers.T:
        packed = packed * (int(column.max(initial=0)) + 1) + column
    _, shape, firsts = number_values(packed)
    return numbers[firsts].astype(np.float64), shape
