"""Processes of a user without rights, as servers and containers run them.

Where the tests run as root, that user is `nobody`; else it is the user who runs them.
"""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_USER = "nobody"


def as_unprivileged() -> dict[str, Any]:
    """The arguments of `subprocess.Popen` that drop root's rights."""
    if os.geteuid() != 0:
        return {}
    return {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []}


@contextmanager
def unprivileged_folder(prefix: str) -> Iterator[Path]:
    """A fresh folder of that user; pytest's own cannot be entered by anybody but root."""
    folder = Path(tempfile.mkdtemp(prefix=f"salted-{prefix}-"))
    give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def give(path: Path) -> None:
    """Make the user the owner of a file or folder."""
    if os.geteuid() == 0:
        shutil.chown(path, _USER, pwd.getpwnam(_USER).pw_gid)
