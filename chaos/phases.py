"""Which phase a run has come to, read from the files it leaves.

The same look serves to choose the moment of a kill and to tell, when the process is dead and nothing moves any more,
what was hit. Files that lay there before the process began say nothing about it and are left out.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from chaos.sandbox import DAYS, Sandbox

Phase = Literal["start", "order", "poll", "download", "publish", "parse", "write", "between tables", "score", "end"]
PHASES: dict[Phase, str] = {
    "start": "the process loads; no run has begun",
    "order": "no export is known yet, or one is being ordered",
    "poll": "the export is requested and waited for",
    "download": "files are being fetched, none is visible",
    "publish": "some files are visible, the manifest is not",
    "parse": "a table is open, no rows are in it",
    "write": "rows are in it, it is not visible",
    "between tables": "Dagster between two tables, checks",
    "score": "all tables are written, a score is not",
    "end": "all is written, the run is not closed",
}
"""Every phase in the order in which a run comes to it, with what can be seen of it."""

STAGES: dict[Phase, int] = {
    "start": 0,
    "order": 1,
    "poll": 1,
    "download": 1,
    "publish": 1,
    "parse": 2,
    "write": 2,
    "between tables": 2,
    "score": 3,
    "end": 4,
}
"""Phases of one stage alternate: landings of several days, several tables."""

_PARQUET_MAGIC_BYTES = 4


class Watch:
    """Watches what one process adds to the files of a sandbox; made before the process is started."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._root = Path(sandbox.warehouse.uri)
        self._marks = sandbox.home / "salted_runs"
        self._datasets = sandbox.datasets
        self._old_names = {path.name for path in (*_list(self._marks), *_list(self._root / ".tmp"))}
        self._old_files = {_identify(path) for path in self._root.rglob("*") if path.is_file()}

    def look(self) -> Phase:
        """The phase that the process is in."""
        if not any(path.name not in self._old_names for path in _list(self._marks) if path.name != ".guard"):
            return "start"
        for day in DAYS:
            folder = self._root / f"raw/export/date={day}"
            if not (folder / "manifest.json").exists():
                return self._look_at_landing(folder)
        if not all(self._is_new(path) for path in self._paths("tables", self._datasets)):
            return self._look_at_tables()
        return "end" if all(self._is_new(path) for path in self._paths("scores", ("agent_daily",))) else "score"

    def _look_at_landing(self, folder: Path) -> Phase:
        try:
            pending_exports = json.loads((folder / "tickets.json").read_bytes())["open"]
        except FileNotFoundError:
            return "order"
        export_ids = [pending["export_id"] for pending in pending_exports]
        if None in export_ids:
            return "order"
        if any(self._is_new(path) for export_id in export_ids for path in _list(folder / export_id)):
            return "publish"
        return "download" if list(self._scratch_sizes()) else "poll"

    def _look_at_tables(self) -> Phase:
        sizes = list(self._scratch_sizes())
        if not sizes:
            return "between tables"
        return "write" if max(sizes) > _PARQUET_MAGIC_BYTES else "parse"

    def _paths(self, layer: str, names: tuple[str, ...]) -> Iterator[Path]:
        for name in names:
            for day in DAYS:
                yield self._root / f"{layer}/{name}/date={day}/part-0.parquet"

    def _is_new(self, path: Path) -> bool:
        try:
            return _identify(path) not in self._old_files
        except FileNotFoundError:
            return False

    def _scratch_sizes(self) -> Iterator[int]:
        for path in _list(self._root / ".tmp"):
            if path.name not in self._old_names:
                try:
                    yield path.stat().st_size
                except FileNotFoundError:
                    continue


def _identify(path: Path) -> tuple[int, int]:
    """An inode and its time: a file that replaces another may be given the inode of an earlier one."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
