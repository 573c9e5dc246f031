"""What runs by itself, and what the launchpad offers: jobs, the daily schedule, the restatement sensor.

Not here: what the assets do, what is out of date (`restatement`).
"""

import dagster as dg

from salted_assets.defs.jobs import build_jobs
from salted_assets.defs.schedules import build_daily_schedule
from salted_assets.defs.sensors import build_restatement_sensor
from salted_assets.settings import Settings


def build_automation(settings: Settings) -> dg.Definitions:
    """Jobs, schedule and sensor of one deployment; where nothing is scored there is nothing to restate."""
    has_scores = "engagement" in settings.datasets
    jobs = build_jobs(has_scores=has_scores, account=settings.account)
    return dg.Definitions(
        jobs=list(jobs.values()),
        schedules=[build_daily_schedule(settings, jobs["daily"])],
        sensors=[build_restatement_sensor(settings, jobs)] if has_scores else [],
    )
