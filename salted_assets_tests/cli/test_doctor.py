"""`salted doctor`: what it finds right, what it finds wrong, and that it exports nothing."""

import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.cli.doctor import check_schema, check_updates, examine, propose_lookback
from salted_assets.explain.settlement import Teaching, settle_day
from salted_assets.explain.settlement.teaching import LOOKED_BACK
from salted_assets.history import SCHEMA_VERSION, TABLES_VERSION, AffectedDates
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.engagement import Engagement
from salted_assets.schemas.scores import SettlementScore
from salted_assets.settings import Settings
from salted_assets.simulator import SimulatorOptions, running_simulator
from salted_assets.warehouse import Warehouse, WarehouseUnusable
from salted_assets_tests.support.late_reviews import export_reviews
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST = date(2024, 1, 8)
NOW, NEXT, OLDEST = (str(version) for version in (SCHEMA_VERSION, SCHEMA_VERSION + 1, TABLES_VERSION))


def write_exports(warehouse: Warehouse, count: int, *, older_in: int | None = None) -> None:
    """Partitions of one engagement each, started on its day, or in partition `older_in` the day before."""
    schema = arrow_schema(Engagement)
    for number in range(count):
        day = FIRST + timedelta(days=number)
        start = day - timedelta(days=number == older_in)
        rows = pa.Table.from_pylist([{"pid": "e", "start_time": f"{start}T12:00:00Z"}], schema=text_times(schema))
        affected = AffectedDates("engagement", "UTC")
        affected.add(rows.cast(schema))
        with (
            warehouse.create(warehouse.table_path(("tables", "engagement"), day)) as path,
            pq.ParquetWriter(path, schema) as writer,
        ):
            writer.write(rows.cast(schema))
            writer.add_key_value_metadata({"salted.touches": affected.to_json()})


def text_times(schema: pa.Schema) -> pa.Schema:
    """The schema with its times as text, to be cast."""
    types = [pa.string() if pa.types.is_timestamp(kind) else kind for kind in schema.types]
    return pa.schema(list(zip(schema.names, types, strict=True)))


@pytest.mark.parametrize(
    ("count", "older_in", "expected"),
    [
        (0, None, "nothing is exported yet"),
        (6, None, "0 of 6 exports carried"),
        (7, None, "Set SALTED_LOOKBACK_DAYS"),
        (7, 3, "1 of 7 exports carried"),
    ],
)
def test_lookback_is_advised_where_no_export_carries_older_rows(
    tmp_path: Path, count: int, older_in: int | None, expected: str
) -> None:
    warehouse = Warehouse(str(tmp_path))
    write_exports(warehouse, count, older_in=older_in)

    assert expected in check_updates(warehouse, "UTC")


@pytest.mark.parametrize(
    ("settled_age", "expected"), [(9, "should be at least 9"), (None, "reviewer later than the horizon")]
)
def test_a_lookback_is_proposed_by_how_late_reviews_come(
    tmp_path: Path, settled_age: int | None, expected: str
) -> None:
    warehouse = Warehouse(str(tmp_path))
    assert "not known yet" in propose_lookback(warehouse, 14)
    key = {"known_date": FIRST, "source": "reviewer", "weekday": 1, "age_days": 0}
    row = {**key, "settled_age_days": settled_age, "day_count": 28, "learning_day_count": 28}
    path = tmp_path / warehouse.table_path(("scores", "settlement"), FIRST)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row], schema=arrow_schema(SettlementScore)), path)
    assert expected in propose_lookback(warehouse, 14)
    assert "while it is set, nobody can say" in propose_lookback(warehouse, 14)


def test_that_repeated_exports_never_tell_how_late_reviews_come_is_said(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    export_reviews(warehouse, FIRST)
    path = tmp_path / warehouse.table_path(("scores", "settlement"), FIRST)
    path.parent.mkdir(parents=True)
    pq.write_table(settle_day(None, Teaching((), LOOKED_BACK), FIRST, 14), path)
    assert propose_lookback(warehouse, 14).startswith("how late reviews come cannot be known: days are exported again")


def with_versions(warehouse: Warehouse, *versions: str | None) -> None:
    """A table partition a day, of these schema versions."""
    for number, version in enumerate(versions):
        path = warehouse.table_path(("tables", "agent"), FIRST + timedelta(days=number))
        notes = {} if version is None else {"salted.schema_version": version}
        with warehouse.create(path) as file:
            pq.write_table(pa.table({"pid": ["a"]}).replace_schema_metadata(notes), file)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((), "no tables are made yet"),
        ((NOW, OLDEST), f"2 table partitions, all of schema version {OLDEST} or later, which lack nothing"),
        ((NOW, "0", None), f"2 of 3 table partitions are of an older schema version than {OLDEST}"),
        ((None,), "Launch the job reparse for 2024-01-08 to 2024-01-08"),
    ],
)
def test_tables_of_an_older_schema_are_counted_and_their_days_named(
    tmp_path: Path, versions: tuple[str | None, ...], expected: str
) -> None:
    warehouse = Warehouse(str(tmp_path))
    with_versions(warehouse, *versions)

    assert expected in check_schema(warehouse)


def test_tables_of_a_newer_schema_ask_for_the_newer_program(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    with_versions(warehouse, NOW, NEXT)

    with pytest.raises(
        WarehouseUnusable, match=rf"tables of schema version {NEXT}, .* knows up to {NOW}\. Run the newer version"
    ):
        check_schema(warehouse)


def test_a_deployment_is_found_well_or_told_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("SALTED_START_DATE", "2024-01-01")
    options = SimulatorOptions(agent_count=2, engagements_per_agent=2, key="right-key")
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", options) as vendor:
        monkeypatch.setenv("SALTED_API_URL", vendor.url)
        monkeypatch.setenv("SALTED_API_KEY", "right-key")
        well = CliRunner().invoke(main, ["doctor"])
        monkeypatch.setenv("SALTED_API_KEY", "wrong-key")
        ill = CliRunner().invoke(main, ["doctor"])
        orders = vendor.log()["exports"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("SALTED_WAREHOUSE", str(tmp_path / "file" / "below"))
    homeless = CliRunner().invoke(main, ["doctor"])

    assert (well.exit_code, ill.exit_code, homeless.exit_code) == (0, 1, 1), well.output + ill.output
    assert [line.split()[:2] for line in well.output.splitlines()] == [
        ["ok", subject]
        for subject in (
            *("settings", "warehouse", "lock", "register", "vendor", "folders", "updates", "lookback", "schema"),
            *("dagster", "versions"),
        )
    ]
    assert "SALTED_API_KEY" in next(line for line in ill.output.splitlines() if line.startswith("FAIL  vendor"))
    assert "SALTED_WAREHOUSE" in next(line for line in homeless.output.splitlines() if line.startswith("FAIL"))
    assert [line.split()[:2] for line in homeless.output.splitlines() if not line.startswith("ok")] == [
        ["FAIL", "warehouse"],
        *(["skip", subject] for subject in ("lock", "register")),
        ["FAIL", "vendor"],
        *(["skip", subject] for subject in ("folders", "updates", "lookback", "schema")),
    ]
    assert homeless.output.count("not looked at, since warehouse failed") == 6
    assert "wrong-key" not in ill.output
    assert orders == 0
    assert not (tmp_path / "data" / "warehouse" / "doctor").exists()


def test_a_vendor_that_does_not_answer_is_asked_once_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setattr("salted_assets.cli.doctor._VENDOR_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("SALTED_API_KEY", "a-key")
        settings = Settings(api_url=url, warehouse=str(tmp_path / "data"))
        found = {finding.subject: finding for finding in examine(settings)}
        asked = 0
        with suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                asked += 1
    assert (found["vendor"].is_well, asked) == (False, 1), found["vendor"]
    assert found["dagster"].is_well


def simulated_doctor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What doctor says of the demo of a folder, one line each."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    result = CliRunner().invoke(main, ["doctor"])
    assert isinstance(result.exception, SystemExit | None), result.exception
    lines = result.output.splitlines()
    assert result.exit_code == any(line.startswith("FAIL") for line in lines)
    return lines


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def hold_lock(folder: Path) -> None:
    """A lock that is no file cannot be taken, as in a file system without locks."""
    (folder / ".locks" / "doctor").mkdir(parents=True)


@pytest.mark.parametrize(
    ("damage", "subject", "said"),
    [
        (
            lambda folder: cut_off(folder / "tables/engagement/date=2024-01-09/part-0.parquet"),
            "schema",
            "not a whole Par",
        ),
        (
            lambda folder: (folder / "tables/engagement/date=2024-01-09/part-0.parquet").write_bytes(b""),
            "schema",
            "cut",
        ),
        (hold_lock, "lock", "cannot use the warehouse"),
    ],
)
def test_what_is_damaged_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None], subject: str, said: str
) -> None:
    folder = tmp_path / "data" / "demo"
    write_exports(Warehouse(str(folder), simulated=True), 2)
    damage(folder)

    failed = [line for line in simulated_doctor(tmp_path, monkeypatch) if line.startswith("FAIL")]

    assert [line.split()[1] for line in failed] == [subject]
    assert said in failed[0]


def test_a_folder_of_no_day_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(str(tmp_path / "data" / "demo"), simulated=True)
    warehouse.write_bytes("tables/turn/date=2024-02-31/part-0.parquet", b"")

    (failed,) = [line for line in simulated_doctor(tmp_path, monkeypatch) if line.startswith("FAIL")]

    assert failed.startswith("FAIL  folders    1 folders name no day as YYYY-MM-DD")
    assert "tables/turn/date=2024-02-31" in failed
    skipped = [line for line in simulated_doctor(tmp_path, monkeypatch) if line.startswith("skip")]
    assert skipped == [
        f"skip  {subject:<9}  not looked at, since folders failed" for subject in ("updates", "lookback", "schema")
    ]
    verified = CliRunner().invoke(main, ["doctor", "--verify"])
    assert "tables/turn/date=2024-02-31: names no day" in verified.output


def test_the_register_of_erased_customers_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(str(tmp_path / "data" / "demo"), simulated=True)
    warehouse.write_bytes("erased/key", b"00" * 32)

    (failed,) = [line for line in simulated_doctor(tmp_path, monkeypatch) if line.startswith("FAIL")]

    assert failed.startswith("FAIL  register   erased/key is there without erased/register.json")


def test_scores_under_an_old_name_are_named_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(str(tmp_path / "data" / "demo"), simulated=True)
    for name in ("agent_case_daily", "agent_segment_daily"):
        with warehouse.create(warehouse.table_path(("scores", name), FIRST)) as path:
            pq.write_table(pa.table({"agent_pid": ["a"]}), path)

    (said,) = [line for line in simulated_doctor(tmp_path, monkeypatch) if "folders" in line.split()[1]]
    assert said.startswith("ok    folders    scores/agent_case_daily (now scores/agent_segment_daily)")
    assert "`salted doctor --verify --remove-renamed`" in said

    refused = CliRunner().invoke(main, ["doctor", "--remove-renamed"])
    assert (refused.exit_code, "goes with --verify" in refused.output) == (2, True)
    assert len(warehouse.list_files("scores")) == 2
    done = CliRunner().invoke(main, ["doctor", "--verify", "--remove-renamed"])
    assert done.output.startswith("1 files of renamed scores removed\n0 raw files, 1 tables")
    assert done.exit_code == 0
    assert warehouse.list_files("scores") == ["scores/agent_segment_daily/date=2024-01-08/part-0.parquet"]
