"""The demo as a newcomer has it: `salted dev`, the built-in simulator, three days that are made by clicks.

The files of the first day are spoiled between their landing and their loading, as if the vendor had delivered them so.
Not here: the browser, any test.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard

from salted_assets_tests.support.browser import Visitor, visiting
from salted_assets_tests.support.dagster_web import running_interface, salted

DAYS_AGO = 9
OWNER = "quality"
SPOILED_CELLS = 8
BACKFILL_PATIENCE_MS = 400_000


@dataclass(frozen=True)
class DemoUi:
    """A running UI and the three days that it has; the days from `days[-1]` to yesterday are there to be made."""

    url: str
    folder: Path
    days: tuple[str, str, str]

    @property
    def spoiled(self) -> str:
        return self.days[0]


@contextmanager
def running_demo(folder: Path, browser: Any) -> Iterator[DemoUi]:
    """The UI, when the backfill of three days that was launched in it has succeeded."""
    first = (datetime.now(UTC) - timedelta(days=DAYS_AGO)).date()
    days = (f"{first}", f"{first + timedelta(days=1)}", f"{first + timedelta(days=2)}")
    environment = {"SALTED_START_DATE": days[0], "SALTED_OWNERS": f"team:{OWNER}"}
    landing = salted(folder, "backfill", days[0], days[0], "--select", 'key:"raw/export"', **environment)
    assert landing.wait(timeout=150) == 0, (folder / "server.log").read_text()
    spoil_engagements(folder / "data" / "demo", days[0])
    with running_interface(folder, **environment) as interface:
        demo = DemoUi(interface.url, folder, days)
        with visiting(browser, demo.url) as visitor:
            backfill_by_clicks(visitor, demo)
        yield demo


def backfill_by_clicks(visitor: Visitor, demo: DemoUi) -> None:
    """Have three days of everything made as a person would, and wait until the page of the backfill says so."""
    visitor.open("/asset-groups")
    visitor.presses("Materialize all…")
    visitor.sees("Partition selection")
    visitor.writes(f"[{demo.days[0]}...{demo.days[-1]}]", into="No matching partitions")
    visitor.sees("3 partitions")
    visitor.keeps("backfill-dialog")
    visitor.presses("Launch backfill")
    visitor.sees("Created backfill")
    visitor.presses("View")
    visitor.sees("Partition selection", f"{demo.days[0]}...{demo.days[-1]}")
    status = visitor.page.get_by_text("Status", exact=True).locator("xpath=..")
    status.get_by_text(re.compile("Succeeded|Failed|Cancel")).wait_for(timeout=BACKFILL_PATIENCE_MS)
    visitor.keeps("backfill")
    assert "Succeeded" in status.inner_text(), visitor.reads()


def spoil_engagements(warehouse: Path, day: str) -> None:
    """Give the day's engagements a column that nobody documented, and a few durations that are no numbers."""
    (path,) = warehouse.glob(f"raw/export/date={day}/*/engagements.csv.zst")
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    for row in rows[:SPOILED_CELLS]:
        row[header.index("engagement_time")] = "n/a"
    out = io.StringIO(newline="")
    csv.writer(out).writerows([[*header, "mood"], *([*row, "fine"] for row in rows)])
    plain = out.getvalue().encode()
    stored = zstandard.ZstdCompressor().compress(plain)
    path.write_bytes(stored)
    manifest_path = path.parent.parent / "manifest.json"
    manifest = json.loads(manifest_path.read_bytes())
    (file,) = [each for each in manifest["deliveries"][0]["files"] if each["name"] == "engagements.csv"]
    file |= {"byte_count": len(plain), "stored_byte_count": len(stored), "sha256": hashlib.sha256(plain).hexdigest()}
    manifest_path.write_text(json.dumps(manifest))
