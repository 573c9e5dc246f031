"""Jobs and schedules: what runs by itself, and what the launchpad offers. Not here: what the assets do."""

import dagster as dg

from salted_assets.settings import Settings


def build_automation(settings: Settings) -> dg.Definitions:
    """The daily job, from export to scores, and its schedule: on by itself only where the vendor is a real one."""
    job = dg.define_asset_job(
        "daily",
        selection=dg.AssetSelection.all(),
        description="Export a day, load its tables and score it. A complete day is not exported again.",
        executor_def=dg.in_process_executor,
    )
    schedule = dg.build_schedule_from_partitioned_job(
        job,
        name="daily_schedule",
        description="Runs the daily job for the day that ended, after the vendor's loading lag.",
        hour_of_day=settings.schedule_hour,
        minute_of_hour=0,
        default_status=dg.DefaultScheduleStatus.STOPPED if settings.simulated else dg.DefaultScheduleStatus.RUNNING,
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])
