"""What a new file of a score replaces is kept before it does: figures, and the rows that tell causes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.explain.change_files import CHANGE_MODELS, ChangeFile, changes_key, is_other_replacement
from salted_assets.explain.figures import compare_figures
from salted_assets.explain.row_changes import FindMoved, compare_rows
from salted_assets.explain.shapley import list_subsets
from salted_assets.history import Footer, Recipe, understand_footer
from salted_assets.history.restatement import InputVersions
from salted_assets.history.table_files import have_same_pages
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.row_change import AFTER, BEFORE, KEPT_ROWS, rule_state
from salted_assets.schemas.score_change import PUBLISHED_FIGURES
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.not_for_persons import find_columns_not_for_persons, list_measures_not_for_persons
from salted_assets.warehouse import Warehouse, WarehouseDamaged


class OldInputsGoneError(LookupError):
    """What the old file was made of is not there any more, or was replaced."""


Rescore = Callable[[Footer, Mapping[str, Any]], pa.Table]
"""Gives the day's rows by the formulas of now with these settings, out of what the file with the footer was made of.

Raises OldInputsGoneError.
"""


@dataclass(frozen=True)
class Recorded:
    """What was kept: the number of figures, or of rows, rows by cause, and the greatest change of a mean in words."""

    count: int
    of_rows: bool = False
    causes: Mapping[str, int] = field(default_factory=dict)
    greatest: str = ""


def find_none_moved(_added: pa.Array, _removed: pa.Array) -> Sequence[str]:
    """Look nothing up: no engagement is known to have moved."""
    return ()


def record_changes(
    warehouse: Warehouse,
    score: str,
    day: date,
    new_file: Path,
    *,
    find_moved: FindMoved = find_none_moved,
    rescore: Rescore | None = None,
    is_erasure: bool = False,
) -> Recorded | None:
    """Keep what is another in `new_file`, which is about to replace a day's score: figures, or rows with their causes.

    Gives what was kept, None for a score of which nothing is. Nothing is written where there is no earlier score, or
    where nothing differs. Doing it again before the score is replaced adds nothing. A score that is damaged has nothing
    to keep. Figures that the settings of the new file exclude for persons are not kept, and earlier ones go. An erasure
    says so: what it takes has that cause and no id. Raises WarehouseDamaged for a file of changes that cannot be read.
    """
    if score not in CHANGE_MODELS:
        return None
    with pq.ParquetFile(new_file) as after:
        try:
            replacement = open_replacement(warehouse, score, day, new_file, after)
        except WarehouseDamaged:
            replacement = None
        if replacement is None:
            return Recorded(0)
        with replacement.before:
            return record_replacement(
                warehouse, replacement, find_moved=find_moved, rescore=rescore, is_erasure=is_erasure
            )


class _NothingToKeepError(ValueError):
    """The file that is replaced is another program's, or its pages are damaged."""


@dataclass(frozen=True)
class Replacement:
    """A day's score and the file that is about to replace it, both open, with what they say of themselves."""

    score: str
    day: date
    before: pq.ParquetFile
    after: pq.ParquetFile
    old: Footer
    new: Footer
    has_same_pages: Callable[[], bool]

    def list_changes(self) -> tuple[str, ...]:
        """What is new in what the file is made of and by: its formulas and settings, then files."""
        recipes = self.new.recipe.differing_from(self.old.recipe) if self.new.recipe and self.old.recipe else []
        made_of = [
            InputVersions.from_json(each.inputs) if each.inputs else InputVersions() for each in (self.new, self.old)
        ]
        return (*recipes, *made_of[0].differing_from(made_of[1]))

    def read(self, key: Sequence[str], columns: Sequence[str]) -> tuple[pa.Table, pa.Table]:
        """The columns of both, without those that a file lacks."""
        try:
            rows = self.before.read(columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise _NothingToKeepError from error
        if not set(key) <= set(rows.column_names):
            raise _NothingToKeepError
        return rows, self.after.read(columns=list(columns))


def open_replacement(
    warehouse: Warehouse, score: str, day: date, new_file: Path, after: pq.ParquetFile
) -> Replacement | None:
    """The day's score as it is now beside `new_file`, which is open; None where there is no score.

    Its file `before` is open, too, to be closed by the caller. Raises WarehouseDamaged for one that is no Parquet file
    of ours.
    """
    path = warehouse.table_path(("scores", score), day)
    try:
        before = warehouse.open_parquet(path)
    except FileNotFoundError:
        return None

    def compare_pages() -> bool:
        with warehouse.open(path) as one, new_file.open("rb") as other:
            return have_same_pages((before, one), (after, other))

    try:
        old = understand_footer(before, path)
    except WarehouseDamaged:
        before.close()
        raise
    return Replacement(score, day, before, after, old, Footer.of(after), compare_pages)


def record_replacement(
    warehouse: Warehouse,
    replacement: Replacement,
    *,
    find_moved: FindMoved = find_none_moved,
    rescore: Rescore | None = None,
    is_erasure: bool = False,
) -> Recorded | None:
    """Keep what is another in the new file of a replacement, as `record_changes` does."""
    if replacement.score not in CHANGE_MODELS:
        return None
    if is_erasure:
        replacement = replace(replacement, new=replace(replacement.new, scored_at=datetime.now(UTC)))
    changes = warehouse.table_path(changes_key(replacement.score), replacement.day)
    file = ChangeFile(warehouse, replacement.score, changes)
    with suppress(_NothingToKeepError):
        if replacement.score in PUBLISHED_FIGURES:
            return _record_figures(file, replacement)
        return _record_rows(file, replacement, find_moved, rescore, is_erasure=is_erasure)
    return Recorded(0)


def _record_figures(file: ChangeFile, replacement: Replacement) -> Recorded:
    published = PUBLISHED_FIGURES[replacement.score]
    columns = [*published.key, *published.figures]
    is_for_persons = _build_filter(replacement.new.recipe)
    if replacement.has_same_pages():
        changes = file.schema.empty_table()
    else:
        changes = compare_figures(replacement.score, *replacement.read(published.key, columns))
        changes = file.complete(changes, replacement.old, replacement.new)
        changes = changes.filter(is_for_persons(changes))
    # the old file is still there: what was recorded to replace it never did
    file.rewrite(lambda stored: pc.and_(is_other_replacement(stored, replacement.old), is_for_persons(stored)), changes)
    return Recorded(changes.num_rows, greatest=_find_greatest(changes))


def _record_rows(
    file: ChangeFile, replacement: Replacement, find_moved: FindMoved, rescore: Rescore | None, *, is_erasure: bool
) -> Recorded:
    if _is_same_recipe(replacement.old, replacement.new) and replacement.has_same_pages():
        file.rewrite(lambda stored: is_other_replacement(stored, replacement.old))
        return Recorded(0, of_rows=True)
    kept = KEPT_ROWS[replacement.score]
    old, new = (_fill(replacement.score, rows) for rows in replacement.read((kept.key,), kept.columns))
    between = _rescore(replacement, rescore, new)
    states = {BEFORE: old, **(between or {}), AFTER: new}
    rows = compare_rows(replacement.score, states, find_moved, is_erasure=is_erasure)
    is_split = None if _is_same_recipe(replacement.old, replacement.new) else between is not None
    changes = file.complete(rows, replacement.old, replacement.new, is_split=is_split)
    file.rewrite(lambda stored: is_other_replacement(stored, replacement.old), changes)
    causes, count = _count_causes(rows)
    return Recorded(count, of_rows=True, causes=causes)


def _fill(score: str, rows: pa.Table) -> pa.Table:
    """The kept columns in their types, null where the file lacks one."""
    schema = arrow_schema(SCORE_MODELS[score])
    columns = {
        name: rows[name].cast(schema.field(name).type)
        if name in rows.column_names
        else pa.nulls(rows.num_rows, schema.field(name).type)
        for name in KEPT_ROWS[score].columns
    }
    return pa.table(columns)


def _is_same_recipe(old: Footer, new: Footer) -> bool:
    # of a file that does not say how it was made nothing is known
    return old.recipe is None or new.recipe is None or old.recipe == new.recipe


def _rescore(replacement: Replacement, rescore: Rescore | None, after: pa.Table) -> dict[str, pa.Table] | None:
    """The states between two recipes: by the new program, then by each subset of the new settings; None where unknown.

    Nothing where the recipe is the same. Of many settings the whole is computed alone. Where both files are made of the
    same tables, the state by all new settings is what the new file has, and is not computed again.
    """
    old, new = replacement.old.recipe, replacement.new.recipe
    if old is None or new is None or old == new:
        return {}
    if rescore is None or replacement.old.inputs is None:
        return None
    changed = new.list_changed_settings(old)
    tables = _list_tables(replacement.old)
    known = {rule_state(changed): after} if tables and tables == _list_tables(replacement.new) else {}
    try:
        return {
            state: known[state]
            if state in known
            else _fill(replacement.score, rescore(replacement.old, _mix(old.settings, new.settings, changed=names)))
            for names in list_subsets(changed)
            for state in (rule_state(names),)
        }
    except OldInputsGoneError:
        return None


def _list_tables(made: Footer) -> dict[str, Mapping[str, str]]:
    """The vendor's tables and the review plans that a score was made of, without other scores."""
    files = InputVersions.from_json(made.inputs).files if made.inputs else {}
    return {name: ids for name, ids in files.items() if not name.startswith("scores/")}


def _mix(before: Mapping[str, Any], after: Mapping[str, Any], *, changed: Sequence[str]) -> dict[str, Any]:
    kept = {name: value for name, value in before.items() if name not in changed}
    return {**kept, **{name: after[name] for name in changed if name in after}}


def _count_causes(rows: pa.Table) -> tuple[dict[str, int], int]:
    """The rows of each cause, one of several counting for each, and the number of rows that are not unchanged."""
    kept = zip(*(rows[name].to_pylist() for name in ("row_number", "event", "cause")), strict=True)
    cause_of = {number: text for number, event, text in kept if event != "unchanged"}
    causes = Counter(cause for text in cause_of.values() if text for cause in text.split(", "))
    return dict(sorted(causes.items())), len(cause_of)


def _find_greatest(changes: pa.Table) -> str:
    """The mean that moved most, before and after, without whose it is; empty where none did.

    Of scores in 0..1 by their difference; where none of these moved, of the others beside their own size.
    """
    measure, figure = (changes[name].cast(pa.string()) for name in ("measure", "figure"))
    both = pc.and_(pc.is_valid(changes["old"]), pc.is_valid(changes["new"]))
    is_mean = pc.and_(both, pc.ends_with(figure, "mean"))
    is_score = pc.and_(is_mean, pc.match_substring_regex(pc.coalesce(measure, figure), "^(answer|evaluation)_"))
    has_scores = pc.any(is_score).as_py()
    means = changes.filter(is_score if has_scores else is_mean)
    if not means.num_rows:
        return ""
    old, new = (means[name].to_numpy() for name in ("old", "new"))
    sizes = 1.0 if has_scores else np.maximum(np.abs(old), np.abs(new))
    at = int(np.argmax(np.abs(new - old) / sizes))
    names = [name for name in (means["measure"][at].as_py(), means["figure"][at].as_py()) if name]
    return f"{' '.join(names)}: {old[at]:.4g} -> {new[at]:.4g}"


def _build_filter(recipe: Recipe | None) -> Callable[[pa.Table], pa.Array]:
    """What says of rows of changes whether the settings of the recipe leave their figures to persons."""
    ai_columns = recipe.settings.get("not_for_persons", []) if recipe else []
    columns = pa.array(find_columns_not_for_persons(ai_columns), pa.string())
    measures = pa.array(list_measures_not_for_persons(ai_columns), pa.string())

    def is_for_persons(rows: pa.Table) -> pa.Array:
        figure, measure = (rows[name].cast(pa.string()) for name in ("figure", "measure"))
        return pc.invert(pc.or_(pc.is_in(figure, value_set=columns), pc.is_in(measure, value_set=measures)))

    return is_for_persons
