"""`scores/auto_reviewer_drift`: whether the auto reviewer scores questions otherwise than before."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

import dagster as dg

from salted_assets.defs.asset_checks.drift import build_drift_check_spec, check_drift
from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, score_asset, window_frames
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.partitions import build_partitions
from salted_assets.defs.resources import WarehouseResource
from salted_assets.explain.auto_drift import find_drift
from salted_assets.history.score_files import read_score_windows
from salted_assets.schemas.scores import AutoReviewerDrift
from salted_assets.scoring.auto_differences import DIFFERENCE_ANSWERS, DIFFERENCE_COLUMNS
from salted_assets.scoring.auto_reviewer_drift import DRIFT_DAYS, watch_auto_reviewer
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse

_PARTITION = """\
{last_day}

It reads people's answers of {days} days at most: those of the calendar quarter so far, and 119 before that."""

_BYTES_PER_ROW = 1
"""Of answers: those of people are a tenth, and what is kept of them for all days of a frame is the same."""


def build_auto_reviewer_drift(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where reviews, or the engagements they are about, are not exported."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return []
    key = score_key("auto_reviewer_drift")

    @score_asset(
        settings,
        AutoReviewerDrift,
        "auto_reviewer_drift",
        partition=_PARTITION.format(last_day=LAST_DAY, days=DRIFT_DAYS),
        deps=[score_key("answer")],
        reads=("found_only_questions",),
        own_checks=[build_drift_check_spec(key, build_partitions(settings))],
    )
    def auto_reviewer_drift(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        return window_frames(
            context,
            opened,
            partial(_watch, opened, settings.found_only_questions),
            window_days=DRIFT_DAYS,
            rows_of="answer",
            bytes_per_row=_BYTES_PER_ROW,
        )

    return [auto_reviewer_drift]


def _watch(warehouse: Warehouse, found_only: Sequence[str], end_dates: Sequence[date]) -> Iterator[ScoreFrame]:
    answers = read_score_windows(
        warehouse, "answer", end_dates, DRIFT_DAYS, DIFFERENCE_COLUMNS, having=DIFFERENCE_ANSWERS
    )
    for end, rows in zip(end_dates, watch_auto_reviewer(answers, end_dates, found_only), strict=True):
        drift = find_drift(end, rows.to_pylist())
        yield ScoreFrame(rows, {end: {"alarms_standing": len(drift.alarms)}}, {end: [check_drift(drift)]})
