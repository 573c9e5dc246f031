"""The rows of an agent that replacements of a day's answers or engagements changed, out of the files that keep them."""

import json
from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.attribution import Replacement
from salted_assets.explain.change_files import ChangeFile, changes_key
from salted_assets.explain.row_changes import read_states
from salted_assets.history import Recipe
from salted_assets.schemas.row_change import KEPT_ROWS
from salted_assets.warehouse import Warehouse

_OF_REPLACEMENT = ("replaced_at_utc", "new_file_id")


def read_replacements(warehouse: Warehouse, table: str, day: date, agent_pid: str) -> list[Replacement]:
    """The replacements of `scores/<table>` of the day that changed a row of the agent's, in order, with these rows.

    Rows are the agent's in one of their states. None where nothing was kept. Raises WarehouseDamaged.
    """
    rows = ChangeFile(warehouse, table, warehouse.table_path(changes_key(table), day)).read_done(day)
    own = rows.filter(pc.equal(rows["agent_pid"].cast(pa.string()), agent_pid))
    if not own.num_rows:
        return []
    asked: dict[tuple[Any, ...], set[int]] = {}
    for key in own.select([*_OF_REPLACEMENT, "row_number"]).to_pylist():
        asked.setdefault(tuple(key[name] for name in _OF_REPLACEMENT), set()).add(key["row_number"])
    return [
        _build(rows.filter(_is_of(rows, key, numbers)))
        for key, numbers in sorted(asked.items(), key=lambda item: item[0])
    ]


def has_changed_rows(warehouse: Warehouse, days: Collection[date], since: datetime, until: datetime) -> bool:
    """Whether a row of anybody's answers or engagements of the days was replaced after `since`, up to `until`.

    Raises WarehouseDamaged.
    """
    for table in KEPT_ROWS:
        for day in set(warehouse.list_days(changes_key(table))).intersection(days):
            rows = ChangeFile(warehouse, table, warehouse.table_path(changes_key(table), day)).read_done(day)
            at = rows["replaced_at_utc"]
            if pc.any(pc.and_(pc.greater(at, since), pc.less_equal(at, until))).as_py():
                return True
    return False


def _is_of(rows: pa.Table, key: tuple[Any, ...], numbers: set[int]) -> pa.Array:
    replaced_at, new_file_id = key
    is_replacement = pc.and_(
        pc.equal(rows["replaced_at_utc"], replaced_at), pc.equal(rows["new_file_id"].cast(pa.string()), new_file_id)
    )
    return pc.and_(is_replacement, pc.is_in(rows["row_number"], value_set=pa.array(sorted(numbers))))


def _build(rows: pa.Table) -> Replacement:
    first: dict[str, Any] = rows.slice(0, 1).to_pylist()[0]
    replaced_at: datetime = first["replaced_at_utc"]
    old, new = (parse_recipe(first[name]) for name in ("old_recipe", "new_recipe"))
    settings = new.list_changed_settings(old) if old and new else []
    return Replacement(tuple(read_states(_plain(rows))), replaced_at, tuple(settings), first["is_split"])


def _plain(rows: pa.Table) -> Iterator[dict[str, Any]]:
    yield from rows.to_pylist()


def parse_recipe(text: str | None) -> Recipe | None:
    """Read what a row of changes says of how a file was made; None where it says nothing."""
    if text is None:
        return None
    said = json.loads(text)
    return Recipe.of(said["formula_version"], said["settings"])
