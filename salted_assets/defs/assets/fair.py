"""`scores/fair`: the best estimate of each agent over windows of 7, 28 and 91 days."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

import dagster as dg
import pyarrow as pa

from salted_assets.defs.asset_checks.scores import WindowTally
from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import (
    LAST_DAY,
    THRESHOLDS,
    build_rolling_choices,
    score_asset,
    tallied_frames,
    window_frames,
)
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import read_score_windows
from salted_assets.schemas.scores import WINDOWS, FairScore
from salted_assets.scoring.auto_answers import AUTO_ANSWER_COLUMNS, AUTO_ANSWERS
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.not_for_persons import drop_persons
from salted_assets.scoring.windows.agent_parts import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS
from salted_assets.scoring.windows.fair_scores import (
    NEWER_ANSWER_COLUMNS,
    WINDOW_ANSWER_COLUMNS,
    WINDOW_ANSWERS,
    score_fair_windows,
)
from salted_assets.scoring.windows.segments import ROLLING_SEGMENT_COLUMNS
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse

_PARTITION = """\
{last_day}

It reads the {longest} days that end on the partition's day; of people's answers {days} days, for a change is sought \
from the first day of the calendar quarter on.

Thresholds:

{choices}"""

DAYS_READ = CHANGE_DAYS

_BYTES_PER_ROW = 20_000
"""Of sums by segment and window, which an end date holds until it is scored: a quarter has many more than a day."""


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
            last_day=LAST_DAY, longest=max(WINDOWS), days=DAYS_READ, choices=choices.describe()
        ),
        deps=[score_key(name) for name in upstream],
        reads=THRESHOLDS,
        is_of_persons=True,
    )
    def fair(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        return window_frames(
            context,
            opened,
            partial(_score, opened, choices, has_reviews, settings.not_for_persons),
            window_days=DAYS_READ,
            rows_of="agent_segment_daily",
            bytes_per_row=_BYTES_PER_ROW,
        )

    return [fair]


def _score(
    warehouse: Warehouse, choices: RollingChoices, has_reviews: bool, excluded: Sequence[str], end_dates: Sequence[date]
) -> Iterator[ScoreFrame]:
    read = partial(read_score_windows, warehouse)

    def read_sums(name: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        # days of before the setting may still have what is excluded
        return (drop_persons(rows, excluded) for rows in read(name, end_dates, longest, columns))

    longest, tally = max(WINDOWS), WindowTally("fair")
    tables = score_fair_windows(
        tally.count(read_sums("agent_daily", ROLLING_DAILY_COLUMNS)),
        read_sums("agent_segment_daily", ROLLING_SEGMENT_COLUMNS),
        read(
            "answer",
            end_dates,
            DAYS_READ,
            WINDOW_ANSWER_COLUMNS,
            having=WINDOW_ANSWERS,
            newer_days=longest,
            newer_columns=NEWER_ANSWER_COLUMNS,
        )
        if has_reviews
        else None,
        end_dates,
        choices,
        auto_answers=read("answer", end_dates, longest, AUTO_ANSWER_COLUMNS, having=AUTO_ANSWERS)
        if has_reviews
        else None,
    )
    return tallied_frames(tally, end_dates, tables)
