"""Reviews that come late, as the exports of consecutive days bring them: as changes, and as partitions of tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from salted_assets.explain.settlement import Arrivals
from salted_assets.history import Footer
from salted_assets.history.table_files import write_frame
from salted_assets.landing.windows import Calendar, list_days
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.review import Review
from salted_assets.warehouse import Warehouse

AGENTS = 4
DELAYS = (0, 0, 1, 1, 1, 2, 2, 3, 5, 9)
"""Of the ten evaluations of a day: the number of days until the export that brings each."""

_CHANGES = pa.schema(
    {
        "start_date": pa.date32(),
        "source": pa.string(),
        "agent_pid": pa.string(),
        "date": pa.date32(),
        "seen": pa.float64(),
        "value": pa.float64(),
    }
)


def arrive_late(days: Sequence[date], *, lost: Sequence[date] = ()) -> Arrivals:
    """Ten evaluations by reviewers of each day, which come with `DELAYS`; nothing comes on the `lost` days."""
    rows = [
        (
            day,
            "reviewer",
            f"agent {index % AGENTS}",
            day + timedelta(days=delay),
            1.0,
            (5 + (index * 7 + number) % 5) / 10,
        )
        for number, day in enumerate(days)
        for index, delay in enumerate(DELAYS)
        if day + timedelta(days=delay) not in lost
    ]
    return Arrivals(pa.table(list(map(list, zip(*rows, strict=True))), schema=_CHANGES))


def request_daily(first: date, last: date, *, zone: str = "UTC", hours_after: float = 3) -> dict[date, datetime]:
    """When the exports of the days were requested: so many hours after the end of each."""
    calendar = Calendar(ZoneInfo(zone), timedelta())
    lag = timedelta(hours=hours_after)
    return {day: calendar.start_of(day + timedelta(days=1)) + lag for day in list_days(first, last)}


def review(number: int, start_day: date, *, zone: str = "UTC", **other: Any) -> dict[str, Any]:
    """A completed reviewer evaluation of one answer (8 of 10), of an engagement at noon of the day in the zone."""
    named = f"{start_day} {number}"
    return {
        "pid": f"answer {named}",
        "engagement_pid": f"engagement {named}",
        "review_session_id": f"session {named}",
        "agent_pid": f"agent {number % AGENTS}",
        "type": "Reviewer",
        "status": "Completed",
        "answer_score": 8.0,
        "worst_score": 0.0,
        "best_score": 10.0,
        "engagement_start_time": datetime.combine(start_day, time(12), ZoneInfo(zone)).astimezone(UTC),
        **other,
    }


def export_reviews(
    warehouse: Warehouse, day: date, rows: Sequence[Mapping[str, Any]] = (), requested_at: datetime | None = None
) -> None:
    """Write the partition of `tables/review` of a day, by default requested three hours after its end."""
    schema = pa.schema([each.remove_metadata() for each in arrow_schema(Review)])
    at = requested_at or request_daily(day, day)[day]
    footer = Footer(simulated=warehouse.simulated, day=day, dataset="review", requested_at=at)
    with warehouse.create(warehouse.table_path(("tables", "review"), day)) as path:
        write_frame(path, pa.Table.from_pylist(list(rows), schema=schema), footer)
