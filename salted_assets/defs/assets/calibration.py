"""`scores/reviewer_calibration`: whether reviewers mean the same. Not here: formulas (`scoring`), agents' scores."""

from datetime import date, timedelta

import dagster as dg
import pyarrow as pa

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, as_table, hand_over, score_asset
from salted_assets.defs.io_managers import Days
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import open_score_window
from salted_assets.schemas.scores import ReviewerCalibration
from salted_assets.scoring.reviewer_calibration import CALIBRATION_COLUMNS, CALIBRATION_DAYS, calibrate_reviewers
from salted_assets.settings import Settings
from salted_assets.warehouse.scans import connect


def build_calibration(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where reviews, or the engagements they are about, are not exported."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return []

    @score_asset(settings, ReviewerCalibration, "reviewer_calibration", partition=LAST_DAY, deps=[score_key("answer")])
    def reviewer_calibration(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.Output[Days[pa.Table]]:
        place = warehouse.open()

        def score(day: date) -> pa.Table:
            first = day - timedelta(days=2 * CALIBRATION_DAYS - 1)
            with connect() as connection:
                answers = open_score_window(connection, place, "answer", first, day, CALIBRATION_COLUMNS)
                return as_table(calibrate_reviewers(connection, answers, day), ReviewerCalibration)

        return hand_over(context, place, "reviewer_calibration", score, window_days=2 * CALIBRATION_DAYS)

    return [reviewer_calibration]
