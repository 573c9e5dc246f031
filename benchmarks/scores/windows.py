"""The daily scores that windows are made of: `python -m benchmarks.scores.windows FOLDER`.

Every day of the warehouse in FOLDER is scored into that warehouse, once: days that are there stay, so that it can be
broken off and run again.
"""

import sys
from pathlib import Path

import duckdb

from benchmarks.scores.ours import SUMMED, score_day, write_scores
from salted_assets.history import HistoryReader
from salted_assets.history.score_files import open_score_window
from salted_assets.scoring import score_agent_segments_daily
from salted_assets.warehouse import Warehouse

_LAST = ("scores", "agent_segment_daily")
"""The table that is written last, so that a day is whole where it is there."""


def score_quarter(folder: Path) -> None:
    """Score the days that have engagements and no scores yet."""
    warehouse = Warehouse(str(folder))
    reader = HistoryReader(warehouse, "UTC")
    done = set(warehouse.list_days(_LAST))
    for day in warehouse.list_days(("tables", "engagement")):
        if day not in done:
            score_day(reader, warehouse, day)
            with duckdb.connect() as connection:
                scores = open_score_window(connection, warehouse, "engagement", day, day, SUMMED)
                write_scores(warehouse, "agent_segment_daily", day, score_agent_segments_daily(scores))


if __name__ == "__main__":
    score_quarter(Path(sys.argv[1]))
