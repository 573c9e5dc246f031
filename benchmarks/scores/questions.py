"""The platform's way to make `scores/agent_question` out of daily scores, as its asset does."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from benchmarks.scores.ours import write_table
from salted_assets.history.score_files import list_score_days, read_score_windows
from salted_assets.scoring import (
    QUESTION_AGENT_COLUMNS,
    QUESTION_ANSWER_COLUMNS,
    QUESTION_DAYS,
    score_question_windows,
)
from salted_assets.warehouse import Warehouse


def score_days(folder: Path, target: Path, days: Sequence[date]) -> None:
    """Make the windows that end on each day, of the scores in FOLDER, in a warehouse in TARGET."""
    scores = Warehouse(str(folder))
    answers = read_score_windows(scores, "answer", days, QUESTION_DAYS, QUESTION_ANSWER_COLUMNS)
    agent_days = read_score_windows(scores, "agent_daily", days, QUESTION_DAYS, QUESTION_AGENT_COLUMNS)
    present = list_score_days(scores, "answer", days[0] - timedelta(days=QUESTION_DAYS - 1), days[-1])
    for end, rows in zip(days, score_question_windows(answers, agent_days, days, present), strict=True):
        write_table(Warehouse(str(target)), "agent_question", end, rows)
