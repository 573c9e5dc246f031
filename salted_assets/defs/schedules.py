"""The daily schedule: which days it asks for, when, and which of those that failed it asks for again.

A day comes at `SALTED_SCHEDULE_HOUR`, or when the vendor's loading lag has passed if that is later. Ticks come several
times an hour and look at what was asked for before, so that no day depends on a single one of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from salted_assets.defs.jobs.asset_jobs import REFRESH
from salted_assets.defs.retries import find_pause
from salted_assets.landing.windows import Calendar, list_days
from salted_assets.settings import Settings

SCHEDULE = "daily_schedule"
REQUEST_TAG = "salted/request"
"""Which request a run answers, the first time and again: the account, and the run key of the first."""

MOST_REPETITIONS = 3
_REPEATED_TAGS = (REQUEST_TAG, "dagster/priority", "salted/refreshed_by")

_HOURS_FOR_A_DAY = 4
"""Two for the slowest export that is waited for by default, two for all that follows."""

_REMEMBERED = timedelta(days=7)
_STILL_TIME = timedelta(hours=1)
"""After its time a day is asked for by a schedule that has asked for none: switching it on exports nothing at once."""

_MISSED_DAYS = 5
"""The newest days that are made up for when no tick came for a while, as with the daemon down."""

_QUARTERS = (0, 15, 30, 45)


def hour_when_due(settings: Settings) -> int:
    """The hour, in the time zone of the partitions, by which the daily run should be through."""
    hours_of_lag = -(-settings.export_lag_minutes // 60)
    return (max(settings.schedule_hour, hours_of_lag) + _HOURS_FOR_A_DAY) % 24


def due_at(calendar: Calendar, hour: int, day: date) -> datetime:
    """The instant at which a day is asked for: the hour of the next day's clock, or when its lag has passed if later.

    An hour that the clock skips is the instant of the change; of one that it has twice it is the first.
    """
    after = day + timedelta(days=1)
    at_hour = datetime(after.year, after.month, after.day, hour, tzinfo=calendar.zone).astimezone(UTC)
    return max(at_hour, calendar.exportable_from(day))


def find_last_due_day(calendar: Calendar, hour: int, now: datetime) -> date:
    """The newest day whose time has come."""
    day = now.astimezone(calendar.zone).date()
    while due_at(calendar, hour, day) > now:
        day -= timedelta(days=1)
    return day


def tick_minutes(lag_minutes: int) -> list[int]:
    """The minutes of each hour in UTC at which a day can be due; the offsets of all zones are whole quarters by now."""
    return sorted({(start + quarter) % 60 for start in (0, lag_minutes) for quarter in _QUARTERS})


def with_freshness(assets: Iterable[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets, each daily one with a policy: stale when it is due and was not materialized since the schedule ran.

    With the simulator they are left as they are, for nothing runs there by itself.
    """
    if settings.simulated:
        return list(assets)
    policy = dg.FreshnessPolicy.cron(
        deadline_cron=f"0 {hour_when_due(settings)} * * *",
        lower_bound_delta=timedelta(hours=_HOURS_FOR_A_DAY),
        timezone=settings.timezone,
    )

    def add(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec if spec.partitions_def is None else spec.replace_attributes(freshness_policy=policy)

    return [asset.map_asset_specs(add) for asset in assets]


def build_daily_schedule(settings: Settings, job: Any) -> dg.ScheduleDefinition:
    """The daily job for the day that ended: on by itself only where the vendor is a real one."""
    refreshes = f" Then refreshes the {settings.lookback_days} days before it." if settings.lookback_days else ""
    calendar = Calendar(settings.zone, settings.export_lag)

    @dg.schedule(
        name=SCHEDULE,
        job=job,
        cron_schedule=f"{','.join(map(str, tick_minutes(settings.export_lag_minutes)))} * * * *",
        execution_timezone="UTC",
        description=f"Runs the daily job once a day, for the day that ended, at {settings.schedule_hour}:00 "
        f"{settings.timezone} or once the vendor's loading lag has passed, whichever is later.{refreshes} A run that "
        f"failed by an error that passes is repeated up to {MOST_REPETITIONS} times, an hour apart. It ticks every "
        "quarter of an hour, which is what the UI shows as its schedule, only to see whether a day's time has come: "
        "that moves where clocks change. All other ticks ask for nothing.",
        default_status=dg.DefaultScheduleStatus.STOPPED if settings.simulated else dg.DefaultScheduleStatus.RUNNING,
    )
    def daily_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        newest = find_last_due_day(calendar, settings.schedule_hour, now)
        if newest < settings.start_date:
            yield dg.SkipReason(f"No day has ended since {settings.start_date} (SALTED_START_DATE).")
            return
        asked = _find_asked(context.instance, settings.account, now)
        due = due_at(calendar, settings.schedule_hour, newest)
        firsts = _ask_first(settings, newest, asked) if asked or now < due + _STILL_TIME else ()
        requests = [*firsts, *_ask_again(context.instance, asked, now)]
        yield from requests
        if not requests:
            following = due_at(calendar, settings.schedule_hour, newest + timedelta(days=1)).astimezone(settings.zone)
            yield dg.SkipReason(f"Nothing to ask for; the next day's time is {following:%Y-%m-%d %H:%M}.")

    return daily_schedule


@dataclass(frozen=True)
class _Asked:
    """A request of the schedule: the day it asks for, its runs with the newest first."""

    day: date
    runs: list[dg.RunRecord]


def _find_asked(instance: dg.DagsterInstance, account: str, now: datetime) -> Mapping[str, _Asked]:
    """The requests of the last days by their tags."""
    ours = dg.RunsFilter(tags={"dagster/schedule_name": SCHEDULE}, created_after=now - _REMEMBERED)
    asked: dict[str, _Asked] = {}
    for record in instance.get_run_records(ours):
        tags = record.dagster_run.tags
        key = tags.get(REQUEST_TAG, "")
        if key.startswith(_prefix(account)):
            day = date.fromisoformat(tags["dagster/partition"])
            asked.setdefault(key, _Asked(day, [])).runs.append(record)
    return asked


def _prefix(account: str) -> str:
    return f"{account or 'day'} "


def _ask_first(settings: Settings, newest: date, asked: Mapping[str, _Asked]) -> Iterator[dg.RunRequest]:
    """The day whose time has come, those missed since the one before, and the refreshes that go with the newest."""
    prefix = _prefix(settings.account)
    known = [request.day for key, request in asked.items() if key == f"{prefix}{request.day}"]
    first = max(newest - timedelta(days=_MISSED_DAYS - 1), min(newest, max(known, default=newest)), settings.start_date)
    for day in reversed(list_days(first, newest)):
        if f"{prefix}{day}" not in asked:
            yield _request(day, f"{day}", prefix)
    for ago in range(1, settings.lookback_days + 1):
        day, key = newest - timedelta(days=ago), f"{newest} refreshes {newest - timedelta(days=ago)}"
        if day >= settings.start_date and f"{prefix}{key}" not in asked:
            yield _request(
                day,
                key,
                prefix,
                run_config=dict(REFRESH),
                # the newest day first, however many runs the queue lets through at a time
                tags={"dagster/priority": str(-ago), "salted/refreshed_by": newest.isoformat()},
            )


def _request(
    day: date, key: str, prefix: str, run_config: Any = None, tags: Mapping[str, str] | None = None
) -> dg.RunRequest:
    return dg.RunRequest(
        partition_key=day.isoformat(),
        run_key=key,
        run_config=run_config,
        tags={REQUEST_TAG: f"{prefix}{key}", **(tags or {})},
    )


def _ask_again(instance: dg.DagsterInstance, asked: Mapping[str, _Asked], now: datetime) -> Iterator[dg.RunRequest]:
    """The requests whose newest run failed by errors that pass, after the pause, and not too often."""
    for request in asked.values():
        newest = request.runs[0]
        run, ended = newest.dagster_run, newest.end_time
        tries = {record.dagster_run.tags.get("dagster/run_key", "") for record in request.runs}
        if (
            run.status is not dg.DagsterRunStatus.FAILURE
            or run.tags.get("dagster/will_retry") == "true"
            or len(tries) > MOST_REPETITIONS
            or ended is None
        ):
            continue
        failures = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        pause = find_pause([entry.event_log_entry.get_dagster_event() for entry in failures])
        # the vendor may ask for a pause that ends beyond the calendar
        if pause is None or now - datetime.fromtimestamp(ended, UTC) < pause:
            continue
        first_key = request.runs[-1].dagster_run.tags.get("dagster/run_key", "")
        yield dg.RunRequest(
            partition_key=request.day.isoformat(),
            run_key=f"{first_key}, again {len(tries)}",
            run_config=run.run_config,
            tags={name: run.tags[name] for name in _REPEATED_TAGS if name in run.tags},
        )
