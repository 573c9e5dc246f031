"""What the statements for Athena say is what the files hold, as pyarrow and DuckDB find it by the folders alone."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.explain import record_changes
from salted_assets.history import Footer
from salted_assets.history.table_files import write_frame
from salted_assets.output.catalog import build_athena_statements
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.row_change import ROW_CHANGES
from salted_assets.schemas.score_change import PUBLISHED_FIGURES
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST = date(2024, 1, 9)
DAYS = ("2024-01-09", "2024-01-10")
LAKE = "s3://lake/north"
NAMED = re.compile(r"CREATE EXTERNAL TABLE IF NOT EXISTS `analytics`\.`(\w+?)_(\w+)` \(\n(.*?)\n\)\n", re.DOTALL)
COLUMN = re.compile(r"  `([^`]+)` ([\w<>]+)")
ARROW = {
    "string": pa.string(),
    "array<string>": pa.list_(pa.string()),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
DUCKDB = {
    "string": "VARCHAR",
    "array<string>": "VARCHAR[]",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
RESERVED = {"date", "column"}
"""Words that our columns are named by and that Athena reserves."""


def declared() -> dict[tuple[str, str], dict[str, str]]:
    """The columns of each table by their type, as the statements have them."""
    tables = {}
    for statement in build_athena_statements(LAKE, "analytics", FIRST):
        found = NAMED.match(statement)
        assert found, statement
        tables[found[1], found[2]] = dict(COLUMN.findall(found[3]))
    return tables


TABLES = declared()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("athena")) as platform:
        assert platform.materialize_range(*DAYS, '* and not key:"catalog"').success
        replace_scores(platform)
        yield platform


def replace_scores(platform: Platform) -> None:
    """Replace the scores whose figures or rows are kept by ones without a row."""
    for name in (*PUBLISHED_FIGURES, *ROW_CHANGES):
        for day in map(date.fromisoformat, DAYS):
            path = platform.warehouse.table_path(("scores", name), day)
            with platform.warehouse.create(path) as file:
                rows = pq.read_table(platform.folder / path, partitioning=None).slice(0, 0)
                write_frame(file, rows, Footer(file_id="another", scored_at=datetime(2024, 2, 1, tzinfo=UTC)))
                recorded = record_changes(platform.warehouse, name, day, file)
                assert recorded is not None
                assert recorded.count


def test_every_table_rejects_and_score_is_declared() -> None:
    vendors = {(layer, name) for layer in ("tables", "rejects") for name in DATASET_MODELS}
    changes = {("changes", name) for name in (*PUBLISHED_FIGURES, *ROW_CHANGES)}
    assert TABLES.keys() == vendors | {("scores", name) for name in SCORE_MODELS} | changes
    assert all(TABLES.values())


@pytest.mark.parametrize("key", TABLES, ids="/".join)
def test_the_declared_columns_are_those_that_others_find(platform: Platform, key: tuple[str, str]) -> None:
    folder = platform.folder.joinpath(*key)
    found = ds.dataset(folder, format="parquet", partitioning="hive").schema
    assert dict(zip(found.names, found.types, strict=True)) == {
        **{name: ARROW[kind] for name, kind in TABLES[key].items()},
        "date": pa.string(),
    }
    with duckdb.connect() as connection:
        relation = connection.read_parquet(f"{folder}/*/*.parquet", hive_partitioning=True)
        types = dict(zip(relation.columns, map(str, relation.types), strict=True))
        days = [str(day) for (day,) in relation.project("date").distinct().order("date").fetchall()]
    assert types == {**{name: DUCKDB[kind] for name, kind in TABLES[key].items()}, "date": "DATE"}
    assert set(days) <= set(DAYS)
    assert sorted(path.name for path in folder.iterdir()) == [f"date={day}" for day in DAYS]


def test_names_need_no_care_but_backticks() -> None:
    names = {name for columns in TABLES.values() for name in columns}
    assert {name for name in names if name != name.lower() or not name.isidentifier()} == set()
    assert "date" not in names
    for statement in build_athena_statements(LAKE, "analytics", FIRST):
        bare = re.sub(r"`[^`]*`|'[^']*'", "", statement).split()
        assert not RESERVED & {word.strip("(),") for word in bare} - {"date"}
        assert "PARTITIONED BY (`date` string)" in statement


def test_days_are_looked_for_where_they_are(platform: Platform) -> None:
    for (layer, name), statement in zip(TABLES, build_athena_statements(LAKE, "analytics", FIRST), strict=True):
        properties = dict(re.findall(r"  '([^']+)' = '([^']+)'", statement))
        assert properties["projection.enabled"] == "true"
        assert properties["projection.date.range"] == "2024-01-09,NOW"
        assert f"LOCATION '{LAKE}/{layer}/{name}/'" in statement
        path = properties["storage.location.template"].replace("${date}", DAYS[0]).removeprefix(f"{LAKE}/")
        assert (platform.folder / path / "part-0.parquet").is_file()
        assert statement.endswith(");")


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    given = {"SALTED_API_KEY": "key-of-the-tests", "SALTED_START_DATE": "2024-01-09", **environment}
    result = CliRunner().invoke(main, ["athena", *arguments], env=given)
    return result.exit_code, result.output


def test_the_command_prints_them_for_the_warehouse_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run("--database", "analytics", SALTED_WAREHOUSE="s3://lake", SALTED_ACCOUNT="north")
    assert (code, said.count("CREATE EXTERNAL TABLE")) == (0, len(TABLES))
    assert said.strip() == "\n\n".join(build_athena_statements(LAKE, "analytics", FIRST))
    assert run("--location", "s3://other/place")[1].count("LOCATION 's3://other/place/") == len(TABLES)


def test_the_command_refuses_a_folder_and_a_name_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run()
    assert (code, "data/warehouse is no s3://bucket/prefix" in said) == (1, True)
    assert "--location" in said
    assert run("--database", "a`; DROP", "--location", "s3://lake")[0] == 2
    assert run("--location", "s3://lake'/x")[0] == 1
