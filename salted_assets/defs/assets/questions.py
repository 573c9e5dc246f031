"""`scores/agent_question`: what to coach, over 91 days."""

from datetime import date, timedelta
from functools import partial

import dagster as dg

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, as_table, score_asset, score_frames
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import list_score_days, open_score_window
from salted_assets.schemas.scores import AgentQuestion
from salted_assets.scoring import (
    QUESTION_AGENT_COLUMNS,
    QUESTION_ANSWER_COLUMNS,
    QUESTION_DAYS,
    score_agent_questions,
)
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import connect


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
        return score_frames(
            context, opened, AgentQuestion, partial(_score_questions, opened), window_days=QUESTION_DAYS
        )

    return [agent_questions]


def _score_questions(warehouse: Warehouse, end: date) -> ScoreFrame:
    first = end - timedelta(days=QUESTION_DAYS - 1)
    days = list_score_days(warehouse, "answer", first, end)
    with connect() as connection:
        answers = open_score_window(connection, warehouse, "answer", first, end, QUESTION_ANSWER_COLUMNS)
        agent_days = open_score_window(connection, warehouse, "agent_daily", first, end, QUESTION_AGENT_COLUMNS)
        frame = score_agent_questions(connection, answers, agent_days, end, days)
        rows = as_table(frame, AgentQuestion)
    shown = {"days_present_count": len(days), **({"first_date": min(days).isoformat()} if days else {})}
    return ScoreFrame(rows, {end: shown})
