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
        engagements, engagement = np.unique(rows.engagement, return_inverse=True)
        numbers = np.zeros((engagements.size, kinds))
        np.add.at(numbers, (engagement, rows.kind), 1.0)
        self._shapes, shape = np.unique(numbers, axis=0, return_inverse=True)
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
        cells, cell_facets, cell_values = self._combine_cells(self._coefficients(parameters), self._parts)
        shape = self._cells, self._parts
        return cells.reshape(shape), cell_facets.reshape(*shape, self._facets), cell_values.reshape(shape)

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
        tables, values = [], []
        for kind in range(self._kinds):
            of_kind = rows.kind == kind
            tables.append(self._table(rows.columns[:, of_kind], engagement[of_kind], shape.size))
            values.append(np.bincount(engagement[of_kind], weights=rows.value[of_kind], minlength=shape.size))
        pair_facets, pair_values, pair_squares = [], [], []
        for index in range(len(self._shapes)):
            of_shape = np.flatnonzero(shape == index)
            own = [(table[of_shape], value[of_shape]) for table, value in zip(tables, values, strict=True)]
            for first, first_values in own:
                for second, second_values in own:
                    product = scipy.sparse.csr_array(first.T @ second)
                    pair_facets.append(product.reshape((1, self._facets**2)))
                    pair_values.append(first.T @ second_values)
                    pair_squares.append(first_values @ second_values)
        self._pair_facets = scipy.sparse.csr_array(scipy.sparse.vstack(pair_facets))
        self._pair_values, self._pair_squares = np.array(pair_values), np.array(pair_squares)

    def _add_up_cells(self, rows: AnswerRows, engagement: Indices, shape: Indices) -> None:
        labels = len(self._shapes) * self._kinds
        part = rows.cell * self._parts + rows.part
        label = part * labels + shape[engagement] * self._kinds + rows.kind
        size = self._cells * self._parts * labels
        self._part_facets = self._table(rows.columns, label, size)
        self._part_values = np.bincount(label, weights=rows.value, minlength=size).reshape(-1, labels)
        firsts = np.unique(engagement, return_index=True)[1]
        numbers = np.bincount(part[firsts] * len(self._shapes) + shape, minlength=size // self._kinds)
        self._part_counts = numbers.reshape(-1, len(self._shapes)).astype(np.float64)

    def _table(self, columns: Indices, row: Indices, size: int) -> "scipy.sparse.csr_array":
        """How often each facet occurs in each row."""
        known = columns >= 0
        rows = np.broadcast_to(row, columns.shape)[known]
        return scipy.sparse.csr_array((np.ones(rows.size), (rows, columns[known])), shape=(size, self._facets))

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
        facets = kind @ self._kind_facets - pair @ self._pair_facets
        return Sums(
            facets.reshape(self._facets, self._facets),
            kind @ self._kind_values - pair @ self._pair_values,
            float(kind @ self._kind_squares - pair @ self._pair_squares),
            *self._combine_cells(coefficients, 1),
            coefficients.log_determinant,
        )

    def _combine_cells(self, coefficients: _Coefficients, parts: int) -> tuple[Floats, Floats, Floats]:
        """By cell, or by cell and part where `parts` is their number."""
        joined = self._parts // parts
        single = coefficients.single.ravel()
        stored = self._part_facets
        size = self._cells * self._parts
        numbers = np.repeat(np.tile(single, size), np.diff(stored.indptr)) * stored.data
        # Rows of one cell follow each other, so that longer rows are their sum.
        merged = scipy.sparse.csr_array(
            (numbers, stored.indices, stored.indptr[:: single.size * joined]),
            shape=(self._cells * parts, self._facets),
        )
        cells = (self._part_counts @ coefficients.shape).reshape(-1, joined).sum(axis=1)
        return cells, merged.toarray(), (self._part_values @ single).reshape(-1, joined).sum(axis=1)
