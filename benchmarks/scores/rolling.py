"""The platform's way to make `scores/agent_rolling` out of daily scores, as its asset does."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.scores.ours import write_table
from salted_assets.history.score_files import read_score_windows
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.windows.agent_parts import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.agent_rolling import score_agent_windows
from salted_assets.scoring.windows.day_buckets import DAYS_READ
from salted_assets.scoring.windows.segments import ROLLING_LABEL_COLUMNS
from salted_assets.warehouse import Warehouse


def score_days(folder: Path, target: Path, days: Sequence[date]) -> None:
    """Make the windows that end on each day, of the scores in FOLDER, in a warehouse in TARGET."""
    scores = Warehouse(str(folder))
    daily = read_score_windows(scores, "agent_daily", days, DAYS_READ, ROLLING_DAILY_COLUMNS)
    segments = read_score_windows(scores, "agent_segment_daily", days, max(WINDOWS), ROLLING_LABEL_COLUMNS)
    for end, rows in zip(days, score_agent_windows(daily, segments, days), strict=True):
        write_table(Warehouse(str(target)), "agent_rolling", end, rows)
