"""`scores/*`: who did what and how well, by the day an engagement started. Not here: formulas (`scoring`)."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, cast

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.assets.tables import table_key
from salted_assets.column_docs import build_column_schema
from salted_assets.day_log import DayLog, describe_write
from salted_assets.history import HistoryFacts
from salted_assets.io_manager import Days, Written
from salted_assets.partitions import build_backfill_policy, build_partitions, days_of
from salted_assets.resources import WarehouseResource
from salted_assets.scoring import (
    AGENT_COLUMNS,
    ENGAGEMENT_COLUMNS,
    REVIEW_COLUMNS,
    TURN_COLUMNS,
    ScoringChoices,
    score_agents_daily,
    score_engagements,
)
from salted_assets.settings import Settings
from salted_assets.tables.base import Table, arrow_schema, columns_of
from salted_assets.tables.scores import AgentDaily, EngagementScore, score_facts_of

_COLUMNS = {
    "engagement": ENGAGEMENT_COLUMNS,
    "turn": TURN_COLUMNS,
    "review": REVIEW_COLUMNS,
    "agent": AGENT_COLUMNS,
}

_DESCRIPTION = """\
One row per {grain}.

{about}

The partition is the day on which the engagement started. Its rows are the newest versions of what all exports from \
that day on delivered, so a survey answered ten days later counts when the day is scored again.

Readings taken where the vendor's pages are silent:

{choices}
"""


def build_score_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The score assets; none where engagements are not exported, since nothing counts without them."""
    if "engagement" not in settings.datasets:
        return []
    return [_build_engagement_scores(settings), _build_agent_daily(settings)]


def score_key(name: str) -> dg.AssetKey:
    """The key of a score table."""
    return dg.AssetKey(["scores", name])


def build_choices(settings: Settings) -> ScoringChoices:
    """The readings that the settings choose."""
    return ScoringChoices(
        exclude_unclear=settings.exclude_unclear,
        exclude_disputed=settings.exclude_disputed,
        exclude_unknown_turns=settings.exclude_unknown_turns,
        found_only_questions=settings.found_only_questions,
        critical_questions=settings.critical_questions,
        question_weights=settings.question_weights,
        service_level_met_values=settings.service_level_met_values,
        service_level_ignored_values=settings.service_level_ignored_values,
        bot_agent_types=settings.bot_agent_types,
    )


def _build_engagement_scores(settings: Settings) -> dg.AssetsDefinition:
    choices = build_choices(settings)
    used = [dataset for dataset in settings.datasets if dataset in _COLUMNS]

    @_score_asset(settings, EngagementScore, "engagement", deps=[table_key(dataset) for dataset in used])
    def engagement_scores(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.Output[Days[pa.Table]]:
        reader, place = warehouse.open_reader(), warehouse.open()
        origins: dict[date, list[HistoryFacts]] = {}

        def score(day: date) -> pa.Table:
            newest = {dataset: reader.read(dataset, day, _COLUMNS[dataset]) for dataset in used}
            origins[day] = [found.facts for found in newest.values()]
            rows = {dataset: newest[dataset].rows if dataset in newest else None for dataset in _COLUMNS}
            frame = score_engagements(
                rows["engagement"], rows["turn"], rows["review"], rows["agent"], day, choices=choices
            )
            return _as_table(frame, EngagementScore)

        def note(day: date, _: pa.Table, written: Written) -> None:
            log.done(day, describe_write(place, written) | _describe_origins(origins.pop(day)))

        log = DayLog(context, score_key("engagement"))
        days = ((day, partial(score, day)) for day in days_of(context))
        return dg.Output(Days(days, note, log.failed, log.finish))

    return engagement_scores


def _build_agent_daily(settings: Settings) -> dg.AssetsDefinition:
    @_score_asset(
        settings,
        AgentDaily,
        "agent_daily",
        ins={"engagement_scores": dg.AssetIn(key=score_key("engagement"), dagster_type=pa.Table)},
    )
    def agent_daily(
        context: dg.AssetExecutionContext, engagement_scores: pa.Table, warehouse: WarehouseResource
    ) -> dg.Output[Days[pa.Table]]:
        place = warehouse.open()
        scores = _as_table(score_agents_daily(engagement_scores), AgentDaily)

        def note(day: date, _: pa.Table, written: Written) -> None:
            log.done(day, describe_write(place, written))

        log = DayLog(context, score_key("agent_daily"))
        days = ((day, partial(scores.filter, pc.field("start_date") == day)) for day in days_of(context))
        return dg.Output(Days(days, note, log.failed, log.finish))

    return agent_daily


def _score_asset(
    settings: Settings, model: type[Table], name: str, **wiring: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    facts = score_facts_of(model)
    choices = build_choices(settings).describe()
    decorate: Any = dg.asset(
        key=score_key(name),
        partitions_def=build_partitions(settings),
        backfill_policy=build_backfill_policy(settings),
        group_name="scores",
        kinds={"duckdb", "simulated"} if settings.simulated else {"duckdb"},
        tags={"layer": "scores", "simulated": str(settings.simulated).lower()},
        description=_DESCRIPTION.format(grain=facts.grain, about=model.__doc__, choices=choices),
        metadata={
            "dagster/column_schema": build_column_schema(columns_of(model), key=facts.key),
            "dagster/table_name": f"scores.{name}",
        },
        dagster_type=Any,  # else Dagster infers one from the annotation, and cannot from a generic one
        **wiring,
    )
    return cast("Callable[[Callable[..., Any]], dg.AssetsDefinition]", decorate)


def _as_table(frame: pd.DataFrame, model: type[Table]) -> pa.Table:
    return pa.Table.from_pandas(frame, schema=arrow_schema(model), preserve_index=False)


def _describe_origins(origins: list[HistoryFacts]) -> dict[str, Any]:
    """How many rows came after the day's own export, and out of how many exports the newest were found."""
    late = {f"late_{facts.dataset}_rows": facts.late_row_count for facts in origins}
    days = {day for facts in origins for day in facts.days_read}
    own = all(facts.has_own_day for facts in origins)
    return {**late, "days_read": len(days), "has_own_day": own}
