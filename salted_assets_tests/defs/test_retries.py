"""How errors become retries of a step: permanent ones none, and a pause that was asked for is kept."""

import time
from datetime import timedelta

import dagster as dg
import pytest

from salted_assets.defs.retries import LONGEST_STEP_WAIT, REPEAT_PAUSE, dagster_errors, find_pause, name_error
from salted_assets.ingest import IngestError
from salted_assets.salted_cx import ApiUnavailable
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

QUICK = dg.RetryPolicy(max_retries=2, delay=0)


class Vendor:
    error: Exception
    tries: list[float]


@dg.op(retry_policy=QUICK)
def export() -> None:
    Vendor.tries.append(time.monotonic())
    with dagster_errors():
        raise Vendor.error


@dg.job(executor_def=dg.in_process_executor)
def job() -> None:
    export()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salted_assets.defs.retries.RETRY_POLICY", QUICK)
    Vendor.tries = []


def fail(error: Exception) -> tuple[list[float], list[dg.DagsterEvent]]:
    """The pauses between the step's tries, and its last failure."""
    Vendor.error = error
    done = job.execute_in_process(raise_on_error=False, run_config=QUIET)
    assert not done.success
    pauses = [later - earlier for earlier, later in zip(Vendor.tries, Vendor.tries[1:], strict=False)]
    return pauses, [event for event in done.all_events if event.is_step_failure]


def test_the_step_comes_again_after_the_pause_that_was_asked_for_and_as_often_as_its_policy_has_it() -> None:
    pauses, (failure,) = fail(ApiUnavailable("too many requests", retry_after_seconds=1.5))

    assert len(pauses) == 2
    assert all(1.5 <= pause < 20 for pause in pauses), pauses
    assert name_error(failure.step_failure_data.error) == "ApiUnavailable"
    assert find_pause([failure]) == REPEAT_PAUSE


def test_without_a_pause_asked_for_the_policy_decides() -> None:
    pauses, (failure,) = fail(ApiUnavailable("no answer"))

    assert len(pauses) == 2
    assert name_error(failure.step_failure_data.error) == "ApiUnavailable"


def test_a_pause_too_long_for_a_run_ends_the_step_and_is_kept_by_who_repeats_the_run() -> None:
    seconds = LONGEST_STEP_WAIT.total_seconds() + 1
    pauses, (failure,) = fail(ApiUnavailable("too many requests", retry_after_seconds=seconds))

    assert pauses == []
    assert failure.step_failure_data.user_failure_data is not None
    assert "The pause asked for is 3601 s" in str(failure.step_failure_data.user_failure_data.description)
    assert find_pause([failure]) == timedelta(seconds=3601)


def test_a_permanent_error_is_tried_once_and_never_repeated_beside_one_that_passes() -> None:
    pauses, (failure,) = fail(IngestError("no header"))
    _, (passing,) = fail(ApiUnavailable("no answer"))

    assert pauses == []
    assert find_pause([failure]) is None
    assert find_pause([passing]) == REPEAT_PAUSE
    assert find_pause([passing, failure]) is None
