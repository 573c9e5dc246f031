"""The files of replaced figures: `changes/<score>/date=.../part-0.parquet`, one for each score and day.

A file is rewritten with each replacement, whole or not at all, before the score itself is replaced. So the figures of a
score are never gone; what was written for a replacement that was cut off before it is left out by the next one.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.explain.figures import compare_figures
from salted_assets.history import Footer, Recipe
from salted_assets.history.table_files import open_frame_writer
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.score_change import PUBLISHED_FIGURES, ScoreChange
from salted_assets.scoring.not_for_persons import find_columns_not_for_persons, list_measures_not_for_persons
from salted_assets.warehouse import Warehouse, WarehouseDamaged

_FIELDS = [field.remove_metadata() for field in arrow_schema(ScoreChange)]
_TEXTS = [field.name for field in _FIELDS if pa.types.is_string(field.type)]
# what all changes of a replacement have in common is long, and in memory once
_SCHEMA = pa.schema(
    [field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.name in _TEXTS else field for field in _FIELDS]
)
_ROWS_AT_ONCE = 16_384
_NOTHING = _SCHEMA.empty_table()


def changes_key(score: str) -> tuple[str, str]:
    """Where the replaced figures of `scores/<score>` are."""
    return ("changes", score)


def record_changes(warehouse: Warehouse, score: str, day: date, new_file: Path) -> int | None:
    """Keep the figures of a day's score that are others in `new_file`, which is about to replace it.

    Gives their number, None for a score of which no figures are kept. Nothing is written where there is no earlier
    score, or where no figure differs. Doing it again before the score is replaced adds nothing. A score that is damaged
    has no figures to keep. Figures that the settings of the new file exclude for persons are not kept, and earlier ones
    go. Raises WarehouseDamaged for a file of changes that cannot be read.
    """
    if score not in PUBLISHED_FIGURES:
        return None
    try:
        old, new, changes = _find_changes(warehouse, score, day, new_file)
    except (FileNotFoundError, WarehouseDamaged):
        return 0
    path = warehouse.table_path(changes_key(score), day)
    is_for_persons = _build_filter(new.recipe)
    changes = changes.filter(is_for_persons(changes))

    def is_kept(stored: pa.Table) -> pa.Array:
        # the old file is still there: what was recorded to replace it never did
        is_other = pc.not_equal(stored["old_file_id"].cast(pa.string()), old.file_id or "")
        return pc.and_(is_other, is_for_persons(stored))

    _rewrite(warehouse, path, is_kept, changes)
    return int(changes.num_rows)


def prune_changes(warehouse: Warehouse, replaced_before: datetime) -> dict[str, int]:
    """Delete the figures of all scores that were replaced before the instant; gives how many, by path.

    Raises WarehouseDamaged for a file of changes that cannot be read.
    """
    pruned = {}
    for score in PUBLISHED_FIGURES:
        for day in warehouse.list_days(changes_key(score)):
            path = warehouse.table_path(changes_key(score), day)
            count = _rewrite(
                warehouse, path, lambda stored: pc.greater_equal(stored["replaced_at_utc"], replaced_before)
            )
            if count:
                pruned[path] = count
    return pruned


def _build_filter(recipe: Recipe | None) -> Callable[[pa.Table], pa.Array]:
    """What says of rows of changes whether the settings of the recipe leave their figures to persons."""
    ai_columns = recipe.settings.get("not_for_persons", []) if recipe else []
    columns = pa.array(find_columns_not_for_persons(ai_columns), pa.string())
    measures = pa.array(list_measures_not_for_persons(ai_columns), pa.string())

    def is_for_persons(rows: pa.Table) -> pa.Array:
        figure, measure = (rows[name].cast(pa.string()) for name in ("figure", "measure"))
        return pc.invert(pc.or_(pc.is_in(figure, value_set=columns), pc.is_in(measure, value_set=measures)))

    return is_for_persons


def _find_changes(warehouse: Warehouse, score: str, day: date, new_file: Path) -> tuple[Footer, Footer, pa.Table]:
    """What the day's score as it is says of itself, and the new file, and what that changes."""
    columns = [*PUBLISHED_FIGURES[score].key, *PUBLISHED_FIGURES[score].figures]
    path = warehouse.table_path(("scores", score), day)
    with warehouse.open_parquet(path) as before, pq.ParquetFile(new_file) as after:
        old, new = Footer.of(before), Footer.of(after)
        if not set(PUBLISHED_FIGURES[score].key) <= set(before.schema_arrow.names):
            raise WarehouseDamaged(f"{path} lacks columns that say whose figures it has")
        try:
            rows = _read(before, columns)
        except (pa.ArrowException, OSError) as error:
            raise WarehouseDamaged(f"{path} cannot be read to its end") from error
        changes = _complete(compare_figures(score, rows, _read(after, columns)), old, new)
    return old, new, changes


def _read(file: pq.ParquetFile, columns: Sequence[str]) -> pa.Table:
    return file.read(columns=[name for name in columns if name in file.schema_arrow.names])


def _complete(changes: pa.Table, old: Footer, new: Footer) -> pa.Table:
    shared = {
        "published_at_utc": old.scored_at,
        "replaced_at_utc": new.scored_at,
        "old_file_id": old.file_id or "",
        "new_file_id": new.file_id,
        "old_inputs": old.inputs,
        "new_inputs": new.inputs,
        "old_recipe": _render(old.recipe),
        "new_recipe": _render(new.recipe),
    }
    columns = dict(zip(changes.schema.names, changes.columns, strict=True)) | {
        name: _repeat(value, changes.num_rows, _SCHEMA.field(name).type) for name, value in shared.items()
    }
    return pa.table(columns).select(_SCHEMA.names).cast(_SCHEMA)


def _repeat(value: datetime | str | None, count: int, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        index = pa.repeat(pa.scalar(None if value is None else 0, kind.index_type), count)
        return pa.DictionaryArray.from_arrays(index, pa.array([] if value is None else [value], pa.string()))
    return pa.repeat(pa.scalar(value, kind), count)


def _render(recipe: Recipe | None) -> str | None:
    return (
        None if recipe is None else f'{{"formula_version":{recipe.formula_version},"settings":{recipe.settings_json}}}'
    )


def _rewrite(
    warehouse: Warehouse, path: str, is_kept: Callable[[pa.Table], pa.Array], added: pa.Table = _NOTHING
) -> int:
    """Write the file of those of its rows that are kept, and of those added; gives the number of rows that go."""
    stored = _read_stored(warehouse, path)
    kept = stored.filter(is_kept(stored))
    gone = int(stored.num_rows - kept.num_rows)
    rows = pa.concat_tables([kept, added]).unify_dictionaries()
    if gone and not rows.num_rows:
        warehouse.delete(path)
    elif gone or added.num_rows:
        with warehouse.create(path) as file:
            _write(file, rows, Footer(simulated=warehouse.simulated))
    return gone


def _write(file: Path, rows: pa.Table, footer: Footer) -> None:
    """Write texts as texts, which every reader knows, a part at a time."""
    with open_frame_writer(file, pa.schema(_FIELDS), footer) as write:
        for batch in rows.to_batches(_ROWS_AT_ONCE):
            write(pa.Table.from_batches([batch]).cast(pa.schema(_FIELDS)))


def _read_stored(warehouse: Warehouse, path: str) -> pa.Table:
    try:
        with warehouse.open_parquet(path, encoded=_TEXTS) as file:
            return file.read().replace_schema_metadata(None).select(_SCHEMA.names).cast(_SCHEMA)
    except FileNotFoundError:
        return _SCHEMA.empty_table()
    except (WarehouseDamaged, pa.ArrowException, OSError, KeyError) as error:
        raise WarehouseDamaged(
            f"{path}, the figures that were replaced, cannot be read ({type(error).__name__}), so no further ones can "
            "be kept. The score stays as it is. Restore the file from a copy, or delete it; then make the score again."
        ) from error
