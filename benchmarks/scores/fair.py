"""The platform's way to make `scores/fair` out of daily scores, as its asset does."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.scores.ours import write_scores
from salted_assets.history.score_files import connect_for_windows, open_score_window, read_score_window
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.agent_parts import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS
from salted_assets.scoring.windows.fair_scores import WINDOW_ANSWER_COLUMNS, score_fair
from salted_assets.scoring.windows.segments import ROLLING_SEGMENT_COLUMNS
from salted_assets.warehouse import Warehouse


def score_days(folder: Path, target: Path, days: Sequence[date]) -> None:
    """Make the fair scores of the windows that end on each day, of the scores in FOLDER, in a warehouse in TARGET."""
    scores = Warehouse(str(folder))

    def read(name: str, end: date, columns: tuple[str, ...], day_count: int) -> duckdb.DuckDBPyRelation:
        return open_score_window(connection, scores, name, end - timedelta(days=day_count - 1), end, columns)

    for end in days:
        first = end - timedelta(days=max(WINDOWS) - 1)
        with connect_for_windows() as connection:
            daily = read("agent_daily", end, ROLLING_DAILY_COLUMNS, max(WINDOWS))
            segments = read_score_window(scores, "agent_segment_daily", first, end, ROLLING_SEGMENT_COLUMNS)
            answers = read("answer", end, WINDOW_ANSWER_COLUMNS, CHANGE_DAYS)
            frame = score_fair(daily, segments, answers, end, RollingChoices())
        write_scores(Warehouse(str(target)), "fair", end, frame)
