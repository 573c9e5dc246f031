"""Six weeks of daily exports of the simulator's late reviews, each as its own night would have brought it."""

import io
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
import pytest

from salted_assets.explain.settlement import find_teaching, read_arrivals, settle_day
from salted_assets.explain.settlement.teaching import find_requests
from salted_assets.history import Footer, FooterCache
from salted_assets.history.table_files import write_table
from salted_assets.ingest import IngestRules, RawFile, read_table
from salted_assets.landing.windows import Calendar, list_days
from salted_assets.schemas.review import Review
from salted_assets.simulator import SimulatorOptions
from salted_assets.simulator.data.exporting import write_csv
from salted_assets.warehouse import Warehouse

pytestmark = pytest.mark.slow

HORIZON = 14
DAYS = list_days(date(2024, 2, 1), date(2024, 3, 13))


def export(warehouse: Warehouse, day: date) -> None:
    """Load the day's reviews as an export three hours after its end has them."""
    start = datetime.combine(day, time(), UTC)
    requested_at = start + timedelta(hours=27)
    delivered = io.BytesIO()
    write_csv("review", start, start + timedelta(days=1), requested_at, SimulatorOptions(), delivered)
    stream = read_table(Review, [RawFile("reviews.csv", lambda: io.BytesIO(delivered.getvalue()))], IngestRules())
    footer = Footer(simulated=True, day=day, dataset="review", requested_at=requested_at)
    paths = (warehouse.table_path((folder, "review"), day) for folder in ("tables", "rejects"))
    with warehouse.create(next(paths)) as table, warehouse.create(next(paths)) as rejects:
        write_table(stream, table, rejects, footer=footer, zone="UTC")


def test_six_weeks_of_daily_running_know_how_late_the_simulators_people_review(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path), simulated=True)
    for day in DAYS:
        export(warehouse, day)
    calendar = Calendar(ZoneInfo("UTC"), timedelta(hours=2))
    requests = find_requests(FooterCache(warehouse, "UTC"), DAYS[0], DAYS[-1])
    teaching = find_teaching(requests, calendar, DAYS[-1], HORIZON)
    arrivals = read_arrivals(warehouse, "UTC", teaching.days[0], DAYS[-1])

    table = settle_day(arrivals, teaching, DAYS[-1], HORIZON)

    assert find_teaching(requests, calendar, DAYS[-2], HORIZON).known_from == DAYS[-1]
    of_all = table.group_by(["source", "age_days"]).aggregate([("seen_ratio", "mean"), ("settled_age_days", "max")])
    found = {(row["source"], row["age_days"]): row for row in of_all.to_pylist()}
    assert found["auto", 0]["seen_ratio_mean"] > 0.95, "which comes within two hours"
    assert found["reviewer", 0]["seen_ratio_mean"] < 0.3, "which people write within days, hardly at weekends"
    # evaluations take up to 7.5 days and wait for two at weekends, surveys take up to 10
    assert found["reviewer", 0]["settled_age_days_max"] in range(6, 11)
    assert found["customer", 0]["settled_age_days_max"] in range(7, 12)
    by_weekday = table.filter(pc.and_(pc.equal(table["source"], "reviewer"), pc.equal(table["age_days"], 2)))
    assert by_weekday.filter(pc.equal(by_weekday["weekday"], 5))["seen_ratio"][0].as_py() < 0.3, "Friday's wait"
