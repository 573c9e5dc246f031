"""Ctrl-C and SIGTERM, sent to real processes that talk to a vendor: what ends, with which code, and what is kept."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from chaos.problems import open_home
from salted_assets.defs.asset_checks.failed_partitions import find_failed_days
from salted_assets.defs.asset_keys import RAW_EXPORT, score_key
from salted_assets.landing.day_lock import lock_day
from salted_assets.simulator import RunningSimulator, SimulatorOptions, running_simulator
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.bare_commands import BIN, bare, run_bare
from salted_assets_tests.support.erasure_sandbox import busiest_customer, erasable_env
from salted_assets_tests.support.landing_env import DAY

pytestmark = pytest.mark.slow

FIRST, THIRD, LAST = "2024-01-09", "2024-01-11", "2024-01-14"
RAW = ("--select", 'key:"raw/export"')
# Each of a process of our own. A whole command takes seconds and is sent one of the two.
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)


@contextmanager
def slow_vendor(folder: Path, export_seconds: float) -> Iterator[RunningSimulator]:
    options = SimulatorOptions(agent_count=2, engagements_per_agent=3, key="a-key", export_seconds=export_seconds)
    with running_simulator(folder / "vendor" / "exports.sqlite", options) as vendor:
        yield vendor


def environment_of(vendor: RunningSimulator) -> dict[str, str]:
    return {
        "SALTED_API_URL": vendor.url,
        "SALTED_API_KEY": vendor.key,
        "SALTED_START_DATE": "2024-01-01",
        "SALTED_PARTITIONS_PER_RUN": "3",
        "SALTED_MIN_EXPORT_INTERVAL_SECONDS": "0",
    }


@contextmanager
def started(folder: Path, command: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [str(BIN / command), *arguments],
        cwd=folder,
        env=bare(folder, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def run_ends(folder: Path, key: dg.AssetKey = RAW_EXPORT) -> tuple[list[str], list[str]]:
    """How the runs of a folder's home ended, the newest first, and the days of the asset that are marked as failed."""
    with open_home(folder / "data" / "dagster") as instance:
        days = dg.DailyPartitionsDefinition(start_date="2024-01-01")
        return [run.status.value for run in instance.get_runs()], find_failed_days(instance, key, days)


def pending_days(folder: Path) -> list[str]:
    """The days of which an export was requested and nothing has landed yet."""
    raw = folder / "data" / "warehouse" / "raw" / "export"
    return sorted(
        {path.parent.name.removeprefix("date=") for path in raw.glob("date=*/*.json") if path.stem != "manifest"}
    )


def test_the_first_signal_ends_a_backfill_and_what_was_requested_is_taken_up(tmp_path: Path) -> None:
    with slow_vendor(tmp_path, export_seconds=15) as vendor:
        environment = environment_of(vendor)
        with started(tmp_path, "salted", "backfill", FIRST, LAST, *RAW, **environment) as process:
            wait_until(lambda: vendor.log()["exports"] == 1, process)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)

        assert process.returncode == 128 + signal.SIGINT
        assert f"interrupted, left to do: {FIRST} to {LAST}." in stderr
        assert "Traceback" not in stderr
        assert "0 of 6 days are whole" in stdout
        assert vendor.log()["exports"] == 1
        assert pending_days(tmp_path) == [FIRST]
        assert run_ends(tmp_path) == (["CANCELED"], [])

        again = run_bare(tmp_path, "salted", "backfill", FIRST, *RAW, **environment)
        assert again.returncode == 0, again.stderr
        assert vendor.log()["exports"] == 1


def test_more_signals_end_it_at_once_and_the_next_command_frees_what_it_held(tmp_path: Path) -> None:
    with slow_vendor(tmp_path, export_seconds=15) as vendor:
        environment = environment_of(vendor)
        with started(tmp_path, "salted", "backfill", FIRST, LAST, *RAW, **environment) as process:
            wait_until(lambda: vendor.log()["exports"] == 1, process)
            for _ in range(3):
                process.send_signal(signal.SIGTERM)
                time.sleep(0.05)
            process.communicate(timeout=60)

        assert process.returncode == 128 + signal.SIGTERM
        again = run_bare(tmp_path, "salted", "backfill", FIRST, *RAW, **environment)
        assert again.returncode == 0, again.stderr
        assert vendor.log()["exports"] == 1
        assert run_ends(tmp_path) == (["SUCCESS", "CANCELED"], [])


def test_a_restatement_ends(tmp_path: Path) -> None:
    with slow_vendor(tmp_path, export_seconds=0) as vendor:
        environment = environment_of(vendor)
        select = 'key:"raw/export" or group:tables'
        done = run_bare(tmp_path, "salted", "backfill", FIRST, THIRD, "--select", select, **environment)
        assert done.returncode == 0, done.stderr
        scores = tmp_path / "data" / "warehouse" / "scores"
        with started(tmp_path, "salted", "restate", FIRST, THIRD, **environment) as process:
            wait_until(lambda: any(scores.glob("*/date=*/part-0.parquet")), process)
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=60)

        assert process.returncode == 128 + signal.SIGTERM
        assert "interrupted, left to do: " in stderr
        assert "Give the command again: it scores all of these days again" in stderr
        assert "Traceback" not in stderr
        ends, failed = run_ends(tmp_path, score_key("agent_daily"))
        assert "FAILURE" not in ends
        assert failed == []


def test_a_contact_export_requests_no_further_export(tmp_path: Path) -> None:
    config = {"ops": {"export_contact": {"config": {"first_day": FIRST, "last_day": LAST}}}}
    with slow_vendor(tmp_path, export_seconds=0.2) as vendor:
        environment = {**environment_of(vendor), "SALTED_CONTACT": "customer1@example.com"}
        (tmp_path / "contact.yaml").write_text(json.dumps(config))
        arguments = ("job", "execute", "-m", "salted_assets.definitions", "-j", "contact_export", "-c", "contact.yaml")
        with started(tmp_path, "dagster", *arguments, **environment) as process:
            wait_until(lambda: vendor.log()["exports"] == 2, process)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

        assert process.returncode != 0
        assert vendor.log()["exports"] <= 3, "one may have been on its way"


def test_a_demo_ends(tmp_path: Path) -> None:
    with started(tmp_path, "salted", "backfill", "--last", "7") as process:
        landed = tmp_path / "data" / "demo" / "raw" / "export"
        wait_until(lambda: any(landed.glob("date=*/manifest.json")), process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGINT
    assert "interrupted, left to do: " in stderr
    assert "0 of 7 days are whole in data/demo" in stdout


def test_an_erasure_ends_and_is_finished_by_the_same_command(tmp_path: Path) -> None:
    with erasable_env(tmp_path / "made") as env:
        pid = busiest_customer(env)[0]
        warehouse = Warehouse(str(tmp_path / "data" / "demo"), simulated=True)
        for path in env.warehouse.list_files(""):
            warehouse.write_bytes(path, env.warehouse.read_bytes(path))
        erase = ("erase", "--contact-pid", pid)
        with (
            lock_day(warehouse, DAY, wait_seconds=0),
            started(tmp_path, "salted", *erase) as process,
        ):
            wait_until(lambda: warehouse.exists("erased/register.json"), process)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)

        assert process.returncode == 128 + signal.SIGINT
        assert "left to do: files that still hold these customers. Give the same command again" in stderr
        again = run_bare(tmp_path, "salted", *erase)
        assert again.returncode == 0, again.stderr
        assert "receipt: " in again.stdout


REPORTS = """
import sys, time
from salted_assets.cli.interrupts import Interrupted, interruptible
try:
    with interruptible(0.1):
        try:
            print("ready", flush=True)
            time.sleep(600)
        except Interrupted:
            time.sleep(1)
            print("reported", flush=True)
            raise
except Interrupted as error:
    sys.exit(error.exit_code)
"""


@SIGNALS
def test_a_report_that_takes_its_time_is_not_interrupted_again(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", REPORTS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=dict(os.environ)) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        stdout, _ = process.communicate(timeout=60)

    assert (process.returncode, stdout) == (128 + number, "reported\n")


ENDS_AS_A_LIBRARY_SAYS = """
import os, signal, sys
import click
from salted_assets.cli import LazyGroup
@click.command()
def query():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    except BaseException:
        raise RuntimeError("Query interrupted") from None  # as DuckDB does
LazyGroup.get_command = lambda *_: query
LazyGroup()(["query"])
"""


def test_a_signal_of_which_a_library_makes_its_own_error_is_none(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDS_AS_A_LIBRARY_SAYS]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)

    assert (ended.returncode, "Traceback" in ended.stderr) == (130, False), ended.stderr
    assert "interrupted" in ended.stderr


TAKES_SIGNALS = """
import signal, sys, time
from salted_assets.cli.interrupts import Interrupted, interruptible
try:
    with interruptible(float(sys.argv[1])):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # as Dagster's does, while it waits for a step's turn
        print("ready", flush=True)
        while True:
            time.sleep(600)
except Interrupted as error:
    print("raised", flush=True)
    sys.exit(error.exit_code)
"""


@SIGNALS
@pytest.mark.parametrize(
    ("grace_seconds", "signal_count", "said"),
    [("0.2", 1, "raised\n"), ("3600", 2, "")],
    ids=["the first is raised after a while", "the second ends at once"],
)
def test_signals_work_where_others_handle_them(
    tmp_path: Path, number: signal.Signals, grace_seconds: str, signal_count: int, said: str
) -> None:
    command = [sys.executable, "-c", TAKES_SIGNALS, grace_seconds]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=dict(os.environ)
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        for _ in range(signal_count):
            process.send_signal(number)
            time.sleep(0.1)
        stdout, stderr = process.communicate(timeout=60)

    assert (process.returncode, stdout) == (128 + number, said)
    assert "once more to end at once" in stderr
