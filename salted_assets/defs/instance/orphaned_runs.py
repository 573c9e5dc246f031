"""Orphaned runs, whose process was killed: recognised, marked failed (or canceled), their pool slots freed.

A killed process leaves its run STARTED and its pool slot claimed, so the next run would wait for the slot for ever.
Whether a process lives is not asked of its number, which is given out again after a while and means something else in
every container, but of the kernel: while a run is executed, its process holds an advisory lock on a file named after
the run below `DAGSTER_HOME`. However the process ends, the lock ends with it. A file that nobody has locked belongs to
an orphaned run; a locked one, to a live run, which is left alone.

Recognised: every run whose process opened the resources of our definitions, be it started by `salted backfill`, by
`dagster asset materialize`, or by the UI, a schedule or a Dagster backfill on this machine. `salted backfill` marks its
runs before they begin; the others are marked when their resources are opened, which is before the first step and its
slot. Recognised as well: slots still claimed by runs that have ended, such as those that a person marked as failed.

Not recognised, and left alone: a run killed in the moment between its start and the opening of its resources (it holds
no slot); runs of other definitions; runs executed elsewhere that share the database but not `DAGSTER_HOME`. A home that
is shared needs locks that hold across machines, as SQLite does too. The mark is that of the process that opens the
resources: with another executor than ours, that is a step's process.
"""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

_FOLDER = "salted_runs"
_GUARD = ".guard"
_CANCELED = b"canceled"
_MESSAGE = "The process of this run is gone without having ended it, as after `kill -9`. Run its days again."
_LOG = logging.getLogger(__name__)
_marked_here: set[Path] = set()
_marking = threading.Lock()


@contextmanager
def marked_as_live(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the run's mark for as long as the context; within another of the same run and process, do nothing.

    Where the mark cannot be written the run goes on without: it is then not recognised if it is killed.
    """
    path = _folder_of(instance) / run_id
    with _marking:
        is_first = path not in _marked_here
        _marked_here.add(path)
    if not is_first:
        yield
        return
    handle = _take(path)
    try:
        yield
    finally:
        if handle is not None:
            _give_back(path, handle)
        _marked_here.discard(path)


def note_cancellation(instance: dg.DagsterInstance, run_id: str) -> None:
    """Note in the run's mark, if it has one, that it was to be canceled: sooner done than any record of Dagster's."""
    with suppress(OSError), (_folder_of(instance) / run_id).open("r+b") as mark:
        mark.write(_CANCELED)


def free_orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs failed whose process is gone, and free the pool slots of orphaned and of ended runs.

    One that was being canceled is marked canceled. Gives the ids of the runs that were marked. Live runs, and what has
    no mark of ours, stay as they are.
    """
    folder = _folder_of(instance)
    ended: list[str] = []
    if folder.is_dir():
        # a process that marks a run meanwhile waits, so that a mark is never seen between its making and its locking
        with _guarded(folder):
            orphaned = [path for path in sorted(folder.iterdir()) if path.name != _GUARD and not _is_held(path)]
            for path in orphaned:
                ended += _end_and_free(instance, path.name, was_canceled=path.read_bytes() == _CANCELED)
                path.unlink()
    for run_id in _list_slot_holders(instance):
        run = instance.get_run_by_id(run_id)
        if (run is None or run.is_finished) and not _is_held(folder / run_id):
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return ended


def _end_and_free(instance: dg.DagsterInstance, run_id: str, *, was_canceled: bool) -> list[str]:
    run = instance.get_run_by_id(run_id)
    is_open = run is not None and not run.is_finished
    if run is not None and is_open:
        if was_canceled or run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, _MESSAGE)
        else:
            instance.report_run_failed(run, _MESSAGE)
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return [run_id] if is_open else []


def _list_slot_holders(instance: dg.DagsterInstance) -> list[str]:
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return []
    pools = [storage.get_concurrency_info(key) for key in storage.get_concurrency_keys()]
    claimed = {slot.run_id for pool in pools for slot in pool.claimed_slots}
    waiting = {step.run_id for pool in pools for step in pool.pending_steps}
    return sorted(claimed | waiting)


def _folder_of(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / _FOLDER


def _take(path: Path) -> int | None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _guarded(path.parent):
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            # shared: the processes of several steps of one run do not keep each other out
            fcntl.flock(handle, fcntl.LOCK_SH)
            return handle
    except OSError as error:
        _LOG.warning("run %s goes on, but would not be recognised if it were killed: %s", path.name, error)
        return None


def _give_back(path: Path, handle: int) -> None:
    try:
        with suppress(OSError), _guarded(path.parent):
            if _try_lock(handle):
                path.unlink()
    finally:
        os.close(handle)


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    with (folder / _GUARD).open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
