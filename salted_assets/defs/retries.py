"""How our errors become Dagster's: permanent ones are tried once in total.

Dagster has three layers of retries. A step's RetryPolicy listens to `allow_retries`; run retries are limited to
crashes by our dagster.yaml; schedules and backfills never repeat a failed partition by themselves. So
`Failure(allow_retries=False)` ends it, and everything else is repeated by the step's policy alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from salted_assets.ingest import IngestError
from salted_assets.landing import LandingError
from salted_assets.privacy import ErasureError
from salted_assets.salted_cx import SaltedApiError
from salted_assets.warehouse import WarehouseError

KNOWN_ERRORS = (SaltedApiError, LandingError, WarehouseError, IngestError, ErasureError)

RETRY_POLICY = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""For steps that talk to the vendor. The client has its own, shorter patience below this."""


class RunInterrupted(BaseException):
    """The run was asked to end, by a signal or in the UI.

    Dagster's own error for it would count as a failure that the step's RetryPolicy repeats; this one ends the run.
    """


@contextmanager
def dagster_errors() -> Iterator[None]:
    """Raise permanent errors as a Failure without retries; let the others pass to the step's RetryPolicy.

    Raises RunInterrupted where the run is asked to end.
    """
    try:
        yield
    except dg.DagsterExecutionInterruptedError as error:
        raise RunInterrupted(
            "The run was asked to end. What was requested of the vendor is kept, and the next run takes it up."
        ) from error
    except KNOWN_ERRORS as error:
        if getattr(error, "retryable", False):
            raise
        raise dg.Failure(description=str(error), allow_retries=False) from error
