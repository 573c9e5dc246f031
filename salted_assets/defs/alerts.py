"""Alerts: sensors that send messages to a webhook, of failed runs and of checks that do not pass.

A message says what failed, for which days and by which kind of error, or what a check or a scorecard counted, and
which question drifts; never a person's name, nor an error's own text, which may hold a cell of somebody's data.
"""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import dagster as dg
import httpx

from salted_assets.defs.asset_checks.failed_partitions import CHECK as FAILED_PARTITIONS
from salted_assets.defs.asset_checks.failing import FailingCheck, list_failing_checks
from salted_assets.defs.asset_checks.outcome import count
from salted_assets.defs.asset_keys import SCORECARD, account_key
from salted_assets.defs.instance.command_runs import COMMAND_TAG
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
    raise WebhookError(f"an alert did not reach the webhook: {problem}. What it reports is in the UI all the same")


def _innermost(error: BaseException) -> str:
    """The kind of the first cause: the library's own errors name the URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return type(error).__name__


_BACKFILL, _WILL_RETRY = "dagster/backfill", "dagster/will_retry"
_PARTITION = "dagster/partition"
_RUNS_LOOKED_AT = 50
"""Runs of a backfill that are looked at for one that was reported already."""

_OUTCOMES_LOOKED_AT = 100
"""Newest outcomes of a check among which the one before is looked for, as of a day that was loaded again."""

_LINES = 20


def build_alerts(settings: Settings) -> dg.Definitions:
    """The sensors that report failed runs and failing checks, on by themselves; none without a webhook.

    A command says itself what became of its runs, so those are left out. The sensors run in the daemon: a webhook that
    is down delays no run and fails none, and shows in the sensors' ticks.
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
        instance, run = context.instance, context.dagster_run
        if COMMAND_TAG not in run.tags and _is_first_failure(instance, run):
            checks = _find_news(instance, run, settings)
            post_text(
                settings.alert_webhook, describe_failure(run, context.get_step_failure_events(), checks, settings)
            )

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="check_alerts",
        description="Sends a message for each run with checks that do not pass, once for each check and day, for a "
        "backfill only for its first.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def check_alerts(context: dg.RunStatusSensorContext) -> None:
        instance, run = context.instance, context.dagster_run
        if COMMAND_TAG in run.tags:
            return
        checks = _find_news(instance, run, settings)
        if checks and not _has_earlier_alert(instance, run):
            post_text(settings.alert_webhook, describe_checks(run, checks, settings))

    sensors = [failure_alerts, check_alerts]
    return dg.Definitions(
        sensors=[*sensors, *([_build_scorecard_alerts(settings)] if settings.alert_scorecard else [])]
    )


def _build_scorecard_alerts(settings: Settings) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="scorecard_alerts",
        description="Sends the counts and the link of each new day's scorecard, once: not of earlier days, nor again "
        "where a page is renewed.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def scorecard_alerts(context: dg.RunStatusSensorContext) -> None:
        instance, run = context.instance, context.dagster_run
        card = None if COMMAND_TAG in run.tags else _find_new_scorecard(instance, run, settings)
        if card is not None:
            post_text(settings.alert_webhook, describe_scorecard(card, settings))

    return scorecard_alerts


def _find_new_scorecard(
    instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings
) -> dg.AssetMaterialization | None:
    """The scorecard that the run has made of a day that is newer than all before, and that had none."""
    key = account_key(SCORECARD.path, settings.account)
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    made = [entry.get_dagster_event().step_materialization_data.materialization for entry in entries]
    cards = {str(each.partition): each for each in made if each.asset_key == key and each.partition}
    newest = max(cards, default="")
    if not newest or newest != max(instance.get_materialized_partitions(key)):
        return None
    filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[newest])
    is_first = len(instance.fetch_materializations(filters, limit=2).records) == 1
    return cards[newest] if is_first else None


def describe_scorecard(card: dg.AssetMaterialization, settings: Settings) -> str:
    """The headline of a day's scorecard in counts, without a name, and its link where pages are served."""
    of: dict[str, Any] = {name: value.value for name, value in card.metadata.items()}
    simulated = " (simulated data)" if of.get("simulated") else ""
    lines = [
        f"{' '.join(filter(None, ['salted_assets', settings.account]))}: scorecard of {card.partition}{simulated}",
        f"{count(of['agents'], 'agent')}, {of['agents_comparable']} of whom can be compared",
        f"{count(of['form_evaluations'], 'form')} and {count(of['single_answers'], 'single answer')} by reviewers",
        f"{count(of['evaluations_below_threshold'], 'form')} below {settings.low_score_threshold:.0%}",
        f"{of['new_since_week_before']} new since a week before",
    ]
    return "\n".join([*lines, *([str(of["link"])] if "link" in of else [])])


def describe_failure(
    run: dg.DagsterRun, failures: Sequence[dg.DagsterEvent], checks: Sequence[str], settings: Settings
) -> str:
    """What failed, in a few lines: the job, its days, each failed step with the kind of its error, the run's id."""
    lines = [f"{_head(run, settings)} failed{_describe_days(run)}"]
    if _BACKFILL in run.tags:
        lines[0] += f" (backfill {run.tags[_BACKFILL]}; its other failures are in the UI only)"
    lines += [_describe_step(event) for event in failures]
    if not failures:
        lines.append("no step failed: its process did not start, or was ended from outside")
    return "\n".join([*lines, *_shorten(checks), f"run {run.run_id}; docs/operations.md says what each error means"])


def describe_checks(run: dg.DagsterRun, checks: Sequence[str], settings: Settings) -> str:
    """Which checks do not pass, a line each with what was counted, the run's id."""
    lines = [f"{_head(run, settings)}{_describe_days(run)}: {count(len(checks), 'check')} not passed"]
    if _BACKFILL in run.tags:
        lines[0] += f" (backfill {run.tags[_BACKFILL]}; those of its other runs are in the UI only)"
    return "\n".join([*lines, *_shorten(checks), f"run {run.run_id}; docs/operations.md says what each check means"])


def _find_news(instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> list[str]:
    """The checks of a run that do not pass and that were not reported before, a line each."""
    found = [
        str(each)
        for each in list_failing_checks(instance, [run.run_id])
        # a table that could not be made is reported by its step, and by the kind of its error alone
        if not each.quotes_error and not each.is_known and not _was_failing(instance, each, run, settings)
    ]
    if run.is_failure:
        return found  # whose steps say which days failed
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        evaluation = entry.get_dagster_event().asset_check_evaluation_data
        if evaluation.check_name == FAILED_PARTITIONS and not evaluation.passed:
            key = dg.AssetCheckKey(evaluation.asset_key, FAILED_PARTITIONS)
            if not _was_reported_today(instance, key, run, settings):
                found.append(
                    f"{evaluation.asset_key.to_user_string()}: still failed {evaluation.metadata['days'].value}"
                )
    return found


def _was_failing(instance: dg.DagsterInstance, check: FailingCheck, run: dg.DagsterRun, settings: Settings) -> bool:
    """Whether the check did not pass either when that day was made before."""
    key = dg.AssetCheckKey(account_key(check.table.split("/"), settings.account), check.check)
    _, earlier = _split_outcomes(instance, key, run)
    of_day = [record for record in earlier if record.partition == check.day.isoformat()]
    return bool(of_day) and not of_day[0].evaluation.passed


def _was_reported_today(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, run: dg.DagsterRun, settings: Settings
) -> bool:
    """Whether the check did not pass either in an earlier run of the same calendar day, but for those that failed."""
    ours, earlier = _split_outcomes(instance, key, run)
    failed = (record for record in earlier if not record.evaluation.passed)
    reported = next((record for record in failed if not _is_of_failed_run(instance, record)), None)
    return bool(ours and reported) and _day_of(ours[0], settings) == _day_of(reported, settings)


def _is_of_failed_run(instance: dg.DagsterInstance, record: Any) -> bool:
    run = instance.get_run_by_id(record.run_id)
    return run is not None and run.is_failure


def _split_outcomes(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, run: dg.DagsterRun
) -> tuple[list[Any], list[Any]]:
    """The outcomes of a check in a run, and those before them, each with the newest first."""
    history = instance.event_log_storage.get_asset_check_execution_history(key, _OUTCOMES_LOOKED_AT)
    # a run that ended before it has only planned its checks
    records = [record for record in history if isinstance(record.evaluation, dg.AssetCheckEvaluation)]
    ours = [record for record in records if record.run_id == run.run_id]
    return ours, [record for record in records if ours and record.id < ours[-1].id]


def _day_of(record: Any, settings: Settings) -> date:
    return datetime.fromtimestamp(record.create_timestamp, settings.zone).date()


def _is_first_failure(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a failed run is to be reported: none that will be run again, and of a backfill the first."""
    if run.tags.get(_WILL_RETRY) == "true":
        return False
    failed = _list_of_backfill(instance, run, dg.DagsterRunStatus.FAILURE)
    final = [each for each in failed if each.tags.get(_WILL_RETRY) != "true"]
    return not final or final[0].run_id == run.run_id


def _has_earlier_alert(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether an earlier run of the same backfill has had checks that do not pass."""
    made = [each.run_id for each in _list_of_backfill(instance, run, dg.DagsterRunStatus.SUCCESS)]
    return bool(list_failing_checks(instance, made[: made.index(run.run_id)] if run.run_id in made else made))


def _list_of_backfill(
    instance: dg.DagsterInstance, run: dg.DagsterRun, status: dg.DagsterRunStatus
) -> list[dg.DagsterRun]:
    """The first runs of the run's backfill that have this status, in order; none where it is of no backfill."""
    if _BACKFILL not in run.tags:
        return []
    of_backfill = dg.RunsFilter(tags={_BACKFILL: run.tags[_BACKFILL]}, statuses=[status])
    return [
        record.dagster_run for record in instance.get_run_records(of_backfill, limit=_RUNS_LOOKED_AT, ascending=True)
    ]


def _head(run: dg.DagsterRun, settings: Settings) -> str:
    return f"{' '.join(filter(None, ['salted_assets', settings.account]))}: {run.job_name}"


def _describe_days(run: dg.DagsterRun) -> str:
    first = run.tags.get(_PARTITION) or run.tags.get(RANGE_START, "")
    last = run.tags.get(RANGE_END, first)
    days = first if first == last else f"{first} to {last}"
    return f" for {days}" if days else ""


def _describe_step(event: dg.DagsterEvent) -> str:
    return f"{str(event.step_key).replace('__', '/')}: {name_error(event.step_failure_data.error)}"


def _shorten(lines: Sequence[str]) -> list[str]:
    more = [f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
    return [*lines[:_LINES], *more]
