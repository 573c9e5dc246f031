"""Newest versions out of several exports, on real partitions in a real folder."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.deployment.s3_server import BUCKET, running_moto
from salted_assets.history import AffectedDates, FooterCache, HistoryReader
from salted_assets.history.affected_dates import START_COLUMNS, day_bounds, parse_affected_dates
from salted_assets.history.restatement import InputIndex
from salted_assets.warehouse import Warehouse, WarehouseDamaged, bucket
from salted_assets_tests.support import scoring_oracle as oracle
from salted_assets_tests.support.export_strategies import LATER, NEXT, exports
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, engagement, review, table, turn, write
from salted_assets_tests.support.spoiled_files import cut, spoil

pytestmark = pytest.mark.slow

Damage = Callable[[Warehouse, str], None]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path))


def night_after(day: date) -> datetime:
    return at(3, day=day + timedelta(days=1))


def read(warehouse: Warehouse, dataset: str, column: str, day: date = DAY) -> dict[str, Any]:
    rows = HistoryReader(warehouse, "UTC").newest(dataset, day, ["pid", column]).to_pylist()
    assert len({row["pid"] for row in rows}) == len(rows)
    return {row["pid"]: row[column] for row in rows}


def test_a_later_export_wins_where_no_updated_at_is_delivered(warehouse: Warehouse) -> None:
    write(
        warehouse, "engagement", DAY, night_after(DAY), [engagement(status="In Progress"), engagement("e2", team="N")]
    )
    write(warehouse, "engagement", LATER, night_after(LATER), [engagement(status="Completed")])
    assert read(warehouse, "engagement", "status") == {"e1": "Completed", "e2": "Completed"}
    facts = HistoryReader(warehouse, "UTC").read("engagement", DAY, ["pid"]).facts
    assert (facts.row_count, facts.late_row_count, facts.days_read) == (2, 1, (DAY, LATER))


def test_an_old_window_that_is_exported_again_later_wins(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(LATER), [engagement(team="as refreshed")])
    write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(team="as of the next day")])
    assert read(warehouse, "engagement", "team") == {"e1": "as refreshed"}


def test_updated_at_outranks_the_order_of_exports(warehouse: Warehouse) -> None:
    newer, older = engagement(team="newer", updated_at=at(20)), engagement(team="older", updated_at=at(19))
    write(warehouse, "engagement", DAY, night_after(DAY), [newer])
    write(warehouse, "engagement", NEXT, night_after(NEXT), [older])
    assert read(warehouse, "engagement", "team") == {"e1": "newer"}


def test_updated_at_decides_only_where_every_version_has_it(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(team="dated", updated_at=at(20))])
    write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(team="undated, ordered later")])
    assert read(warehouse, "engagement", "team") == {"e1": "undated, ordered later"}


@pytest.mark.parametrize(("old", "new"), [(DAY, NEXT), (NEXT, DAY)])
def test_an_engagement_whose_start_was_corrected_is_on_its_new_day_alone(
    warehouse: Warehouse, old: date, new: date
) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(start_time=at(23, day=old)), engagement("e2")])
    write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement("e3", start_time=at(9, day=NEXT))])
    write(warehouse, "engagement", LATER, night_after(LATER), [engagement(start_time=at(1, day=new))])
    assert ("e1" in read(warehouse, "engagement", "team", old), "e1" in read(warehouse, "engagement", "team", new)) == (
        False,
        True,
    )


def test_turns_and_reviews_of_an_engagement_moved_back_are_found(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(start_time=at(0, day=NEXT))])
    write(warehouse, "engagement", LATER, night_after(LATER), [engagement(start_time=at(23))])
    write(warehouse, "turn", NEXT, night_after(NEXT), [turn(turn_time=at(0, day=NEXT))])
    write(warehouse, "review", NEXT, night_after(NEXT), [review(engagement_start_time=at(0, day=NEXT))])
    assert list(read(warehouse, "turn", "participant")) == ["t1"]
    assert list(read(warehouse, "review", "type")) == ["r1"]


def test_turns_and_reviews_go_by_their_engagement_not_by_their_own_times(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(start_time=at(23, 59))])
    write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement("e2", start_time=at(9, day=NEXT))])
    skewed = turn(turn_time=at(0, 0, day=NEXT), turn_time_relative_ms=30_000)
    own = turn("t2", engagement_pid="e2", turn_time=at(9, day=NEXT))
    write(warehouse, "turn", NEXT, night_after(NEXT), [skewed, own])
    without_starts = [review(engagement_start_time=None), review("r2", engagement_pid="e2")]
    write(warehouse, "review", LATER, night_after(LATER), without_starts)
    assert read(warehouse, "turn", "engagement_pid") == {"t1": "e1"}
    assert read(warehouse, "review", "engagement_pid") == {"r1": "e1"}
    assert read(warehouse, "turn", "engagement_pid", NEXT) == {"t2": "e2"}


def test_turns_without_engagements_are_nobodys(warehouse: Warehouse) -> None:
    write(warehouse, "turn", DAY, night_after(DAY), [turn()])
    assert read(warehouse, "turn", "type") == {}
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    assert list(read(warehouse, "turn", "type")) == ["t1"]


def test_partitions_that_do_not_touch_the_day_are_not_opened(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    write(warehouse, "turn", DAY, night_after(DAY), [turn()])
    for days in range(1, 5):
        day = DAY + timedelta(days=days)
        write(warehouse, "turn", day, night_after(day), [turn(f"t{days}", turn_time=at(9, day=day))])
    assert HistoryReader(warehouse, "UTC").read("turn", DAY, ["pid"]).facts.days_read == (DAY,)


def spoil_rows(warehouse: Warehouse, day: date) -> None:
    """Leave nothing of an engagement partition but its footer."""
    path = Path(warehouse.uri) / warehouse.table_path(("tables", "engagement"), day)
    content = path.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    path.write_bytes(content[:4] + bytes(len(content) - footer - 4) + content[-footer:])


@pytest.mark.parametrize(("days", "is_read"), [(7, True), (8, False)])
def test_versions_that_start_elsewhere_are_looked_for_within_a_week(
    warehouse: Warehouse, days: int, is_read: bool
) -> None:
    other = DAY + timedelta(days=days)
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(), engagement("e3")])
    far = [engagement(pid, start_time=at(9, day=other)) for pid in ("e", "f", "d")]
    write(warehouse, "engagement", other, night_after(other), far)
    spoil_rows(warehouse, other)
    if is_read:
        with pytest.raises(WarehouseDamaged):
            read(warehouse, "engagement", "team")
    else:
        assert sorted(read(warehouse, "engagement", "team")) == ["e1", "e3"]


def test_partitions_written_at_the_same_moment_note_no_move_and_the_newest_start_decides(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    alone = Warehouse(str(tmp_path / "alone"))
    moved = write(alone, "engagement", NEXT, night_after(NEXT), [engagement(start_time=at(1, day=NEXT))])
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(start_time=at(23)), engagement("e2")])
    with warehouse.create(warehouse.table_path(("tables", "engagement"), NEXT)) as path:
        shutil.copy(moved, path)
    write(warehouse, "turn", DAY, night_after(DAY), [turn(turn_time=at(23))])
    assert list(read(warehouse, "engagement", "team")) == ["e2"]
    assert list(read(warehouse, "engagement", "team", NEXT)) == ["e1"]
    assert (read(warehouse, "turn", "type"), list(read(warehouse, "turn", "type", NEXT))) == ({}, ["t1"])


def test_rows_asked_for_by_their_ids_come_in_their_newest_version(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    write(warehouse, "turn", DAY, night_after(DAY), [turn(participant="AGENT"), turn("t2"), turn("t3")])
    write(warehouse, "turn", NEXT, night_after(NEXT), [turn(participant="CUSTOMER")])
    asked = pa.array(["t1", "t3", "elsewhere"])
    found = HistoryReader(warehouse, "UTC").read("turn", DAY, ["pid", "participant"], pids=asked)
    assert sorted(found.rows.to_pylist(), key=str) == [
        {"pid": "t1", "participant": "CUSTOMER"},
        {"pid": "t3", "participant": "AGENT"},
    ]
    assert found.facts.late_row_count == 1


def test_a_bucket_gives_what_a_folder_gives(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_moto() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        bucket._open_session.cache_clear()
        in_bucket = Warehouse(f"s3://{BUCKET}/{tmp_path.name}")
        for each in (warehouse, in_bucket):
            write(each, "engagement", DAY, night_after(DAY), [engagement(team="old"), engagement("e2", team="own")])
            write(each, "engagement", NEXT, night_after(NEXT), [engagement(team="new")])
            write(each, "turn", DAY, night_after(DAY), [turn(), turn("t2", engagement_pid="e2")])
            write(each, "turn", NEXT, night_after(NEXT), [turn(participant="CUSTOMER")])
        for dataset, column, expected in (
            ("engagement", "team", {"e1": "new", "e2": "own"}),
            ("turn", "participant", {"t1": "CUSTOMER", "t2": "AGENT"}),
        ):
            assert read(in_bucket, dataset, column) == read(warehouse, dataset, column) == expected
        facts = [HistoryReader(each, "UTC").read("turn", DAY, ["pid"]).facts for each in (warehouse, in_bucket)]
        bucket._open_session.cache_clear()
    assert facts[0] == facts[1]


@pytest.mark.parametrize("zone", ["Europe/Prague", "UTC"])
def test_a_partition_noted_in_another_zone_is_read_by_every_day(warehouse: Warehouse, zone: str) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()], zone=zone)
    write(
        warehouse, "engagement", LATER, night_after(LATER), [engagement("e2", start_time=at(9, day=LATER))], zone=zone
    )
    expected = (DAY,) if zone == "UTC" else (DAY, LATER)
    assert HistoryReader(warehouse, "UTC").read("engagement", DAY, ["pid"]).facts.days_read == expected


def test_agents_come_from_the_days_own_export_alone(warehouse: Warehouse) -> None:
    write(warehouse, "agent", DAY, night_after(DAY), [agent(type="Bot")])
    write(warehouse, "agent", NEXT, night_after(NEXT), [agent(type="User"), agent("a2")])
    assert read(warehouse, "agent", "type") == {"a1": "Bot"}
    assert read(warehouse, "agent", "type", LATER) == {}


def test_new_exports_are_seen_by_the_same_reader(warehouse: Warehouse) -> None:
    reader = HistoryReader(warehouse, "UTC")
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    write(warehouse, "turn", DAY, night_after(DAY), [turn(), turn("t2", engagement_pid="e2")])
    assert reader.newest("turn", DAY, ["pid"]).num_rows == 1
    write(warehouse, "engagement", DAY, night_after(NEXT), [engagement(), engagement("e2")])
    facts = reader.read("turn", DAY, ["pid"]).facts
    assert (facts.row_count, facts.late_row_count, facts.days_read) == (2, 0, (DAY,))


def test_nothing_found_gives_a_table_without_rows(warehouse: Warehouse) -> None:
    for dataset in ("engagement", "turn", "review", "agent", "customer"):
        found = HistoryReader(warehouse, "UTC").read(dataset, DAY, ["pid"])
        assert (found.rows.num_rows, found.rows.column_names, found.facts.has_own_day) == (0, ["pid"], False)


def test_errors_say_what_to_do(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="cannot read sentiment of engagement"):
        HistoryReader(warehouse, "UTC").newest("engagement", DAY, ["sentiment"])
    with warehouse.create(warehouse.table_path(("tables", "engagement"), DAY)) as path:
        pa.parquet.write_table(table("engagement", [engagement()]), path)
    with pytest.raises(WarehouseDamaged, match="materialize tables/engagement for 2024-01-31 again"):
        HistoryReader(warehouse, "UTC").newest("engagement", DAY, ["pid"])


@pytest.mark.parametrize("column", ["start_time", "preparation_time", "engagement_time", "wrap_up_time", "wait_time"])
def test_a_newer_version_that_cannot_be_read_leaves_the_earlier_one_the_newest(
    warehouse: Warehouse, column: str
) -> None:
    unreadable: Row = {column: None, "refused_columns": ["cost", column]}
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(team="earlier", engagement_time=600_000)])
    write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(team="newer", **unreadable)])
    assert read(warehouse, "engagement", "team") == {"e1": "earlier"}
    write(warehouse, "engagement", LATER, night_after(LATER), [engagement(team="newest", refused_columns=["cost"])])
    assert read(warehouse, "engagement", "team") == {"e1": "newest"}


def test_a_version_that_cannot_be_read_has_no_say_in_how_the_others_are_compared(warehouse: Warehouse) -> None:
    unreadable = engagement(updated_at=None, start_time=None, refused_columns=["start_time"])
    for day, version in (
        (DAY, engagement(team="changed last", updated_at=at(22))),
        (NEXT, engagement(team="requested last", updated_at=at(10))),
        (LATER, unreadable),
    ):
        write(warehouse, "engagement", day, night_after(day), [version])
    assert read(warehouse, "engagement", "team") == {"e1": "changed last"}


def test_of_versions_none_of_which_can_be_read_the_newest_counts(warehouse: Warehouse) -> None:
    for day in (DAY, NEXT):
        row = engagement(team=str(day), wrap_up_time=None, refused_columns=["wrap_up_time"])
        write(warehouse, "engagement", day, night_after(day), [row])
    assert read(warehouse, "engagement", "team") == {"e1": str(NEXT)}


@pytest.mark.parametrize(
    ("status", "is_withdrawn"),
    [("Deleted", True), ("ignore ", True), ("REJECTED", True), ("Completed", False), ("Timeout", False), (None, False)],
)
def test_a_review_that_is_withdrawn_stays_so_whatever_of_it_can_be_read(
    warehouse: Warehouse, status: str | None, is_withdrawn: bool
) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    write(warehouse, "review", DAY, night_after(DAY), [review(comment="earlier")])
    newer = review(comment="newer", status=status, answer_score=None, refused_columns=["answer_score"])
    write(warehouse, "review", NEXT, night_after(NEXT), [newer])
    assert read(warehouse, "review", "comment") == {"r1": "newer" if is_withdrawn else "earlier"}


@pytest.mark.parametrize("damage", [cut, spoil])
@pytest.mark.parametrize("dataset", ["engagement", "turn", "agent"])
def test_a_damaged_file_is_one_clear_error(warehouse: Warehouse, dataset: str, damage: Damage) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    write(warehouse, "turn", DAY, night_after(DAY), [turn()])
    write(warehouse, "agent", DAY, night_after(DAY), [agent()])
    path = warehouse.table_path(("tables", dataset), DAY)
    damage(warehouse, path)
    with pytest.raises(WarehouseDamaged, match=path):
        HistoryReader(warehouse, "UTC").newest(dataset, DAY, ["pid"])


@settings(max_examples=20, deadline=None)
@given(delivered=exports(), random=st.randoms(use_true_random=False))
def test_newest_rows_equal_the_ones_found_in_plain_python(
    tmp_path_factory: pytest.TempPathFactory, delivered: list[oracle.Export], random: Any
) -> None:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("warehouse")))
    for day, requested_at, tables in random.sample(delivered, len(delivered)):
        for dataset, rows in tables.items():
            write(warehouse, dataset, day, requested_at, random.sample(rows, len(rows)))
    for dataset, column in (("engagement", "team"), ("review", "comment")):
        expected = oracle.newest_of_day(delivered, dataset, DAY, "UTC")
        assert read(warehouse, dataset, column) == {pid: row[column] for pid, row in expected.items()}


def collected(dataset: str, rows: list[Row], zone: str = "UTC") -> AffectedDates:
    affected = AffectedDates(dataset, zone)
    for row in rows:
        affected.add(table(dataset, [row]).to_batches()[0])
    return affected


def test_affected_dates_are_calendar_days_of_the_zone() -> None:
    rows = [engagement(start_time=at(22, 59)), engagement(start_time=at(23))]
    assert collected("engagement", rows, "Europe/Prague").days == (DAY, NEXT)
    assert collected("engagement", rows).days == (DAY,)


def test_a_turn_near_midnight_affects_both_days() -> None:
    near = turn(turn_time=at(0, 1, day=NEXT), turn_time_relative_ms=61_000)
    assert collected("turn", [near]).days == (DAY, NEXT)
    assert collected("turn", [turn()]).days == (DAY,)
    assert collected("turn", [near]).late_rows(NEXT) == 1


def test_rows_that_do_not_tell_their_start_make_the_days_unknown() -> None:
    for dataset, row in (
        ("engagement", engagement(start_time=None)),
        ("review", review(engagement_start_time=None)),
        ("turn", turn(turn_time_relative_ms=None)),
        ("turn", turn(turn_time=None)),
        ("turn", turn(turn_time_relative_ms=2**62)),
    ):
        assert parse_affected_dates(collected(dataset, [row]).to_json(), "UTC") is None


def test_agents_and_empty_batches_affect_nothing() -> None:
    affected = collected("agent", [agent()])
    affected.add(table("agent", []))
    assert parse_affected_dates(affected.to_json(), "UTC") == frozenset()


def test_late_rows_are_those_that_started_earlier() -> None:
    rows = [engagement(), engagement(start_time=at(9, day=NEXT)), engagement(start_time=None)]
    affected = collected("engagement", rows)
    assert (affected.late_rows(DAY), affected.late_rows(NEXT), affected.late_rows(LATER)) == (0, 1, 2)


IMPOSSIBLE = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize("instant", IMPOSSIBLE, ids=["year 1", "year 9999", "1970"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_an_impossible_time_stops_nothing_and_is_corrected_by_a_later_export(
    warehouse: Warehouse, instant: datetime, zone: str
) -> None:
    """Of tables that were written before such times were refused."""
    times = {"engagement_start_time": instant, "review_time": instant}
    write(
        warehouse, "engagement", DAY, night_after(DAY), [engagement(), engagement("e2", start_time=at(12))], zone=zone
    )
    for day, start in ((NEXT, instant), (LATER, at(10))):
        write(warehouse, "engagement", day, night_after(day), [engagement("e2", start_time=start)], zone=zone)
        write(warehouse, "turn", day, night_after(day), [turn(), turn("t2", turn_time=instant)], zone=zone)
        write(warehouse, "review", day, night_after(day), [review(), review("r2", **times)], zone=zone)
        reader, index = HistoryReader(warehouse, zone), InputIndex(FooterCache(warehouse, zone), START_COLUMNS)
        found = {dataset: reader.newest(dataset, DAY, ["pid"]).num_rows for dataset in START_COLUMNS}
        assert found["turn"] == found["review"] == 2
        days = index.possibly_stale_days(DAY, day)
        assert DAY in days
        assert all(2000 <= each.year < 2100 for each in days | index.affected_dates())
        assert str(day) in index.of_table_rows([DAY])[DAY].files["tables/review"]
    assert found["engagement"] == 2, "as the later export says"


ZONES = st.sampled_from(
    ["UTC", "Europe/Prague", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut"]
)


@settings(max_examples=60, deadline=None)
@given(minute=st.integers(0, 30 * 366 * 1440), zone=ZONES)
def test_affected_date_and_bounds_agree_with_the_calendar(minute: int, zone: str) -> None:
    instant = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    day = instant.astimezone(ZoneInfo(zone)).date()
    assert collected("engagement", [engagement(start_time=instant)], zone).days == (day,)
    first, end = day_bounds(day, zone)
    assert first <= (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) < end
