"""Dagster's home: an earlier dagster.yaml of ours is renewed, the home is its owner's alone, a full one is said so."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.defs.instance.home import EARLIER_CONFIGS, HomeUnusable, open_instance
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

EARLIER = """\
# Dagster's instance for one machine: SQLite and local runs. Copied to DAGSTER_HOME by `salted` where there is none.
{event_log}telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 4
  pools:
    # Exports at the vendor at the same time, over all runs. The vendor asks for low-frequency use.
    default_limit: 1
    granularity: op
run_monitoring:
  enabled: true
run_retries:
  enabled: true
  max_retries: 1
  # A failed step has had its retries; only a run that crashed is run again.
  retry_on_asset_or_op_failure: false
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      success: 90
"""
EVENT_LOG = """\
# The event log of Dagster's own SQLite storage, with connections kept. Without these four lines Dagster writes the same
# files by itself, at more CPU.
event_log_storage:
  module: {module}
  class: KeptEventLog
  config: {{home: {{env: DAGSTER_HOME}}}}
"""
FORMER_MODULES = ["salted_assets.event_log", "salted_assets.defs.instance.event_log"]
EARLIER_MODULES = [*FORMER_MODULES, "salted_assets.defs.instance.dagster_private"]
OURS = resources.files("salted_assets.defs.instance").joinpath("dagster.yaml").read_bytes()


def earlier_config(module: str = "") -> str:
    return EARLIER.format(event_log=EVENT_LOG.format(module=module) if module else "")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o700)
    os.umask(0o022)
    return tmp_path / "home"


def doctor() -> str:
    """What it says of Dagster's home and of what it looks at afterwards."""
    said = CliRunner().invoke(main, ["doctor"]).stdout
    return said[said.index("  dagster") - 4 :]


@pytest.mark.parametrize("module", ["", *EARLIER_MODULES])
def test_an_unchanged_copy_of_an_earlier_config_is_renewed_and_the_home_comes_up(home: Path, module: str) -> None:
    (home / "dagster.yaml").write_text(earlier_config(module))

    with open_instance() as instance:
        assert instance.get_runs_count() == 0

    assert (home / "dagster.yaml").read_bytes() == OURS
    assert [path.name for path in home.glob(".*")] == []


def test_the_present_config_is_not_among_the_earlier_ones_and_a_change_is_noticed() -> None:
    assert sha256(OURS).hexdigest() not in EARLIER_CONFIGS
    # To change the file, add this hash to EARLIER_CONFIGS and write the new one here.
    assert sha256(OURS).hexdigest() == "f8e82da2f53935e8e109f2ac27353e6cc39e8955228fc065e5f79f7f369724d1"


@pytest.mark.parametrize("module", FORMER_MODULES)
def test_a_config_changed_by_hand_is_left_and_doctor_names_what_to_replace(home: Path, module: str) -> None:
    changed = earlier_config(module).replace("max_concurrent_runs: 4", "max_concurrent_runs: 8")
    (home / "dagster.yaml").write_text(changed)

    said = doctor()

    assert said.startswith("FAIL  dagster")
    assert f"dagster.yaml names {module}, which is gone" in said
    assert "  module: salted_assets.defs.instance.dagster_private\n" in said
    assert (home / "dagster.yaml").read_text() == changed
    with pytest.raises(HomeUnusable, match="was changed by hand"), open_instance():
        pass


def test_a_config_changed_by_hand_that_works_is_left_without_a_word(home: Path) -> None:
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}")

    with open_instance() as instance:
        assert not instance.telemetry_enabled

    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}"
    assert doctor().startswith("ok    dagster")


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))}


def test_what_dagster_writes_is_for_its_owner_alone_whatever_the_umask(home: Path) -> None:
    home.rmdir()
    os.umask(0)

    assert CliRunner().invoke(main, ["backfill", "2024-01-09", "--select", 'key:"raw/export"']).exit_code == 0

    assert len(list(home.rglob("*"))) > 5
    assert modes(home) == {0}


def test_a_home_that_was_open_to_others_is_closed_to_them(home: Path) -> None:
    (home / "history" / "runs").mkdir(parents=True)
    (home / "history" / "runs" / "index.db").touch()
    (home / "elsewhere").symlink_to("/etc/hostname")
    before = Path("/etc/hostname").stat().st_mode
    for path in (home, home / "history"):
        path.chmod(0o755)

    with open_instance():
        pass

    assert modes(home / "history") | {home.stat().st_mode & 0o077} == {0}
    assert Path("/etc/hostname").stat().st_mode == before


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[int], int]]:
    """A file system of 2 MB; what it gives leaves that many kB of room. Skips where none may be mounted."""
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("no right to mount a file system here")
    try:
        yield lambda room: (folder / "ballast").write_bytes(bytes(1024 * (2048 - room)))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("room", [0, 4, 200, 350], ids=lambda room: f"{room} kB")
def test_a_full_home_ends_the_command_with_a_sentence_and_room_lets_it_go_on(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setenv("SALTED_DATASETS", "agent")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "disk" / "home"))
    with small_disk(tmp_path / "disk") as leave:
        leave(room)
        result = CliRunner().invoke(main, ["backfill", "2024-01-09", "--select", "group:raw or group:tables"])

        assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
        expected = (
            f"Dagster cannot keep its records in {tmp_path}/disk/home (DAGSTER_HOME): its disk is full. Make room"
        )
        assert expected in result.stderr
        assert "Traceback" not in result.stderr

        (tmp_path / "disk" / "ballast").unlink()
        result = CliRunner().invoke(main, ["backfill", "2024-01-09", "--select", "group:raw or group:tables"])
        assert (result.exit_code, result.stderr) == (0, "")
        assert "1 of 1 days are whole" in result.stdout
    assert home.exists()


@pytest.mark.parametrize("taken", ["home", "home/history"])
def test_a_home_that_cannot_be_made_is_named(tmp_path: Path, home: Path, taken: str) -> None:
    home.rmdir()
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).touch()

    with (
        pytest.raises(HomeUnusable, match=r"cannot keep its records in .*home \(DAGSTER_HOME\): (File exists|Not a)"),
        open_instance(),
    ):
        pass
