"""Jobs and schedules: what runs by itself, and what the launchpad offers. Not here: what the assets do."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from salted_assets.assets.export_history import EXPORT_HISTORY
from salted_assets.assets.raw import RAW_EXPORT
from salted_assets.settings import Settings

_REFRESH = {"ops": {RAW_EXPORT.to_python_identifier(): {"config": {"refresh": True}}}}


def build_automation(settings: Settings) -> dg.Definitions:
    """The daily job, from export to scores, and its schedule: on by itself only where the vendor is a real one."""
    job = dg.define_asset_job(
        "daily",
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(EXPORT_HISTORY),
        description="Export a day, load its tables and score it. A complete day is not exported again.",
        executor_def=dg.in_process_executor,
    )
    again = f" Then refreshes the {settings.repull_days} days before it." if settings.repull_days else ""

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
        for ago in range(1, settings.repull_days + 1):
            day = newest - timedelta(days=ago)
            if day >= settings.start_date:
                yield dg.RunRequest(
                    partition_key=day.isoformat(),
                    run_key=f"{newest} refreshes {day}",
                    run_config=_REFRESH,
                    # the newest day first, however many runs the queue lets through at a time
                    tags={"dagster/priority": str(-ago), "salted/refreshed_by": newest.isoformat()},
                )

    return dg.Definitions(jobs=[job], schedules=[daily_schedule])
