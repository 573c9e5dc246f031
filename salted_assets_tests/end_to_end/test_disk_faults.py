"""A full disk, a warehouse that cannot be written, a killed writer: said clearly, nothing lost, gone on with later.

The vendor runs in a process of its own, so that the limits which stand for a full disk are ours alone.
"""

import contextlib
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

import dagster as dg
import pyarrow.parquet as pq
import pytest

from salted_assets.cli.backfill import Backfill
from salted_assets.cli.outcome import Outcome
from salted_assets.settings import KEY_VARIABLE, Settings
from salted_assets.warehouse import Warehouse, WarehouseUnusable
from salted_assets_tests.support.landing_env import DAY, SMALL, LandingEnv, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs
from salted_assets_tests.support.vendor_process import Vendor, running_vendor

pytestmark = [*KNOWN_WARNINGS, pytest.mark.chaos, pytest.mark.slow]


FIRST, SECOND = date(2024, 1, 9), date(2024, 1, 10)
RESTATED = {"scores", "report", "changes"}
SELECT = 'key:"raw/export" or group:tables or key:"scores/engagement"'
"""One score, for all of them take their time and each is written as the others are."""


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with running_vendor(tmp_path / "vendor.sqlite") as vendor:
        yield vendor


class Disk(Protocol):
    """A place for a warehouse whose room can be taken away and given back."""

    @property
    def folder(self) -> Path: ...

    def leave(self, room_bytes: int) -> None: ...

    def give_back(self) -> None: ...

    def measure_need(self, files: list[Path]) -> int:
        """The room that files of these sizes take."""
        ...


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, filled up with ballast."""

    folder: Path

    def leave(self, room_bytes: int) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        os.truncate(self.folder / "ballast", (self.folder / "ballast").stat().st_size - room_bytes)

    def give_back(self) -> None:
        (self.folder / "ballast").unlink()

    def measure_need(self, files: list[Path]) -> int:
        return sum(-(-path.stat().st_size // 4096) * 4096 for path in files)


@dataclass(frozen=True)
class LimitedFiles:
    """No file of this process grows beyond a limit: the system says so where a full disk would."""

    folder: Path

    def leave(self, room_bytes: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    def give_back(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    def measure_need(self, files: list[Path]) -> int:
        return max(path.stat().st_size for path in files)


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A small file system in memory. Skips where this process may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system here; the limit on files stands for a full disk then")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == LIMITED:
        limited = LimitedFiles(tmp_path)
        yield limited
        limited.give_back()
        return
    with mounted(tmp_path / "disk") as folder:
        yield SmallDisk(folder)


@dataclass(frozen=True)
class Runs:
    """Backfills of single days into one warehouse."""

    folder: Path
    vendor: Vendor
    instance: dg.DagsterInstance

    def run(self, day: date) -> Outcome:
        settings = Settings(
            api_url=self.vendor.url,
            warehouse=str(self.folder),
            start_date=date(2024, 1, 1),
            datasets=("engagement", "agent"),
            min_export_interval_seconds=0,
        )
        return Backfill(build_defs(settings), self.instance, 28, 7, select=SELECT).run(day, day)

    def files(self, day: date) -> list[Path]:
        return sorted(path for path in self.folder.rglob(f"*/date={day}/**/*") if path.is_file())

    def hashes(self, day: date) -> dict[Path, str]:
        """What the day's files hold; scores are left out, for another day's export may have them made again."""
        own = [path for path in self.files(day) if not RESTATED & set(path.parts)]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in own}


@contextmanager
def running(folder: Path, vendor: Vendor) -> Iterator[Runs]:
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv(KEY_VARIABLE, vendor.key)
        yield Runs(folder, vendor, instance)


Room = Callable[[Disk, list[Path], list[Path]], int]
"""How much is left, given the files of an earlier day: raw files and tables."""


def leave_nothing(_disk: Disk, _raw: list[Path], _tables: list[Path]) -> int:
    return 0


def leave_pages(count: int) -> Room:
    return lambda _disk, _raw, _tables: 4096 * count


def leave_half_of_the_tables(disk: Disk, raw: list[Path], tables: list[Path]) -> int:
    need = disk.measure_need(raw)
    return need + (disk.measure_need(tables) - need) // 2 if isinstance(disk, LimitedFiles) else need + 6 * 4096


FULL, LIMITED = "a file system that is full", "a limit on files"


@pytest.mark.parametrize(
    ("disk", "measure_room", "failing_step", "exports"),
    [
        pytest.param(FULL, leave_nothing, "raw/export", 1, id="full-nothing"),
        # the lock and the pending export fit, but not the pending export with its id beside that without
        pytest.param(FULL, leave_pages(2), "raw/export", 2, id="full-pending"),
        pytest.param(FULL, leave_pages(3), "raw/export", 2, id="full-pending-exports"),
        pytest.param(FULL, leave_half_of_the_tables, "tables/engagement", 2, id="full-raw"),
        pytest.param(LIMITED, leave_nothing, "raw/export", 1, id="limited-nothing"),
        pytest.param(LIMITED, leave_pages(1), "raw/export", 2, id="limited-pending-exports"),
        pytest.param(LIMITED, leave_half_of_the_tables, "tables/engagement", 2, id="limited-raw"),
    ],
    indirect=["disk"],
)
def test_a_full_disk_is_said_and_the_next_run_goes_on(
    disk: Disk,
    vendor: Vendor,
    measure_room: Room,
    failing_step: str,
    exports: int,
) -> None:
    with running(disk.folder / "warehouse", vendor) as runs:
        assert runs.run(FIRST).whole == [FIRST]
        intact = runs.hashes(FIRST)
        raw = [path for path in intact if "raw" in path.parts]
        tables = [path for path in intact if "tables" in path.parts]

        disk.leave(measure_room(disk, raw, tables))
        try:
            outcome = runs.run(SECOND)
        finally:
            disk.give_back()

        assert outcome.failed == [SECOND]
        assert outcome.was_stopped
        problem = outcome.problems[0]
        assert problem.step == failing_step
        assert f"cannot use the warehouse {runs.folder}" in problem.message
        assert "Make room there; what was written before is intact." in problem.message
        assert vendor.export_count == exports
        assert runs.hashes(FIRST) == intact
        for path in runs.folder.rglob(f"date={SECOND}/*.parquet"):
            pq.read_table(path)

        assert runs.run(SECOND).whole == [SECOND]
        assert vendor.export_count == 2
        assert runs.hashes(FIRST) == intact
        assert len(runs.hashes(SECOND)) == len(intact)
        assert list((runs.folder / ".tmp").iterdir()) == []


def test_a_read_only_warehouse_is_said_and_nothing_is_ordered(tmp_path: Path, vendor: Vendor) -> None:
    with mounted(tmp_path / "disk") as folder, running(folder / "warehouse", vendor) as runs:
        assert runs.run(FIRST).whole == [FIRST]
        intact = runs.hashes(FIRST)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)

        outcome = runs.run(SECOND)

        assert outcome.failed == [SECOND]
        assert outcome.was_stopped
        message = outcome.problems[0].message
        assert f"cannot use the warehouse {runs.folder} (Read-only file system" in message
        assert "Give this user the right to read and write there, or name another folder in SALTED_WAREHOUSE" in message
        assert vendor.export_count == 1
        assert runs.hashes(FIRST) == intact

        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        assert runs.run(SECOND).whole == [SECOND]
        assert vendor.export_count == 2


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Nobody may write below the folder: root becomes somebody else, others lose their rights."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
        return
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)


def test_a_warehouse_of_somebody_else_is_said(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=tempfile.gettempdir()) as name, landing_env(tmp_path) as built:
        Path(name).chmod(0o755)
        folder = Path(name, "warehouse")
        env = replace(built, warehouse=Warehouse(str(folder), simulated=True))
        env.land()
        intact = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        exports = env.export_count

        with without_rights(folder), pytest.raises(WarehouseUnusable) as caught:
            env.land(day=DAY + timedelta(days=1))

        assert f"cannot use the warehouse {folder} (Permission denied" in str(caught.value)
        assert "Give this user the right to read and write there" in str(caught.value)
        assert not caught.value.retryable
        assert env.export_count == exports
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == intact
        assert env.land(day=DAY + timedelta(days=1)).day == DAY + timedelta(days=1)


KILLED_WHILE_IT_WRITES = """
import os, signal, sys
from salted_assets.warehouse import Warehouse

with Warehouse(sys.argv[1]).create("tables/a") as scratch:
    scratch.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_writers_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for _ in range(2):
        subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_WRITES, str(tmp_path)], check=False)
        assert len(list((tmp_path / ".tmp").iterdir())) == 1

    with warehouse.create("tables/b") as first:
        first.write_bytes(b"b")
        warehouse.write_bytes("tables/c", b"c")
        assert list((tmp_path / ".tmp").iterdir()) == [first]

    assert warehouse.list_files("tables") == ["tables/b", "tables/c"]
    assert list((tmp_path / ".tmp").iterdir()) == []


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    """A vendor whose exports take as long as several polls."""
    with landing_env(tmp_path, replace(SMALL, export_seconds=20)) as built:
        yield built
