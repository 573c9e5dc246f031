"""What has become of a plan: which of its engagements a person has evaluated by now, and what that comes to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from salted_assets.explain.review_plan.evaluated import create_evaluated
from salted_assets.history.review_plans import PlanFiles, read_plan
from salted_assets.history.score_files import score_damage_named, write_score_scan
from salted_assets.scoring.review_plan import PlannedMean, estimate_planned_mean
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import connect

_CARD_DAYS = 28
"""The days of a card: it shows plans that drew of these."""

_ENGAGEMENT_COLUMNS = ("engagement_pid", "start_date", "start_time", "link", "team")
_JOINED = """
    SELECT plan.*, engagement.start_time, engagement.link, engagement.team, evaluated.score,
        evaluated.engagement_pid IS NOT NULL AS is_done
    FROM plan
    LEFT JOIN evaluated USING (engagement_pid)
    LEFT JOIN (
        SELECT * FROM {engagements} QUALIFY row_number() OVER (PARTITION BY engagement_pid ORDER BY start_date DESC) = 1
    ) AS engagement USING (engagement_pid)
    ORDER BY plan.agent_name NULLS LAST, plan.agent_pid, engagement.start_time, engagement_pid
"""


def group_by_agent(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of a plan by the pid of their agent, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["agent_pid"], []).append(row)
    return found


@dataclass(frozen=True)
class PlanProgress:
    """A plan as far as it has come: a row for each engagement as a dictionary of `ReviewPlan`'s columns and more.

    These are `team`, `start_time` and `link` of the engagement, `is_done` and `score` (0..1, None where not done).
    """

    plan_id: str
    drawn_at: datetime
    first: date
    last: date
    seed: int
    rows: Sequence[dict[str, Any]]

    @property
    def done_count(self) -> int:
        """The engagements that a person has evaluated."""
        return sum(row["is_done"] for row in self.rows)

    @property
    def caution(self) -> str:
        """Why what is done may not stand for all yet, in a sentence; "" once everything is done, and where it may.

        Evaluations of before the draw count as done, but alone they are those that were chosen then.
        """
        done = [row for row in self.rows if row["is_done"]]
        before = sum(bool(row["was_evaluated"]) for row in done)
        if not before or len(done) == len(self.rows):
            return ""
        return (
            f"{before} of the {len(done)} done were evaluated before the draw, for whatever reason they were chosen "
            "then: until the others are done, means lean towards them."
        )

    @property
    def channel_means(self) -> dict[str, PlannedMean]:
        """By channel the mean score of all engagements that could be drawn, of agents with one that is done."""
        means = {}
        for channel in sorted({row["channel_type"] or "" for row in self.rows}):
            done = [row for row in self.rows if row["is_done"] and (row["channel_type"] or "") == channel]
            pids = sorted({row["agent_pid"] for row in done})
            means[channel] = estimate_planned_mean(
                [row["score"] for row in done],
                [row["eligible_count"] for row in done],
                np.array([pids.index(row["agent_pid"]) for row in done], np.int64),
            )
        return means


class LastPlans:
    """The last plan of each of several cards; what has become of a plan is read once for all of them."""

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._files = PlanFiles(warehouse, zone)
        self._read: dict[str, PlanProgress | None] = {}

    def find(self, day: date | None = None) -> PlanProgress | None:
        """The plan that was drawn last, or of those with an engagement of the 28 days to `day`; None without any.

        Raises WarehouseDamaged for a file that cannot be read.
        """
        for plan in reversed(self._files.list_plans()):
            if plan.days is None or day is None or any(0 <= (day - each).days < _CARD_DAYS for each in plan.days):
                if plan.path not in self._read:
                    self._read[plan.path] = _read_progress(self._warehouse, plan.path)
                if (progress := self._read[plan.path]) is not None:
                    return progress
        return None


def find_last_plan(warehouse: Warehouse, zone: str, day: date | None = None) -> PlanProgress | None:
    """What `LastPlans` find of one day."""
    return LastPlans(warehouse, zone).find(day)


def _read_progress(warehouse: Warehouse, path: str) -> PlanProgress | None:
    """How far the plan at a path has come; None where an erasure has left nothing of it.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    plan = read_plan(warehouse, path)
    if not plan.num_rows:
        return None
    head = plan.slice(0, 1).to_pylist()[0]
    first, last = head["first_date"], head["last_date"]
    with connect() as connection, score_damage_named(warehouse, ("answer", "engagement"), first, last):
        connection.execute("SET TimeZone = 'UTC'")
        create_evaluated(connection, warehouse, first, last)
        connection.register("plan", plan)
        engagements = write_score_scan(connection, warehouse, "engagement", first, last, _ENGAGEMENT_COLUMNS)
        rows = connection.sql(_JOINED.format(engagements=engagements)).to_arrow_table().to_pylist()
    return PlanProgress(head["plan_id"], head["drawn_at_utc"], first, last, head["seed"], rows)
