"""How the catalog is asked for: the command and the asset."""

from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.defs.asset_keys import CATALOG, table_key
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform
from salted_assets_tests.support.scoring_rows import DAY, at, engagement, write

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


@pytest.fixture(autouse=True)
def few_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "salted_assets.output.catalog.views.SCORE_MODELS", {"agent_question": SCORE_MODELS["agent_question"]}
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose demo has one day of engagements."""
    monkeypatch.chdir(tmp_path)
    write(Warehouse(str(tmp_path / "data" / "demo")), "engagement", DAY, at(3), [engagement()])
    return tmp_path


def engagements_in(path: Path) -> list[tuple[str]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql("SELECT pid FROM engagement").fetchall()


def test_the_command_writes_the_catalog_into_the_warehouse(folder: Path) -> None:
    result = CliRunner().invoke(main, ["catalog"])
    path = folder / "data" / "demo" / "catalog.duckdb"
    assert (result.exit_code, result.output) == (0, f"23 views of simulated data in {path}\n")
    assert engagements_in(path) == [("e1",)]


def test_the_command_writes_it_where_it_is_told_to(folder: Path) -> None:
    result = CliRunner().invoke(main, ["catalog", "--output", "views/mine.duckdb"])
    assert result.exit_code == 0
    assert engagements_in(folder / "views" / "mine.duckdb") == [("e1",)]
    assert not (folder / "data" / "demo" / "catalog.duckdb").exists()


def test_the_command_says_what_is_missing_and_what_is_in_the_way(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "taken").write_text("a file")
    result = CliRunner().invoke(main, ["catalog", "--output", "taken/views.duckdb"])
    assert result.exit_code == 1
    assert "taken" in result.output
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    result = CliRunner().invoke(main, ["catalog"])
    assert result.exit_code == 1
    assert "Run `salted backfill` first" in result.output


def test_the_asset_writes_the_catalog_and_says_what_is_in_it(tmp_path: Path) -> None:
    with running_platform(tmp_path, datasets=("engagement",)) as platform:
        write(platform.warehouse, "engagement", DAY, at(3), [engagement()])
        assert materialize(platform).success
        event = platform.instance.get_latest_materialization_event(CATALOG)
        assert event is not None
        assert event.asset_materialization is not None
        metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
        path = platform.folder / "catalog.duckdb"
        assert metadata == {
            "dagster/uri": str(path),
            "file_bytes": path.stat().st_size,
            "views": 23,
            "simulated": False,
        }
        assert engagements_in(path) == [("e1",)]


def test_a_run_of_a_day_leaves_the_catalog_out_and_so_do_the_jobs(tmp_path: Path) -> None:
    with running_platform(tmp_path, datasets=("agent",)) as platform:
        day = 'key:"raw/export" or key:"tables/agent" or key:"catalog"'
        assert platform.materialize("2024-01-10", select=day).success
        assert platform.materialized_days(table_key("agent")) == ["2024-01-10"]
        assert platform.instance.get_latest_materialization_event(CATALOG) is None
        assert not (platform.folder / "catalog.duckdb").exists()
        graph = platform.defs.resolve_asset_graph()
        jobs = platform.defs.resolve_all_job_defs()
        named = [job for job in jobs if not job.name.startswith("__")]
        assert not [job.name for job in named if CATALOG in job.asset_layer.executable_asset_keys]
        assert graph.get(CATALOG).partitions_def is None


def test_an_empty_warehouse_fails_the_asset_with_what_to_do(tmp_path: Path) -> None:
    with running_platform(tmp_path, datasets=("agent",)) as platform:
        result = materialize(platform)
        (failure,) = result.filter_events(lambda event: event.is_step_failure)
        assert "Run `salted backfill` first" in str(failure.step_failure_data.error)


def test_a_backfill_of_everything_does_not_fail_because_the_catalog_comes_first(tmp_path: Path) -> None:
    with running_platform(tmp_path, datasets=("agent",)) as platform:
        assert materialize(platform, tags={"dagster/backfill": "everything"}).success
        event = platform.instance.get_latest_materialization_event(CATALOG)
        assert event is not None, "Dagster calls a backfill failed in which a requested asset is not materialized"
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["views"].value == 0
        assert not (platform.folder / "catalog.duckdb").exists()


def materialize(platform: Platform, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
    return platform.defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=platform.instance, asset_selection=[CATALOG], raise_on_error=False, tags=tags
    )
