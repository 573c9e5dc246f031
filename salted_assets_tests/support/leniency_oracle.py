"""Leniency once more, in plain Python and exact fractions, by the full equations of the mixed model. Not here: tests.

Where the code under test takes the levels of the cells out first, here they stay in: one unknown for each cell and each
rater, solved by elimination.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

LEAST_RATIO = Fraction(1, 10**9)
Matrix = list[list[Fraction]]


class Rating(NamedTuple):
    """One score that a rater gave in a cell."""

    rater: str
    cell: tuple[str, str]
    score: Fraction


class Judged(NamedTuple):
    """A rater's leniency and the standard deviation of it."""

    value: float
    deviation: float


def judge(ratings: Sequence[Rating]) -> dict[str, Judged]:
    """Every rater who shares a cell with another one."""
    cells, raters = sorted({each.cell for each in ratings}), sorted({each.rater for each in ratings})
    unknowns: list[object] = [*cells, *raters]
    among = {cell: {each.rater for each in ratings if each.cell == cell} for cell in cells}
    known = [rater for rater in raters if any(len(who) > 1 and rater in who for who in among.values())]
    without, _ = _reduction(ratings, list(cells))
    explained, rank = _reduction(ratings, unknowns)
    free, beyond = len(ratings) - rank, rank - len(cells)
    if free <= 0 or not beyond:
        return {rater: Judged(0, 0) for rater in known}
    chance = (sum((each.score**2 for each in ratings), Fraction()) - explained) / free
    numbers, of_cell = Counter((each.rater, each.cell) for each in ratings), Counter(each.cell for each in ratings)
    trace = sum((count - Fraction(count**2, of_cell[cell]) for (_, cell), count in numbers.items()), Fraction())
    between = (explained - without - beyond * chance) / trace
    if between <= 0:
        return {rater: Judged(0, 0) for rater in known}
    ratio = max(chance / between, LEAST_RATIO)
    matrix, right = _equations(ratings, unknowns)
    for index in range(len(cells), len(unknowns)):
        matrix[index][index] += ratio
    values, _ = _solve(matrix, right)
    found = {}
    for rater in known:
        index = unknowns.index(rater)
        # How far the rater is from the mean of those who are connected.
        near = _connected(rater, list(among.values()))
        contrast = [Fraction(other == rater) - Fraction(other in near, len(near)) for other in unknowns]
        error = sum((a * b for a, b in zip(contrast, _solve(matrix, contrast)[0], strict=True)), Fraction())
        found[rater] = Judged(float(values[index]), float(chance * error) ** 0.5)
    return found


def _connected(rater: str, groups: Sequence[set[str]]) -> set[object]:
    """The raters whom chains of shared cells lead to."""
    near: set[object] = {rater}
    while True:
        more = near.union(*(group for group in groups if group & near))
        if more == near:
            return near
        near = more


def _equations(ratings: Sequence[Rating], unknowns: Sequence[object]) -> tuple[Matrix, list[Fraction]]:
    size = len(unknowns)
    matrix, right = [[Fraction(0)] * size for _ in unknowns], [Fraction(0)] * size
    for each in ratings:
        indexes = [unknowns.index(name) for name in (each.cell, each.rater) if name in unknowns]
        for row in indexes:
            right[row] += each.score
            for column in indexes:
                matrix[row][column] += 1
    return matrix, right


def _reduction(ratings: Sequence[Rating], unknowns: Sequence[object]) -> tuple[Fraction, int]:
    """Sum of squares that these unknowns explain, and how many of them are independent."""
    matrix, right = _equations(ratings, unknowns)
    values, rank = _solve(matrix, right)
    return sum((a * b for a, b in zip(values, right, strict=True)), Fraction()), rank


def _solve(matrix: Matrix, right: Sequence[Fraction]) -> tuple[list[Fraction], int]:
    """One solution, 0 where any would do, and the rank."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    leads: list[int] = []
    for column in range(len(matrix)):
        lead = next((index for index in range(len(leads), len(rows)) if rows[index][column]), None)
        if lead is None:
            continue
        top = len(leads)
        rows[top], rows[lead] = rows[lead], rows[top]
        rows[top] = [value / rows[top][column] for value in rows[top]]
        for index, row in enumerate(rows):
            if index != top and row[column]:
                rows[index] = [a - row[column] * b for a, b in zip(row, rows[top], strict=True)]
        leads.append(column)
    values = [Fraction(0)] * len(matrix)
    for index, column in enumerate(leads):
        values[column] = rows[index][-1]
    return values, len(leads)
