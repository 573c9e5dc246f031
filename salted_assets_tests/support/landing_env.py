"""What the tests of landings share: the real simulator on a socket, a clock nobody waits for, a look for secrets."""

import gzip
import io
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import zstandard

from salted_assets.landing import Delivery, LandedFile, Landing, Manifest
from salted_assets.landing.windows import Calendar
from salted_assets.salted_cx import ClientConfig, ExportClient
from salted_assets.schemas import FILE_NAMES
from salted_assets.settings import DATASETS
from salted_assets.simulator import Faults, RunningSimulator, SimulatorOptions, running_simulator
from salted_assets.warehouse import Warehouse

KEY = "sk-4fb1d0c2-not-to-be-found-anywhere"
SMALL = SimulatorOptions(agent_count=3, engagements_per_agent=3, key=KEY)
DAY = date(2024, 1, 31)
LATER = datetime(2024, 6, 1, tzinfo=UTC)
CONFIG = ClientConfig(
    request_timeout_seconds=10,
    retry_attempts=4,
    retry_seconds=600,
    wait_seconds=600,
    min_export_interval_seconds=0,
    json_bytes=1 << 20,
    download_attempts=4,
    address_renewals=2,
)

_SECRETS = re.compile(rb"X-Amz-[A-Za-z]+|" + KEY.encode())


class FakeTime:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return LATER + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class LandingEnv:
    """A simulator, a warehouse, and landings that bring the one's exports into the other."""

    simulator: RunningSimulator
    warehouse: Warehouse
    time: FakeTime
    config: ClientConfig = CONFIG
    zone: str = "UTC"
    earlier_export_count: int = 0

    def moved(self, folder: Path) -> Self:
        """The same vendor with an empty warehouse, no faults and a count of exports that begins again."""
        self.simulator.set_faults(Faults())
        warehouse = Warehouse(str(folder), simulated=True)
        return replace(self, warehouse=warehouse, earlier_export_count=self.simulator.log()["exports"])

    def landing(self, **changes: Any) -> Landing:
        """A landing as a run would build it; `changes` replace its fields."""
        usual = Landing(
            warehouse=self.warehouse,
            calendar=Calendar(ZoneInfo(self.zone), timedelta(hours=2)),
            connect=self.connect,
            file_names=FILE_NAMES,
            now=self.time.now,
            sleep=self.time.sleep,
        )
        return replace(usual, **changes)

    def connect(self) -> AbstractContextManager[ExportClient]:
        """A client that waits for nothing."""
        return self.build_client()

    def build_client(self, kind: Callable[..., ExportClient] = ExportClient) -> ExportClient:
        """A client of any class, with tiny limits and the clock above."""
        return kind(
            self.simulator.url,
            lambda: KEY,
            config=self.config,
            sleep=self.time.sleep,
            monotonic=self.time.monotonic,
            now=self.time.now,
            random=random.Random(1).random,
        )

    def land(self, *datasets: str, refresh: bool = False, day: date = DAY) -> Manifest:
        """Land the datasets (all where none is named)."""
        return self.landing().land(day, datasets or DATASETS, refresh=refresh)

    @property
    def export_count(self) -> int:
        """Requests for exports that the vendor has taken."""
        return self.simulator.log()["exports"] - self.earlier_export_count

    @property
    def request_count(self) -> int:
        """Requests of any kind that reached the vendor."""
        log = self.simulator.log()
        return sum(log.values()) - log["exports"]

    def serve(self, export_id: str, dataset: str) -> bytes:
        """What the vendor holds, fetched past all code under test."""
        self.simulator.set_faults(Faults())
        status = self.ask(f"/api/v1/export/{export_id}/status")
        with urlopen(status["downloadUrls"][dataset]) as answer:
            return bytes(answer.read())

    def ask(self, path: str) -> Any:
        """A GET of the vendor's API."""
        with urlopen(Request(self.simulator.url + path, headers={"Authorization": f"Bearer {KEY}"})) as answer:
            return json.load(answer)

    def history(self) -> list[str]:
        """The ids that the vendor lists, newest first."""
        return [entry["exportId"] for entry in self.ask("/api/v1/export/history")]

    def read(self, file: LandedFile) -> bytes:
        """A landed file's plain bytes."""
        with self.landing().open_file(file) as opened:
            return opened.read()

    def check(self, delivery: Delivery) -> None:
        """Every file of a delivery is what the vendor holds, byte for byte."""
        for file in delivery.files:
            assert self.read(file) == self.serve(delivery.export_id, file.dataset)


@contextmanager
def landing_env(
    folder: Path, options: SimulatorOptions = SMALL, *, address: str | None = None, zone: str = "UTC"
) -> Iterator[LandingEnv]:
    """An env on fresh folders below `folder`."""
    time = FakeTime()
    with running_simulator(folder / "vendor" / "exports.sqlite", options, now=time.now) as simulator:
        yield LandingEnv(simulator, Warehouse(address or str(folder / "warehouse"), simulated=True), time, zone=zone)


def find_secrets(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Where the key, or part of a signed query, is to be found: below the folder, unpacked, or in the texts."""
    found = [name for name, text in texts.items() if _SECRETS.search(text.encode())]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return found + [str(path) for path in files if _SECRETS.search(_unpack(path) + str(path).encode())]


def _unpack(path: Path) -> bytes:
    data = path.read_bytes()
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
            return reader.read()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
