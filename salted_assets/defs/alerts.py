"""Alerts: a sensor that sends a message for each failed run to a webhook.

A message says what failed, for which days and by which kind of error; never an error's own text, which may hold a cell
of somebody's data.
"""

import time
from collections.abc import Callable, Sequence

import dagster as dg
import httpx

from salted_assets.defs.partitions import RANGE_END, RANGE_START
from salted_assets.defs.retries import name_error
from salted_assets.salted_cx.log_silence import HTTPX, silenced
from salted_assets.settings import Settings

_TRIES = 2
_PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 4.0
"""For one try. A sensor has a minute for all the alerts of one round, five at most."""


class WebhookError(Exception):
    """A text did not reach the webhook."""


def post_text(
    url: str,
    text: str,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Post `{"text": ...}`, a second time where the first try found nobody or a server in trouble.

    No redirect is followed: it would arrive as a GET, and perhaps elsewhere. Raises WebhookError with the status, or
    with the kind of trouble, and nothing else.
    """
    problem = ""
    with silenced(*HTTPX), httpx.Client(timeout=timeout_seconds, follow_redirects=False) as client:
        for attempt in range(_TRIES):
            if attempt:
                sleep(_PAUSE_SECONDS)
            try:
                with client.stream("POST", url, json={"text": text}) as response:
                    status = response.status_code
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                problem = f"no answer ({_innermost(error)})"
                continue
            if status < 300:  # noqa: PLR2004 - what the server accepts
                return
            problem = f"it answered {status}"
            if status < 500:  # noqa: PLR2004 - what the server refuses, it refuses again
                break
    raise WebhookError(f"an alert did not reach the webhook: {problem}. The failed run is in the UI all the same")


def _innermost(error: BaseException) -> str:
    """The kind of the first cause: the library's own errors name the URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return type(error).__name__


_BACKFILL, _WILL_RETRY = "dagster/backfill", "dagster/will_retry"
_PARTITION = "dagster/partition"
_LOOKED_AT = 50
"""Failed runs of a backfill that are looked at for one that was reported already."""


def build_alerts(settings: Settings, post: Callable[[str, str], None] = post_text) -> dg.Definitions:
    """The sensor that tells of failed runs, on by itself; nothing without a webhook.

    It runs in the daemon: a webhook that is down delays no run and fails none, and shows in the sensor's ticks.
    """
    if not settings.alert_webhook:
        return dg.Definitions()

    @dg.run_failure_sensor(
        name="failure_alerts",
        description="Sends a message for each failed run, for a backfill only for its first. A run that will be run "
        "again by itself is reported when that fails, too.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def failure_alerts(context: dg.RunFailureSensorContext) -> None:
        if _is_news(context.instance, context.dagster_run):
            text = describe_failure(context.dagster_run, context.get_step_failure_events(), settings.account)
            post(settings.alert_webhook, text)

    return dg.Definitions(sensors=[failure_alerts])


def describe_failure(run: dg.DagsterRun, failures: Sequence[dg.DagsterEvent], account: str = "") -> str:
    """What failed, in a few lines: the job, its days, each failed step with the kind of its error, the run's id."""
    days = _days_of(run)
    name = f"salted_assets {account}" if account else "salted_assets"
    lines = [f"{name}: {run.job_name} failed{f' for {days}' if days else ''}"]
    if _BACKFILL in run.tags:
        lines[0] += f" (backfill {run.tags[_BACKFILL]}; its other failures are in the UI only)"
    lines += [_describe_step(event) for event in failures]
    if not failures:
        lines.append("no step failed: its process did not start, or was ended from outside")
    return "\n".join([*lines, f"run {run.run_id}; docs/operations.md says what each error means"])


def _is_news(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    if run.tags.get(_WILL_RETRY) == "true":
        return False
    if _BACKFILL not in run.tags:
        return True
    of_backfill = dg.RunsFilter(tags={_BACKFILL: run.tags[_BACKFILL]}, statuses=[dg.DagsterRunStatus.FAILURE])
    failed = instance.get_run_records(of_backfill, limit=_LOOKED_AT, ascending=True)
    final = [record.dagster_run for record in failed if record.dagster_run.tags.get(_WILL_RETRY) != "true"]
    return not final or final[0].run_id == run.run_id


def _days_of(run: dg.DagsterRun) -> str:
    first = run.tags.get(_PARTITION) or run.tags.get(RANGE_START, "")
    last = run.tags.get(RANGE_END, first)
    return first if first == last else f"{first} to {last}"


def _describe_step(event: dg.DagsterEvent) -> str:
    return f"{str(event.step_key).replace('__', '/')}: {name_error(event.step_failure_data.error)}"
