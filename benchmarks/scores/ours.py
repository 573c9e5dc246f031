"""The platform's way to score days: the same steps as its assets, without the orchestrator."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history import Footer, HistoryReader
from salted_assets.history.score_files import open_score_window
from salted_assets.history.table_files import write_frame
from salted_assets.schemas.base import arrow_schema, columns_of
from salted_assets.schemas.scores import SCORE_MODELS, EngagementScore
from salted_assets.scoring import (
    AGENT_COLUMNS,
    ANSWER_COLUMNS,
    ENGAGEMENT_COLUMNS,
    REVIEW_COLUMNS,
    REVIEWED_ENGAGEMENT_COLUMNS,
    REVIEWED_TURN_COLUMNS,
    TURN_COLUMNS,
    ScoringChoices,
    score_agents_daily,
    score_answers,
    score_engagements,
    sum_up_turns,
)
from salted_assets.warehouse import Warehouse

_CHOICES = ScoringChoices()
SUMMED = tuple(facts.name for facts in columns_of(EngagementScore))
"""The columns of engagement scores that sums are made of: all of them."""


def score_days(folder: Path, target: Path, days: Sequence[date]) -> None:
    """Score each day of the warehouse in FOLDER into a warehouse in TARGET, one table after the other."""
    reader, warehouse = HistoryReader(Warehouse(str(folder)), "UTC"), Warehouse(str(target))
    for day in days:
        score_day(reader, warehouse, day)


def score_day(reader: HistoryReader, warehouse: Warehouse, day: date) -> None:
    """Write the day's answers, the scores of its engagements, and what its agents' add up to."""
    write_scores(warehouse, "answer", day, _score_answers(reader, day))
    write_scores(warehouse, "engagement", day, _score_engagements(reader, warehouse, day))
    with duckdb.connect() as connection:
        scores = open_score_window(connection, warehouse, "engagement", day, day, SUMMED)
        write_scores(warehouse, "agent_daily", day, score_agents_daily(scores))


def write_scores(warehouse: Warehouse, name: str, day: date, frame: pd.DataFrame) -> None:
    """Write a score table of a day as the platform does."""
    table = pa.Table.from_pandas(frame, schema=arrow_schema(SCORE_MODELS[name]), preserve_index=False)
    write_table(warehouse, name, day, table)


def write_table(warehouse: Warehouse, name: str, day: date, table: pa.Table) -> None:
    """The same of a table in the schema of its model."""
    with warehouse.create(warehouse.table_path(("scores", name), day)) as file:
        write_frame(file, table, Footer())


def _score_answers(reader: HistoryReader, day: date) -> pd.DataFrame:
    engagement = reader.read_range("engagement", [day], REVIEWED_ENGAGEMENT_COLUMNS).rows
    review = reader.read_range("review", [day], REVIEW_COLUMNS).rows
    agent = reader.read_range("agent", [day], AGENT_COLUMNS).rows
    named = pc.unique(pc.utf8_trim_whitespace(review["turn_pid"].drop_null()))
    turns = reader.read_range("turn", [day], REVIEWED_TURN_COLUMNS, pids=named).rows
    return score_answers(engagement, turns, review, agent, _CHOICES)


def _score_engagements(reader: HistoryReader, warehouse: Warehouse, day: date) -> pd.DataFrame:
    turn_sums = sum_up_turns(reader.read_range("turn", [day], TURN_COLUMNS).rows)
    pa.default_memory_pool().release_unused()
    engagement = reader.read_range("engagement", [day], ENGAGEMENT_COLUMNS).rows
    agent = reader.read_range("agent", [day], AGENT_COLUMNS).rows
    with duckdb.connect() as connection:
        answer = open_score_window(connection, warehouse, "answer", day, day, ANSWER_COLUMNS)
        return score_engagements(engagement, turn_sums, answer, agent, _CHOICES)
