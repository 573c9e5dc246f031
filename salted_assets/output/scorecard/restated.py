"""What has become of the figures of the card of a week before: those that moved since they were published, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from salted_assets.explain import changes_key
from salted_assets.output.scorecard.inputs import EVALUATION, WINDOW_DAYS
from salted_assets.output.scorecard.table_cells import (
    Cell,
    Heading,
    Row,
    Table,
    list_records,
    text_of,
    write_percent,
    write_points,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.row_change import AnswerChange
from salted_assets.schemas.score_change import ScoreChange
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import damage_named, write_scan

LEAST_MOVE = 0.02
"""Of a score in 0..1: what is less is not listed."""

RESTATED_COLUMNS = ("agent_pid", "old", "new", "because")

_FIGURE_COLUMNS = ("agent_pid", "window_days", "measure", "figure", "old", "new", "published_at_utc", "replaced_at_utc")
_ROW_COLUMNS = ("agent_pid", "source", "cause", "new_file_id", "row_number", "replaced_at_utc")
_HEADINGS = (
    Heading("Agent", "Name as recorded on the engagements.", is_text=True),
    Heading("Reported", "Fair QA score of the card of a week before, as it was first published."),
    Heading("Now", "The same figure, of the same days, as it is now."),
    Heading("Points", "By how much it moved."),
    Heading("Because", "What happened to the agent's own answers by reviewers since, with their number.", is_text=True),
)
_MOVED = f"""
    SELECT agent_pid, arg_min(old, replaced_at_utc) AS old, arg_max(new, replaced_at_utc) AS new,
        min(published_at_utc) AS published_at_utc
    FROM {{figures}}
    WHERE figure = 'fair_mean' AND measure = '{EVALUATION}' AND window_days = {WINDOW_DAYS}
    GROUP BY agent_pid
    HAVING round(abs(arg_max(new, replaced_at_utc) - arg_min(old, replaced_at_utc)), 9) >= {LEAST_MOVE}
"""  # noqa: S608 - our own names
_CAUSES = """
    SELECT agent_pid, string_agg(count || ' ' || cause, ', ' ORDER BY count DESC, cause) AS because
    FROM (
        SELECT agent_pid, cause, count(*) AS count
        FROM (
            SELECT DISTINCT agent_pid, new_file_id, row_number, unnest(string_split(cause, ', ')) AS cause
            FROM {rows} JOIN moved USING (agent_pid)
            WHERE source = 'reviewer' AND cause IS NOT NULL
                AND (published_at_utc IS NULL OR replaced_at_utc > published_at_utc)
        )
        GROUP BY agent_pid, cause
    )
    GROUP BY agent_pid
"""
_OTHERS = "others' evaluations, which tell of reviewers and questions, or settings"


@dataclass(frozen=True)
class Restated:
    """The section: the day of the card before, and the figures of it that moved."""

    since: date
    table: Table


def read_restated(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, day: date) -> pd.DataFrame:
    """The agents whose fair QA score of the window that ended on the day has moved by `LEAST_MOVE` or more.

    Has `RESTATED_COLUMNS`: the score as it was first published and as it is now, and the causes with the number of
    answers by reviewers. Where nothing was replaced there is no row, and nothing is read.
    Raises WarehouseDamaged for a file that cannot be read.
    """
    path = warehouse.table_path(changes_key("fair"), day)
    if not warehouse.exists(path):
        return pd.DataFrame(columns=list(RESTATED_COLUMNS))
    with damage_named(warehouse, [path]):
        figures = write_scan(connection, warehouse, {day: path}, _schema(ScoreChange, _FIGURE_COLUMNS))
        moved = connection.sql(_MOVED.format(figures=figures)).to_arrow_table()
    first = day - timedelta(days=WINDOW_DAYS - 1)
    key = changes_key("answer")
    paths = {each: warehouse.table_path(key, each) for each in warehouse.list_days(key) if first <= each <= day}
    because: dict[str, str] = {}
    if moved.num_rows and paths:
        connection.register("moved", moved.select(["agent_pid", "published_at_utc"]))
        with damage_named(warehouse, paths.values()):
            rows = write_scan(connection, warehouse, paths, _schema(AnswerChange, _ROW_COLUMNS))
            because = dict(connection.sql(_CAUSES.format(rows=rows)).fetchall())
    found = moved.select(["agent_pid", "old", "new"]).to_pylist()
    rows_found = [row | {"because": because.get(row["agent_pid"], _OTHERS)} for row in found]
    return pd.DataFrame(rows_found, columns=list(RESTATED_COLUMNS))


def build_restated(since: date, restated: pd.DataFrame, people: Mapping[str, Mapping[Any, Any]]) -> Restated:
    """The section, the greatest moves first; `people` are rows by agent that say who they are.

    Who is not among them is left out: a machine, or somebody without an engagement in the days of both cards.
    """
    order = (restated["new"] - restated["old"]).astype(float).abs().sort_values(ascending=False, kind="stable").index
    return Restated(since, Table(_HEADINGS, tuple(_build_rows(restated.loc[order], people))))


def _build_rows(restated: pd.DataFrame, people: Mapping[str, Mapping[Any, Any]]) -> Iterator[Row]:
    for row in list_records(restated):
        who = people.get(row["agent_pid"])
        if who is None:
            continue
        yield Row(
            agent=row["agent_pid"],
            team=text_of(who["team"]),
            channel=text_of(who["channel_type"]),
            cells=(
                words(who["agent_name"], text_of(who["team"])),
                _write_score(row["old"]),
                _write_score(row["new"]),
                Cell(write_points(row["new"] - row["old"]), f"{row['new'] - row['old']:.9g}"),
                words(row["because"]),
            ),
        )


def _write_score(value: float) -> Cell:
    return Cell(write_percent(value), f"{value:.9g}")


def _schema(model: Any, columns: tuple[str, ...]) -> pa.Schema:
    known = arrow_schema(model)
    return pa.schema([known.field(column) for column in columns])
