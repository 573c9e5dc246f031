"""The benchmark of ranges runs the commands one after another on the same data; what they cost is not looked at."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.measure import Cost
from benchmarks.running import ranges
from benchmarks.running.ranges import render, time_commands


def test_the_range_is_loaded_loaded_again_and_restated_in_one_new_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[Path, Sequence[str]]] = []

    def measure(arguments: Sequence[str], log: Path) -> Cost:
        ran.append((Path.cwd(), arguments))
        assert log.parent.resolve() == Path.cwd()
        return Cost(12.34, 5.0, 100.4)

    here = Path.cwd()
    monkeypatch.setattr(ranges, "measure", measure)
    lines = [render(spent) for spent in time_commands(3)]

    assert lines[0] == "| `salted backfill` | from nothing | 3 | 12.3 | 5.0 | 100 |"
    range_of_days = ["2024-01-09", "2024-01-11"]
    commands = [["-m", "salted_assets", name, *range_of_days] for name in ("backfill", "backfill", "restate")]
    assert [arguments for _, arguments in ran] == commands
    (folder,) = {folder for folder, _ in ran}
    assert folder != here == Path.cwd()
    assert not folder.exists()
