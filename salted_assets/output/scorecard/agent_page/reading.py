"""Reads what the page of one agent is made from: the windows of 13 week ends, questions, evaluations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.score_files import (
    list_score_days,
    read_score_day,
    read_score_windows,
    score_damage_named,
    write_score_scan,
)
from salted_assets.output.scorecard.card_days import create_card_days
from salted_assets.output.scorecard.comparison import only_people
from salted_assets.output.scorecard.inputs import (
    ALARM_DAYS,
    CUSTOMER,
    EVALUATION,
    FAIR_COLUMNS,
    HANDLE_TIME,
    TREND_DAYS,
    WINDOW_DAYS,
)
from salted_assets.output.scorecard.questions import QUESTION_COLUMNS, READ_RECENT
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.sql import EVALUATION_SCORE
from salted_assets.warehouse import Warehouse

WEEKS = 13
AHT = "handle_time_ms"
MEASURES = (EVALUATION, HANDLE_TIME, AHT, CUSTOMER, *AI_SCORES)
SCORES = ("agent_rolling", "fair")
"""The scores that have to be there on a day for a page of it."""

_KEY = ("end_date", "window_days", "agent_pid", "measure")
_ANSWER_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "source", "evaluation", "is_scored", "score", "weight", "is_worst"),
    *("reviewer_pid", "reviewer_name", "question_pid", "question_name", "answer_name", "answer_reason"),
    "is_critical_failure",
)
_ENGAGEMENT_COLUMNS = ("engagement_pid", "agent_pid", "start_time", "link", "channel_type")
_WINDOW_COLUMNS = (
    *("days_present_count", "channel_type", "engagement_count", "measure_count", "mean", "mean_low", "mean_high"),
)
_OWN_ANSWERS = """
    CREATE TEMP TABLE person_answer AS SELECT * FROM {answers} WHERE agent_pid = $agent_pid AND source = 'reviewer'
"""
_EVALUATIONS = f"""
    SELECT
        start_date, engagement_pid, evaluation, count(*) > 1 AS form, {EVALUATION_SCORE} AS score,
        bool_or(is_critical_failure) AS is_failed_critical,
        min(reviewer_pid) AS reviewer_pid, min(reviewer_name) AS reviewer_name,
        list(
            {{'question': question_name, 'answer': answer_name, 'reason': answer_reason, 'is_worst': is_worst}}
            ORDER BY score, question_name, answer_name, answer_reason
        ) AS answers
    FROM person_answer
    WHERE is_scored AND score IS NOT NULL
    GROUP BY start_date, engagement_pid, evaluation
    HAVING fsum(weight) > 0
"""  # noqa: S608 - our own expression


@dataclass(frozen=True)
class AgentInputs:
    """The frames behind the page of one agent.

    `windows` holds the agent's rows of agent_rolling with what the fair score says of them, of the 28 days that end on
    each of `end_dates` (13 week ends, the last one the page's day), in their order; `alarms` the same of 7 days, of
    evaluations alone. `missing` are those of `end_dates` whose scores are not there. `questions` are all people's rows
    of agent_question on the page's day, `question_answers` the agent's own counts of answers by reason, see
    `READ_RECENT`. `evaluations` are the agent's of 91 days, the newest first, with their `answers`, the worst first.
    """

    agent_pid: str
    end_dates: tuple[date, ...]
    missing: tuple[date, ...]
    windows: pd.DataFrame
    alarms: pd.DataFrame
    questions: pd.DataFrame
    question_answers: pd.DataFrame
    evaluations: pd.DataFrame

    @property
    def end_date(self) -> date:
        """The page's day."""
        return self.end_dates[-1]


def find_newest_day(warehouse: Warehouse) -> date | None:
    """The newest day with the scores that a page of an agent needs; None where there is none."""
    days = set.intersection(*(set(warehouse.list_days(("scores", name))) for name in SCORES))
    return max(days, default=None)


def has_agent_scores(warehouse: Warehouse, day: date) -> bool:
    """Whether the scores are there that a page of an agent on the day needs."""
    return all(warehouse.exists(warehouse.table_path(("scores", name), day)) for name in SCORES)


def read_agent_inputs(warehouse: Warehouse, agent_pid: str, end_date: date) -> AgentInputs:
    """Read what the page of the agent on the day needs; scores that are not there give frames without rows.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    ends = tuple(end_date - timedelta(days=7 * ago) for ago in reversed(range(WEEKS)))
    windows = _read_windows(warehouse, agent_pid, ends)
    there = set.intersection(*(set(list_score_days(warehouse, name, ends[0], end_date)) for name in SCORES))
    is_of_week = windows["window_days"] == ALARM_DAYS
    questions: pd.DataFrame = read_score_day(warehouse, "agent_question", end_date, QUESTION_COLUMNS).to_pandas()
    evaluations, question_answers = _read_answers(warehouse, agent_pid, end_date)
    return AgentInputs(
        agent_pid=agent_pid,
        end_dates=ends,
        missing=tuple(end for end in ends if end not in there),
        windows=windows[windows["window_days"] == WINDOW_DAYS].reset_index(drop=True),
        alarms=windows[is_of_week & (windows["measure"] == EVALUATION)].reset_index(drop=True),
        questions=only_people(questions),
        question_answers=question_answers,
        evaluations=evaluations,
    )


def _read_windows(warehouse: Warehouse, agent_pid: str, ends: Sequence[date]) -> pd.DataFrame:
    """The agent's rows of windows that end on these days, of plain and fair scores side by side, in order."""
    plain, fair = (
        _read_rows(warehouse, name, (*_KEY, *columns), agent_pid, ends)
        for name, columns in (("agent_rolling", _WINDOW_COLUMNS), ("fair", FAIR_COLUMNS))
    )
    rows = plain.merge(fair, how="left", on=list(_KEY))
    rows = rows[rows["measure"].isin(MEASURES)]
    return rows.assign(end_date=pd.to_datetime(rows["end_date"]).dt.date).sort_values(list(_KEY), kind="stable")


def _read_rows(
    warehouse: Warehouse, name: str, columns: Sequence[str], agent_pid: str, days: Sequence[date]
) -> pd.DataFrame:
    """The agent's rows of the score table on these days, which are in order."""
    known = arrow_schema(SCORE_MODELS[name])
    schema = pa.schema([known.field(column) for column in columns])
    tables = read_score_windows(warehouse, name, days, 1, columns) if days else ()
    own = [rows.filter(pc.equal(rows["agent_pid"], agent_pid)).cast(schema) for rows in tables]
    frame: pd.DataFrame = pa.concat_tables([schema.empty_table(), *own]).to_pandas()
    return frame


def _read_answers(warehouse: Warehouse, agent_pid: str, end_date: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The agent's evaluations by reviewers with their engagements, the newest first; and counts of `READ_RECENT`."""
    first = end_date - timedelta(days=TREND_DAYS - 1)
    with duckdb.connect() as connection, score_damage_named(warehouse, ("answer",), first, end_date):
        answers = write_score_scan(connection, warehouse, "answer", first, end_date, _ANSWER_COLUMNS)
        connection.execute(_OWN_ANSWERS.format(answers=answers), {"agent_pid": agent_pid})
        create_card_days(connection, [end_date])
        evaluations, question_answers = (
            connection.sql(query).to_arrow_table().to_pandas() for query in (_EVALUATIONS, READ_RECENT)
        )
    days = sorted(set(pd.to_datetime(evaluations["start_date"]).dt.date))
    # only the days of evaluations are opened: the table is a large one
    engagements = _read_rows(warehouse, "engagement", _ENGAGEMENT_COLUMNS, agent_pid, days)
    order = ["start_time", "engagement_pid", "evaluation"]
    joined = evaluations.merge(engagements.drop_duplicates("engagement_pid"), on="engagement_pid")
    newest_first = joined.sort_values(order, ascending=[False, True, True], kind="stable").reset_index(drop=True)
    return newest_first, question_answers.drop(columns="end_date")
