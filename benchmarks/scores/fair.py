"""The platform's way to make `scores/fair` out of daily scores, as its asset does."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path

from benchmarks.scores.ours import write_table
from salted_assets.history.score_files import read_score_windows
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.auto_answers import AUTO_ANSWER_COLUMNS, AUTO_ANSWERS
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.agent_parts import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS
from salted_assets.scoring.windows.fair_scores import (
    NEWER_ANSWER_COLUMNS,
    WINDOW_ANSWER_COLUMNS,
    WINDOW_ANSWERS,
    score_fair_windows,
)
from salted_assets.scoring.windows.segments import ROLLING_SEGMENT_COLUMNS
from salted_assets.warehouse import Warehouse


def score_days(folder: Path, target: Path, days: Sequence[date]) -> None:
    """Make the fair scores of the windows that end on each day, of the scores in FOLDER, in a warehouse in TARGET."""
    read = partial(read_score_windows, Warehouse(str(folder)))
    longest = max(WINDOWS)
    tables = score_fair_windows(
        read("agent_daily", days, longest, ROLLING_DAILY_COLUMNS),
        read("agent_segment_daily", days, longest, ROLLING_SEGMENT_COLUMNS),
        read(
            "answer",
            days,
            CHANGE_DAYS,
            WINDOW_ANSWER_COLUMNS,
            having=WINDOW_ANSWERS,
            newer_days=longest,
            newer_columns=NEWER_ANSWER_COLUMNS,
        ),
        days,
        RollingChoices(),
        auto_answers=read("answer", days, longest, AUTO_ANSWER_COLUMNS, having=AUTO_ANSWERS),
    )
    for end, rows in zip(days, tables, strict=True):
        write_table(Warehouse(str(target)), "fair", end, rows)
