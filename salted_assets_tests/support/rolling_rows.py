"""Engagements of many days for the tests of windows, added up to the daily tables that windows read."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean
from typing import Any

import pyarrow as pa

from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.schemas.scores import AgentDaily, AgentSegmentDaily, Answer

END = date(2024, 6, 30)


@dataclass(frozen=True)
class Engagements:
    """A number of engagements alike: `evaluations` by people and `surveys` of customers are of each of them."""

    days_ago: int = 0
    agent: str = "a0"
    times: int = 1
    name: str | None = "Ada"
    is_bot: bool | None = False
    team: str | None = "North"
    channel: str | None = "CHAT"
    queue: str | None = "Sales"
    language: str | None = "en"
    handle_time: int | None = 60_000
    empathy: float | None = None
    severity: float | None = None
    is_met: bool | None = None
    evaluations: tuple[float, ...] = ()
    surveys: tuple[float, ...] = ()

    @property
    def day(self) -> date:
        return END - timedelta(days=self.days_ago)

    @property
    def segment(self) -> tuple[str | None, ...]:
        return self.team, self.channel, self.queue, self.language


VALUES: dict[str, Callable[[Engagements], Sequence[float]]] = {
    "handle_time_ms": lambda group: [] if group.handle_time is None else [group.handle_time],
    "handle_time_log": lambda group: [math.log(group.handle_time)] if group.handle_time else [],
    "empathy": lambda group: [] if group.empathy is None else [group.empathy],
    "severity": lambda group: [] if group.severity is None else [group.severity],
    "evaluation_reviewer": lambda group: group.evaluations,
    "evaluation_customer": lambda group: group.surveys,
}
"""The values that one of these engagements gives to a daily measure."""


ABSENT = (
    "answer_auto_found_engagement_count",
    *(f"evaluation_{source}_engagement_count" for source in ("auto", "agent")),
    *(f"evaluation_{source}_failed_critical_count" for source in ("reviewer", "auto", "customer", "agent")),
)
"""What is null in daily tables because it was not exported, or not set."""


def build_daily(groups: Iterable[Engagements]) -> pa.Table:
    """The rows of `scores/agent_daily`, in no particular order."""
    return _table(AgentDaily, groups, lambda group: (group.day, group.agent), ())


def build_segments(groups: Iterable[Engagements]) -> pa.Table:
    """The rows of `scores/agent_segment_daily`, in no particular order."""
    labels = ("team", "channel_type", "queue", "language")
    return _table(AgentSegmentDaily, groups, lambda group: (group.day, group.agent, *group.segment), labels)


def _table(
    model: type[Table],
    groups: Iterable[Engagements],
    key: Callable[[Engagements], tuple[Any, ...]],
    labels: tuple[str, ...],
) -> pa.Table:
    by_key: dict[tuple[Any, ...], list[Engagements]] = defaultdict(list)
    groups = list(groups)
    has_surveys = any(group.surveys for group in groups)
    for group in groups:
        by_key[key(group)].append(group)
    schema = arrow_schema(model)
    usual: dict[str, Any] = {
        column.name: 0 for column in schema if column.name.endswith(("_count", "_sum", "_sum_of_squares"))
    }
    usual |= {"service_level_counts": "{}", "resolution_counts": "{}"}
    rows = []
    for (day, agent, *segment), own in by_key.items():
        row = usual | {"start_date": day, "agent_pid": agent, "engagement_count": sum(group.times for group in own)}
        row |= dict(zip(labels, segment, strict=True))
        row["agent_name"] = max((group.name for group in own if group.name), default=None)
        row["is_bot"] = own[0].is_bot
        for measure, values_of in VALUES.items():
            values = [(group.times, value) for group in own for value in values_of(group)]
            row[f"{measure}_count"] = sum(times for times, _ in values)
            row[f"{measure}_sum"] = math.fsum(times * value for times, value in values)
            row[f"{measure}_sum_of_squares"] = math.fsum(times * value**2 for times, value in values)
        for measure in ("evaluation_reviewer", "evaluation_customer"):
            averages = [(group.times, fmean(given)) for group in own if (given := VALUES[measure](group))]
            row[f"{measure}_engagement_count"] = sum(times for times, _ in averages)
            numbers = [(group.times, len(VALUES[measure](group))) for group in own]
            row[f"{measure}_engagement_squared_count_sum"] = math.fsum(times * n**2 for times, n in numbers)
            row[f"{measure}_engagement_mean_sum"] = math.fsum(times * value for times, value in averages)
            row[f"{measure}_engagement_mean_sum_of_squares"] = math.fsum(times * value**2 for times, value in averages)
        row["handle_time_ms_sum"] = round(row["handle_time_ms_sum"])
        row["service_level_judged_count"] = sum(group.times for group in own if group.is_met is not None)
        row["service_level_met_count"] = sum(group.times for group in own if group.is_met)
        row |= dict.fromkeys(ABSENT if has_surveys else (*ABSENT, "evaluation_customer_engagement_count"))
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=schema)


@dataclass(frozen=True)
class Given:
    """One answer of a human reviewer."""

    score: float
    reviewer: str | None = "r0"
    agent: str = "a0"
    question: str = "q0"
    engagement: str = "e0"
    evaluation: str = "session s0"
    days_ago: int = 0
    weight: float = 1.0
    source: str = "reviewer"
    is_scored: bool = field(default=True)
    is_bot: bool = False


def build_answers(answers: Iterable[Given]) -> pa.Table:
    """The rows of `scores/answer`."""
    rows = [
        {
            "start_date": END - timedelta(days=answer.days_ago),
            "pid": f"p{index}",
            "engagement_pid": answer.engagement,
            "agent_pid": answer.agent,
            "is_bot": answer.is_bot,
            "source": answer.source,
            "reviewer_pid": answer.reviewer,
            "question_pid": answer.question,
            "evaluation": answer.evaluation,
            "score": answer.score,
            "weight": answer.weight,
            "scoring_status": "scored" if answer.is_scored else "unclear",
            "is_scored": answer.is_scored,
            "is_random_or_all": True,
            "is_found_only": False,
        }
        for index, answer in enumerate(answers)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(Answer))
