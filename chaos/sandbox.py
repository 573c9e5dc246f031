"""What a round runs in: a warehouse, a Dagster home, a vendor, and the commands that are run and ended there."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from unittest.mock import patch

from salted_assets.defs.instance.home import open_instance
from salted_assets.settings import DATASETS, KEY_VARIABLE
from salted_assets.simulator import Faults, RunningSimulator, SimulatorOptions, running_simulator
from salted_assets.simulator.data.windows import Window
from salted_assets.simulator.server.store import account_of
from salted_assets.warehouse import Warehouse

DAYS = (date(2024, 1, 9), date(2024, 1, 10))
_LONGEST_RUN_SECONDS = 300.0
_EXPORT_SECONDS = 0.2
_CUTS = 2
_LOG_CHARACTERS = 2000


@dataclass(frozen=True)
class Sandbox:
    """One folder with everything in it, and the vendor that its command talks to."""

    folder: Path
    vendor: RunningSimulator
    datasets: tuple[str, ...] = DATASETS
    uri: str = ""
    """The warehouse, where it is not a folder of the sandbox, and how it is reached."""
    access: Mapping[str, str] = field(default_factory=dict)

    @property
    def warehouse(self) -> Warehouse:
        """Where the command keeps its files."""
        return Warehouse(self.uri or str(self.folder / "warehouse"))

    @property
    def home(self) -> Path:
        """Where the command's Dagster keeps its runs."""
        return self.folder / "home"

    def start(self) -> subprocess.Popen[bytes]:
        """Start `salted backfill` of the days in a process group of its own."""
        # a cut makes the client pause and go on by range: a download that lasts long enough to be hit
        self.vendor.set_faults(Faults(cut_downloads=_CUTS))
        return self.run("salted_assets", "backfill", DAYS[0].isoformat(), DAYS[-1].isoformat())

    def run(self, *module_and_arguments: str) -> subprocess.Popen[bytes]:
        """Start a module with the sandbox's settings, in a process group of its own."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", *module_and_arguments],
                env=self._environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def prepare_home(self) -> None:
        """Put our dagster.yaml into the home, as every `salted` command does."""
        with patch.dict(os.environ, self._environment), open_instance():
            pass

    def run_to_end(self) -> str | None:
        """Run the command undisturbed. Gives what was wrong with its end, None where it succeeded."""
        return self.wait_for(self.start())

    def wait_for(self, process: subprocess.Popen[bytes], *, expected: Collection[int] = (0,)) -> str | None:
        """Wait for a command to end. Gives what was wrong with its end, None where it ended as expected."""
        try:
            code = process.wait(timeout=_LONGEST_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            kill(process)
            return f"the command had not ended after {_LONGEST_RUN_SECONDS:.0f} s"
        if code not in expected:
            return f"the command ended with {code}: {self.read_log()}"
        return None

    def read_log(self) -> str:
        """The end of what the command printed."""
        return (self.folder / "log").read_text(errors="replace")[-_LOG_CHARACTERS:]

    def count_exports(self) -> Counter[tuple[int, int]]:
        """Exports that the vendor was given to do, by window in milliseconds since 1970."""
        exports = self.vendor.server.store.newest(account_of(self.vendor.key), 100)
        return Counter((export.window.start_ms, export.window.end_ms) for export in exports)

    def find_window(self, export_id: str) -> Window:
        """The window that an export is of, as the vendor knows it. Raises KeyError for one that it does not know."""
        exports = self.vendor.server.store.newest(account_of(self.vendor.key), 100)
        return {export.id: export.window for export in exports}[export_id]

    def count_extra_exports(self) -> int:
        """Exports beyond one for each window."""
        exports = self.count_exports()
        return exports.total() - len(exports)

    @property
    def _environment(self) -> dict[str, str]:
        (self.folder / "tmp").mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SALTED_")}
        return {
            **kept,
            "SALTED_API_URL": self.vendor.url,
            KEY_VARIABLE: self.vendor.key,
            "SALTED_WAREHOUSE": self.uri or str(self.folder / "warehouse"),
            "SALTED_START_DATE": "2024-01-01",
            "SALTED_DATASETS": ",".join(self.datasets),
            "SALTED_MIN_EXPORT_INTERVAL_SECONDS": "0",
            "DAGSTER_HOME": str(self.home),
            "TMPDIR": str(self.folder / "tmp"),
            **self.access,
        }


@contextmanager
def prepared_sandbox(folder: Path, datasets: tuple[str, ...] = DATASETS) -> Iterator[Sandbox]:
    """Fresh sandbox in the folder; its vendor, which runs in this process, serves the same data on every sandbox."""
    folder.mkdir(parents=True)
    options = SimulatorOptions(agent_count=6, engagements_per_agent=8, key="of-chaos", export_seconds=_EXPORT_SECONDS)
    with running_simulator(folder / "vendor" / "exports.sqlite", options) as vendor:
        yield Sandbox(folder, vendor, datasets)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started with SIGKILL, and wait until they are gone."""
    send(process, signal.SIGKILL)
    process.wait()


def send(process: subprocess.Popen[bytes], chosen: signal.Signals) -> None:
    """Send a signal to the process and all that it started; nothing where they have ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, chosen)
