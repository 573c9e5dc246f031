"""`scores/reviewer_calibration`: whether reviewers mean the same."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial

import dagster as dg

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, as_table, score_asset, window_frames
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import open_score_window
from salted_assets.schemas.scores import ReviewerCalibration
from salted_assets.scoring.reviewer_calibration import (
    CALIBRATION_COLUMNS,
    DAYS_READ,
    calibrate_reviewers,
    calibrate_windows,
)
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import connect

_BYTES_PER_ROW = 200
"""Of an answer, which are held where several windows share them."""


def build_calibration(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where reviews, or the engagements they are about, are not exported."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return []

    @score_asset(settings, ReviewerCalibration, "reviewer_calibration", partition=LAST_DAY, deps=[score_key("answer")])
    def reviewer_calibration(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        return window_frames(
            context,
            opened,
            partial(_calibrate, opened),
            window_days=DAYS_READ,
            rows_of="answer",
            bytes_per_row=_BYTES_PER_ROW,
            days_held=DAYS_READ,
        )

    return [reviewer_calibration]


def _calibrate(warehouse: Warehouse, end_dates: Sequence[date]) -> Iterator[ScoreFrame]:
    first = end_dates[0] - timedelta(days=DAYS_READ - 1)
    with connect() as connection:
        answers = open_score_window(connection, warehouse, "answer", first, end_dates[-1], CALIBRATION_COLUMNS)
        if len(end_dates) == 1:
            frames = iter([calibrate_reviewers(connection, answers, end_dates[0])])
        else:
            frames = calibrate_windows(connection, answers, end_dates)
        for frame in frames:
            yield ScoreFrame(as_table(frame, ReviewerCalibration))
