"""`scores/*` of a day: who did what and how well, by the day on which an engagement started."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.defs.asset_checks.readable import find_unreadable_by_day
from salted_assets.defs.asset_checks.scores import ENGAGEMENTS_IN_TABLES, REVIEWS_IN_TABLES, count_in_tables
from salted_assets.defs.asset_keys import score_key, table_key
from salted_assets.defs.assets.questions import build_agent_questions
from salted_assets.defs.assets.rescoring import build_rescore
from salted_assets.defs.assets.score_building import (
    as_table,
    build_choices,
    daily_frames_in_parts,
    open_scores,
    score_asset,
)
from salted_assets.defs.assets.score_parts import DayFacts, Scored
from salted_assets.defs.io_managers import ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history import FooterCache, HistoryFacts, HistoryReader, NewestOfDays, Part
from salted_assets.schemas.base import Table, columns_of
from salted_assets.schemas.scores import SCORE_MODELS, Answer, EngagementScore
from salted_assets.scoring import (
    AGENT_COLUMNS,
    ANSWER_COLUMNS,
    ENGAGEMENT_COLUMNS,
    REVIEW_COLUMNS,
    REVIEWED_ENGAGEMENT_COLUMNS,
    REVIEWED_TURN_COLUMNS,
    TURN_COLUMNS,
    ScoringChoices,
    count_unscorable,
    score_agent_segments_daily,
    score_agents_daily,
    score_answers,
    score_engagements,
    score_queues_daily,
    sum_up_turns,
)
from salted_assets.scoring.not_for_persons import drop_persons
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Relation, connect

DAILY_SUMS: Mapping[str, Callable[[Relation], pd.DataFrame]] = {
    "agent_daily": score_agents_daily,
    "agent_segment_daily": score_agent_segments_daily,
    "queue_daily": score_queues_daily,
}
"""The scores that are added up from the day's `scores/engagement` alone: by their name, the function that does it."""

_READ_BY_ANSWERS = (
    "timezone",
    "bot_agent_types",
    "critical_questions",
    "exclude_disputed",
    "exclude_unclear",
    "exclude_unknown_turns",
    "found_only_questions",
    "question_weights",
)
_READ_BY_ENGAGEMENTS = (
    "timezone",
    "bot_agent_types",
    "critical_questions",
    "found_only_questions",
    "resolved_values",
    "service_level_ignored_values",
    "service_level_met_values",
)
# what a row takes while it is scored, measured on days of a million turns
_BYTES_OF_ANSWERS = {"engagement": 500, "review": 1_500}
_BYTES_OF_ENGAGEMENTS = {"engagement": 6_000, "turn": 120}
# others, as of queues, have few rows and are never computed in parts, which agents tell apart
_BYTES_OF_SUMS = {"agent_daily": 800, "agent_segment_daily": 5_000}

_ROWS_IN_MEMORY = 50_000
"""Of engagements, of which days are read before they are added up: some 60 MB."""

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
    used = _used(settings, "engagement", "turn", "review", "agent")

    upstream = [table_key(dataset) for dataset in used]

    @score_asset(settings, Answer, "answer", deps=upstream, reads=_READ_BY_ANSWERS, datasets=used, has_check=True)
    def answers(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        reader = warehouse.open_reader()
        score = partial(_score_answers, reader, used, build_choices(settings, _READ_BY_ANSWERS))
        bytes_of = partial(_count_bytes, reader, sizes=_BYTES_OF_ANSWERS)
        room = settings.score_memory_bytes
        count = partial(_count_bytes, sizes=_BYTES_OF_ANSWERS)
        rescore = build_rescore(warehouse.open(), "answer", _score_answers, count, settings)
        frames = daily_frames_in_parts(context, warehouse.open(), score, bytes_of, room)
        return replace(frames, rescore=rescore)

    return answers


def _score_answers(
    reader: HistoryReader, used: Sequence[str], choices: ScoringChoices, days: Sequence[date], part: Part
) -> Scored:
    engagement = reader.read_range("engagement", days, REVIEWED_ENGAGEMENT_COLUMNS, part=part)
    review = reader.read_range("review", days, REVIEW_COLUMNS, part=part)
    agent = reader.read_range("agent", days, AGENT_COLUMNS) if "agent" in used else None
    turns = _read_reviewed_turns(reader, days, part, review.rows) if "turn" in used else None
    agents, planned = None if agent is None else agent.rows, reader.read_planned(days)
    frame = score_answers(engagement.rows, turns, review.rows, agents, choices, planned=planned)
    unreadable = find_unreadable_by_day({"engagement": engagement.rows, "review": review.rows}, days)
    found = count_in_tables(engagement.rows, review.rows, days)
    counts = {day: {REVIEWS_IN_TABLES: found[day][REVIEWS_IN_TABLES]} for day in days}
    facts = {day: DayFacts(_facts_of(day, engagement, review, agent), unreadable[day], counts[day]) for day in days}
    return Scored(as_table(frame, Answer), facts)


def _build_engagement_scores(settings: Settings) -> dg.AssetsDefinition:
    used = _used(settings, "engagement", "turn", "agent")
    answers = [score_key("answer")] if "review" in settings.datasets else []

    upstream = [*(table_key(dataset) for dataset in used), *answers]
    datasets = _used(settings, "engagement", "turn", "review", "agent")

    @score_asset(
        settings,
        EngagementScore,
        "engagement",
        deps=upstream,
        reads=_READ_BY_ENGAGEMENTS,
        datasets=datasets,
        has_check=True,
    )
    def engagement_scores(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        reader, opened = warehouse.open_reader(), warehouse.open()
        scored_answers = opened if answers else None
        choices = build_choices(settings, _READ_BY_ENGAGEMENTS)
        score = partial(_score_engagements, reader, scored_answers, used, choices)
        bytes_of = partial(_count_bytes, reader, sizes=_BYTES_OF_ENGAGEMENTS)
        room = settings.score_memory_bytes
        count = partial(_count_bytes, sizes=_BYTES_OF_ENGAGEMENTS)
        rescore = build_rescore(opened, "engagement", _rescore_engagements, count, settings)
        return replace(daily_frames_in_parts(context, opened, score, bytes_of, room), rescore=rescore)

    return engagement_scores


def _score_engagements(  # noqa: PLR0917 - where from, by which readings, and what of it, each of its own type
    reader: HistoryReader,
    scored_answers: Warehouse | None,
    used: Sequence[str],
    choices: ScoringChoices,
    days: Sequence[date],
    part: Part,
) -> Scored:
    """The days' engagements; `scored_answers` is where `scores/answer` is, None where there are no reviews."""
    # the many turns first, and let go of before the rest is read
    turn = reader.read_range("turn", days, TURN_COLUMNS, part=part) if "turn" in used else None
    turn_sums = None if turn is None else sum_up_turns(turn.rows)
    origins = {day: _facts_of(day, turn) for day in days}
    of_turns = find_unreadable_by_day({"turn": None if turn is None else turn.rows}, days)
    del turn
    pa.default_memory_pool().release_unused()
    engagement = reader.read_range("engagement", days, ENGAGEMENT_COLUMNS, part=part)
    agent = reader.read_range("agent", days, AGENT_COLUMNS) if "agent" in used else None
    with connect() as connection:
        answer = None
        if scored_answers is not None:
            answer = open_scores(connection, scored_answers, "answer", days, ANSWER_COLUMNS)
            answer = answer.filter(part.condition("engagement_pid"))
        frame = score_engagements(engagement.rows, turn_sums, answer, None if agent is None else agent.rows, choices)
    rows = as_table(frame, EngagementScore)
    found, unscorable = count_in_tables(engagement.rows, None, days), count_unscorable(rows, days)
    counts = {day: {**unscorable[day], ENGAGEMENTS_IN_TABLES: found[day][ENGAGEMENTS_IN_TABLES]} for day in days}
    unreadable = find_unreadable_by_day({"engagement": engagement.rows}, days)
    facts = {
        day: DayFacts(
            {**origins[day], **_facts_of(day, engagement, agent)}, [*of_turns[day], *unreadable[day]], counts[day]
        )
        for day in days
    }
    return Scored(rows, facts)


def _rescore_engagements(
    reader: HistoryReader, used: Sequence[str], choices: ScoringChoices, days: Sequence[date], part: Part
) -> Scored:
    """Without answers, which have rows of their own that are kept."""
    return _score_engagements(reader, None, used, choices, days, part)


def _build_sums(settings: Settings, name: str, add_up: Callable[[Relation], pd.DataFrame]) -> dg.AssetsDefinition:
    """A table that is added up from the day's `scores/engagement` alone."""
    model = SCORE_MODELS[name]

    excluded = settings.not_for_persons

    @score_asset(settings, model, name, deps=[score_key("engagement")], is_of_persons=True)
    def sums(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened, footers = warehouse.open(), warehouse.open_footers()
        score = partial(_sum_engagements, opened, footers, model, add_up, excluded)
        bytes_of = partial(_count_score_bytes, footers, name)
        return daily_frames_in_parts(context, opened, score, bytes_of, settings.score_memory_bytes)

    return sums


def _sum_engagements(  # noqa: PLR0917 - where from, how, and what of it, each of its own type
    warehouse: Warehouse,
    footers: FooterCache,
    model: type[Table],
    add_up: Callable[[Relation], pd.DataFrame],
    excluded: Sequence[str],
    days: Sequence[date],
    part: Part,
) -> Scored:
    """The sums of the days, or those of a part of the agents, without the AI columns `excluded` for persons."""
    with connect() as connection:
        rows = open_scores(connection, warehouse, "engagement", days, _SUMMED).filter(part.condition("agent_pid"))
        if sum(_count_rows(footers, day) for day in days) <= _ROWS_IN_MEMORY:
            # every operation on a relation of files opens all of them, which takes longer than to read few rows
            in_memory = rows.to_arrow_table()
            rows = connection.from_arrow(in_memory)
        sums = as_table(add_up(rows), model)
    return Scored(drop_persons(sums, excluded, of_groups="agent_count" in sums.column_names))


def _count_bytes(reader: HistoryReader, day: date, *, sizes: Mapping[str, int]) -> int:
    """About what scoring the day takes in memory: by the rows of its own partitions, and what a row takes."""
    return sum(reader.count_rows(dataset, day) * size for dataset, size in sizes.items())


def _count_score_bytes(footers: FooterCache, name: str, day: date) -> int:
    return _count_rows(footers, day) * _BYTES_OF_SUMS.get(name, 0)


def _count_rows(footers: FooterCache, day: date) -> int:
    made = footers.partition(("scores", "engagement"), day)
    return 0 if made is None else made.row_count


def _used(settings: Settings, *datasets: str) -> list[str]:
    return [dataset for dataset in datasets if dataset in settings.datasets]


def _read_reviewed_turns(reader: HistoryReader, days: Sequence[date], part: Part, reviews: pa.Table) -> pa.Table | None:
    """The turns that the reviews name: few of a day's, which are many; None where they name none."""
    named = pc.unique(pc.utf8_trim_whitespace(reviews["turn_pid"].drop_null()))
    if not len(named):
        return None
    return reader.read_range("turn", days, REVIEWED_TURN_COLUMNS, pids=named, part=part).rows


def _facts_of(day: date, *read: NewestOfDays | None) -> dict[str, HistoryFacts]:
    return {each.facts[day].dataset: each.facts[day] for each in read if each is not None}
