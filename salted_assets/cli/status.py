"""The command `salted status`: how far the days are, what failed, what runs now and what comes next.

It looks at the names of files and at Dagster's records, and asks nothing of the vendor. Of files it reads what says how
many reviews of the newest days are still to come, how the auto reviewer drifts, and what of the last plan is done.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import click
import dagster as dg

from salted_assets.cli.json_output import echo_json
from salted_assets.cli.options import load_settings, open_warehouse, show_days
from salted_assets.cli.runner import open_home
from salted_assets.defs.asset_checks.failed_partitions import find_failed_days
from salted_assets.defs.asset_checks.failing import FailingCheck, list_failing_of_days
from salted_assets.defs.asset_keys import RAW_EXPORT, SCORECARD, account_key, local_path
from salted_assets.defs.instance.command_runs import COMMAND_TAG
from salted_assets.defs.partitions import RANGE_END, RANGE_START, build_partitions, find_newest
from salted_assets.defs.schedules import SCHEDULE, due_at, find_last_due_day
from salted_assets.explain.auto_drift import AutoDrift, read_drift
from salted_assets.explain.review_plan import find_last_plan
from salted_assets.explain.settlement import STATED_DAYS, Statement, count_seen, read_settlement, write_statement
from salted_assets.landing import Records
from salted_assets.landing.windows import Calendar, list_days
from salted_assets.output.scorecard.server import list_stored_days
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse, WarehouseDamaged

_CHECKED_DAYS = 28
"""Newest landed days whose checks are looked up, which takes a query for each run that made them."""

_LINES = 8
_SETTLED = f"reviewer evaluations of the last {STATED_DAYS} days are in"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_ANY_ASSETS = "__ASSET_JOB"
"""Dagster's name for the job of whatever assets were chosen."""

_DAEMON_IS_LATE = timedelta(minutes=5)


@dataclass(frozen=True)
class Run:
    """A run that has not ended. It has no days where it is of none, and no command where `salted` did not start it."""

    run_id: str
    state: str
    command: str | None
    job: str
    first_day: str | None
    last_day: str | None
    created_at_utc: datetime


@dataclass(frozen=True)
class NextRun:
    """The next day of the daily schedule and its time; whether that is on, and when its daemon was last seen."""

    day: date
    at_utc: datetime
    is_schedule_on: bool
    daemon_seen_at_utc: datetime | None


@dataclass(frozen=True)
class LastPlan:
    """How much of the review plan that was drawn last is done; `problem` says why that could not be read."""

    plan_id: str | None = None
    first_date: date | None = None
    last_date: date | None = None
    engagement_count: int = 0
    done_count: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Status:
    """How far the days of a deployment are. `missing` are days from the first landed one on that are not landed."""

    warehouse: str
    is_simulated: bool
    timezone: str
    first_day: date
    last_exportable_day: date
    landed: Sequence[date]
    missing: Sequence[date]
    parsed: Sequence[date]
    scored: Sequence[date]
    with_windows: Sequence[date]
    with_scorecard: Sequence[date]
    failed: Mapping[str, Sequence[str]]
    failing_checks: Sequence[FailingCheck]
    runs: Sequence[Run]
    next_run: NextRun
    settlement: Statement
    auto_drift: AutoDrift = field(default_factory=AutoDrift)
    last_plan: LastPlan | None = None


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead (docs/commands.md).")
def status(*, as_json: bool) -> None:
    """Say how far the days are, what failed, what runs now and what comes next, on one screen.

    Asks the vendor for nothing. Exits with 0, whatever it finds.
    """
    settings = load_settings()
    with open_home(settings) as instance:
        found = gather(settings, open_warehouse(settings), instance, datetime.now(UTC))
    if as_json:
        echo_json(vars(found))
        return
    for line in describe(found, datetime.now(UTC)):
        click.echo(line)


def gather(settings: Settings, warehouse: Warehouse, instance: dg.DagsterInstance, now: datetime) -> Status:
    """Look everything up. Raises WarehouseDamaged for a folder that names no day, as `salted doctor` explains."""
    calendar = Calendar(settings.zone, settings.export_lag)
    newest = calendar.last_exportable_day(now)
    landed = Records(warehouse).list_landed_days()
    tables = [set(warehouse.list_days(("tables", dataset))) for dataset in settings.datasets]
    return Status(
        warehouse=settings.warehouse,
        is_simulated=settings.simulated,
        timezone=settings.timezone,
        first_day=settings.start_date,
        last_exportable_day=newest,
        landed=landed,
        missing=sorted({*list_days(landed[0], newest)} - {*landed}) if landed else [],
        parsed=sorted(set.intersection(*tables)),
        scored=warehouse.list_days(("scores", "agent_daily")),
        with_windows=warehouse.list_days(("scores", "agent_rolling")),
        with_scorecard=sorted(list_stored_days(warehouse)),
        failed=_find_failed(settings, instance),
        failing_checks=_find_failing_checks(settings, instance, landed[-_CHECKED_DAYS:]),
        runs=[_describe_run(record) for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED))],
        next_run=_find_next(settings, calendar, instance, now),
        settlement=_state_settlement(warehouse, settings.settlement_horizon_days),
        auto_drift=_find_drift(warehouse),
        last_plan=_find_plan(warehouse, settings.timezone),
    )


def describe(found: Status, now: datetime) -> Iterator[str]:
    """The status in lines for people."""
    simulated = " (simulated data)" if found.is_simulated else ""
    yield f"{found.warehouse}{simulated}, days of {found.timezone}"
    yield f"exportable  {found.first_day} to {found.last_exportable_day}"
    for name, days in {
        "landed": found.landed,
        "parsed": found.parsed,
        "scored": found.scored,
        "windows": found.with_windows,
        "scorecards": found.with_scorecard,
    }.items():
        yield f"{name:<10}  {_count_days(days)}"
    if found.missing:
        yield f"{'missing':<10}  {_count_days(found.missing)}; `salted backfill FIRST LAST` brings them"
    if found.settlement.is_said:
        yield f"{'reviews':<10}  {write_statement(found.settlement, 'reviewer', STATED_DAYS) or _SETTLED}"
    if found.auto_drift.sentence:
        yield f"{'auto':<10}  {found.auto_drift.sentence}"
    if found.last_plan:
        yield f"{'plan':<10}  {_show_plan(found.last_plan)}"
    yield from _list("failed", [f"{asset} {', '.join(days)}" for asset, days in found.failed.items()])
    yield from _list("checks", [f"{'error' if c.is_error else 'warning'} {c}" for c in found.failing_checks])
    yield from _list("running", [_show_run(run) for run in found.runs])
    yield f"{'next':<10}  {_show_next(found, now)}"


def _state_settlement(warehouse: Warehouse, horizon: int) -> Statement:
    """How many reviewer evaluations of the newest scored days are in; why it is not known, where a file is damaged."""
    try:
        scored = warehouse.list_days(("scores", "agent_daily"))
        seen = count_seen(warehouse, "reviewer", scored[-1], STATED_DAYS) if scored else {}
        return read_settlement(warehouse, horizon).state("reviewer", seen)
    except WarehouseDamaged as damage:
        return Statement(reason=str(damage).rstrip("."))


def _find_drift(warehouse: Warehouse) -> AutoDrift:
    """What the newest day says of the auto reviewer's drift; why it is not known, where its file is damaged."""
    try:
        return read_drift(warehouse)
    except WarehouseDamaged as damage:
        return AutoDrift(problem=str(damage).rstrip("."))


def _find_plan(warehouse: Warehouse, zone: str) -> LastPlan | None:
    try:
        plan = find_last_plan(warehouse, zone)
    except WarehouseDamaged as damage:
        return LastPlan(problem=str(damage).rstrip("."))
    if plan is None:
        return None
    return LastPlan(plan.plan_id, plan.first, plan.last, len(plan.rows), plan.done_count)


def _show_plan(plan: LastPlan) -> str:
    if plan.problem:
        return plan.problem
    of_days = f"of {plan.first_date} to {plan.last_date}"
    left = plan.engagement_count - plan.done_count
    listed = "; `salted plan --status` lists the others" if left else ""
    return f"{plan.done_count} of {plan.engagement_count} engagements done that a plan drew {of_days}{listed}"


def _find_failed(settings: Settings, instance: dg.DagsterInstance) -> dict[str, list[str]]:
    partitions = build_partitions(settings)
    found = {"/".join(local_path(key)): find_failed_days(instance, key, partitions) for key in _list_keys(settings)}
    return {name: days for name, days in found.items() if days}


def _find_failing_checks(
    settings: Settings, instance: dg.DagsterInstance, days: Collection[date]
) -> list[FailingCheck]:
    asked = [day.isoformat() for day in days]
    newest = (record for key in _list_keys(settings) for record in find_newest(instance, key, asked).values())
    return list_failing_of_days(instance, newest, days)


def _list_keys(settings: Settings) -> list[dg.AssetKey]:
    """The assets of days, whether they are part of this deployment or not."""
    paths = [
        tuple(RAW_EXPORT.path),
        *(("tables", dataset) for dataset in settings.datasets),
        *(("scores", name) for name in SCORE_MODELS),
        tuple(SCORECARD.path),
    ]
    return [account_key(path, settings.account) for path in paths]


def _describe_run(record: dg.RunRecord) -> Run:
    run, tags = record.dagster_run, record.dagster_run.tags
    first = tags.get(RANGE_START) or tags.get("dagster/partition")
    command = tags.get(COMMAND_TAG)
    created = record.create_timestamp.replace(tzinfo=record.create_timestamp.tzinfo or UTC).astimezone(UTC)
    return Run(run.run_id, run.status.value, command, run.job_name, first, tags.get(RANGE_END, first), created)


def _find_next(settings: Settings, calendar: Calendar, instance: dg.DagsterInstance, now: datetime) -> NextRun:
    day = max(find_last_due_day(calendar, settings.schedule_hour, now) + timedelta(days=1), settings.start_date)
    states = [state for state in instance.all_instigator_state() if state.name == SCHEDULE]
    is_on = any(state.is_running for state in states) if states else not settings.simulated
    seen = [heartbeat.timestamp for heartbeat in instance.get_daemon_heartbeats().values()]
    seen_at = datetime.fromtimestamp(max(seen), UTC) if seen else None
    return NextRun(day, due_at(calendar, settings.schedule_hour, day), is_on, seen_at)


def _count_days(days: Sequence[date]) -> str:
    if not days:
        return "0 days"
    shown = show_days(days)
    if shown.count(",") >= _LINES:
        shown = f"{days[0]} to {days[-1]}, with gaps"
    return f"{len(days)} {'day' if len(days) == 1 else 'days'}: {shown}"


def _list(name: str, lines: Sequence[str]) -> Iterator[str]:
    more = [f"and {len(lines) - _LINES} more (`--json` has all)"] if len(lines) > _LINES else []
    for number, line in enumerate([*lines[:_LINES], *more] or ["none"]):
        yield f"{'' if number else name:<10}  {line}"


def _show_run(run: Run) -> str:
    what = f"salted {run.command}" if run.command else run.job.replace(_ANY_ASSETS, "assets")
    days = "" if run.first_day is None else f" {run.first_day}"
    days += "" if run.last_day == run.first_day else f" to {run.last_day}"
    return f"{what}{days}, {run.state.lower()}, since {run.created_at_utc:%Y-%m-%d %H:%M} UTC ({run.run_id[:8]})"


def _show_next(found: Status, now: datetime) -> str:
    coming = found.next_run
    when = f"{coming.day} at {coming.at_utc:%Y-%m-%d %H:%M} UTC"
    if not coming.is_schedule_on:
        return f"nothing by itself: the schedule {SCHEDULE} is off (else {when})"
    if coming.daemon_seen_at_utc is None or now - coming.daemon_seen_at_utc > _DAEMON_IS_LATE:
        seen = "never" if coming.daemon_seen_at_utc is None else f"last {coming.daemon_seen_at_utc:%Y-%m-%d %H:%M} UTC"
        return f"{when}, if a daemon runs by then (seen {seen}); `salted dev` is one"
    return when
