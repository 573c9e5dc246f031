"""`scores/*`: who did what and how well, by the day an engagement started. Not here: formulas (`scoring`), windows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.defs.asset_keys import score_key, table_key
from salted_assets.defs.assets.questions import build_agent_questions
from salted_assets.defs.assets.score_building import (
    as_table,
    build_choices,
    hand_over,
    open_scores,
    score_asset,
)
from salted_assets.defs.io_managers import Days
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history import HistoryFacts, HistoryReader
from salted_assets.schemas.base import columns_of
from salted_assets.schemas.scores import SCORE_MODELS, Answer, EngagementScore
from salted_assets.scoring import (
    AGENT_COLUMNS,
    ANSWER_COLUMNS,
    ENGAGEMENT_COLUMNS,
    REVIEW_COLUMNS,
    REVIEWED_ENGAGEMENT_COLUMNS,
    REVIEWED_TURN_COLUMNS,
    TURN_COLUMNS,
    score_agent_segments_daily,
    score_agents_daily,
    score_answers,
    score_engagements,
    score_queues_daily,
    sum_up_turns,
)
from salted_assets.settings import Settings
from salted_assets.warehouse.scans import Relation, connect

DAILY_SUMS: Mapping[str, Callable[[Relation], pd.DataFrame]] = {
    "agent_daily": score_agents_daily,
    "agent_segment_daily": score_agent_segments_daily,
    "queue_daily": score_queues_daily,
}
"""The scores that are added up from the day's `scores/engagement` alone: by their name, the function that does it."""

_SUMMED = tuple(facts.name for facts in columns_of(EngagementScore))


def build_score_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The score assets; none where engagements are not exported, since nothing counts without them."""
    if "engagement" not in settings.datasets:
        return []
    return [
        *([_build_answers(settings)] if "review" in settings.datasets else []),
        _build_engagement_scores(settings),
        *(_build_sums(settings, name, add_up) for name, add_up in DAILY_SUMS.items()),
        *build_agent_questions(settings),
    ]


def _build_answers(settings: Settings) -> dg.AssetsDefinition:
    choices = build_choices(settings)
    used = _used(settings, "engagement", "turn", "review", "agent")

    @score_asset(settings, Answer, "answer", deps=[table_key(dataset) for dataset in used])
    def answers(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.Output[Days[pa.Table]]:
        reader, place = warehouse.open_reader(), warehouse.open()
        origins: dict[date, list[HistoryFacts]] = {}

        def score(day: date) -> pa.Table:
            engagement = reader.read("engagement", day, REVIEWED_ENGAGEMENT_COLUMNS)
            review = reader.read("review", day, REVIEW_COLUMNS)
            agent = reader.read("agent", day, AGENT_COLUMNS) if "agent" in used else None
            turns = _read_reviewed_turns(reader, day, review.rows) if "turn" in used else None
            origins[day] = [found.facts for found in (engagement, review, agent) if found is not None]
            agents = None if agent is None else agent.rows
            frame = score_answers(engagement.rows, turns, review.rows, agents, day, choices=choices)
            return as_table(frame, Answer)

        return hand_over(context, place, "answer", score, lambda day: _describe_origins(origins.pop(day)))

    return answers


def _build_engagement_scores(settings: Settings) -> dg.AssetsDefinition:
    choices = build_choices(settings)
    columns = {"engagement": ENGAGEMENT_COLUMNS, "turn": TURN_COLUMNS, "agent": AGENT_COLUMNS}
    used = _used(settings, *columns)
    has_reviews = "review" in settings.datasets
    upstream = [*(table_key(dataset) for dataset in used), *([score_key("answer")] if has_reviews else [])]

    @score_asset(settings, EngagementScore, "engagement", deps=upstream)
    def engagement_scores(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.Output[Days[pa.Table]]:
        reader, place = warehouse.open_reader(), warehouse.open()
        origins: dict[date, list[HistoryFacts]] = {}

        def read(dataset: str, day: date) -> pa.Table | None:
            if dataset not in used:
                return None
            found = reader.read(dataset, day, columns[dataset])
            origins.setdefault(day, []).append(found.facts)
            return found.rows

        def score(day: date) -> pa.Table:
            # the many turns first, and let go of before the rest is read
            turns = read("turn", day)
            turn_sums = None if turns is None else sum_up_turns(turns)
            del turns
            pa.default_memory_pool().release_unused()
            engagement, agent = read("engagement", day), read("agent", day)
            with connect() as connection:
                answer = open_scores(connection, place, "answer", day, ANSWER_COLUMNS) if has_reviews else None
                frame = score_engagements(engagement, turn_sums, answer, agent, day, choices=choices)
            return as_table(frame, EngagementScore)

        return hand_over(context, place, "engagement", score, lambda day: _describe_origins(origins.pop(day)))

    return engagement_scores


def _build_sums(settings: Settings, name: str, add_up: Callable[[Relation], pd.DataFrame]) -> dg.AssetsDefinition:
    """A table that is added up from the day's `scores/engagement` alone."""
    model = SCORE_MODELS[name]

    @score_asset(settings, model, name, deps=[score_key("engagement")])
    def sums(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.Output[Days[pa.Table]]:
        place = warehouse.open()

        def score(day: date) -> pa.Table:
            with connect() as connection:
                return as_table(add_up(open_scores(connection, place, "engagement", day, _SUMMED)), model)

        return hand_over(context, place, name, score)

    return sums


def _used(settings: Settings, *datasets: str) -> list[str]:
    return [dataset for dataset in datasets if dataset in settings.datasets]


def _read_reviewed_turns(reader: HistoryReader, day: date, reviews: pa.Table) -> pa.Table | None:
    """The turns that the reviews name: few of a day's, which are many; None where they name none."""
    named = pc.unique(pc.utf8_trim_whitespace(reviews["turn_pid"].drop_null()))
    return reader.read("turn", day, REVIEWED_TURN_COLUMNS, pids=named).rows if len(named) else None


def _describe_origins(origins: Sequence[HistoryFacts]) -> dict[str, Any]:
    """How many rows came after the day's own export, and out of how many exports the newest were found."""
    late = {f"late_{facts.dataset}_rows": facts.late_row_count for facts in origins}
    days = {day for facts in origins for day in facts.days_read}
    own = all(facts.has_own_day for facts in origins)
    return {**late, "days_read": len(days), "has_own_day": own}
