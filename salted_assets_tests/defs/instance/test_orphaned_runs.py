"""A run that is killed frees the way for the next one, and a run that lives is left alone."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest

from chaos.problems import open_home
from salted_assets.defs.instance.orphaned_runs import free_orphaned_runs, marked_as_live, note_cancellation
from salted_assets.simulator import Faults, RunningSimulator, SimulatorOptions, running_simulator
from salted_assets_tests.support.bare_commands import bare
from salted_assets_tests.support.platform import KNOWN_WARNINGS, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

POOL = "salted_api"
DAY = "2024-01-09"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's home: one for all tests, for it takes seconds to set up."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with a pool of one slot that nobody holds, and no marks."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for run in instance.get_runs():
            instance.delete_run(run.run_id)
        instance.event_log_storage.set_concurrency_slots(POOL, 1)
        yield instance
    shutil.rmtree(home / "salted_runs", ignore_errors=True)


@dg.asset
def something() -> None: ...


def start_run(instance: dg.DagsterInstance) -> str:
    """A run that has begun and holds the pool's one slot."""
    run = instance.create_run_for_job(dg.Definitions(assets=[something]).resolve_implicit_global_asset_job_def())
    started = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, run.job_name)
    instance.report_dagster_event(started, run.run_id)
    assert instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step").is_claimed
    return run.run_id


def leave_mark_of_the_dead(instance: dg.DagsterInstance, run_id: str) -> Path:
    """The file as it stays when the kernel has taken the lock from a killed process."""
    path = Path(instance.root_directory, "salted_runs", run_id)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    return path


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def slot_holders(instance: dg.DagsterInstance) -> set[str]:
    return instance.event_log_storage.get_concurrency_info(POOL).active_run_ids


def test_an_orphaned_run_is_marked_failed_and_its_slot_freed(instance: dg.DagsterInstance) -> None:
    run_id = start_run(instance)
    mark = leave_mark_of_the_dead(instance, run_id)

    assert free_orphaned_runs(instance) == [run_id]

    assert status_of(instance, run_id) is dg.DagsterRunStatus.FAILURE
    assert slot_holders(instance) == set()
    assert not mark.exists()
    assert free_orphaned_runs(instance) == []


@pytest.mark.parametrize("is_recorded", [True, False])
def test_an_orphaned_run_that_was_to_be_canceled_is_canceled(instance: dg.DagsterInstance, is_recorded: bool) -> None:
    run_id = start_run(instance)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    mark = leave_mark_of_the_dead(instance, run_id)
    if is_recorded:
        instance.report_run_canceling(run)
    else:
        note_cancellation(instance, run_id)
        assert mark.read_bytes()

    assert free_orphaned_runs(instance) == [run_id]

    assert status_of(instance, run_id) is dg.DagsterRunStatus.CANCELED
    assert slot_holders(instance) == set()


def test_a_live_run_is_left_alone_until_its_process_lets_go(instance: dg.DagsterInstance) -> None:
    run_id = start_run(instance)
    with marked_as_live(instance, run_id):
        with marked_as_live(instance, run_id):
            assert free_orphaned_runs(instance) == []
        assert free_orphaned_runs(instance) == []
        assert status_of(instance, run_id) is dg.DagsterRunStatus.STARTED
        assert slot_holders(instance) == {run_id}


def test_a_run_that_nobody_marked_is_left_alone(instance: dg.DagsterInstance) -> None:
    run_id = start_run(instance)

    assert free_orphaned_runs(instance) == []

    assert status_of(instance, run_id) is dg.DagsterRunStatus.STARTED
    assert slot_holders(instance) == {run_id}


def test_the_slot_of_a_run_that_a_person_marked_as_failed_is_freed(instance: dg.DagsterInstance) -> None:
    run_id = start_run(instance)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run)
    assert slot_holders(instance) == {run_id}

    assert free_orphaned_runs(instance) == []

    assert slot_holders(instance) == set()


def test_the_slot_of_a_process_that_goes_on_though_its_run_was_ended_is_kept(instance: dg.DagsterInstance) -> None:
    run_id = start_run(instance)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    with marked_as_live(instance, run_id):
        instance.report_run_canceled(run)
        free_orphaned_runs(instance)
        assert slot_holders(instance) == {run_id}


def test_a_mark_of_a_run_that_nobody_knows_is_removed(instance: dg.DagsterInstance) -> None:
    mark = leave_mark_of_the_dead(instance, "of-a-database-that-was-removed")

    assert free_orphaned_runs(instance) == []

    assert not mark.exists()


def test_a_run_goes_on_where_it_cannot_be_marked(caplog: pytest.LogCaptureFixture) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        Path(instance.root_directory, "salted_runs").write_text("a file where the folder should be")
        with marked_as_live(instance, "run-1"):
            assert "run run-1 goes on, but would not be recognised if it were killed" in caplog.text
        assert free_orphaned_runs(instance) == []


def test_a_run_is_marked_while_it_goes_on_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_platform(tmp_path, datasets=("agent",)) as platform:
        folder = Path(platform.instance.root_directory, "salted_runs")
        seen: list[tuple[list[str], list[str]]] = []
        post = platform.vendor.server.switches.take_refusal

        def look(*arguments: object) -> object:
            seen.append(([path.name for path in folder.glob("[!.]*")], free_orphaned_runs(platform.instance)))
            return post(*arguments)  # type: ignore[arg-type] # handed through

        monkeypatch.setattr(platform.vendor.server.switches, "take_refusal", look)
        result = platform.materialize(DAY)

        assert result.success
        assert {(tuple(marks), tuple(freed)) for marks, freed in seen} == {((result.run_id,), ())}
        assert list(folder.glob("[!.]*")) == []


@pytest.mark.chaos
def test_runs_that_are_killed_while_they_hold_the_slot_free_the_way(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes(
        resources.files("salted_assets.defs.instance").joinpath("dagster.yaml").read_bytes()
    )
    options = SimulatorOptions(agent_count=2, engagements_per_agent=2, key="key-of-the-tests")
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", options) as vendor:
        vendor.set_faults(Faults(slow_export_seconds=3600))
        environment = bare(
            tmp_path,
            SALTED_API_URL=vendor.url,
            SALTED_API_KEY=vendor.key,
            SALTED_START_DATE="2024-01-01",
            SALTED_DATASETS="agent",
            DAGSTER_HOME=str(home),
        )
        backfill = [sys.executable, "-m", "salted_assets", "backfill", DAY]
        materialize = [
            *(sys.executable, "-m", "dagster", "asset", "materialize", "-m", "salted_assets.definitions"),
            *("--select", "*", "--partition", DAY),
        ]
        kill_while_it_polls(materialize, vendor, environment, tmp_path)
        kill_while_it_polls(backfill, vendor, environment, tmp_path)
        complete_all(vendor)
        done = subprocess.run(
            backfill, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
        )

        assert done.returncode == 0, done.stdout + done.stderr
        assert "marked as ended, since their process was killed" in done.stderr
        assert vendor.log()["exports"] == 1
    with open_home(home) as instance:
        statuses = [run.status.value for run in reversed(instance.get_runs())]
        assert statuses == ["FAILURE", "FAILURE", "SUCCESS"]
        assert instance.event_log_storage.get_concurrency_info(POOL).slot_count == 1
        assert slot_holders(instance) == set()


def kill_while_it_polls(
    command: list[str], vendor: RunningSimulator, environment: dict[str, str], folder: Path
) -> None:
    polls = vendor.log()["status"]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + 120
        while vendor.log()["status"] == polls and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        has_polled = vendor.log()["status"] > polls and process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
    assert has_polled, "it did not come to poll"


def complete_all(vendor: RunningSimulator) -> None:
    """Have every export complete from now on."""
    with vendor.server.store._connection() as connection:
        connection.execute("UPDATE export SET ready_ms = 0")
