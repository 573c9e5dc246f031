"""What exports of day by day teach, and when they teach nothing: gaps, repetitions, other zones, rows that go again."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from salted_assets.explain.settlement import find_teaching, read_arrivals, read_settlement, settle_day
from salted_assets.explain.settlement.statements import Statement, write_own_statement, write_statement
from salted_assets.explain.settlement.teaching import LOOKED_BACK, Teaching, find_requests
from salted_assets.history import Footer, FooterCache
from salted_assets.history.table_files import write_frame
from salted_assets.landing.windows import Calendar, list_days
from salted_assets.output.catalog.settlement_view import COLUMNS, build_settlement_query
from salted_assets.schemas.measures import REVIEW_SOURCES as SOURCES
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.late_reviews import arrive_late, export_reviews, request_daily, review

FIRST = date(2024, 2, 20)
HORIZON = 14
LAST = FIRST + timedelta(days=28 + HORIZON - 1)
"""The first day that knows, of daily exports from `FIRST` on."""

DAILY = request_daily(FIRST, LAST)
ALL = list_days(FIRST, LAST + timedelta(days=60))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path))


def settle(
    requests: Mapping[date, datetime], today: date = LAST, *, zone: str = "UTC", lost: tuple[date, ...] = ()
) -> pa.Table:
    """The rows of a day, of reviews that come late by the same delays each day."""
    teaching = find_teaching(requests, Calendar(ZoneInfo(zone), timedelta(hours=2)), today, HORIZON)
    return settle_day(arrive_late(ALL, lost=lost), teaching, today, HORIZON)


def rows_of(table: pa.Table, source: str = "reviewer", **values: int) -> list[dict[str, object]]:
    chosen = table.filter(pc.equal(table["source"], source))
    return [row for row in chosen.to_pylist() if all(row[name] == value for name, value in values.items())]


def reason_of(table: pa.Table, source: str = "reviewer") -> str:
    (reason,) = {row["not_known_reason"] for row in rows_of(table, source)}
    return str(reason or "")


def store(warehouse: Warehouse, table: pa.Table, day: date) -> None:
    """Keep the rows of a day whose reviews are the newest."""
    export_reviews(warehouse, day)
    with warehouse.create(warehouse.table_path(("scores", "settlement"), day)) as path:
        write_frame(path, table, Footer(simulated=warehouse.simulated))


def say(warehouse: Warehouse, seen: Mapping[date, int]) -> str:
    return write_statement(read_settlement(warehouse, HORIZON).state("reviewer", seen), "reviewer", 7)


def test_shares_are_those_of_the_delays() -> None:
    table = settle(DAILY)
    by_age = [row["seen_ratio"] for row in rows_of(table, weekday=3)]
    assert by_age == pytest.approx([0.2, 0.5, 0.7, 0.8, 0.8, 0.9, 0.9, 0.9, 0.9, *[1.0] * 5])
    assert {row["settled_age_days"] for row in rows_of(table)} == {9}
    assert {row["learning_day_count"] for row in rows_of(table)} == {28}
    assert {row["first_start_date"] for row in rows_of(table)} == {FIRST}
    assert table.num_rows == 4 * 7 * HORIZON
    assert "fewer than 9" in reason_of(table, "customer")


def test_a_day_too_few_teaches_nothing_and_says_from_when_it_will() -> None:
    table = settle(DAILY, LAST - timedelta(days=1))
    assert reason_of(table).startswith("27 of 28 days were exported within 48 hours")
    assert "42 days" in reason_of(table)
    assert {row["known_from_date"] for row in rows_of(table)} == {LAST}
    assert {row["log_odds"] for row in rows_of(table)} == {None}


@pytest.mark.parametrize(("hours_after", "is_known"), [(47.9, True), (48.1, False)])
def test_a_first_load_shows_no_delays(hours_after: float, is_known: bool) -> None:
    table = settle(request_daily(FIRST, LAST, hours_after=hours_after))
    assert (reason_of(table) == "") is is_known
    if not is_known:
        assert "as on a first load none is" in reason_of(table)
        assert {row["known_from_date"] for row in rows_of(table)} == {LAST + timedelta(days=42)}


def test_no_exports_at_all_teach_nothing() -> None:
    assert "no day was exported" in reason_of(settle({}))


def test_a_missing_export_costs_the_days_that_it_is_the_horizon_of() -> None:
    gap = FIRST + timedelta(days=20)
    requests = request_daily(FIRST, LAST + timedelta(days=40))
    del requests[gap]
    assert reason_of(settle(requests)).startswith("13 of 28")
    known = settle(requests, gap + timedelta(days=HORIZON + 22))
    assert reason_of(known) == ""
    assert rows_of(known)[0]["first_start_date"] == FIRST
    assert rows_of(known)[0]["last_start_date"] == gap + timedelta(days=22)


def test_a_day_exported_again_later_does_not_teach() -> None:
    again = DAILY | {FIRST + timedelta(days=30): datetime(2024, 6, 1, tzinfo=UTC)}
    assert reason_of(settle(again)).startswith("16 of 28")


def test_what_comes_after_a_day_changes_nothing_of_it() -> None:
    later = request_daily(FIRST, LAST + timedelta(days=10))
    assert settle(later).equals(settle(DAILY))


@pytest.mark.parametrize("zone", ["Europe/Prague", "America/Los_Angeles", "Asia/Kathmandu"])
def test_exports_in_time_are_so_by_the_end_of_the_day_in_its_zone(zone: str) -> None:
    """The clocks of Prague and Los Angeles are moved within these days."""
    assert reason_of(settle(request_daily(FIRST, LAST, zone=zone, hours_after=47.9), zone=zone)) == ""
    assert reason_of(settle(request_daily(FIRST, LAST, zone=zone, hours_after=48.1), zone=zone)) != ""


@pytest.mark.parametrize(("zone", "day"), [("Europe/Prague", "2024-03-31"), ("America/Los_Angeles", "2024-11-03")])
def test_days_are_those_of_the_zone_also_where_clocks_are_moved(warehouse: Warehouse, zone: str, day: str) -> None:
    start = date.fromisoformat(day)
    calendar = Calendar(ZoneInfo(zone), timedelta())
    edges = [calendar.start_of(start), calendar.start_of(start + timedelta(days=1))]
    rows = [
        review(number, start, engagement_start_time=edge + timedelta(minutes=shift))
        for number, (edge, shift) in enumerate([(edges[0], -1), (edges[0], 0), (edges[1], -1), (edges[1], 0)])
    ]
    export_reviews(warehouse, start, rows)
    export_reviews(warehouse, start + timedelta(days=1))
    arrivals = read_arrivals(warehouse, zone, start, start + timedelta(days=1))
    seen = arrivals.see("reviewer", [start, start + timedelta(days=1)], start + timedelta(days=1), 1)
    assert seen.by_day.tolist() == [[2, 1], [2, 1]]


def test_an_evaluation_counts_once_and_only_while_it_counts(warehouse: Warehouse) -> None:
    days = list_days(FIRST, FIRST + timedelta(days=3))
    day = days[0]
    of_days = [
        [
            *(review(1, day, status="Pending"), review(2, day), review(3, day, answer_score=11.0)),
            *(review(4, day, engagement_start_time=None), review(5, day, type="Robot")),
        ],
        [review(1, day), review(1, day, pid="second answer", answer_score=4.0)],
        [review(2, day, status="Deleted"), review(1, day, answer_score=6.0)],
        [review(7, day, type="Auto", verified="Incorrect")],
    ]
    for each, rows in zip(days, of_days, strict=True):
        export_reviews(warehouse, each, rows)

    arrivals = read_arrivals(warehouse, "UTC", day, days[-1])

    seen = arrivals.see("reviewer", [day], days[-1], 3)
    assert seen.by_day[:, 0].tolist() == [1, 2, 1, 1]
    assert seen.total.sum(0)[0].tolist() == pytest.approx([0.8, 0.8 + 0.6, 0.5, 0.5])
    assert arrivals.see("auto", [day], days[-1], 3).by_day.sum() == 0
    assert arrivals.see("reviewer", [day], days[0], 3).by_day[:, 0].tolist() == [1, 1, 1, 1]
    requests = find_requests(FooterCache(warehouse, "UTC"), day, days[-1])
    assert requests == request_daily(day, days[-1])


def test_no_reviews_at_all_are_no_arrivals(warehouse: Warehouse) -> None:
    arrivals = read_arrivals(warehouse, "UTC", FIRST, LAST)
    assert arrivals.see("reviewer", list_days(FIRST, LAST), LAST, 3).by_day.sum() == 0


def test_moves_of_figures_are_learned_by_age() -> None:
    rows = rows_of(settle(DAILY), weekday=1)
    moves = [row["move_bound"] for row in rows]
    assert moves[0] > moves[4] > 0  # type: ignore[operator]
    assert moves[9] == 0
    assert rows[0]["move_factor"] is not None
    assert rows[9]["move_factor"] is None


def test_an_outage_of_two_days_widens_the_upper_limit() -> None:
    row = rows_of(settle(DAILY, lost=(LAST, LAST - timedelta(days=1))))[0]
    assert row["upper_widening_ratio"] > 10  # type: ignore[operator]
    assert row["lower_widening_ratio"] == 1


def test_a_statement_joins_the_newest_partition_with_what_is_seen(warehouse: Warehouse) -> None:
    store(warehouse, settle(DAILY), LAST)
    seen = {LAST: 2, LAST - timedelta(days=1): 5, LAST - timedelta(days=20): 10}

    statement = read_settlement(warehouse, HORIZON).state("reviewer", seen)

    assert statement.share == pytest.approx(17 / 30, abs=0.01)
    assert statement.low == statement.high == 30
    assert statement.settled_on == LAST + timedelta(days=10)
    assert statement.bound_move(17) is not None
    text = write_statement(statement, "reviewer", 7)
    assert text.startswith("Provisional: about 57 % of reviewer evaluations of the last 7 days are in; agents' figures")
    assert "; a mean of 17 evaluations moved by at most 0.0" in write_own_statement(statement, 28, 17)
    assert text.endswith("in 9 of 10 cases; settled about 11 April.")


def test_what_is_older_than_the_horizon_is_settled_and_nothing_is_said(warehouse: Warehouse) -> None:
    store(warehouse, settle(DAILY), LAST)
    settlement = read_settlement(warehouse, HORIZON)
    for age in (9, 14, 300):
        statement = settlement.state("reviewer", {LAST - timedelta(days=age): 10})
        assert statement.is_settled
        assert write_statement(statement, "reviewer", 7) == ""
    assert settlement.find_lookback() == {"reviewer": 9}


def test_a_statement_says_why_there_is_none_and_from_when(warehouse: Warehouse) -> None:
    export_reviews(warehouse, LAST)
    assert (
        read_settlement(warehouse, HORIZON).state("reviewer", {LAST: 1}).reason == "scores/settlement has not been made"
    )
    store(warehouse, settle(request_daily(FIRST, LAST, hours_after=90)), LAST)
    text = write_statement(read_settlement(warehouse, HORIZON).state("reviewer", {LAST: 1}), "reviewer", 7)
    assert text.startswith("How many reviewer evaluations are still to come is not known yet: no day was exported")
    assert text.endswith("known from 2024-05-13 on if every day is exported.")


def test_nothing_is_said_without_reviews_or_scores_of_them(warehouse: Warehouse) -> None:
    """Where reviews are not exported there are none, and where engagements are not there is no score of a day."""
    assert say(warehouse, {LAST: 0}) == ""
    export_reviews(warehouse, LAST)
    assert say(warehouse, {}) == ""


@pytest.mark.parametrize(("age", "is_said"), [(HORIZON - 1, True), (HORIZON, False), (800, False)])
def test_nothing_is_said_of_old_days_of_a_warehouse_without_the_table(
    warehouse: Warehouse, age: int, is_said: bool
) -> None:
    export_reviews(warehouse, LAST)
    assert ("has not been made" in say(warehouse, {LAST - timedelta(days=age): 3})) is is_said


def test_what_exports_that_are_repeated_never_tell_is_not_said(warehouse: Warehouse) -> None:
    store(warehouse, settle_day(None, Teaching((), LOOKED_BACK), LAST, HORIZON), LAST)
    assert say(warehouse, {LAST: 3}) == ""
    assert "SALTED_LOOKBACK_DAYS" in read_settlement(warehouse, HORIZON).state("reviewer", {LAST: 3}).reason


def test_a_mean_of_nothing_has_no_bound() -> None:
    assert Statement(share=0.5, move_factor=0.2).bound_move(0) is None
    assert Statement(share=0.5).bound_move(3) is None
    assert Statement(share=0.5, move_factor=0.2).bound_move(2) == pytest.approx(0.1)


def test_the_view_says_what_the_statement_says(warehouse: Warehouse) -> None:
    store(warehouse, settle(DAILY), LAST)
    seen = {LAST: 2, LAST - timedelta(days=1): 5, LAST - timedelta(days=20): 10}
    settlement = read_settlement(warehouse, HORIZON)
    daily = pa.table(
        {"start_date": list(seen), **{f"evaluation_{source}_count": list(seen.values()) for source in SOURCES}}
    )
    with duckdb.connect() as connection:
        connection.register("agent_daily", daily)
        connection.register("settlement", pa.Table.from_pylist(list(settlement.rows.values())))
        connection.register("review_exports", pa.table({"date": [LAST]}))
        query = build_settlement_query("agent_daily", "settlement", "review_exports")
        rows = connection.sql(query).to_arrow_table().to_pylist()
    assert set(rows[0]) == set(COLUMNS)
    by_key = {(row["source"], row["start_date"]): row for row in rows}
    for day, count in seen.items():
        row, own = by_key["reviewer", day], settlement.state("reviewer", {day: count})
        assert row["settled_on"] == day + timedelta(days=10)
        if own.is_settled:
            assert row["expected_low"] == row["expected_high"] == row["expected_count"] == count
        else:
            assert row["expected_count"] == pytest.approx(own.expected_count)
            assert (row["expected_low"], row["expected_high"]) == (own.low, own.high)
    unknown = by_key["customer", LAST]
    assert unknown["expected_count"] is unknown["expected_low"] is unknown["expected_high"] is None
    assert "fewer than 9" in unknown["not_known_reason"]
