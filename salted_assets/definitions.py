"""The assembly: settings in, Dagster definitions out. Dagster, the commands and tests import it, nothing else does."""

from typing import Any

import dagster as dg

from salted_assets.defs.alerts import build_alerts
from salted_assets.defs.asset_checks.failed_partitions import build_failed_partitions_checks
from salted_assets.defs.asset_keys import in_account
from salted_assets.defs.assets.auto_reviewer_drift import build_auto_reviewer_drift
from salted_assets.defs.assets.calibration import build_calibration
from salted_assets.defs.assets.catalog import build_catalog
from salted_assets.defs.assets.export_history import build_export_history
from salted_assets.defs.assets.fair import build_fair_score
from salted_assets.defs.assets.raw import build_raw_export
from salted_assets.defs.assets.report import build_scorecard_asset
from salted_assets.defs.assets.retention import build_retention
from salted_assets.defs.assets.rolling import build_rolling_scores
from salted_assets.defs.assets.scores import build_score_assets
from salted_assets.defs.assets.settlement import build_settlement
from salted_assets.defs.assets.tables import build_table_assets
from salted_assets.defs.instance.home import hide_known_warnings
from salted_assets.defs.io_managers import WarehouseIOManager
from salted_assets.defs.jobs.asset_jobs import build_jobs
from salted_assets.defs.jobs.contact_export import build_contact_export
from salted_assets.defs.metadata.descriptions import with_documentation
from salted_assets.defs.resources import build_export, build_warehouse
from salted_assets.defs.restatement.sensor import build_restatement_sensor
from salted_assets.defs.schedules import build_daily_schedule, with_freshness
from salted_assets.settings import Settings


def build_defs(settings: Settings, **overrides: Any) -> dg.Definitions:
    """All definitions of one deployment. `overrides` replace resources by name.

    Uses neither network nor disk.
    """
    hide_known_warnings()
    warehouse = build_warehouse(settings)
    built = [
        build_raw_export(settings),
        build_export_history(settings),
        *build_retention(settings),
        *build_table_assets(settings),
        *build_score_assets(settings),
        *build_rolling_scores(settings),
        *build_fair_score(settings),
        *build_calibration(settings),
        *build_auto_reviewer_drift(settings),
        *build_settlement(settings),
        *build_scorecard_asset(settings),
    ]
    built.append(build_catalog(settings, built))
    assets = in_account(with_documentation(with_freshness(built, settings), settings), settings.account)
    platform = dg.Definitions(
        assets=assets,
        asset_checks=[build_failed_partitions_checks(assets)],
        jobs=[build_contact_export(settings)],
        resources={
            "warehouse": warehouse,
            "salted_export": build_export(settings, warehouse),
            "io_manager": WarehouseIOManager(
                warehouse=warehouse,
                volume_tolerance=settings.volume_tolerance,
                holidays=[day.isoformat() for day in settings.holidays],
            ),
            **overrides,
        },
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(platform, _build_automation(settings), build_alerts(settings))


def _build_automation(settings: Settings) -> dg.Definitions:
    """Jobs, schedule and sensor of one deployment; where nothing is scored there is nothing to restate."""
    has_scores = "engagement" in settings.datasets
    jobs = build_jobs(has_scores=has_scores, account=settings.account)
    return dg.Definitions(
        jobs=list(jobs.values()),
        schedules=[build_daily_schedule(settings, jobs["daily"])],
        sensors=[build_restatement_sensor(settings, jobs)] if has_scores else [],
    )


defs = build_defs(Settings.load())
