"""The catalog's views on real partitions: the newest rows, all versions, scores and rejects, whatever comes later."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from salted_assets.explain import record_changes
from salted_assets.history import Footer, HistoryReader
from salted_assets.history.table_files import write_frame
from salted_assets.output.catalog import build_views, default_catalog_path, open_catalog, write_catalog
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema, columns_of
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.schemas.row_change import ROW_CHANGES
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse, WarehouseDamaged, rejects_key
from salted_assets_tests.support import scoring_oracle as oracle
from salted_assets_tests.support.export_strategies import exports, write_exports
from salted_assets_tests.support.review_plans import planned, store
from salted_assets_tests.support.scoring_rows import DAY, at, engagement, table, turn, write

pytestmark = pytest.mark.slow

NEXT = DAY + timedelta(days=1)
LATER = DAY + timedelta(days=10)
NIGHT = at(3, day=NEXT)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "lake"))


@pytest.fixture(autouse=True)
def few_scores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One score table for the tests that are not about scores: a thousand columns take a second to be described."""
    if "all_scores" not in request.fixturenames:
        monkeypatch.setattr(
            "salted_assets.output.catalog.views.SCORE_MODELS", {"agent_question": SCORE_MODELS["agent_question"]}
        )


@pytest.fixture
def all_scores() -> None:
    """Views of all score tables."""


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse whose catalog was written once, before any of the exports that a test writes."""
    return catalogued(Warehouse(str(tmp_path_factory.mktemp("lake"))))


def ask(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    with open_catalog(warehouse) as connection:
        return connection.sql(query).fetchall()


def catalogued(warehouse: Warehouse) -> Warehouse:
    """The warehouse with a catalog, and an engagement if it had nothing."""
    if not warehouse.list_files("tables"):
        write(warehouse, "engagement", DAY, NIGHT, [engagement(team="North")])
    write_catalog(warehouse)
    return warehouse


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(delivered=exports())
def test_the_views_show_what_the_reader_and_plain_python_find(
    lasting: Warehouse, delivered: list[oracle.Export]
) -> None:
    for path in lasting.list_files("tables"):
        lasting.delete(path)
    write_exports(lasting, delivered)
    reader = HistoryReader(lasting, "UTC")
    with open_catalog(lasting) as catalog:
        for dataset, column in (("engagement", "team"), ("review", "comment"), ("agent", "team")):
            found = dict(catalog.sql(f"SELECT pid, {column} FROM {dataset}").fetchall())
            assert found == {pid: row[column] for pid, row in oracle.newest(delivered, dataset).items()}
            versions = catalog.sql(f"SELECT pid, date, requested_at_utc, {column} FROM {dataset}_exports").fetchall()
            assert sorted(versions) == sorted(
                (row["pid"], day, requested_at, row[column])
                for day, requested_at, tables in delivered
                for row in tables[dataset]
            )
        of_day = f"SELECT pid, team FROM engagement WHERE start_time::DATE = '{DAY}'"
        read = reader.newest("engagement", DAY, ["pid", "team"]).to_pylist()
        assert dict(catalog.sql(of_day).fetchall()) == {row["pid"]: row["team"] for row in read}


@pytest.mark.usefixtures("all_scores")
def test_every_table_has_its_views_with_the_columns_of_its_model_and_their_meaning(warehouse: Warehouse) -> None:
    with open_catalog(catalogued(warehouse)) as catalog:
        described = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
        comments: dict[str, dict[str, str]] = {}
        for view, column, comment in catalog.sql(described).fetchall():
            comments.setdefault(view, {})[column] = comment
        views = dict(catalog.sql("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
        types = {view: dict(zip(*columns_and_types(catalog, view), strict=True)) for view in views}
    scores = {"engagement_scores" if name == "engagement" else name: model for name, model in SCORE_MODELS.items()}
    extra = {name for dataset in DATASET_MODELS for name in (f"{dataset}_exports", f"rejects_{dataset}")}
    changes = {"score_change", *(f"{score}_change" for score in ROW_CHANGES)}
    joined = {"score_settlement", "review_plan", "agent_history", "repeat_contact"}
    assert set(views) == {*DATASET_MODELS, *extra, *scores, *changes, *joined}
    assert all(text.startswith("One row per ") for text in views.values())
    assert all(text for columns in comments.values() for text in columns.values())
    for name, model in {**DATASET_MODELS, **scores}.items():
        facts = {each.name: each for each in columns_of(model)}
        more = set() if name in DATASET_MODELS else {"date", "file_name"}
        assert set(comments[name]) == {*facts, *more}
        assert all(comments[name][column].startswith(each.description) for column, each in facts.items())
        stored = arrow_schema(model)
        assert {column: types[name][column] for column in facts} == dict(zip(*duckdb_types(stored), strict=True))
    assert set(comments["turn_exports"]) == {*comments["turn"], "date", "requested_at_utc", "file_name"}


def test_replaced_figures_of_all_scores_are_one_view(warehouse: Warehouse) -> None:
    catalogued(warehouse)
    assert ask(warehouse, "FROM score_change") == []
    for score, figure in (("agent_daily", "engagement_count"), ("agent_rolling", "mean")):
        fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS[score])]
        for value in (3, 4):
            row = {"agent_pid": "ann", "window_days": 28, "measure": "empathy", figure: value}
            with warehouse.create(warehouse.table_path(("scores", score), DAY)) as path:
                write_frame(
                    path,
                    pa.Table.from_pylist([row], pa.schema(fields)),
                    Footer(file_id=f"file-{value}", scored_at=NIGHT),
                )
                record_changes(warehouse, score, DAY, path)
    asked = "SELECT score, date, agent_pid, measure, figure, old, new FROM score_change ORDER BY score"
    assert ask(warehouse, asked) == [
        ("scores/agent_daily", DAY, "ann", None, "engagement_count", 3, 4),
        ("scores/agent_rolling", DAY, "ann", "empathy", "mean", 3, 4),
    ]


def columns_and_types(catalog: duckdb.DuckDBPyConnection, view: str) -> tuple[list[str], list[str]]:
    relation = catalog.table(view)
    return relation.columns, [str(kind) for kind in relation.types]


def duckdb_types(schema: pa.Schema) -> tuple[list[str], list[str]]:
    with duckdb.connect() as connection:
        relation = connection.from_arrow(schema.empty_table())
        return relation.columns, [str(kind) for kind in relation.types]


def test_partitions_that_come_after_the_catalog_are_seen(warehouse: Warehouse) -> None:
    catalogued(warehouse)
    count = (
        "SELECT (SELECT count(*) FROM engagement), (SELECT count(*) FROM turn), (SELECT count(*) FROM agent_question)"
    )
    with open_catalog(warehouse) as catalog:
        assert catalog.sql(count).fetchall() == [(1, 0, 0)]
        write(warehouse, "engagement", NEXT, at(3, day=LATER), [engagement(team="new"), engagement("e2")])
        write(warehouse, "turn", NEXT, at(3, day=LATER), [turn()])
        write(warehouse, "turn", LATER, at(4, day=LATER), [turn(type="Talk")])
        write_scores(warehouse, "agent_question", DAY, 3)
        assert catalog.sql(count).fetchall() == [(2, 1, 3)]
        assert catalog.sql("SELECT type FROM turn").fetchall() == [("Talk",)]
        assert catalog.sql("SELECT DISTINCT requested_at_utc FROM turn_exports ORDER BY 1").fetchall() == [
            (at(3, day=LATER),),
            (at(4, day=LATER),),
        ]
        assert catalog.sql("SELECT DISTINCT date FROM agent_question").fetchall() == [(DAY,)]


def write_scores(warehouse: Warehouse, name: str, day: date, row_count: int) -> None:
    """A score file of so many rows of nulls."""
    schema = pa.schema([(field.name, field.type) for field in arrow_schema(SCORE_MODELS[name])])
    rows = pa.table([pa.nulls(row_count, field.type) for field in schema], schema=schema)
    with warehouse.create(warehouse.table_path(("scores", name), day)) as path:
        write_frame(path, rows, Footer(day=day))


def test_rejects_have_a_view(warehouse: Warehouse) -> None:
    reject = {"row_number": 7, "pid": "t1", "column": "duration", "raw_value": "soon", "reason": "not a number"}
    with warehouse.create(warehouse.table_path(rejects_key("turn"), DAY)) as path:
        write_frame(path, pa.Table.from_pylist([reject], schema=REJECTS_SCHEMA), Footer())
    query = 'SELECT row_number, pid, "column", raw_value, reason, date FROM rejects_turn'
    assert ask(catalogued(warehouse), query) == [(*reject.values(), DAY)]


def test_a_column_that_an_older_file_lacks_is_null_and_one_that_no_model_has_is_left_out(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", NEXT, NIGHT, [engagement("e2", team="North")])
    old = table("engagement", [engagement()]).drop_columns(["team", "updated_at"])
    old = old.append_column("colour", pa.array(["red"]))
    with (
        warehouse.create(warehouse.table_path(("tables", "engagement"), DAY)) as path,
        pq.ParquetWriter(path, old.schema) as writer,
    ):
        writer.write(old)
        writer.add_key_value_metadata({"salted.ordered_at": NIGHT.isoformat()})
    assert ask(catalogued(warehouse), "SELECT pid, team FROM engagement ORDER BY pid") == [
        ("e1", None),
        ("e2", "North"),
    ]


def test_a_partition_that_does_not_tell_its_order_is_refused_where_it_matters(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", NEXT, NIGHT, [engagement("e2")])
    with warehouse.create(warehouse.table_path(("tables", "engagement"), DAY)) as path:
        pq.write_table(table("engagement", [engagement("e2")]), path)
    catalogued(warehouse)
    assert ask(warehouse, "SELECT date FROM engagement_exports WHERE requested_at_utc IS NULL") == [(DAY,)]
    with pytest.raises(duckdb.InvalidInputException, match="a partition of tables/engagement does not say when"):
        ask(warehouse, "FROM engagement")


def test_folders_with_odd_names_are_found(tmp_path: Path) -> None:
    odd = Warehouse(str(tmp_path / "it's [a] lake? *"))
    decoy = Warehouse(str(tmp_path / "it's a lake! yes"))
    write(decoy, "engagement", DAY, NIGHT, [engagement("decoy")])
    write(odd, "engagement", DAY, NIGHT, [engagement()])
    write(odd, "engagement", NEXT, at(4, day=NEXT), [engagement()])
    assert ask(catalogued(odd), "SELECT pid FROM engagement") == [("e1",)]


def test_the_catalog_can_be_attached_to_another_database(warehouse: Warehouse) -> None:
    catalogued(warehouse)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{default_catalog_path(warehouse)}' AS salted (READ_ONLY)")
        assert connection.sql("SELECT pid FROM salted.engagement").fetchall() == [("e1",)]
        assert connection.sql("SELECT count(*) FROM salted.agent_history").fetchall() == [(1,)]


def test_a_reader_of_the_old_catalog_goes_on_while_a_new_one_is_written(warehouse: Warehouse) -> None:
    catalogued(warehouse)
    with open_catalog(warehouse) as old:
        write_catalog(warehouse)
        assert old.sql("SELECT pid FROM engagement").fetchall() == [("e1",)]
    assert ask(warehouse, "SELECT pid FROM engagement") == [("e1",)]


def test_a_catalog_that_cannot_be_finished_leaves_the_old_one(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = default_catalog_path(catalogued(warehouse)).read_bytes()
    monkeypatch.setattr("salted_assets.output.catalog.views._PARTITION_DATE", {"tables": "x", "rejects": "x"})
    with pytest.raises(KeyError):
        write_catalog(warehouse)
    assert default_catalog_path(warehouse).read_bytes() == before
    assert list((Path(warehouse.uri) / ".tmp").iterdir()) == []


def test_a_log_that_a_killed_writer_left_does_not_bar_the_new_file(warehouse: Warehouse) -> None:
    catalogued(warehouse)
    scribble = "import duckdb, os; c = duckdb.connect('{}'); c.execute('CREATE TABLE mine AS SELECT 1'); os._exit(0)"
    path = default_catalog_path(warehouse)
    subprocess.run([sys.executable, "-c", scribble.format(path)], check=True)
    assert path.with_name("catalog.duckdb.wal").exists()
    write_catalog(warehouse)
    assert ask(warehouse, "SELECT pid FROM engagement") == [("e1",)]


def test_another_place_is_made_and_nothing_but_the_file_is_left_there(warehouse: Warehouse, tmp_path: Path) -> None:
    catalogued(warehouse)
    place = tmp_path / "elsewhere" / "views.duckdb"
    written = write_catalog(warehouse, place)
    assert (written.path, written.byte_count) == (place, place.stat().st_size)
    assert written.view_count == len(build_views(warehouse.uri, ["engagement"]))
    assert list(place.parent.iterdir()) == [place]
    with open_catalog(warehouse, place) as catalog:
        assert catalog.sql("SELECT pid FROM engagement").fetchall() == [("e1",)]


def test_without_tables_or_without_a_catalog_it_is_said_what_to_do(warehouse: Warehouse) -> None:
    with pytest.raises(FileNotFoundError, match="write it with `salted catalog`"):
        open_catalog(warehouse)
    with pytest.raises(FileNotFoundError, match="Run `salted backfill` first"):
        write_catalog(warehouse)
    assert warehouse.list_files("") == []


def test_made_up_data_are_called_so(tmp_path: Path) -> None:
    warehouse = catalogued(Warehouse(str(tmp_path), simulated=True))
    (comments,) = zip(*ask(warehouse, "SELECT comment FROM duckdb_views() WHERE NOT internal"), strict=True)
    assert all(text.endswith(" Simulated data.") for text in comments)


def test_the_views_read_only_the_columns_that_are_asked_for(warehouse: Warehouse) -> None:
    query = "EXPLAIN SELECT team, avg(empathy) FROM engagement GROUP BY team"
    ((_, plan),) = ask(catalogued(warehouse), query)
    assert "team" in plan
    assert "clarity" not in plan
    assert "agent_pid" not in plan


@pytest.mark.parametrize("key", [("tables", "turn"), ("rejects", "turn"), ("scores", "agent_question")])
def test_a_catalog_over_a_damaged_file_or_folder_is_refused_and_the_file_named(
    warehouse: Warehouse, key: tuple[str, str]
) -> None:
    write(warehouse, "engagement", DAY, NIGHT, [engagement()])
    path = warehouse.table_path(key, DAY)
    warehouse.write_bytes(path, b"PAR1, and no more")
    with pytest.raises(WarehouseDamaged, match=path):
        write_catalog(warehouse)
    warehouse.delete(path)
    path = f"{key[0]}/{key[1]}/date=2024-02-30/part-0.parquet"
    with warehouse.create(path) as scratch:
        pq.write_table(table("engagement", [engagement()]), scratch)
    with pytest.raises(WarehouseDamaged, match=path):
        write_catalog(warehouse)


def test_what_plans_drew_has_weights_and_is_done_once_a_person_has_evaluated_it(warehouse: Warehouse) -> None:
    catalogued(warehouse)
    assert ask(warehouse, "FROM review_plan") == []
    store(warehouse, planned("e1", DAY, probability=0.25), planned("e2", DAY, "a2"), planned("e3", DAY))
    store(warehouse, planned("e1", DAY, plan_id="20240801T080000Z-plan"))
    fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["answer"])]
    answer = {"engagement_pid": "e1", "source": "reviewer", "evaluation": "s1", "is_scored": True, "weight": 1.0}
    rows = [
        answer | {"score": 0.4},
        answer | {"score": 1.0, "weight": 2.0},
        answer | {"score": 0.6, "evaluation": "s2"},
        answer | {"score": 0.0, "evaluation": "s3", "is_scored": False},
        answer | {"score": 0.0, "engagement_pid": "e2", "source": "auto"},
    ]
    with warehouse.create(warehouse.table_path(("scores", "answer"), DAY)) as path:
        pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(fields)), path)
    asked = "SELECT plan_id[:6], engagement_pid, weight, is_done, round(score, 6) FROM review_plan ORDER BY ALL"
    assert ask(warehouse, asked) == [
        ("202407", "e1", 4.0, True, 0.7),
        ("202407", "e2", 10.0, False, None),
        ("202407", "e3", 10.0, False, None),
        ("202408", "e1", 10.0, True, 0.7),
    ]
