"""`scores/agent_question`: what to coach, over 91 days."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial

import dagster as dg

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, score_asset, window_frames
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import list_score_days, read_score_windows
from salted_assets.schemas.scores import AgentQuestion
from salted_assets.scoring import (
    QUESTION_AGENT_COLUMNS,
    QUESTION_ANSWER_COLUMNS,
    QUESTION_DAYS,
    score_question_windows,
)
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse

_BYTES_PER_ROW = 400
"""Of sums by question and agent, which an end date holds until it is scored."""


def build_agent_questions(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where reviews, or the engagements they are about, are not exported."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return []

    @score_asset(
        settings,
        AgentQuestion,
        "agent_question",
        partition=LAST_DAY,
        deps=[score_key("answer"), score_key("agent_daily")],
    )
    def agent_questions(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        return window_frames(
            context,
            opened,
            partial(_score_questions, opened),
            window_days=QUESTION_DAYS,
            rows_of="answer",
            bytes_per_row=_BYTES_PER_ROW,
        )

    return [agent_questions]


def _score_questions(warehouse: Warehouse, end_dates: Sequence[date]) -> Iterator[ScoreFrame]:
    answers = read_score_windows(warehouse, "answer", end_dates, QUESTION_DAYS, QUESTION_ANSWER_COLUMNS)
    agent_days = read_score_windows(warehouse, "agent_daily", end_dates, QUESTION_DAYS, QUESTION_AGENT_COLUMNS)
    days = list_score_days(warehouse, "answer", end_dates[0] - timedelta(days=QUESTION_DAYS - 1), end_dates[-1])
    for end, rows in zip(end_dates, score_question_windows(answers, agent_days, end_dates, days), strict=True):
        present = [day for day in days if 0 <= (end - day).days < QUESTION_DAYS]
        first = {"first_date": present[0].isoformat()} if present else {}
        yield ScoreFrame(rows, {end: {"days_present_count": len(present), **first}})
