"""`scores/agent_question`: what to coach, over 91 days. Not here: formulas (`scoring`), scores of a day."""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, as_table, hand_over, score_asset
from salted_assets.defs.io_managers import Days
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
    def agent_questions(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.Output[Days[pa.Table]]:
        place = warehouse.open()

        def list_days(end: date) -> list[date]:
            return list_score_days(place, "answer", end - timedelta(days=QUESTION_DAYS - 1), end)

        def score(end: date) -> pa.Table:
            first, days = end - timedelta(days=QUESTION_DAYS - 1), list_days(end)
            with connect() as connection:
                answers = open_score_window(connection, place, "answer", first, end, QUESTION_ANSWER_COLUMNS)
                agent_days = open_score_window(connection, place, "agent_daily", first, end, QUESTION_AGENT_COLUMNS)
                return as_table(score_agent_questions(connection, answers, agent_days, end, days), AgentQuestion)

        def describe(end: date) -> dict[str, Any]:
            days = list_days(end)
            first = {"first_date": min(days).isoformat()} if days else {}
            return {"days_present_count": len(days), **first}

        return hand_over(context, place, "agent_question", score, describe, window_days=QUESTION_DAYS)

    return [agent_questions]
