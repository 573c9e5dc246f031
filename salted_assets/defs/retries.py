"""How our errors become Dagster's: permanent ones are tried once in total, and a pause that was asked for is kept.

Dagster has three layers of retries. A step's RetryPolicy listens to `allow_retries`; run retries are limited to
crashes by our dagster.yaml; backfills never repeat a failed partition by themselves, and the daily schedule repeats its
own by what stands here. So `Failure(allow_retries=False)` ends a step, and everything else is repeated by its policy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import dagster as dg

from salted_assets.ingest import IngestError
from salted_assets.landing import DayNotExportable, LandingError
from salted_assets.privacy import ErasureError
from salted_assets.salted_cx import SaltedApiError
from salted_assets.warehouse import WarehouseError

KNOWN_ERRORS = (SaltedApiError, LandingError, WarehouseError, IngestError, ErasureError)

RETRY_POLICY = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""For steps that talk to the vendor. The client has its own, shorter patience below this."""

LONGEST_STEP_WAIT = timedelta(hours=1)
"""A step that is asked to wait longer fails; it would keep its run and its worker for nothing."""

REPEAT_PAUSE = timedelta(hours=1)
"""Between the end of a run that failed by an error that passes and its repetition."""

_RETRY_AFTER = "retry_after_seconds"


class RunInterrupted(BaseException):
    """The run was asked to end, by a signal or in the UI.

    Dagster's own error for it would count as a failure that the step's RetryPolicy repeats; this one ends the run.
    """


@contextmanager
def dagster_errors() -> Iterator[None]:
    """Raise permanent errors as a Failure without retries; let the others pass to the step's RetryPolicy.

    Where the vendor asked for a pause (Retry-After), the step comes again after that and not earlier, as often as the
    policy has it. Raises RunInterrupted where the run is asked to end.
    """
    try:
        yield
    except dg.DagsterExecutionInterruptedError as error:
        raise RunInterrupted(
            "The run was asked to end. What was requested of the vendor is kept, and the next run takes it up."
        ) from error
    except KNOWN_ERRORS as error:
        wait_seconds = getattr(error, _RETRY_AFTER, None) or 0
        if not getattr(error, "retryable", False):
            raise dg.Failure(description=str(error), allow_retries=False) from error
        if wait_seconds > LONGEST_STEP_WAIT.total_seconds():
            described = f"{error} The pause asked for is {wait_seconds:.0f} s: run it again after that."
            metadata = {_RETRY_AFTER: float(wait_seconds)}
            raise dg.Failure(description=described, metadata=metadata, allow_retries=False) from error
        if wait_seconds:
            pause = max(wait_seconds, RETRY_POLICY.delay or 0)
            raise dg.RetryRequested(max_retries=RETRY_POLICY.max_retries, seconds_to_wait=pause) from error
        raise


def name_error(error: Any) -> str:
    """The name of our error in what Dagster recorded of a failure, or of the first that is no mere wrapping by it."""
    while error is not None and error.cause is not None and _is_wrapping(error.cls_name):
        error = error.cause
    return "unknown" if error is None else str(error.cls_name)


def find_pause(failures: list[dg.DagsterEvent]) -> timedelta | None:
    """How long to wait before a run whose steps failed so is repeated; None where a repetition helps nothing.

    A run that failed without a failed step was ended from outside: it can be repeated.
    """
    pauses = [_find_step_pause(event.step_failure_data) for event in failures]
    known = [pause for pause in pauses if pause is not None]
    return max(known, default=REPEAT_PAUSE) if len(known) == len(pauses) else None


def _find_step_pause(failure: Any) -> timedelta | None:
    name = name_error(failure.error)
    if name == DayNotExportable.__name__:
        return timedelta()  # refused by a clock that is a little behind: its time has come
    passing = {kind.__name__ for kind in _list_kinds(*KNOWN_ERRORS) if getattr(kind, "retryable", False)}
    # a run that a person cancelled in the UI counts as cancelled, not as failed
    if name not in passing | {RunInterrupted.__name__}:
        return None
    metadata = failure.user_failure_data.metadata if failure.user_failure_data else {}
    asked_for = timedelta(seconds=metadata[_RETRY_AFTER].value if _RETRY_AFTER in metadata else 0)
    return max(asked_for, REPEAT_PAUSE)


def _list_kinds(*kinds: type[Exception]) -> Iterator[type[Exception]]:
    for kind in kinds:
        yield kind
        yield from _list_kinds(*kind.__subclasses__())


def _is_wrapping(name: str | None) -> bool:
    return str(name).startswith(("Dagster", dg.RetryRequested.__name__)) or name == dg.Failure.__name__
