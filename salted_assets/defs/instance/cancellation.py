"""Runs that a person ends: Dagster calls a run canceled only where that was requested before it ended, else failed."""

import threading
from contextlib import suppress

import dagster as dg
from sqlalchemy.exc import DatabaseError

from salted_assets.defs.instance.orphaned_runs import note_cancellation

_MESSAGE = "The command that made this run was ended by a signal, such as Ctrl-C. Give it again to make these days."


class Cancellation:
    """Cancels one run of this process; usable by several threads at once."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str) -> None:
        self._instance, self._run_id = instance, run_id
        # what is reported calls the instance's listeners, which may come here again
        self._lock = threading.RLock()
        self._is_requested = False

    def begin(self) -> None:
        """Note at once that the run is canceled, and ask for it in a thread: a second signal may end the process."""
        note_cancellation(self._instance, self._run_id)
        threading.Thread(target=self.request, name="cancellation", daemon=True).start()

    def request(self) -> None:
        """Ask for the cancellation of the run, once, if it has begun: however it ends then, it is canceled."""
        with self._lock:
            if self._is_requested:
                return
            # where the records cannot be written now, `finish` tries again, and says so if that fails
            with suppress(DatabaseError, OSError):
                run = self._instance.get_run_by_id(self._run_id)
                if run is not None and run.status is dg.DagsterRunStatus.STARTED:
                    self._is_requested = True
                    self._instance.report_run_canceling(run, _MESSAGE)

    def finish(self, *, was_interrupted: bool) -> None:
        """Cancel a run that has never started, and one that was interrupted without being canceled by then."""
        with self._lock:
            # no more requests of a thread that comes late
            self._is_requested = True
            run = self._instance.get_run_by_id(self._run_id)
            if run is None or run.status in {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED}:
                return
            if was_interrupted or run.status is dg.DagsterRunStatus.NOT_STARTED:
                self._instance.report_run_canceled(run, _MESSAGE)
