"""What tests of disks and clocks share: a vendor in a process of its own. Not here: any test."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen


@dataclass(frozen=True)
class Vendor:
    url: str
    key: str

    @property
    def export_count(self) -> int:
        with urlopen(f"{self.url}/simulator/log") as answer:
            return int(json.load(answer)["exports"])


@contextmanager
def running_vendor(store: Path) -> Iterator[Vendor]:
    options = ["--port", "0", "--store", str(store), "--agents", "3", "--engagements", "5"]
    with subprocess.Popen(
        [sys.executable, "-m", "salted_assets.simulator", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            url, key = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
            yield Vendor(url, key)
        finally:
            process.kill()
