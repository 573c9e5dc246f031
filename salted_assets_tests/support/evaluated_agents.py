"""A warehouse with the scores of agents whom reviewers evaluated, made by the real formulas out of made-up answers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain import record_changes
from salted_assets.history import Footer, Recipe
from salted_assets.history.table_files import write_frame
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.fair_scores import score_fair_windows
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.rolling_rows import END, Engagements, build_daily, build_segments

AGENTS = {f"a{number}": f"Agent {number}" for number in range(9)} | {"b0": "Ada Byron", "b1": "Ada Byron"}
QUESTIONS = {"q0": "Was the request understood?", "q1": "Was the tone right?", "q2": "Was the offer made?"}
PUBLISHED = datetime(2024, 7, 1, 4, 5, tzinfo=UTC)
SINGLE = "q3", "Is this statement right?"


@dataclass(frozen=True)
class Evaluated:
    """An evaluated engagement: answers by question, in 0..1."""

    agent: str
    days_ago: int
    engagement: str
    reviewer: str
    answers: dict[str, float]
    is_chosen: bool = False


def draw_evaluations(seed: int = 1) -> list[Evaluated]:
    """Eight forms of each agent, one of them chosen on purpose, and two single answers, all within 28 days."""
    rng = np.random.default_rng(seed)
    found = []
    for agent in AGENTS:
        level = rng.uniform(0.5, 0.9)
        for number in range(8):
            reviewer = int(rng.integers(0, 3))
            lower = 0.15 * (number == 0)
            scores = level - lower - 0.06 * reviewer + rng.normal(0, 0.08) + rng.normal(0, 0.15, 3) + (0, 0.1, -0.1)
            answers = dict(zip(QUESTIONS, np.clip(scores, 0, 1).round(2).tolist(), strict=True))
            found.append(
                Evaluated(agent, 3 * number, f"e-{agent}-{number}", f"r{reviewer}", answers, is_chosen=number == 0)
            )
        for number in range(2):
            answer = {SINGLE[0]: float(rng.random() < level)}
            found.append(Evaluated(agent, 5 * number + 1, f"s-{agent}-{number}", "r2", answer, is_chosen=True))
    return found


def write_evaluated(warehouse: Warehouse, late: str | None = None) -> None:
    """Write answers and engagements of each day, and plain and fair windows that end on `END`.

    The evaluation of the engagement `late` was not there when the scores but the fair ones were first published.
    """
    if late is not None:
        before = [each for each in draw_evaluations() if each.engagement != late]
        daily, segments = _sum_up(before)
        _publish(warehouse, "answer", build_answers(before), PUBLISHED - timedelta(days=1))
        _publish(warehouse, "agent_daily", daily, PUBLISHED - timedelta(days=1))
        _publish(warehouse, "agent_rolling", _score_plain(daily, segments), PUBLISHED - timedelta(days=1))
    for name, rows in _score().items():
        _publish(warehouse, name, rows, PUBLISHED)


def _publish(warehouse: Warehouse, name: str, rows: pa.Table, made_at: datetime) -> None:
    """Replace the days of a score, as the writer of days does."""
    column = "end_date" if "end_date" in rows.schema.names else "start_date"
    for day in rows[column].unique().to_pylist():
        own = rows.filter(pc.equal(rows[column], pa.scalar(day, pa.date32())))
        footer = Footer(file_id=f"{name} {made_at}", scored_at=made_at, inputs="{}", recipe=Recipe.of(1, {}))
        with warehouse.create(warehouse.table_path(("scores", name), day)) as path:
            write_frame(path, own, footer)
            record_changes(warehouse, name, day, path)


@cache
def _score() -> dict[str, pa.Table]:
    drawn = draw_evaluations()
    (daily, segments), answers = _sum_up(drawn), build_answers(drawn)
    choices = RollingChoices(min_engagements=3, min_evaluations=2)
    (fair,) = score_fair_windows(daily, segments, answers, [END], choices)
    return {
        "agent_daily": daily,
        "answer": answers,
        "engagement": _build_engagements(drawn),
        "agent_rolling": _score_plain(daily, segments),
        "fair": fair,
    }


def _sum_up(drawn: Sequence[Evaluated]) -> tuple[pa.Table, pa.Table]:
    """The rows of `scores/agent_daily` and `scores/agent_segment_daily`."""
    groups = [
        Engagements(
            days_ago=each.days_ago,
            agent=each.agent,
            name=AGENTS[each.agent],
            evaluations=(fmean(each.answers.values()),),
            empathy=3.0 + len(each.engagement) % 3,
        )
        for each in drawn
    ]
    daily = build_daily(groups)
    for name in ("evaluation_reviewer", "empathy"):
        mean = f"{name}_mean"
        at = daily.schema.get_field_index(mean)
        daily = daily.set_column(at, daily.schema.field(mean), pc.divide(daily[f"{name}_sum"], daily[f"{name}_count"]))
    return daily, build_segments(groups)


def _score_plain(daily: pa.Table, segments: pa.Table) -> pa.Table:
    plain = score_agents_rolling(daily, segments, END)
    return pa.Table.from_pandas(plain, arrow_schema(SCORE_MODELS["agent_rolling"]), preserve_index=False)


def build_answers(evaluations: Sequence[Evaluated]) -> pa.Table:
    """The rows of `scores/answer`."""
    names = QUESTIONS | dict([SINGLE])
    rows = [
        {
            "start_date": END - timedelta(days=each.days_ago),
            "pid": f"{each.engagement}-{question}",
            "engagement_pid": each.engagement,
            "agent_pid": each.agent,
            "agent_name": AGENTS[each.agent],
            "is_bot": False,
            "channel_type": "CHAT",
            "queue": "Sales",
            "language": "en",
            "source": "reviewer",
            "reviewer_pid": each.reviewer,
            "reviewer_name": f"Vera {each.reviewer}",
            "question_pid": question,
            "question_name": names[question],
            "evaluation": f"session {each.engagement}",
            "answer_name": f"{score:.0%} of it",
            "score": score,
            "weight": 1.0,
            "scoring_status": "scored",
            "is_scored": True,
            "is_worst": score == 0,
            "is_random_or_all": not each.is_chosen,
            "is_found_only": False,
        }
        for each in evaluations
        for question, score in each.answers.items()
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(SCORE_MODELS["answer"]))


def _build_engagements(evaluations: Sequence[Evaluated]) -> pa.Table:
    rows: dict[str, dict[str, Any]] = defaultdict(dict)
    for each in evaluations:
        day = END - timedelta(days=each.days_ago)
        rows[each.engagement] = {
            "start_date": day,
            "engagement_pid": each.engagement,
            "agent_pid": each.agent,
            "agent_name": AGENTS[each.agent],
            "channel_type": "CHAT",
            "start_time": datetime.combine(day, time(9, int(each.engagement[-1])), UTC),
            "link": f"https://desk.example/{each.engagement}",
            "empathy": 3.0 + len(each.engagement) % 3,
        }
    schema = pa.schema([field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["engagement"])])
    return pa.Table.from_pylist(list(rows.values()), schema=schema)
