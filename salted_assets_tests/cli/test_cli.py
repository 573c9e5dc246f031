"""The `salted` command: words in, exit code and text out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from salted_assets.cli import COMMANDS, main
from salted_assets.cli.interrupts import Interrupted
from salted_assets.defs.instance.own_records import open_own_instance
from salted_assets.output.scorecard.server import listen
from salted_assets.simulator import DataFaults, Faults, RunningSimulator, running_simulator
from salted_assets_tests.support.platform import KNOWN_WARNINGS, SMALL

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND, THIRD = "2024-01-09", "2024-01-10", "2024-01-11"
CHAIN = 'key:"raw/export" or group:tables or key:"scores/engagement"'
"""From export to one score, for all of them take their time."""


@pytest.fixture(scope="module")
def unused_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dagster home without a record, which takes seconds to set up."""
    home = tmp_path_factory.mktemp("dagster") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with open_own_instance(simulated=False):
            return home


@pytest.fixture
def home(unused_home: Path, tmp_path: Path) -> Path:
    """A Dagster home of the test alone: what another test recorded of a day would count for it too."""
    return Path(shutil.copytree(unused_home, tmp_path / "dagster"))


@pytest.fixture
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no setting but the home."""
    for name in [name for name in os.environ if name.startswith("SALTED_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def vendor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSimulator]:
    """A vendor with a key, of two datasets, whose first partition is 2024-01-02."""
    with running_simulator(folder.parent / "exports.sqlite", SMALL) as vendor:
        monkeypatch.setenv("SALTED_API_URL", vendor.url)
        monkeypatch.setenv("SALTED_API_KEY", vendor.key)
        monkeypatch.setenv("SALTED_START_DATE", "2024-01-02")
        monkeypatch.setenv("SALTED_DATASETS", "engagement,agent")
        monkeypatch.setenv("SALTED_MIN_EXPORT_INTERVAL_SECONDS", "0")
        monkeypatch.setenv("SALTED_PARTITIONS_PER_RUN", "2")
        yield vendor


def salted(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def document(*arguments: str) -> Any:
    """The one document that a command prints."""
    return json.loads(salted(*arguments).stdout)


def runs() -> list[dg.DagsterRun]:
    with dg.DagsterInstance.get() as instance:
        return list(reversed(instance.get_runs()))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", ["backfill", "restate", "scoreboard"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "write FIRST LAST, such as 2024-01-01 2024-01-31, or --last N"),
        (["yesterday"], "'yesterday' is not a day such as 2024-01-31"),
        (["2024-02-30"], "'2024-02-30' is not a day"),
        ([SECOND, FIRST], "2024-01-09 lies before 2024-01-10"),
        (["2023-12-31", FIRST], "2023-12-31 lies before the first partition, 2024-01-01 (SALTED_START_DATE)"),
        ([FIRST, "--last", "3"], "write either FIRST LAST or --last N"),
        (["--last", "0"], "0 is not in the range x>=1"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(command: str, arguments: list[str], said: str) -> None:
    result = salted(command, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_days_that_cannot_be_exported_yet_are_refused_before_a_run_starts(folder: Path) -> None:
    result = salted("backfill", FIRST, "2100-01-01")
    assert result.exit_code == 2
    assert "2100-01-01 can be exported from 2100-01-02 " in result.stderr
    assert "Write days up to 20" in result.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_more_days_than_there_are_begin_with_the_first_partition() -> None:
    assert salted("backfill", "--last", "2000000", "--dry-run").stdout.startswith("2024-01-01 to 20")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SALTED_DATASETS", "engagements"), ("SALTED_TIMEZONE", "Mars"), ("SALTED_WAREHOUSE", "lake")],
)
def test_settings_that_cannot_be_used_are_named_and_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = salted("backfill", FIRST)
    assert (result.exit_code, result.stdout) == (1, "")
    assert variable in result.stderr
    if variable == "SALTED_WAREHOUSE":
        assert "SALTED_API_KEY" in result.stderr
    assert list(folder.iterdir()) == []


def interrupt(*_: object) -> NoReturn:
    raise Interrupted(signal.SIGINT)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", ["backfill", "restate"])
def test_a_signal_before_the_first_run_leaves_all_days_to_do(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"salted_assets.cli.{command}.load_definitions", interrupt)
    result = salted(command, FIRST, THIRD)
    assert result.exit_code == 130
    assert f"interrupted, left to do: {FIRST} to {THIRD}. Give the command again" in result.stderr
    assert "0 of 3 days are whole in data/demo" in result.stdout
    if command == "backfill":
        done = document(command, FIRST, THIRD, "--json")
        assert (done["exit_code"], done["was_interrupted"], done["left"]) == (130, True, [FIRST, SECOND, THIRD])


def test_a_signal_before_a_command_is_loaded_ends_in_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salted_assets.cli.import_module", interrupt)
    said = "interrupted before anything was begun"
    result = salted("backfill", FIRST)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", f"{said}\n")
    assert document("status", "--json") == {"exit_code": 130, "was_interrupted": True, "error": said}


def test_a_range_goes_through_and_its_runs_are_there_for_the_ui(
    vendor: RunningSimulator, folder: Path, home: Path
) -> None:
    result = salted("backfill", FIRST, THIRD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"{FIRST} to {THIRD} into data/warehouse\n" in result.stdout
    assert "3 of 3 days are whole in data/warehouse\n" in result.stdout
    assert "simulated" not in result.stdout
    assert vendor.log()["exports"] == 3
    assert len(list(folder.glob("data/warehouse/scores/agent_daily/date=*/part-0.parquet"))) == 3
    ours = resources.files("salted_assets.defs.instance").joinpath("dagster.yaml")
    assert (home / "dagster.yaml").read_bytes() == ours.read_bytes()
    assert [run.status.value for run in runs()[-3:]] == ["SUCCESS"] * 3
    planned = salted("backfill", FIRST, "2024-01-12", "--dry-run").stdout
    assert "1 export, at least 5 requests: " in planned
    assert ", by what a day took in the newest runs\n" in planned
    plan = document("backfill", FIRST, "2024-01-12", "--dry-run", "--json")
    assert (plan["export_count"], plan["request_count"], plan["day_counts"]["tables/agent"]) == (1, 5, 1)
    status = document("status", "--json")
    assert status["landed"] == status["parsed"] == status["scored"] == [FIRST, SECOND, THIRD]
    assert status["missing"][:2] == ["2024-01-12", "2024-01-13"]
    assert (status["failed"], status["runs"], status["next_run"]["is_schedule_on"]) == ({}, [], True)
    done = document("backfill", FIRST, THIRD, "--json")
    assert (done["whole"], done["up_to_date"], done["exit_code"]) == ([FIRST, SECOND, THIRD], [FIRST, SECOND, THIRD], 0)
    assert document("doctor", "--json")["is_well"]
    assert document("doctor", "--verify", "--json")["problems"] == []
    again = salted("backfill", FIRST, THIRD)
    assert (again.exit_code, vendor.log()["exports"]) == (0, 3)
    assert f"up to date and not made again: {FIRST} to {THIRD}; `--again` makes all\n" in again.stdout
    assert [run.status.value for run in runs()[-3:]] == ["SUCCESS"] * 3
    shown = salted("scoreboard", FIRST, THIRD)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert f"Agents, {FIRST} to {THIRD}\n" in shown.stdout
    assert len(shown.stdout.partition("---\n")[2].partition("\n\n")[0].splitlines()) == 3


def test_days_are_scored_again_from_their_tables_and_what_is_lacking_is_told(
    vendor: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = 'key:"raw/export" or group:tables'
    assert salted("backfill", FIRST, THIRD, "--select", tables).exit_code == 0
    monkeypatch.setenv("SALTED_API_KEY", "a-wrong-key")
    requests = vendor.log()
    result = salted("restate", FIRST, SECOND)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"scores of {FIRST} to {SECOND} in data/warehouse\n" in result.stdout
    assert "2 of 2 days are whole in data/warehouse\n" in result.stdout
    assert vendor.log() == requests
    result = salted("restate", "2024-01-08")
    assert result.exit_code == 1
    assert result.stderr == (
        "failed: 2024-01-08 scores: not all tables are there. Run `salted backfill` for these days first.\n"
    )
    assert "0 of 1 days are whole" in result.stdout


def test_one_day_is_a_range_too_and_is_not_exported_twice_unless_asked(vendor: RunningSimulator) -> None:
    for arguments, exports in ([FIRST], 1), ([FIRST], 1), ([FIRST, "--refresh"], 2):
        result = salted("backfill", *arguments, "--select", 'key:"raw/export"')
        assert result.exit_code == 0, result.stderr
        assert "1 of 1 days are whole" in result.stdout
        assert vendor.log()["exports"] == exports


def test_the_last_days_are_those_whose_lag_has_passed(vendor: RunningSimulator) -> None:
    result = salted("backfill", "--last", "2", "--select", 'key:"raw/export"')
    assert (result.exit_code, result.stderr) == (0, "")
    assert "2 of 2 days are whole" in result.stdout
    assert vendor.log()["exports"] == 2


def test_a_bad_day_is_named_and_the_exit_code_tells(vendor: RunningSimulator, folder: Path) -> None:
    assert salted("backfill", FIRST, "--select", 'key:"raw/export"').exit_code == 0
    vendor.set_faults(Faults(data=DataFaults(missing_columns={"agent": ("team",)})))
    result = salted("backfill", FIRST, SECOND, "--select", f'{CHAIN} or key:"scores/agent_daily"')
    assert result.exit_code == 1
    assert result.stderr.startswith(f"failed: {SECOND} tables/agent: raw/export/date={SECOND}/")
    assert "/agents.csv.zst: the header lacks 'team'" in result.stderr
    assert "1 of 2 days are whole" in result.stdout
    scored = folder.glob("data/warehouse/scores/agent_daily/date=*/part-0.parquet")
    assert [path.parent.name for path in scored] == [f"date={FIRST}"]
    shown = salted("status").stdout
    assert f"\nfailed      tables/agent {SECOND}\n" in shown


def test_each_check_that_warns_is_one_line_and_strict_makes_it_an_exit_code(vendor: RunningSimulator) -> None:
    vendor.set_faults(Faults(data=DataFaults(bad_cells={"engagement": 0.1})))
    tables = 'key:"raw/export" or group:tables'
    result = salted("backfill", FIRST, SECOND, "--select", tables)
    assert (result.exit_code, result.stderr) == (0, "")
    said = result.stdout.partition("2 of 2 days are whole in data/warehouse\n")[2].splitlines()
    rejects = [line for line in said if " tables/engagement rejects: " in line]
    assert [line.split(" tables/")[0] for line in rejects] == [f"warning: {day}" for day in (FIRST, SECOND)]
    assert all(re.search(r"\d+ cells were refused|\d+ records and \d+ cells", line) for line in rejects)
    assert len(said) == len(set(said))

    strict = salted("backfill", FIRST, "--select", tables, "--strict")
    assert strict.exit_code == 1
    assert [line for line in strict.stdout.splitlines() if " tables/engagement rejects: " in line] == rejects[:1]


def test_a_check_that_fails_is_an_exit_code(vendor: RunningSimulator) -> None:
    vendor.set_faults(Faults(data=DataFaults(missing_columns={"agent": ("team",)})))
    result = salted("backfill", FIRST, "--select", 'key:"raw/export" or key:"tables/agent"')
    assert result.exit_code == 1
    assert f"check failed: {FIRST} tables/agent schema: " in result.stderr


def test_a_wrong_key_stops_at_once_and_is_not_shown(
    vendor: RunningSimulator, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("SALTED_API_KEY", "a-wrong-key")
    result = salted("backfill", FIRST, THIRD)
    assert result.exit_code == 1
    assert "SALTED_API_KEY" in result.stderr
    assert result.stderr.count("failed: ") == 1
    assert "stopped: the other days would have ended the same way" in result.stderr
    assert "0 of 3 days are whole" in result.stdout
    assert "a-wrong-key" not in result.output
    assert not any(b"a-wrong-key" in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert sum(vendor.log().values()) == 1


@pytest.mark.usefixtures("vendor")
@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("tables/agnt", "'tables/agnt' selects no asset. Near that name: tables/agent"),
        ("group:tables and agent", "is no selection of assets. Write a name such as tables/turn"),
        ("agent", "'agent' selects no asset. Near that name: tables/agent"),
        ("qqq", "'qqq' selects no asset. The daily assets are raw/export, "),
        ('key:"tables/turn"', "Near that name: "),
        ("and and", "is no selection of assets"),
        ("raw/export_history", "selects no daily asset: raw/export_history has no days"),
    ],
)
def test_a_selection_of_nothing_is_refused_in_plain_words(select: str, said: str) -> None:
    result = salted("backfill", FIRST, "--select", select)
    assert said in result.stderr
    assert "AssetKey" not in result.stderr
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: --select: ")


@pytest.mark.usefixtures("vendor")
def test_a_scoreboard_without_scores_says_what_to_do_first() -> None:
    result = salted("scoreboard", FIRST, SECOND)
    assert result.exit_code == 1
    assert f"no day from {FIRST} to {SECOND} is scored; run `salted backfill` first" in result.stderr


@pytest.mark.usefixtures("folder")
def test_the_simulator_takes_its_own_options() -> None:
    result = salted("simulate", "--help")
    assert result.exit_code == 0
    assert "--export-seconds" in result.stdout
    with listen(("127.0.0.1", 0)) as taken:
        result = salted("simulate", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "cannot be served at port" in result.stderr


def test_the_module_reads_the_env_file_of_its_folder(folder: Path) -> None:
    (folder / ".env").write_text("SALTED_TIMEZONE=Mars/Base\n")
    command = [sys.executable, "-m", "salted_assets", "backfill", FIRST]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "Error: SALTED_TIMEZONE: not a known time zone; write one such as Europe/Prague (given: 'Mars/Base')\n"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["no-such-command"]])
def test_quick_answers_wait_for_no_library(folder: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "salted_assets", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"dagster", "pandas", "pyarrow", "duckdb", "httpx", "pydantic"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_there_and_begins_its_help_as_the_list_of_commands_says(name: str) -> None:
    listed = " ".join(salted("--help").stdout.split())
    shown = " ".join(salted(name, "-h").stdout.split())
    assert f"{name} {COMMANDS[name]}" in listed
    assert COMMANDS[name] in shown


@pytest.mark.usefixtures("vendor")
def test_a_variable_that_is_no_setting_is_named_by_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALTED_TIMZONE", "Europe/Prague")
    warning = "warning: SALTED_TIMZONE is set and is no setting, so it has no effect: did you mean SALTED_TIMEZONE?\n"
    assert salted("scoreboard", FIRST).stderr.startswith(warning)
    assert salted("athena", "--location", "s3://bucket").stderr == warning
    assert salted("backfill", FIRST, "--select", 'key:"raw/export"').stderr == warning


@pytest.mark.usefixtures("vendor")
def test_damaged_files_and_folders_end_no_command_with_a_traceback(folder: Path) -> None:
    assert salted("backfill", FIRST, SECOND, "--select", CHAIN).exit_code == 0
    warehouse = folder / "data" / "warehouse"
    for table_path in ("raw/export", "tables/agent", "scores/engagement", "report/scorecard", "rejects/agent"):
        impossible = warehouse / table_path / "date=2024-02-31"
        impossible.mkdir(parents=True)
        (impossible / "part-0.parquet").write_bytes(b"")
    table = warehouse / f"tables/engagement/date={SECOND}/part-0.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])

    found = salted("backfill", THIRD, "--select", CHAIN)
    erased = salted("erase", "--contact-pid", "nobody")
    restated = salted("restate", SECOND)
    examined = salted("doctor")

    for result in (found, erased, restated, examined):
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert "Traceback" not in result.output
        assert "date=2024-02-31" in result.output or str(table.relative_to(warehouse)) in result.output
    assert [line.split()[1] for line in examined.stdout.splitlines() if line.startswith("FAIL")] == ["folders"]
    for impossible in warehouse.glob("*/*/date=2024-02-31"):
        shutil.rmtree(impossible)
    assert salted("backfill", SECOND, "--select", CHAIN).exit_code == 0, "what is damaged can be made again"


def test_a_warehouse_that_cannot_be_made_is_said_at_once(
    vendor: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALTED_WAREHOUSE", "/proc/nothing/warehouse")
    started = time.monotonic()
    result = salted("backfill", FIRST, SECOND)
    assert time.monotonic() - started < 20, "tried once"
    assert result.exit_code == 1
    assert "cannot use the warehouse /proc/nothing/warehouse" in result.stderr
    assert "stopped: the other days would have ended the same way" in result.stderr
    assert vendor.log()["exports"] == 0
