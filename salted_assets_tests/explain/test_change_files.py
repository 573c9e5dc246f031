"""Figures that were published are kept before they are replaced."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.explain import changes_key, prune_changes, record_changes
from salted_assets.history import Footer, Recipe
from salted_assets.history.restatement import InputVersions
from salted_assets.history.table_files import write_frame
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.row_change import KEPT_ROWS
from salted_assets.schemas.score_change import ScoreChange
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse, WarehouseDamaged

DAY = date(2024, 1, 9)
SCORE = ("scores", "agent_daily")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


def instant(number: int) -> datetime:
    return datetime(2024, 2, number, tzinfo=UTC)


def build(path: Path, number: int, counts: dict[str, int], name: str = "agent_daily") -> Path:
    """A file of a score, made on the day of February that has this number."""
    fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS[name])]
    rows: list[dict[str, Any]] = [{"agent_pid": pid, "engagement_count": count} for pid, count in counts.items()]
    footer = Footer(
        file_id=f"file-{number}", scored_at=instant(number), inputs="{}", recipe=Recipe.of(number, {"exclude": True})
    )
    write_frame(path, pa.Table.from_pylist(rows, pa.schema(fields)), footer)
    return path


def replace(warehouse: Warehouse, number: int, **counts: int) -> int | None:
    with warehouse.create(warehouse.table_path(SCORE, DAY)) as path:
        recorded = record_changes(warehouse, "agent_daily", DAY, build(path, number, counts))
        return recorded.count if recorded else None


def changes_path(warehouse: Warehouse) -> str:
    return warehouse.table_path(changes_key("agent_daily"), DAY)


def read(warehouse: Warehouse) -> list[dict[str, Any]]:
    if not warehouse.exists(changes_path(warehouse)):
        return []
    with warehouse.open_parquet(changes_path(warehouse)) as file:
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows


def values(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return [
        (row["agent_pid"], row["old"], row["new"], row["old_file_id"], row["new_file_id"]) for row in read(warehouse)
    ]


def test_each_replacement_adds_the_figures_that_are_others(warehouse: Warehouse) -> None:
    assert replace(warehouse, 1, ann=3, bob=5) == 0
    assert read(warehouse) == []
    assert replace(warehouse, 2, ann=4, bob=5) == 1
    assert replace(warehouse, 3, ann=4, bob=5) == 0
    assert replace(warehouse, 4, ann=4, bob=6) == 1
    assert values(warehouse) == [("ann", 3, 4, "file-1", "file-2"), ("bob", 5, 6, "file-3", "file-4")]
    with warehouse.open_parquet(changes_path(warehouse)) as file:
        assert file.num_row_groups == 1


def test_a_change_says_when_the_figure_was_published_and_replaced_and_by_what_both_were_made(
    warehouse: Warehouse,
) -> None:
    replace(warehouse, 1, ann=3)
    replace(warehouse, 2, ann=4)
    (row,) = read(warehouse)
    assert (row["published_at_utc"], row["replaced_at_utc"]) == (instant(1), instant(2))
    assert (row["old_inputs"], row["new_inputs"]) == ("{}", "{}")
    assert (row["old_recipe"], row["new_recipe"]) == tuple(
        f'{{"formula_version":{version},"settings":{{"exclude":true}}}}' for version in (1, 2)
    )
    assert pq.ParquetFile(Path(warehouse.uri) / changes_path(warehouse)).schema_arrow.names == [
        facts.name for facts in arrow_schema(ScoreChange)
    ]


def test_a_replacement_that_is_cut_off_before_the_score_is_replaced_leaves_nothing_double(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    replace(warehouse, 1, ann=3)
    for number in (2, 3):  # killed between the file of changes and the score
        recorded = record_changes(warehouse, "agent_daily", DAY, build(tmp_path / "new", number, {"ann": 4}))
        assert recorded is not None
        assert recorded.count == 1
    assert replace(warehouse, 4, ann=5) == 1
    assert values(warehouse) == [("ann", 3, 5, "file-1", "file-4")]


def test_what_was_kept_for_a_replacement_that_never_came_goes_when_nothing_changes_in_the_end(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    replace(warehouse, 1, ann=3)
    record_changes(warehouse, "agent_daily", DAY, build(tmp_path / "new", 2, {"ann": 4}))
    assert replace(warehouse, 3, ann=3) == 0
    assert not warehouse.exists(changes_path(warehouse))


def test_figures_that_are_excluded_for_persons_are_not_kept_and_those_of_before_go(
    warehouse: Warehouse,
) -> None:
    def write(number: int, empathy: float | None, count: int, settings: dict[str, Any]) -> None:
        fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["agent_daily"])]
        rows = [{"agent_pid": "ann", "engagement_count": count, "empathy_mean": empathy}]
        footer = Footer(file_id=f"file-{number}", scored_at=instant(number), recipe=Recipe.of(1, settings))
        with warehouse.create(warehouse.table_path(SCORE, DAY)) as path:
            write_frame(path, pa.Table.from_pylist(rows, pa.schema(fields)), footer)
            record_changes(warehouse, "agent_daily", DAY, path)

    write(1, 3.0, 5, {})
    write(2, 4.0, 5, {})
    assert [row["figure"] for row in read(warehouse)] == ["empathy_mean"]

    write(3, None, 6, {"not_for_persons": ["empathy"]})

    assert [row["figure"] for row in read(warehouse)] == ["engagement_count"]


@pytest.mark.parametrize("is_table", [True, False])
def test_a_damaged_or_foreign_score_is_replaced_and_has_no_figures_to_keep(
    warehouse: Warehouse, *, is_table: bool
) -> None:
    warehouse.write_bytes(warehouse.table_path(SCORE, DAY), b"no table")
    if is_table:
        pq.write_table(pa.table({"a": [1]}), Path(warehouse.uri) / warehouse.table_path(SCORE, DAY))
    assert replace(warehouse, 1, ann=3) == 0
    assert read(warehouse) == []


def test_a_damaged_file_of_changes_keeps_the_score_as_it_is(warehouse: Warehouse) -> None:
    replace(warehouse, 1, ann=3)
    warehouse.write_bytes(changes_path(warehouse), b"no table")
    with pytest.raises(WarehouseDamaged, match=f"{changes_path(warehouse)}, the figures that were replaced, cannot be"):
        replace(warehouse, 2, ann=4)
    with warehouse.open_parquet(warehouse.table_path(SCORE, DAY)) as file:
        assert Footer.of(file).file_id == "file-1"


def test_a_file_of_before_a_column_was_added_is_read_and_added_to(warehouse: Warehouse) -> None:
    replace(warehouse, 1, ann=3)
    replace(warehouse, 2, ann=4)
    with warehouse.open_parquet(changes_path(warehouse)) as file:
        older = file.read().drop_columns(["new_recipe"])
    with warehouse.create(changes_path(warehouse)) as path:
        write_frame(path, older, Footer())
    replace(warehouse, 3, ann=5)
    assert [row["new_recipe"] is None for row in read(warehouse)] == [True, False]
    assert [row["new"] for row in read(warehouse)] == [4, 5]


@pytest.mark.parametrize(
    ("before", "after", "greatest"),
    [
        # a count moved more, and handle times by a larger part of theirs
        ((3, 0.80, 1000.0), (30, 0.75, 2000.0), "evaluation_reviewer_mean: 0.8 -> 0.75"),
        ((3, 0.80, 1000.0), (3, 0.80, 1500.0), "handle_time_ms_mean: 1000 -> 1500"),
        ((0, 0.80, 1000.0), (1, 0.80, 1000.0), ""),
    ],
)
def test_the_greatest_change_is_of_a_mean_and_of_a_score_first(
    warehouse: Warehouse, before: tuple[float, ...], after: tuple[float, ...], greatest: str
) -> None:
    names = ("engagement_count", "evaluation_reviewer_mean", "handle_time_ms_mean")
    fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["agent_daily"])]
    for number, values_of in enumerate((before, after), start=1):
        row = {"agent_pid": "ann", **dict(zip(names, values_of, strict=True))}
        with warehouse.create(warehouse.table_path(SCORE, DAY)) as path:
            footer = Footer(file_id=f"file-{number}", scored_at=instant(number))
            write_frame(path, pa.Table.from_pylist([row], pa.schema(fields)), footer)
            recorded = record_changes(warehouse, "agent_daily", DAY, path)
    assert recorded is not None
    assert recorded.greatest == greatest


def test_nothing_is_kept_of_scores_that_are_no_agents_figures(warehouse: Warehouse, tmp_path: Path) -> None:
    path = build(tmp_path / "new", 1, {}, "queue_daily")
    assert record_changes(warehouse, "queue_daily", DAY, path) is None


def test_what_was_replaced_long_ago_goes_and_a_file_without_rows_too(warehouse: Warehouse) -> None:
    for number in (1, 2, 3):
        replace(warehouse, number, ann=number)
    path = changes_path(warehouse)
    assert prune_changes(warehouse, instant(2)) == {}
    assert prune_changes(warehouse, instant(3)) == {path: 1}
    assert values(warehouse) == [("ann", 2, 3, "file-2", "file-3")]
    assert prune_changes(warehouse, instant(4)) == {path: 1}
    assert not warehouse.exists(path)


@pytest.mark.parametrize(("new_table", "asked"), [("a", [False]), ("b", [False, True])])
def test_old_inputs_are_scored_by_all_new_settings_only_where_the_new_score_has_others(
    warehouse: Warehouse, new_table: str, asked: list[bool]
) -> None:
    schema = arrow_schema(SCORE_MODELS["answer"])
    fields = pa.schema([field.with_nullable(True) for field in schema])
    kept = KEPT_ROWS["answer"].columns
    rescored: list[bool] = []

    def build_answer(score: float) -> pa.Table:
        return pa.Table.from_pylist([{"pid": "r1", "agent_pid": "ann", "score": score}], fields)

    def rescore(_made: Footer, settings: Mapping[str, Any]) -> pa.Table:
        rescored.append(settings["exclude"])
        return build_answer(0.75 if settings["exclude"] else 0.5).select(kept)

    for number, table, score in ((1, "a", 0.25), (2, new_table, 1.0)):
        inputs = InputVersions({"tables/review": {f"{DAY}": table}, "scores/other": {f"{DAY}": f"{number}"}}).to_json()
        recipe = Recipe.of(number, {"exclude": number > 1})
        footer = Footer(file_id=f"file-{number}", scored_at=instant(number), inputs=inputs, recipe=recipe)
        with warehouse.create(warehouse.table_path(("scores", "answer"), DAY)) as path:
            write_frame(path, build_answer(score), footer)
            record_changes(warehouse, "answer", DAY, path, rescore=rescore)

    with warehouse.open_parquet(warehouse.table_path(changes_key("answer"), DAY)) as file:
        rows = file.read().to_pylist()
    by_all = 0.75 if len(asked) > 1 else 1.0
    assert rescored == asked
    assert {row["state"]: row["score"] for row in rows} == {
        "before": 0.25,
        "program": 0.5,
        "rule exclude": by_all,
        "after": 1.0,
    }
