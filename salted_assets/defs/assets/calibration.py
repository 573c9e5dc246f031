"""`scores/reviewer_calibration`: whether reviewers mean the same."""

from datetime import date, timedelta
from functools import partial

import dagster as dg

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, as_table, score_asset, score_frames
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import open_score_window
from salted_assets.schemas.scores import ReviewerCalibration
from salted_assets.scoring.reviewer_calibration import CALIBRATION_COLUMNS, CALIBRATION_DAYS, calibrate_reviewers
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import connect

_DAYS_READ = 2 * CALIBRATION_DAYS
"""Those of the window, and as many before it to compare with."""


def build_calibration(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where reviews, or the engagements they are about, are not exported."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return []

    @score_asset(settings, ReviewerCalibration, "reviewer_calibration", partition=LAST_DAY, deps=[score_key("answer")])
    def reviewer_calibration(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        return score_frames(context, opened, ReviewerCalibration, partial(_calibrate, opened), window_days=_DAYS_READ)

    return [reviewer_calibration]


def _calibrate(warehouse: Warehouse, end: date) -> ScoreFrame:
    first = end - timedelta(days=_DAYS_READ - 1)
    with connect() as connection:
        answers = open_score_window(connection, warehouse, "answer", first, end, CALIBRATION_COLUMNS)
        return ScoreFrame(as_table(calibrate_reviewers(connection, answers, end), ReviewerCalibration))
