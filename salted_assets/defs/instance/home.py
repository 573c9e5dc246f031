"""Dagster's home on this machine: where it is, who may read it, and our dagster.yaml in it.

A home that cannot be used is said in a sentence, whichever of Dagster's or the operating system's errors it came as.
"""

import errno
import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib import resources
from pathlib import Path

import dagster as dg
from sqlalchemy.exc import DatabaseError

from salted_assets.defs.instance.orphaned_runs import free_orphaned_runs

DEFAULT_HOME = Path("data/dagster")
EARLIER_CONFIGS = frozenset(
    {
        "aabe23cf83b0eed9ed90e3b6cf26ba8a7d25f155af26cac7891c0d075fa4cea9",
        "1239fe05dd0ada8886b76d6b91e55b27216148eeee32f4d76591efffb3e9e7ac",
        "9bca86522d4b5981be17fe45408b550e204510e92ac2b55713db6f6acf420250",
        "b4e8dd5aed7be91e0502a4ca3e94a93e3488190e3bf9e1168b4630ddbac5c03c",
        "f23f347a61de871a7e10f766853990b70a3f38c7d5627277b4b97ea04ed265e0",
    }
)
"""SHA-256 of every dagster.yaml that an earlier version put into homes: an unchanged one is renewed, another is not."""

_CONFIG = "dagster.yaml"
_FORMER_EVENT_LOG = re.compile(rb"""module:\s*["']?(salted_assets\.(?:defs\.instance\.)?event_log)\b""")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LOG = logging.getLogger(__name__)


class HomeUnusable(Exception):  # noqa: N818 - named as its likes in `warehouse`
    """Dagster cannot keep its records in its home; the message names the folder, the reason and what to do."""


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of `DAGSTER_HOME`, by default `data/dagster`, which is made ready where it is not.

    The home is for its owner alone: so is what this process writes from then on, whatever the umask was. A dagster.yaml
    that is an unchanged copy of an earlier one of ours is renewed. Runs that were killed are marked as ended and their
    pool slots freed first, so that the next run need not wait.

    Raises HomeUnusable, also for what is raised within the context: runs write their records to the last.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or DEFAULT_HOME).absolute()
    os.environ["DAGSTER_HOME"] = str(home)
    with _explained(home):
        os.umask(0o077)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(home)
        _renew_config(home)
        if problem := explain_config(home):
            raise HomeUnusable(problem)
        with dg.DagsterInstance.get() as instance:
            ended = free_orphaned_runs(instance)
            if ended:
                _LOG.warning("marked as ended, since their process was killed: %s", ", ".join(ended))
            yield instance


def explain_config(home: Path) -> str | None:
    """What to replace in the dagster.yaml of a home so that this version can use it, None where nothing has to be.

    A missing one, and an unchanged copy of an earlier one of ours, are put right by opening the instance.
    """
    path = home / _CONFIG
    content = path.read_bytes() if path.exists() else b""
    former = _FORMER_EVENT_LOG.search(content)
    if former is None or _digest(content) in EARLIER_CONFIGS:
        return None
    ours = re.search(rb"^event_log_storage:\n(?: .*\n)+", _read_ours(), re.MULTILINE)
    lines = ours[0].decode() if ours else ""
    return (
        f"{path} names {former[1].decode()}, which is gone, and was changed by hand, so it is left as it is. Replace "
        f"its event_log_storage with these lines, or remove it:\n{lines.rstrip()}"
    )


def _renew_config(home: Path) -> None:
    config, ours = home / _CONFIG, _read_ours()
    if config.exists() and _digest(config.read_bytes()) not in EARLIER_CONFIGS:
        return
    # half a file would be taken for a whole one, without the pool's limit
    draft = home / f".{_CONFIG}.{os.getpid()}"
    try:
        draft.write_bytes(ours)
        draft.replace(config)
    finally:
        draft.unlink(missing_ok=True)


def _read_ours() -> bytes:
    return resources.files("salted_assets.defs.instance").joinpath(_CONFIG).read_bytes()


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _close_to_others(home: Path) -> None:
    """Take all rights of group and others in a home that has been open to them; the folder itself last."""
    if not home.stat().st_mode & 0o077:
        return
    for folder, _, names in os.walk(home, topdown=False):
        for path in (*(Path(folder, name) for name in names), Path(folder)):
            # another user's file, or one that a run has just removed
            with suppress(PermissionError, FileNotFoundError):
                if not path.is_symlink():
                    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o077)


@contextmanager
def _explained(home: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, DatabaseError, dg.DagsterError) as error:
        reason = _find_reason(error, home)
        if reason is None:
            raise
        raise HomeUnusable(f"Dagster cannot keep its records in {home} (DAGSTER_HOME): {reason}") from error


def _find_reason(error: BaseException, home: Path) -> str | None:
    """Why the home cannot be used, if it is the home that an error or one of its causes is about."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DatabaseError):
            return _explain_database(str(seen.orig))
        if isinstance(seen, OSError) and _is_in(home, seen):
            return _explain_system(seen)
        seen = seen.__cause__ or seen.__context__
    return None


def _is_in(home: Path, error: OSError) -> bool:
    if error.filename is None:
        return error.errno in _FULL
    return isinstance(error.filename, str) and Path(error.filename).is_relative_to(home)


def _explain_database(said: str) -> str:
    if "disk is full" in said:
        return "its disk is full. Make room, then give the command again: days that are done are not done twice"
    if "readonly" in said or "unable to open" in said:
        return f"its database cannot be written ({said}). Look at rights and owner of the folder"
    return f"its database says: {said}"


def _explain_system(error: OSError) -> str:
    if error.errno in _FULL:
        return _explain_database("disk is full")
    return f"{error.strerror}. Look at rights and owner of the folder, or name another one in DAGSTER_HOME"


HIDDEN: tuple[tuple[type[Warning], str], ...] = (
    (dg.BetaWarning, ".*backfill_policy.*"),  # chunked backfills: measured as the cheapest that keep each day's state
    (dg.BetaWarning, ".*include_sources.*"),  # raised by Dagster's own reading of a selection
    (
        dg.BetaWarning,
        ".*[cC]ode_?[rR]eference.*",
    ),  # links to an asset's code: without it nothing is lost but them
    (dg.PreviewWarning, ".*partitions_def.*"),  # checks on their partition: without it day 2 hides day 1
)


def hide_known_warnings() -> None:
    """Hide them for the rest of the process."""
    for category, message in HIDDEN:
        warnings.filterwarnings("ignore", message=message, category=category)
