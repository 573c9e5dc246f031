"""The assembly: settings in, Dagster definitions out. Imported by Dagster, commands and tests; by no room."""

from typing import Any

import dagster as dg

from salted_assets.assets.export_history import build_export_history
from salted_assets.assets.raw import build_raw_export
from salted_assets.assets.scores import build_score_assets
from salted_assets.assets.tables import build_table_assets
from salted_assets.automation import build_automation
from salted_assets.contact_job import build_contact_export
from salted_assets.io_manager import WarehouseIOManager
from salted_assets.known_warnings import hide_known_warnings
from salted_assets.resources import build_export, build_warehouse
from salted_assets.settings import Settings


def build_defs(settings: Settings, **overrides: Any) -> dg.Definitions:
    """All definitions of one deployment. `overrides` replace resources by name.

    Touches neither network nor disk.
    """
    hide_known_warnings()
    warehouse = build_warehouse(settings)
    assets = dg.Definitions(
        assets=[
            build_raw_export(settings),
            build_export_history(settings),
            *build_table_assets(settings),
            *build_score_assets(settings),
        ],
        jobs=[build_contact_export(settings)],
        resources={
            "warehouse": warehouse,
            "salted_export": build_export(settings, warehouse),
            "io_manager": WarehouseIOManager(warehouse=warehouse),
            **overrides,
        },
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(assets, build_automation(settings))


defs = build_defs(Settings.load())
