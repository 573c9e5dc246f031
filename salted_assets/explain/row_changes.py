"""Which rows two versions of a day's answers or engagements differ in, with the states in between and the causes."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.explanation import DELETED, ERASED, LATE, MOVED
from salted_assets.explain.figures import differ
from salted_assets.explain.kept_row import KeptRow
from salted_assets.history import forget_rows
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.row_change import AFTER, BEFORE, KEPT_ROWS, ROW_CHANGES, ROW_EVENTS, KeptRows

_ADDED, _REMOVED, _CHANGED, _UNCHANGED = ROW_EVENTS
_OF_ROW = ("row_number", "state", "event", "cause")

FindMoved = Callable[[pa.Array, pa.Array], Collection[str]]
"""Gives those of the engagements of added rows, and of removed ones, that are, or were, on another day as well."""


def rows_schema(score: str) -> pa.Schema:
    """What `compare_rows` gives: rows without what all rows of one replacement have in common."""
    schema = arrow_schema(ROW_CHANGES[score])
    return pa.schema([schema.field(name).remove_metadata() for name in (*_OF_ROW, *KEPT_ROWS[score].columns)])


def compare_rows(
    score: str, states: Mapping[str, pa.Table], find_moved: FindMoved, *, is_erasure: bool = False
) -> pa.Table:
    """The rows of a day's `scores/<score>` that are others in one of the states, in `rows_schema`, a row for each.

    `states` are `BEFORE`, those in between in their order, and `AFTER`; each has the columns of `KEPT_ROWS`, null
    where a file lacks one. Of an evaluation with such a row all answers are given. Differences within rounding are
    none. Rows that an erasure takes have that cause; ids of theirs are none. Nothing that differs gives no row.
    """
    kept = KEPT_ROWS[score]
    sides = _align(kept, states)
    touched = _find_touched(kept, sides)
    if not len(touched):
        return rows_schema(score).empty_table()
    numbers = np.union1d(touched, _find_companions(kept, sides, touched)) if kept.evaluation else touched
    rows = {state: _take(side, kept.columns, numbers) for state, side in sides.items()}
    moved = frozenset() if is_erasure else frozenset(find_moved(*_list_alone(sides, touched)))
    changes = [
        _tell(position, {state: own[position] for state, own in rows.items()}, list(states), moved, is_erasure)
        for position in range(len(numbers))
    ]
    return _build(score, rows, changes, is_erasure=is_erasure)


@dataclass(frozen=True)
class _Side:
    """One state: its rows, and where each key has one, null where it is not there."""

    rows: pa.Table
    index: pa.Array


def _align(kept: KeptRows, states: Mapping[str, pa.Table]) -> dict[str, _Side]:
    keys = {state: rows[kept.key].combine_chunks().cast(pa.string()) for state, rows in states.items()}
    after = keys[AFTER]
    if all(own.equals(after) for own in keys.values()):
        every = pa.array(np.arange(len(after)))
        return {state: _Side(rows, every) for state, rows in states.items()}
    union = pc.unique(pa.concat_arrays([after, *(own for state, own in keys.items() if state != AFTER)]))
    return {state: _Side(rows, pc.index_in(union, value_set=keys[state])) for state, rows in states.items()}


def _find_touched(kept: KeptRows, sides: Mapping[str, _Side]) -> np.ndarray:
    """The keys whose row is another one, or not there, in one of the states."""
    first, *others = sides.values()
    found = np.zeros(len(first.index), bool)
    for other in others:
        found |= _to_numpy(pc.xor(pc.is_null(first.index), pc.is_null(other.index)))
        for name in kept.compared:
            found |= _to_numpy(differ(_column(first, name), _column(other, name)))
    return np.flatnonzero(found)


def _column(side: _Side, name: str) -> pa.Array:
    column = side.rows[name].combine_chunks()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return column if len(column) == len(side.index) and not side.index.null_count else column.take(side.index)


def _to_numpy(flags: pa.Array) -> np.ndarray:
    return np.asarray(flags.to_numpy(zero_copy_only=False), bool)


def _find_companions(kept: KeptRows, sides: Mapping[str, _Side], touched: np.ndarray) -> np.ndarray:
    """The keys of rows of the evaluations that the touched ones are, or were, part of."""
    evaluations: set[tuple[Any, ...]] = set()
    for side in sides.values():
        evaluations.update(_list_evaluations(kept, side, touched))
    engagements = pa.array(sorted({evaluation[0] for evaluation in evaluations if evaluation[0]}), pa.string())
    near = np.zeros(len(next(iter(sides.values())).index), bool)
    for side in sides.values():
        near |= _to_numpy(pc.is_in(_column(side, kept.evaluation[0]).cast(pa.string()), value_set=engagements))
    candidates = np.flatnonzero(near)
    is_part = np.zeros(len(candidates), bool)
    for side in sides.values():
        is_part |= np.array([each in evaluations for each in _list_evaluations(kept, side, candidates)], bool)
    return candidates[is_part]


def _list_evaluations(kept: KeptRows, side: _Side, numbers: np.ndarray) -> list[tuple[Any, ...]]:
    index = side.index.take(pa.array(numbers))
    columns = [side.rows[name].combine_chunks().take(index).to_pylist() for name in kept.evaluation]
    return list(zip(*columns, strict=True))


def _take(side: _Side, columns: Sequence[str], numbers: np.ndarray) -> list[dict[str, Any] | None]:
    index = side.index.take(pa.array(numbers))
    rows = side.rows.select(list(columns)).combine_chunks().take(index).to_pylist()
    return [row if is_there else None for row, is_there in zip(rows, pc.is_valid(index).to_pylist(), strict=True)]


def _list_alone(sides: Mapping[str, _Side], touched: np.ndarray) -> tuple[pa.Array, pa.Array]:
    """The engagements of touched rows that are there after alone, and of those that were there before alone."""
    numbers = pa.array(touched)
    before, after = (sides[state].index.take(numbers) for state in (BEFORE, AFTER))
    added, removed = after.filter(pc.is_null(before)), before.filter(pc.is_null(after))
    return tuple(
        pc.unique(side.rows["engagement_pid"].combine_chunks().cast(pa.string()).take(index).drop_null())
        for side, index in ((sides[AFTER], added), (sides[BEFORE], removed))
    )


@dataclass(frozen=True)
class _RowChange:
    """What is said of a row: its number, what became of it, and why."""

    number: int
    event: str
    cause: str | None


def _tell(
    number: int,
    states: Mapping[str, dict[str, Any] | None],
    order: Sequence[str],
    moved: Collection[str],
    is_erasure: bool,
) -> _RowChange:
    before, after = states[BEFORE], states[AFTER]
    if before is None or after is None:
        if before is after:
            return _RowChange(number, _UNCHANGED, None)
        there = before or after or {}
        reason = LATE if before is None else DELETED
        if is_erasure and after is None:
            reason = ERASED
        elif there.get("engagement_pid") in moved:
            reason = MOVED
        return _RowChange(number, _ADDED if before is None else _REMOVED, reason)
    if all(values == before for values in states.values()):
        return _RowChange(number, _UNCHANGED, None)
    present = {state: values for state, values in states.items() if values is not None}
    causes = KeptRow(number, present).find_causes(order[-2], AFTER)
    return _RowChange(number, _CHANGED, ", ".join(sorted(causes)) or None)


def _build(
    score: str, rows: Mapping[str, list[dict[str, Any] | None]], changes: Sequence[_RowChange], *, is_erasure: bool
) -> pa.Table:
    found = [
        {"row_number": each.number, "state": state, "event": each.event, "cause": each.cause, **values}
        for each in changes
        for state, own in rows.items()
        if (values := own[each.number]) is not None
    ]
    table = pa.Table.from_pylist(found, rows_schema(score).empty_table().schema)
    if not is_erasure:
        return table
    theirs = pc.unique(table.filter(pc.equal(table["cause"], ERASED))["engagement_pid"].combine_chunks())
    return forget_rows(table, pc.is_in(table["engagement_pid"], value_set=theirs))


def read_states(rows: Iterator[dict[str, Any]]) -> list[KeptRow]:
    """The rows of one replacement out of what `compare_rows` gave, as a list of dictionaries."""
    states: dict[int, dict[str, dict[str, Any]]] = {}
    causes: dict[int, str | None] = {}
    for row in rows:
        states.setdefault(row["row_number"], {})[row["state"]] = row
        causes[row["row_number"]] = row["cause"] if row["event"] in {_ADDED, _REMOVED} else None
    return [KeptRow(number, own, causes[number]) for number, own in states.items()]
