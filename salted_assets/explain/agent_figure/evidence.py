"""What a figure rests on: the evaluations of an agent, or the engagements with their values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from salted_assets.explain.agent_figure.figure import AgentFigure
from salted_assets.history.score_files import score_damage_named, write_score_scan
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.measures import REPRESENTATIVE, REVIEW_SOURCES
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.sql import EVALUATION_SCORE
from salted_assets.warehouse import Warehouse

_ANSWER_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "source", "evaluation", "is_scored", "score", "weight"),
    *("reviewer_pid", "reviewer_name", "question_pid", "question_name", "answer_name", "is_random_or_all"),
    *("is_critical_failure",),
)
_EVALUATIONS = f"""
    SELECT
        start_date, engagement_pid, evaluation, start_time, link, reviewer_pid, reviewer_name,
        is_drawn, score, is_failed_critical, answers
    FROM (
        SELECT
            start_date, engagement_pid, evaluation,
            min(reviewer_pid) AS reviewer_pid, min(reviewer_name) AS reviewer_name,
            bool_or(is_random_or_all) AS is_drawn, bool_or(is_critical_failure) AS is_failed_critical,
            {EVALUATION_SCORE} AS score,
            list({{{{'question': coalesce(question_name, question_pid), 'answer': answer_name, 'score': score}}}}
                ORDER BY score, question_name, answer_name) AS answers
        FROM {{answers}}
        WHERE agent_pid = $agent_pid AND source = $source AND is_scored AND score IS NOT NULL
            AND (is_random_or_all OR NOT $only_drawn)
        GROUP BY start_date, engagement_pid, evaluation
        HAVING fsum(weight) > 0
    ) JOIN (SELECT engagement_pid, start_date, start_time, link FROM {{engagements}})
        USING (engagement_pid, start_date)
    ORDER BY start_time DESC, engagement_pid, evaluation
"""  # noqa: S608 - our own expression
_VALUES = """
    SELECT start_date, engagement_pid, link, {column}::DOUBLE AS value FROM {engagements}
    WHERE agent_pid = $agent_pid AND {column} IS NOT NULL
    ORDER BY start_time DESC, engagement_pid
"""


@dataclass(frozen=True)
class Answer:
    """An answer of an evaluation, with its score in 0..1."""

    question: str
    answer: str
    score: float


@dataclass(frozen=True)
class Evaluation:
    """An evaluation, with its score in 0..1 and its answers, the lowest first.

    `reviewer` is a name, or a number that counts from the newest evaluation; empty for a customer. `was_chosen` says
    that the engagement was picked for review on purpose.
    """

    day: date
    engagement_pid: str
    evaluation: str
    link: str | None
    reviewer: str
    score: float
    was_chosen: bool
    is_auto_fail: bool
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class EngagementValue:
    """An engagement and what it has of the measure, in the measure's unit."""

    day: date
    engagement_pid: str
    link: str | None
    value: float


def read_evaluations(warehouse: Warehouse, figure: AgentFigure, *, name_reviewers: bool) -> tuple[Evaluation, ...]:
    """The evaluations that the figure rests on, the newest first; none where it does not rest on such.

    Reviewers are named or numbered. Raises WarehouseDamaged for a file that cannot be read.
    """
    source, only_drawn = _source_of(figure)
    if source is None:
        return ()
    rows = _read(warehouse, figure, _EVALUATIONS, ("answer", _ANSWER_COLUMNS), source=source, only_drawn=only_drawn)
    reviewers = _label_reviewers(rows, by_name=name_reviewers)
    return tuple(
        Evaluation(
            day=row["start_date"],
            engagement_pid=row["engagement_pid"],
            evaluation=row["evaluation"],
            link=row["link"],
            reviewer=reviewer,
            score=row["score"],
            was_chosen=not row["is_drawn"],
            is_auto_fail=bool(row["is_failed_critical"]),
            answers=tuple(
                Answer(each["question"] or "-", each["answer"] or "-", each["score"]) for each in row["answers"]
            ),
        )
        for row, reviewer in zip(rows, reviewers, strict=True)
    )


def read_values(warehouse: Warehouse, figure: AgentFigure) -> tuple[EngagementValue, ...]:
    """The engagements whose own values the figure is the mean of, the newest first; none where it is no such mean.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    column = _column_of(figure)
    if column is None:
        return ()
    rows = _read(warehouse, figure, _VALUES, None, column=column)
    return tuple(EngagementValue(row["start_date"], row["engagement_pid"], row["link"], row["value"]) for row in rows)


def _source_of(figure: AgentFigure) -> tuple[str | None, bool]:
    """Whose evaluations the figure is the mean of, and whether only of engagements that were not chosen."""
    name = figure.measure.name
    drawn = f"_{REPRESENTATIVE}"
    source = name.removesuffix(drawn).removeprefix("evaluation_")
    return (source if name.startswith("evaluation_") and source in REVIEW_SOURCES else None), name.endswith(drawn)


def _column_of(figure: AgentFigure) -> str | None:
    """The column of `scores/engagement` that the figure is the mean of."""
    name = figure.measure.name
    names = (name, name.replace("_geometric", ""), f"{name.removeprefix('engagement_')}_mean")
    known = arrow_schema(SCORE_MODELS["engagement"]).names
    is_evaluation = name.startswith("evaluation_")
    return None if is_evaluation else next((each for each in names if each in known), None)


def _read(
    warehouse: Warehouse,
    figure: AgentFigure,
    query: str,
    answers: tuple[str, Sequence[str]] | None,
    column: str = "",
    **parameters: Any,
) -> list[dict[str, Any]]:
    first, last = figure.first_day, figure.end_date
    columns = ["start_date", "engagement_pid", "agent_pid", "start_time", "link", *([column] if column else [])]
    names = ["engagement", *([answers[0]] if answers else [])]
    with duckdb.connect() as connection, score_damage_named(warehouse, names, first, last):
        connection.execute("SET TimeZone = 'UTC'")
        scans = {"engagements": write_score_scan(connection, warehouse, "engagement", first, last, columns)}
        if answers:
            scans["answers"] = write_score_scan(connection, warehouse, answers[0], first, last, answers[1])
        asked = query.format(column=column, **scans)
        rows = connection.sql(asked, params={"agent_pid": figure.agent_pid, **parameters})
        found: list[dict[str, Any]] = rows.to_arrow_table().to_pylist()
    return found


def _label_reviewers(rows: Sequence[dict[str, Any]], *, by_name: bool) -> Iterator[str]:
    numbers: dict[str, int] = {}
    for row in rows:
        pid = row["reviewer_pid"] or ""
        if by_name or not pid:
            yield row["reviewer_name"] or pid
        else:
            yield f"reviewer {numbers.setdefault(pid, len(numbers) + 1)}"
