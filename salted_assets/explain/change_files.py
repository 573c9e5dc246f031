"""The files of what was replaced: `changes/<score>/date=.../part-0.parquet`, one for each score and day.

A file is rewritten with each replacement, whole or not at all, before the score itself is replaced. So the figures of a
score are never gone; what was written for a replacement that was cut off before it is left out by readers
(`drop_undone`) and by the next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history import Footer, Recipe
from salted_assets.history.table_files import open_frame_writer
from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.schemas.row_change import ROW_CHANGES
from salted_assets.schemas.score_change import PUBLISHED_FIGURES, ScoreChange
from salted_assets.warehouse import Warehouse, WarehouseDamaged

CHANGE_MODELS: Mapping[str, type[Table]] = {**dict.fromkeys(PUBLISHED_FIGURES, ScoreChange), **ROW_CHANGES}
"""The table of what was replaced, by the last part of the score's key: of figures, or of rows."""

_ROWS_AT_ONCE = 16_384


def changes_key(score: str) -> tuple[str, str]:
    """Where what was replaced of `scores/<score>` is."""
    return ("changes", score)


def prune_changes(warehouse: Warehouse, replaced_before: datetime) -> dict[str, int]:
    """Delete the figures and rows of all scores that were replaced before the instant; gives how many, by path.

    Raises WarehouseDamaged for a file of changes that cannot be read.
    """
    pruned = {}
    for score in CHANGE_MODELS:
        for day in warehouse.list_days(changes_key(score)):
            file = ChangeFile(warehouse, score, warehouse.table_path(changes_key(score), day))
            count = file.rewrite(lambda stored: pc.greater_equal(stored["replaced_at_utc"], replaced_before))
            if count:
                pruned[file.path] = count
    return pruned


def drop_undone(warehouse: Warehouse, score: str, day: date, rows: pa.Table) -> pa.Table:
    """The rows of a day's changes without those of a replacement that was cut off before the score was replaced.

    They name the file that is still there as the one before. Needs `old_file_id` of the rows.
    """
    if not rows.num_rows:
        return rows
    try:
        with warehouse.open_parquet(warehouse.table_path(("scores", score), day)) as file:
            there = Footer.of(file)
    except (FileNotFoundError, WarehouseDamaged):
        return rows
    return rows.filter(is_other_replacement(rows, there))


def is_other_replacement(rows: pa.Table, there: Footer) -> pa.Array:
    """Which rows of changes are not of the replacement of a file that is still there, by its footer."""
    return pc.not_equal(rows["old_file_id"].cast(pa.string()), there.file_id or "")


@dataclass(frozen=True)
class ChangeFile:
    """One day's file of what was replaced of a score."""

    warehouse: Warehouse
    score: str
    path: str

    @property
    def schema(self) -> pa.Schema:
        """Its columns; what all rows of a replacement have in common is long, and in memory once."""
        return _encoded_schema(self.score)

    def complete(self, changes: pa.Table, old: Footer, new: Footer, **more: Any) -> pa.Table:
        """Changes with what all of a replacement have in common, by the footers of both files and `more`."""
        schema = self.schema
        shared = {
            "published_at_utc": old.scored_at,
            "replaced_at_utc": new.scored_at,
            "old_file_id": old.file_id or "",
            "new_file_id": new.file_id,
            "old_inputs": old.inputs,
            "new_inputs": new.inputs,
            "old_recipe": _render(old.recipe),
            "new_recipe": _render(new.recipe),
            **more,
        }
        columns = dict(zip(changes.schema.names, changes.columns, strict=True)) | {
            name: _repeat(value, changes.num_rows, schema.field(name).type) for name, value in shared.items()
        }
        return pa.table(columns).select(schema.names).cast(schema)

    def rewrite(self, is_kept: Callable[[pa.Table], pa.Array], added: pa.Table | None = None) -> int:
        """Write those of its rows that are kept, and those added; gives the number of rows that go.

        Without rows there is no file. Raises WarehouseDamaged where it cannot be read.
        """
        stored = self.read()
        added = self.schema.empty_table() if added is None else added
        if not stored.num_rows and not added.num_rows:
            return 0
        kept = stored.filter(is_kept(stored))
        gone = int(stored.num_rows - kept.num_rows)
        rows = pa.concat_tables([kept, added]).unify_dictionaries()
        if gone and not rows.num_rows:
            self.warehouse.delete(self.path)
        elif gone or added.num_rows:
            with self.warehouse.create(self.path) as file:
                self._write(file, rows, Footer(simulated=self.warehouse.simulated))
        return gone

    def read_done(self, day: date) -> pa.Table:
        """Its rows of replacements that have happened; raises what `read` raises."""
        return drop_undone(self.warehouse, self.score, day, self.read())

    def read(self) -> pa.Table:
        """Its rows, none where there is no file; raises WarehouseDamaged where it cannot be read."""
        try:
            with self.warehouse.open_parquet(self.path, encoded=_list_texts(self.score)) as file:
                return _fill(file.read().replace_schema_metadata(None), self.schema).cast(self.schema)
        except FileNotFoundError:
            return self.schema.empty_table()
        except (WarehouseDamaged, pa.ArrowException, OSError, KeyError) as error:
            raise WarehouseDamaged(
                f"{self.path}, the figures that were replaced, cannot be read ({type(error).__name__}), so no further "
                "ones can be kept. The score stays as it is. Restore the file from a copy, or delete it; then make the "
                "score again."
            ) from error

    def _write(self, file: Path, rows: pa.Table, footer: Footer) -> None:
        """Write texts as texts, which every reader knows, a part at a time."""
        schema = _plain_schema(self.score)
        with open_frame_writer(file, schema, footer, row_count=rows.num_rows) as write:
            # a part of its own for each figure and replacement would make the footer larger than the rows
            for batch in rows.combine_chunks().to_batches(_ROWS_AT_ONCE):
                write(pa.Table.from_batches([batch]).cast(schema))


@cache
def _plain_schema(score: str) -> pa.Schema:
    return pa.schema([field.remove_metadata() for field in arrow_schema(CHANGE_MODELS[score])])


@cache
def _list_texts(score: str) -> tuple[str, ...]:
    return tuple(field.name for field in _plain_schema(score) if pa.types.is_string(field.type))


@cache
def _encoded_schema(score: str) -> pa.Schema:
    texts, encoded = _list_texts(score), pa.dictionary(pa.int32(), pa.string())
    return pa.schema([field.with_type(encoded) if field.name in texts else field for field in _plain_schema(score)])


def _fill(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of the schema, null where the file is of before there was one. Raises KeyError for no such file."""
    for field in schema:
        if field.nullable and field.name not in rows.schema.names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(schema.names)


def _repeat(value: datetime | str | bool | None, count: int, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        index = pa.repeat(pa.scalar(None if value is None else 0, kind.index_type), count)
        return pa.DictionaryArray.from_arrays(index, pa.array([] if value is None else [value], pa.string()))
    return pa.repeat(pa.scalar(value, kind), count)


def _render(recipe: Recipe | None) -> str | None:
    return (
        None if recipe is None else f'{{"formula_version":{recipe.formula_version},"settings":{recipe.settings_json}}}'
    )
