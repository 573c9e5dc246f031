"""Kept rows of replaced scores that are of erased customers: without what leads to an engagement or a review."""

from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.row_change import FORGOTTEN_IDS, KEPT_ROWS

_OF_EVALUATION = KEPT_ROWS["answer"].evaluation


def forget_rows(rows: pa.Table, is_theirs: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The rows of `changes/answer` or `changes/engagement` without their ids where `is_theirs`, in the same order.

    Ids become null, and what tells evaluations apart a random text, the same for the answers of one. Values stay: they
    are what the agent's own figures, which stay as well, were made of.
    """
    theirs = pc.fill_null(is_theirs, fill_value=False)
    if _OF_EVALUATION[-1] in rows.column_names:
        names: dict[tuple[str | None, ...], str] = {}
        keys = zip(*(rows[name].to_pylist() for name in _OF_EVALUATION), strict=True)
        told = [
            names.setdefault(key, f"erased {uuid4().hex[:12]}") if is_one else key[-1]
            for key, is_one in zip(keys, theirs.to_pylist(), strict=True)
        ]
        rows = _put(rows, _OF_EVALUATION[-1], pa.array(told, pa.string()))
    for name in FORGOTTEN_IDS:
        if name in rows.column_names:
            rows = _put(rows, name, pc.if_else(theirs, None, rows[name]))
    return rows


def _put(rows: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    number = rows.schema.get_field_index(name)
    field = rows.schema.field(number)
    return rows.set_column(number, field, column.cast(field.type))
