"""Which figures two versions of a day's score differ in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.score_change import CHANGE_EVENTS, PUBLISHED_FIGURES, ScoreChange, figure_type

_RELATIVE_ROUNDING = 1e-9
_ABSOLUTE_ROUNDING = 1e-12
_COLUMNS = ("agent_pid", "window_days", "measure", "figure", "event", "old", "new", "old_text", "new_text")

FIGURES_SCHEMA = pa.schema([arrow_schema(ScoreChange).field(name).remove_metadata() for name in _COLUMNS])
"""What `compare_figures` gives: a change without what all changes of one replacement have in common."""


@dataclass(frozen=True)
class _Pairs:
    """The rows of two versions side by side: their keys, and where each version has the row, null where it has none."""

    keys: pa.Table
    old: pa.Array
    new: pa.Array

    @property
    def events(self) -> pa.Array:
        """What became of each row."""
        appeared, disappeared = pc.is_null(self.old), pc.is_null(self.new)
        changed, *others = (pa.scalar(event) for event in CHANGE_EVENTS)
        return pc.case_when(pc.make_struct(appeared, disappeared), *others, changed)


def compare_figures(score: str, old: pa.Table, new: pa.Table) -> pa.Table:
    """The figures of `scores/<score>` that are others in the new version of a day: a row for each, in `FIGURES_SCHEMA`.

    A column that the older file lacks is null in it, and so are all of a row that is not there. Differences within
    rounding (1e-9 of the figure) are none. Nothing that differs gives no row.
    Raises KeyError for a score of which no figures are kept.
    """
    published = PUBLISHED_FIGURES[score]
    pairs = _pair_rows(published.key, old, new)
    found = [_compare(figure, figure_type(score, figure), pairs, old, new) for figure in published.figures]
    return pa.concat_tables(found)


def _pair_rows(key: Sequence[str], old: pa.Table, new: pa.Table) -> _Pairs:
    old_keys, new_keys = (table.select(key).replace_schema_metadata(None).combine_chunks() for table in (old, new))
    if old_keys.equals(new_keys):
        index = pa.array(np.arange(new.num_rows))
        return _Pairs(new_keys, index, index)
    joined = _number(old_keys, "old").join(_number(new_keys, "new"), list(key), join_type="full outer")
    joined = joined.sort_by([("new", "ascending"), ("old", "ascending")]).combine_chunks()
    return _Pairs(joined.select(key), joined["old"].combine_chunks(), joined["new"].combine_chunks())


def _number(keys: pa.Table, name: str) -> pa.Table:
    return keys.append_column(name, pa.array(np.arange(keys.num_rows)))


def _compare(figure: str, kind: pa.DataType, pairs: _Pairs, old: pa.Table, new: pa.Table) -> pa.Table:
    is_number = not (pa.types.is_string(kind) or pa.types.is_date(kind))
    stored = pa.float64() if is_number else pa.string()
    before, after = _take(old, figure, pairs.old, stored), _take(new, figure, pairs.new, stored)
    differing = pc.indices_nonzero(differ(before, after))
    names = ("old", "new") if is_number else ("old_text", "new_text")
    columns = {
        **{name: pairs.keys[name].take(differing) for name in pairs.keys.schema.names},
        "figure": pa.repeat(figure, len(differing)),
        "event": pairs.events.take(differing),
        **dict(zip(names, (before.take(differing), after.take(differing)), strict=True)),
    }
    missing = pa.nulls(len(differing))
    return pa.table({name: columns.get(name, missing) for name in _COLUMNS}).cast(FIGURES_SCHEMA)


def _take(table: pa.Table, figure: str, index: pa.Array, stored: pa.DataType) -> pa.Array:
    if figure not in table.schema.names:
        return pa.nulls(len(index), stored)
    column = table[figure].combine_chunks()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    taken = column.cast(stored).take(index)
    # no difference to what is no number is greater than rounding, so it is as what is not there
    return pc.if_else(pc.is_finite(taken), taken, None) if pa.types.is_floating(stored) else taken


def differ(before: pa.Array, after: pa.Array) -> pa.Array:
    """Whether each pair of values is another one: null is not a value, and rounding (1e-9 of a decimal) no difference.

    >>> differ(pa.array([0.3, None, 1.0]), pa.array([0.1 + 0.2, 1.0, 2.0])).to_pylist()
    [False, True, True]
    """
    if pa.types.is_floating(before.type):
        rounding = pc.max_element_wise(pc.multiply(pc.abs(before), _RELATIVE_ROUNDING), _ABSOLUTE_ROUNDING)
        unequal = pc.greater(pc.abs(pc.subtract(after, before)), rounding)
    else:
        unequal = pc.not_equal(before, after)
    return pc.or_(pc.xor(pc.is_null(before), pc.is_null(after)), pc.fill_null(unequal, False))
