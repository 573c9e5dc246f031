"""Review plans for tests: rows as `salted plan` stores them."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from salted_assets.history import Footer
from salted_assets.history.review_plans import write_plan
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.review_plan import ReviewPlan
from salted_assets.warehouse import Warehouse

DRAWN_AT = datetime(2024, 7, 1, 8, tzinfo=UTC)


def planned(engagement: str, start_date: date, agent: str = "a1", **columns: Any) -> dict[str, Any]:
    """A row of a plan."""
    usual = {"plan_id": "20240701T080000Z-plan", "drawn_at_utc": DRAWN_AT, "agent_pid": agent, "agent_name": "Ada"}
    days = {"first_date": start_date, "last_date": start_date, "start_date": start_date, "seed": 1}
    counts = {"probability": 0.1, "planned_count": 1, "eligible_count": 10, "evaluated_count": 2}
    said = {"channel_type": "CHAT", "engagement_pid": engagement, "reason": "few so far", "was_evaluated": False}
    return usual | days | counts | said | columns


def store(warehouse: Warehouse, *rows: dict[str, Any], zone: str = "UTC") -> str:
    """Store them as one plan; gives its path."""
    table = pa.Table.from_pylist(list(rows), schema=arrow_schema(ReviewPlan))
    return write_plan(warehouse, table, Footer(simulated=True), zone)
