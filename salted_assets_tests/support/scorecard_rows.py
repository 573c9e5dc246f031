"""Made-up inputs of scorecards: agents whose figures are given, in the columns that the scores have."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.output.scorecard import ScorecardInputs
from salted_assets.output.scorecard.inputs import CALIBRATION_COLUMNS, FAIR_COLUMNS, PLAIN_COLUMNS, TREND_SUMS
from salted_assets.output.scorecard.questions import QUESTION_COLUMNS
from salted_assets.output.scorecard.restated import RESTATED_COLUMNS
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.rolling_rows import END as ROLLING_END
from salted_assets_tests.support.rolling_rows import Engagements, build_daily, build_segments

END = date(2024, 3, 31)
_ROLLING_COLUMNS = (*PLAIN_COLUMNS, *FAIR_COLUMNS)


def agent_rows(number: int, **values: Any) -> list[dict[str, Any]]:
    """The rows of an agent that a scorecard reads: evaluations, handle time, surveys and an AI score."""
    agent = {
        "window_days": 28,
        "agent_pid": f"p{number}",
        "agent_name": f"Agent {number}",
        "team": f"Team {number % 3}",
        "channel_type": "Voice",
        "is_bot": False,
        "engagement_count": 100 + number,
        "is_reliable": number % 4 != 0,
        "not_comparable_reason": None if number % 4 else "fewer than 5 evaluations",
    }
    score = 0.6 + 0.01 * (number % 20)
    evaluation = {
        "measure": "evaluation_reviewer",
        "measure_count": 5 + number % 30,
        "effective_count": 4.5 + number % 30,
        "mean": score,
        "fair_mean": score,
        "fair_low": score - 0.1,
        "fair_high": score + 0.1,
        "shrunk_mean": 0.65 + (score - 0.65) / 2,
        "shrunk_low": score - 0.05,
        "shrunk_high": score + 0.05,
        "shrink_weight": 0.5,
        "group_mean": 0.65,
        "group_count": 12,
        "percentile": 0.5,
        "percentile_low": 0.2,
        "percentile_high": 0.8,
        "trend": 0.01,
        "trend_low": -0.02,
        "trend_high": 0.04,
        "evaluations_needed_count": 40,
        "reliability_ratio": 0.75,
    }
    ratio = (5 + number % 7) / 7
    expected = {"ratio_to_expected": ratio, "ratio_to_expected_low": ratio / 1.2, "ratio_to_expected_high": ratio * 1.2}
    handle_time = evaluation | expected | {"measure": "handle_time_geometric_ms", "measure_count": 100 + number}
    handle_time |= {"mean": 420_000.0 * ratio, "expected_mean": 420_000.0}
    survey = evaluation | {"measure": "evaluation_customer"}
    difference = {"difference_to_expected": 0.1, "difference_to_expected_low": -0.2, "difference_to_expected_high": 0.4}
    empathy = evaluation | difference | {"measure": "empathy", "mean": 4.0, "expected_mean": 3.9}
    nothing = dict.fromkeys(_ROLLING_COLUMNS)
    return [nothing | agent | rows | values for rows in (evaluation, handle_time, survey, empathy)]


def low_evaluation(**values: Any) -> dict[str, Any]:
    return {
        "start_time": datetime(2024, 3, 30, 9, 12, tzinfo=UTC),
        "engagement_pid": "e1",
        "link": "https://platform.example/e1",
        "agent_pid": "p1",
        "agent_name": "Agent 1",
        "team": "Team 1",
        "score": 0.31,
        "question_name": "Did the agent greet?",
        "answer_name": "No",
        "answer_reason": "no name given",
        "reviewer_name": "Vera",
        "channel_type": "Voice",
        "worst_count": 3,
        "is_failed_critical": None,
    } | values


def outcome(agent: str = "p1", **values: Any) -> dict[str, Any]:
    """Forms of an agent and what became of them: of 10 not chosen on purpose, 7 passed and nothing is critical."""
    counts = {"form_count": 12.0, "random_count": 10.0, "passed_count": 7.0, "critical_count": 0.0, "failed_count": 0.0}
    return {"agent_pid": agent} | counts | values


def worked(reviewer: str = "v1", **values: Any) -> dict[str, Any]:
    """What a reviewer has done."""
    counts = {"week_form_count": 3.0, "form_count": 15.0, "single_count": 4.0, "pending_count": 2.0}
    further = {"pending_since": date(2024, 3, 20), "rejected_count": 1.0, "timeout_count": 0.0}
    return {"reviewer_pid": reviewer, "reviewer_name": f"Reviewer {reviewer}"} | counts | further | values


def scored_twice(**values: Any) -> dict[str, Any]:
    """An engagement that two reviewers scored half the scale apart on four questions."""
    engagement = {
        name: low_evaluation()[name]
        for name in ("engagement_pid", "start_time", "link", "agent_pid", "agent_name", "team", "channel_type")
    }
    pair = {"one_name": "Vera", "other_name": "Walt", "question_count": 4.0, "one_mean": 0.25, "other_mean": 0.75}
    return engagement | pair | {"distance": 0.5, "question_name": "Did the agent greet?"} | values


def disputed(**values: Any) -> dict[str, Any]:
    """A reviewer's answer that is disputed since three weeks."""
    engagement = {
        name: low_evaluation()[name]
        for name in ("engagement_pid", "start_time", "link", "agent_pid", "agent_name", "team", "channel_type")
    }
    answer = {"question_name": "Did the agent greet?", "answer_name": "No", "score": 0.0}
    reviewer = {"pid": "r1", "reviewer_pid": "v1", "reviewer_name": "Vera"}
    state = {"is_completed": True, "is_disputed": True, "disputed_score": 0.0, "disputed_since": date(2024, 3, 10)}
    return engagement | answer | reviewer | state | values


def calibrated(reviewer: str, question: str, **values: Any) -> dict[str, Any]:
    """A person's row of `scores/reviewer_calibration`, without any agreement unless it is given."""
    return (
        dict.fromkeys(CALIBRATION_COLUMNS)
        | {
            "source": "reviewer",
            "reviewer_pid": reviewer,
            "reviewer_name": f"Reviewer {reviewer}",
            "question_pid": question,
            "question_name": f"Question {question}",
            "completed_count": 100,
            "agreement_reviewer_count": 0,
            "agreement_auto_count": 0,
        }
        | values
    )


def verified(question: str, correct: int, incorrect: int, **values: Any) -> dict[str, Any]:
    """An auto reviewer's row of it, with what was verified."""
    share = correct / (correct + incorrect)
    counts = {"verified_correct_count": correct, "verified_incorrect_count": incorrect, "verified_unclear_count": 1}
    precision = {"precision_ratio": share, "precision_low": share - 0.1, "precision_high": share + 0.1}
    return calibrated("auto", question) | {"source": "auto"} | counts | precision | values


def question_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of `scores/agent_question` as the page reads them; what a row does not say is a reviewers' of a person."""
    usual = {"is_bot": False, "question_name": "Greeted?", "source": "reviewer"}
    return pd.DataFrame([usual | row for row in rows], columns=list(QUESTION_COLUMNS))


def question_answer_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Reviewers' answers by agent, question, reason and whether they are recent."""
    columns = ("agent_pid", "question_pid", "answer_reason", "is_recent", "scored_count", "worst_count")
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({"scored_count": float, "worst_count": float})


def team_weeks(people: dict[str, int], week_count: int = 13, score: float = 0.7) -> pd.DataFrame:
    """Even weeks of teams of so many people."""
    weeks = [END - timedelta(days=7 * ago) for ago in reversed(range(week_count))]
    frames = [
        _of_people(_sums("last_day", weeks, score), count).assign(team=team, agent_count=count)
        for team, count in people.items()
    ]
    return pd.concat(
        frames or [_of_people(_sums("last_day", []), 0).assign(team=[], agent_count=[])], ignore_index=True
    )


def write_days(warehouse: Warehouse, name: str, rows: pa.Table | pd.DataFrame) -> None:
    """Put the rows of a score table into the files of their days."""
    schema = arrow_schema(SCORE_MODELS[name])
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
    key = "end_date" if "end_date" in schema.names else "start_date"
    for day in table[key].unique().to_pylist():
        with warehouse.create(warehouse.table_path(("scores", name), day)) as path:
            pq.write_table(table.filter(pa.compute.equal(table[key], pa.scalar(day, pa.date32()))), path)


def write_scored_day(warehouse: Warehouse, groups: Sequence[Engagements]) -> date:
    """Put the scores of these engagements that cards and pages compare people by into the files of one day; the day."""
    rolling = score_agents_rolling(build_daily(groups), build_segments(groups), ROLLING_END)
    write_days(warehouse, "agent_daily", build_daily(groups))
    write_days(warehouse, "agent_rolling", rolling)
    for name in ("fair", "reviewer_calibration"):
        with warehouse.create(warehouse.table_path(("scores", name), ROLLING_END)) as path:
            pq.write_table(arrow_schema(SCORE_MODELS[name]).empty_table(), path)
    return ROLLING_END


def build_inputs(
    agents: list[dict[str, Any]],
    *,
    week_count: int = 13,
    day_count: int = 28,
    low: list[dict[str, Any]] | None = None,
    low_singles: list[dict[str, Any]] | None = None,
    teams: pd.DataFrame | None = None,
    calibration: list[dict[str, Any]] | None = None,
    questions: list[dict[str, Any]] | None = None,
    question_answers: list[dict[str, Any]] | None = None,
    before: list[dict[str, Any]] | None = None,
    restated: list[dict[str, Any]] | None = None,
    outcomes: list[dict[str, Any]] | None = None,
    work: list[dict[str, Any]] | None = None,
    far_apart: list[dict[str, Any]] | None = None,
    disputes: list[dict[str, Any]] | None = None,
    has_versions: bool = True,
) -> ScorecardInputs:
    """Inputs with these rows of agents, even days and weeks, and a reviewer whose name is markup."""
    days = [END - timedelta(days=ago) for ago in reversed(range(day_count))]
    weeks = [END - timedelta(days=7 * ago) for ago in reversed(range(week_count))]
    pids = sorted({row["agent_pid"] for row in agents})
    reviewers = [
        {
            "reviewer_pid": "v1",
            "reviewer_name": "<b>Vera</b>",
            "leniency": 0.1,
            "leniency_low": 0.0,
            "leniency_high": 0.2,
        }
    ]
    return ScorecardInputs(
        end_date=END,
        days_present=day_count,
        rolling=_typed(agents),
        before=_typed(before or []),
        restated=pd.DataFrame(restated or [], columns=list(RESTATED_COLUMNS)),
        centre=_sums("start_date", days),
        weeks=_of_people(_sums("last_day", weeks), len(pids)),
        resolutions=pd.DataFrame({"resolution": ["resolved", "<i>escalated"], "engagement_count": [9.0, 2.0]}),
        team_weeks=team_weeks({}) if teams is None else teams,
        by_agent=_sums("agent_pid", pids),
        low_forms=pd.DataFrame(low or [], columns=list(low_evaluation())),
        low_singles=pd.DataFrame(low_singles or [], columns=list(low_evaluation())),
        questions=question_frame(questions or []),
        question_answers=question_answer_frame(question_answers or []),
        outcomes=pd.DataFrame(outcomes or [], columns=list(outcome())),
        work=pd.DataFrame(work or [], columns=list(worked())),
        far_apart=pd.DataFrame(far_apart or [], columns=list(scored_twice())),
        disputes=pd.DataFrame(disputes or [], columns=list(disputed())) if has_versions else None,
        calibration=pd.DataFrame(calibration or [], columns=list(CALIBRATION_COLUMNS)),
        leniency=pd.DataFrame(reviewers[: len(agents)], columns=list(reviewers[0])),
    )


def _typed(agents: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows in the types in which they are read."""
    fields = {field.name: field for name in ("fair", "agent_rolling") for field in arrow_schema(SCORE_MODELS[name])}
    schema = pa.schema([fields[name] for name in _ROLLING_COLUMNS])
    frame: pd.DataFrame = pa.Table.from_pylist(agents, schema=schema).to_pandas()
    return frame


def _of_people(weeks: pd.DataFrame, count: int) -> pd.DataFrame:
    """Weeks in which so many people have a value of each trend."""
    return weeks.assign(**{f"{name}_agent_count": count for name in TREND_SUMS})


def _sums(key: str, values: list[Any], score: float = 0.7) -> pd.DataFrame:
    count = len(values)
    return pd.DataFrame(
        {
            key: values,
            "day_count": np.full(count, 7),
            "engagement_count": np.full(count, 50.0),
            "evaluation_reviewer_engagement_count": np.full(count, 9.0),
            "form_evaluation_count": np.full(count, 10.0),
            "form_evaluation_sum": np.full(count, 10 * score),
            "form_evaluation_sum_of_squares": np.full(count, 10 * score**2 + 0.4),
            "single_answer_count": np.full(count, 3.0),
            "single_answer_sum": np.full(count, 2.0),
            "single_answer_sum_of_squares": np.full(count, 2.0),
            "handle_time_ms_count": np.full(count, 50.0),
            "handle_time_ms_sum": np.full(count, 50 * 400_000.0),
            **{
                f"{name}_{part}": np.full(count, value)
                for name in ("evaluation_customer", "evaluation_auto", "engagement_sentiment_customer")
                for part, value in (("count", 8.0), ("sum", 8 * score), ("sum_of_squares", 8 * score**2 + 0.3))
            },
            **{f"engagement_sentiment_agent_{part}": np.zeros(count) for part in ("count", "sum", "sum_of_squares")},
            **dict.fromkeys(("resolution_judged_count", "resolved_count"), np.zeros(count)),
            "handle_time_log_count": np.full(count, 50.0),
            "handle_time_log_sum": np.full(count, 50 * np.log(300_000)),
            "handle_time_log_sum_of_squares": np.full(count, 50 * np.log(300_000) ** 2 + 5),
        }
    )
