"""The platform's way to make `scores/agent_question` out of daily scores, as its asset does."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.scores.ours import write_scores
from salted_assets.history.score_files import list_score_days, open_score_window
from salted_assets.scoring import (
    QUESTION_AGENT_COLUMNS,
    QUESTION_ANSWER_COLUMNS,
    QUESTION_DAYS,
    score_agent_questions,
)
from salted_assets.warehouse import Warehouse


def score_days(folder: Path, target: Path, days: Sequence[date]) -> None:
    """Make the windows that end on each day, of the scores in FOLDER, in a warehouse in TARGET."""
    scores = Warehouse(str(folder))
    for end in days:
        first = end - timedelta(days=QUESTION_DAYS - 1)
        with duckdb.connect() as connection:
            answers = open_score_window(connection, scores, "answer", first, end, QUESTION_ANSWER_COLUMNS)
            agent_days = open_score_window(connection, scores, "agent_daily", first, end, QUESTION_AGENT_COLUMNS)
            present = list_score_days(scores, "answer", first, end)
            frame = score_agent_questions(connection, answers, agent_days, end, present)
        write_scores(Warehouse(str(target)), "agent_question", end, frame)
