"""The daily schedule: which days it asks for and in which order."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from salted_assets.defs.jobs.asset_jobs import REFRESH
from salted_assets.settings import Settings

_HOURS_FOR_A_DAY = 4
"""Two for the slowest export that is waited for by default, two for all that follows."""


def hour_when_due(settings: Settings) -> int:
    """The hour, in the time zone of the partitions, by which the daily run should be through."""
    return (settings.schedule_hour + _HOURS_FOR_A_DAY) % 24


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
    again = f" Then refreshes the {settings.lookback_days} days before it." if settings.lookback_days else ""

    @dg.schedule(
        name="daily_schedule",
        job=job,
        cron_schedule=f"0 {settings.schedule_hour} * * *",
        execution_timezone=settings.timezone,
        description=f"Runs the daily job for the day that ended, after the vendor's loading lag.{again}",
        default_status=dg.DefaultScheduleStatus.STOPPED if settings.simulated else dg.DefaultScheduleStatus.RUNNING,
    )
    def daily_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        newest = context.scheduled_execution_time.astimezone(settings.zone).date() - timedelta(days=1)
        if newest < settings.start_date:
            yield dg.SkipReason(f"No day has ended since {settings.start_date} (SALTED_START_DATE).")
            return
        yield dg.RunRequest(partition_key=newest.isoformat(), run_key=newest.isoformat())
        for ago in range(1, settings.lookback_days + 1):
            day = newest - timedelta(days=ago)
            if day >= settings.start_date:
                yield dg.RunRequest(
                    partition_key=day.isoformat(),
                    run_key=f"{newest} refreshes {day}",
                    run_config=dict(REFRESH),
                    # the newest day first, however many runs the queue lets through at a time
                    tags={"dagster/priority": str(-ago), "salted/refreshed_by": newest.isoformat()},
                )

    return daily_schedule
