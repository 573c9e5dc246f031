"""`scores/fair`: the best estimate of each agent over windows of 7, 28 and 91 days."""

from datetime import date, timedelta
from functools import partial

import dagster as dg

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import (
    LAST_DAY,
    THRESHOLDS,
    as_table,
    build_rolling_choices,
    score_asset,
    score_frames,
)
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import connect_for_windows, open_score_window, read_score_window
from salted_assets.schemas.scores import WINDOWS, FairScore
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.agent_parts import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS
from salted_assets.scoring.windows.fair_scores import WINDOW_ANSWER_COLUMNS, score_fair
from salted_assets.scoring.windows.segments import ROLLING_SEGMENT_COLUMNS
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Connection, Relation

_PARTITION = """\
{last_day}

It reads the {longest} days that end on the partition's day; of answers {days} days, for a change is sought from the \
first day of the calendar quarter on.

Thresholds:

{choices}"""

_DAYS_READ = CHANGE_DAYS


def build_fair_score(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where engagements are not exported."""
    if "engagement" not in settings.datasets:
        return []
    choices = build_rolling_choices(settings)
    has_reviews = "review" in settings.datasets
    upstream = ["agent_daily", "agent_segment_daily", *(["answer"] if has_reviews else [])]

    @score_asset(
        settings,
        FairScore,
        "fair",
        partition=_PARTITION.format(
            last_day=LAST_DAY, longest=max(WINDOWS), days=_DAYS_READ, choices=choices.describe()
        ),
        deps=[score_key(name) for name in upstream],
        reads=THRESHOLDS,
    )
    def fair(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        score = partial(_score, opened, choices, has_reviews)
        return score_frames(context, opened, FairScore, score, window_days=_DAYS_READ)

    return [fair]


def _score(warehouse: Warehouse, choices: RollingChoices, has_reviews: bool, end: date) -> ScoreFrame:
    first = end - timedelta(days=max(WINDOWS) - 1)
    with connect_for_windows() as connection:
        frame = score_fair(
            open_score_window(connection, warehouse, "agent_daily", first, end, ROLLING_DAILY_COLUMNS),
            read_score_window(warehouse, "agent_segment_daily", first, end, ROLLING_SEGMENT_COLUMNS),
            _open_answers(connection, warehouse, end) if has_reviews else None,
            end,
            choices,
        )
        return ScoreFrame(as_table(frame, FairScore))


def _open_answers(connection: Connection, warehouse: Warehouse, end: date) -> Relation:
    first = end - timedelta(days=_DAYS_READ - 1)
    return open_score_window(connection, warehouse, "answer", first, end, WINDOW_ANSWER_COLUMNS)
