"""Made-up inputs of pages of agents: figures as given, in the columns that the scores have."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from salted_assets.output.scorecard.agent_page import AgentInputs, Person
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets_tests.support.scorecard_rows import END, agent_rows

ENDS = tuple(END - timedelta(days=7 * ago) for ago in reversed(range(13)))
PERSON = Person("p1", "Agent 1", "Team 1")


def windows_of(number: int = 1, ends: tuple[date, ...] = ENDS, **values: Any) -> list[dict[str, Any]]:
    """The agent's rows of the 28 days to each of the week ends."""
    days = {"days_present_count": 28, "mean_low": None, "mean_high": None}
    return [row | days | {"end_date": end} | values for end in ends for row in agent_rows(number)]


def question(agent: str, name: str, worst: int, scored: int, **values: Any) -> dict[str, Any]:
    """What reviewers found of an agent in one question."""
    return {
        "agent_pid": agent,
        "is_bot": False,
        "source": "reviewer",
        "question_pid": f"q-{name}",
        "question_name": name,
        "scored_count": scored,
        "worst_count": worst,
    } | values


def asked(name: str, counts: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """A question with the worst of the scored answers of each agent by pid."""
    return [question(agent, name, *worst_of_scored) for agent, worst_of_scored in counts.items()]


def answered(name: str, worst: int, scored: int, **values: Any) -> dict[str, Any]:
    """Scored answers of the agent to a question, the worst ones with a reason."""
    counts = {"scored_count": float(scored), "worst_count": float(worst)}
    reason = {"answer_reason": "Not asked", "is_recent": True}
    return {"agent_pid": PERSON.agent_pid, "question_pid": f"q-{name}"} | reason | counts | values


def evaluation(number: int = 0, **values: Any) -> dict[str, Any]:
    """An evaluation of a form with one worst answer; a larger number is an older one."""
    answers = [
        {"question": "Was the identity verified?", "answer": "No", "reason": "Not asked", "is_worst": True},
        {"question": "Was the tone right?", "answer": "Yes", "reason": None, "is_worst": False},
    ]
    return {
        "engagement_pid": f"e{number}",
        "evaluation": f"session s{number}",
        "form": True,
        "score": 0.31,
        "is_failed_critical": False,
        "reviewer_pid": "v1",
        "reviewer_name": "Vera Reviewer",
        "answers": answers,
        "start_time": datetime(2024, 3, 30, 9, 12, tzinfo=UTC) - timedelta(days=number),
        "link": f"https://platform.example/e{number}",
        "channel_type": "VOICE",
    } | values


def alarm(end: date, **values: Any) -> dict[str, Any]:
    """What the 7 days to a week end say of changes."""
    return {"end_date": end, "change_direction": None, "change_since": None, "change_statistic": 0.4} | values


def build_agent_inputs(
    windows: list[dict[str, Any]] | None = None,
    *,
    questions: list[dict[str, Any]] | None = None,
    answers: list[dict[str, Any]] | None = None,
    evaluations: list[dict[str, Any]] | None = None,
    alarms: list[dict[str, Any]] | None = None,
    missing: tuple[date, ...] = (),
    agent_pid: str = PERSON.agent_pid,
) -> AgentInputs:
    """Inputs with these rows; by default the windows of 13 weeks alone."""
    rows = windows_of() if windows is None else windows
    fields = {field.name: field for name in ("fair", "agent_rolling") for field in arrow_schema(SCORE_MODELS[name])}
    schema = pa.schema([fields[name] for name in windows_of()[0]])
    return AgentInputs(
        agent_pid=agent_pid,
        end_dates=ENDS,
        missing=missing,
        windows=pa.Table.from_pylist(rows, schema=schema).to_pandas(),
        alarms=pd.DataFrame(alarms or [], columns=list(alarm(END))),
        questions=pd.DataFrame(questions or [], columns=list(question("", "", 0, 0))),
        question_answers=pd.DataFrame(answers or [], columns=list(answered("", 0, 0))),
        evaluations=pd.DataFrame(evaluations or [], columns=list(evaluation())),
    )
