"""The command that measures a day of any size gives each table's figures from Dagster and leaves nothing behind."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.ingest.big_day import main
from benchmarks.ingest.inputs import write_day
from benchmarks.ingest.land_day import land
from salted_assets.landing import Landing
from salted_assets.schemas import DATASET_MODELS, FILE_NAMES
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env

pytestmark = pytest.mark.slow


def test_a_folder_is_landed_as_a_delivery_is(tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    facts = write_day(2, tmp_path / "csv")
    with landing_env(tmp_path, address=str(tmp_path / "warehouse")) as env:
        manifest = land(tmp_path / "csv", env.warehouse)
        landing = env.landing()

        assert landing.find_manifest(DAY) == manifest
        assert landing.is_landed(DAY, list(DATASET_MODELS))
        for dataset in DATASET_MODELS:
            assert read(env, landing, dataset) == (tmp_path / "csv" / FILE_NAMES[dataset]).read_bytes()
            assert manifest.files(dataset)[0].row_count == facts[dataset]


def read(env: LandingEnv, landing: Landing, dataset: str) -> bytes:
    _, (file,) = landing.files_of(DAY, dataset)
    return env.read(file)


def test_each_table_is_shown_with_its_rows_and_its_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SALTED_API_URL",
        "SALTED_WAREHOUSE",
        "SALTED_START_DATE",
        "DAGSTER_HOME",
        "DAGSTER_DISABLE_TELEMETRY",
    ):
        monkeypatch.setenv(name, "")  # the command sets them: put back what was there
    (tmp_path / "csv").mkdir()
    facts = write_day(2, tmp_path / "csv")

    done = CliRunner().invoke(main, [str(tmp_path / "csv")])

    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line.replace(",", "").split()[1:] for line in done.output.splitlines()[3:8]}
    assert list(rows) == ["agent", "customer", "engagement", "turn", "review"]
    for dataset, (file_rows, table_rows, seconds, rows_per_second, peak) in rows.items():
        assert int(file_rows) == int(table_rows) == facts[dataset] > 0
        assert float(seconds) >= 0
        assert int(rows_per_second) > 0
        assert 50 < int(peak) < 5_000
    assert [path.name for path in tmp_path.iterdir()] == ["csv"]
    assert "landing: " in done.output


def test_what_the_day_is_made_of_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        land(tmp_path, Warehouse(str(tmp_path / "warehouse")))
    assert Warehouse(str(tmp_path / "warehouse")).list_files("raw") == []
