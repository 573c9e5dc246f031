"""Scratch files in a folder, and the sweeping of those that killed processes left. Not here: what becomes of them.

A scratch file is locked for as long as its process has use for it, and the kernel frees the lock however the process
ends. So whoever makes a scratch file first removes those that nobody has locked: what killed processes left stays only
until the next write.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def locked_scratch(folder: Path) -> Iterator[Path]:
    """A fresh, empty file in the folder, readable by its owner alone; gone afterwards unless it was moved away.

    Raises OSError where the folder cannot be written.
    """
    _sweep(folder)
    path, handle = _make_locked(folder)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _make_locked(folder: Path) -> tuple[Path, int]:
    while True:
        handle, name = tempfile.mkstemp(dir=folder)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return Path(name), handle
        # another process swept it between its making and its locking
        os.close(handle)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(BlockingIOError, FileNotFoundError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
