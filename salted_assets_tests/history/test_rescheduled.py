"""Engagements whose start was corrected to another day: what footers record of it, and what is found by that."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import table_key
from salted_assets.history import (
    AffectedDates,
    FooterCache,
    HistoryReader,
    find_reschedules,
)
from salted_assets.history.affected_dates import parse_affected_dates, parse_reschedules
from salted_assets.history.restatement import InputIndex
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets_tests.support.platform import KNOWN_WARNINGS, running_platform
from salted_assets_tests.support.scoring_rows import DAY, Row, at, engagement, review, table, turn, write

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

NEXT = DAY + timedelta(days=1)
LATER = DAY + timedelta(days=10)
BEFORE_MIDNIGHT, AFTER_MIDNIGHT = at(23, 50), at(0, 10, day=NEXT)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path))


def night_after(day: date) -> datetime:
    return at(3, day=day + timedelta(days=1))


def reschedules_of(warehouse: Warehouse, day: date, *rows: Row, zone: str = "UTC") -> frozenset[tuple[date, date]]:
    return find_reschedules(warehouse, zone, day, table("engagement", rows).select(["pid", "start_time"]))


def footer_text(path: Path) -> str:
    return str(pq.read_metadata(path).metadata[b"salted.touches"], "utf-8")


def read(warehouse: Warehouse, dataset: str, day: date) -> list[str]:
    return sorted(HistoryReader(warehouse, "UTC").newest(dataset, day, ["pid"])["pid"].to_pylist())


def test_a_newer_version_touches_the_day_that_it_left(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(start_time=BEFORE_MIDNIGHT), engagement("e2")])
    path = write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(start_time=AFTER_MIDNIGHT)])
    assert parse_affected_dates(footer_text(path), "UTC") == frozenset({DAY, NEXT})
    assert parse_reschedules(footer_text(path), "UTC") == {(NEXT, DAY)}
    assert (read(warehouse, "engagement", DAY), read(warehouse, "engagement", NEXT)) == (["e2"], ["e1"])


def test_a_move_is_noted_by_whichever_partition_is_written_last(warehouse: Warehouse) -> None:
    newer = write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(start_time=AFTER_MIDNIGHT)])
    older = write(warehouse, "engagement", DAY, night_after(DAY), [engagement(start_time=BEFORE_MIDNIGHT)])
    assert parse_reschedules(footer_text(newer), "UTC") == frozenset()
    assert parse_reschedules(footer_text(older), "UTC") == {(DAY, NEXT)}


@pytest.mark.parametrize("is_older_written_last", [False, True])
def test_turns_and_reviews_follow_an_engagement_that_moved_forward(
    warehouse: Warehouse, is_older_written_last: bool
) -> None:
    write(warehouse, "turn", DAY, night_after(DAY), [turn(turn_time=BEFORE_MIDNIGHT), turn("t2", engagement_pid="e2")])
    write(warehouse, "review", DAY, night_after(DAY), [review(engagement_start_time=BEFORE_MIDNIGHT)])
    versions = [
        (DAY, [engagement(start_time=BEFORE_MIDNIGHT), engagement("e2")]),
        (NEXT, [engagement(start_time=AFTER_MIDNIGHT)]),
    ]
    for day, rows in reversed(versions) if is_older_written_last else versions:
        write(warehouse, "engagement", day, night_after(day), rows)
    assert (read(warehouse, "turn", NEXT), read(warehouse, "review", NEXT)) == (["t1"], ["r1"])
    assert (read(warehouse, "turn", DAY), read(warehouse, "review", DAY)) == (["t2"], [])


def test_a_move_back_that_a_refreshed_day_tells_empties_the_later_day(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(start_time=AFTER_MIDNIGHT)])
    write(warehouse, "engagement", DAY, night_after(LATER), [engagement(start_time=BEFORE_MIDNIGHT)])
    assert (read(warehouse, "engagement", DAY), read(warehouse, "engagement", NEXT)) == (["e1"], [])


def test_days_are_those_of_the_zone(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(start_time=at(22, 30))], zone="Europe/Prague")
    moved = engagement(start_time=at(23, 30))
    assert reschedules_of(warehouse, NEXT, moved, zone="Europe/Prague") == {(NEXT, DAY)}
    assert reschedules_of(warehouse, NEXT, moved) == frozenset()


def test_what_is_no_move_is_not_noted(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(), engagement("e2", start_time=None)])
    assert reschedules_of(warehouse, NEXT, engagement(start_time=at(10))) == frozenset()
    assert reschedules_of(warehouse, NEXT, engagement("e2", start_time=at(9, day=NEXT))) == frozenset()
    assert reschedules_of(warehouse, NEXT, engagement("e3", start_time=at(9, day=NEXT))) == frozenset()
    assert reschedules_of(warehouse, NEXT, engagement(start_time=None)) == frozenset()
    assert reschedules_of(warehouse, NEXT) == frozenset()
    path = write(warehouse, "engagement", NEXT, night_after(NEXT), [engagement(start_time=at(10))])
    assert "moves" not in json.loads(footer_text(path))


def test_a_start_that_moved_by_more_than_a_week_is_found_by_a_later_export(warehouse: Warehouse) -> None:
    """A row of an earlier day that no partition near that day has was on another day before, or is new."""
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    for distance in (7, 8, 300):
        moved = DAY + timedelta(days=distance)
        assert reschedules_of(warehouse, moved + timedelta(days=3), engagement(start_time=at(9, day=moved))) == {
            (moved, DAY)
        }
    assert (
        reschedules_of(warehouse, LATER, engagement("e2", start_time=at(9, day=DAY + timedelta(days=9)))) == frozenset()
    )


@pytest.mark.parametrize("days", [20, -20])
def test_an_engagement_that_moved_far_is_on_its_new_day_alone_and_its_reviews_follow(
    warehouse: Warehouse, days: int
) -> None:
    left, now, later = DAY, DAY + timedelta(days=days), DAY + timedelta(days=30)
    for day in (left, now):
        stays = [engagement(f"stays on {day}", start_time=at(9, day=day))]
        reschedules = [engagement()] if day == left else []
        write(warehouse, "engagement", day, night_after(day), [*stays, *reschedules])
    write(warehouse, "review", left, night_after(left), [review(engagement_start_time=at(9, day=left))])
    write(warehouse, "engagement", later, night_after(later), [engagement(start_time=at(9, day=now))])

    assert read(warehouse, "engagement", left) == [f"stays on {left}"]
    assert read(warehouse, "engagement", now) == ["e1", f"stays on {now}"]
    assert (read(warehouse, "review", left), read(warehouse, "review", now)) == ([], ["r1"])
    index = InputIndex(FooterCache(warehouse, "UTC"), ("engagement", "review"))
    assert {left, now} <= index.possibly_stale_days(later, later), "both days are restated"


def test_partitions_are_gone_through_only_for_rows_that_no_near_one_has(warehouse: Warehouse) -> None:
    far, near, day = DAY, DAY + timedelta(days=20), DAY + timedelta(days=22)
    path = write(warehouse, "engagement", far, night_after(far), [engagement("far")])
    path.write_bytes(b"cannot be read")
    write(warehouse, "engagement", near, night_after(near), [engagement(start_time=at(9, day=near))])
    rows = [engagement(start_time=at(10, day=near)), engagement("new", start_time=at(9, day=day))]
    assert reschedules_of(warehouse, day, *rows) == frozenset()
    with pytest.raises(WarehouseDamaged):
        reschedules_of(warehouse, day, *rows, engagement("late", start_time=at(9, day=near)))


def test_a_far_move_onto_the_exported_day_counts_on_both_until_the_old_day_is_exported_again(
    warehouse: Warehouse,
) -> None:
    """Rows of the exported day itself are taken for new ones: to look all of them up would cost too much."""
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement(), engagement("e2")])
    write(warehouse, "engagement", LATER, night_after(LATER), [engagement(start_time=at(9, day=LATER))])
    assert (read(warehouse, "engagement", DAY), read(warehouse, "engagement", LATER)) == (["e1", "e2"], ["e1"])
    write(warehouse, "engagement", DAY, night_after(LATER), [engagement("e2")])
    assert (read(warehouse, "engagement", DAY), read(warehouse, "engagement", LATER)) == (["e2"], ["e1"])


def test_a_far_move_is_found_when_the_export_that_told_of_it_is_loaded_again(warehouse: Warehouse) -> None:
    moved, later = DAY + timedelta(days=20), DAY + timedelta(days=22)
    rows = [engagement(start_time=at(9, day=moved))]
    write(warehouse, "engagement", later, night_after(later), rows)
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    assert read(warehouse, "engagement", DAY) == ["e1"]
    write(warehouse, "engagement", later, night_after(later), rows)
    assert (read(warehouse, "engagement", DAY), read(warehouse, "engagement", moved)) == ([], ["e1"])


def test_moves_to_where_the_calendar_ends_are_no_error(warehouse: Warehouse) -> None:
    write(warehouse, "engagement", DAY, night_after(DAY), [engagement()])
    farthest = datetime.max.replace(tzinfo=at(0).tzinfo)
    assert reschedules_of(warehouse, NEXT, engagement(start_time=farthest), zone="Pacific/Kiritimati") == frozenset()
    assert reschedules_of(warehouse, NEXT, engagement(start_time=datetime(1, 1, 1, tzinfo=at(0).tzinfo))) == frozenset()


def test_a_note_of_another_zone_or_of_an_older_version_has_no_moves() -> None:
    affected = AffectedDates("engagement", "UTC")
    assert parse_reschedules(None, "UTC") == parse_reschedules(affected.to_json(), "UTC") == frozenset()
    affected.add_reschedules([(NEXT, DAY)])
    assert (affected.days, affected.late_rows(NEXT)) == ((DAY, NEXT), 0)
    assert parse_reschedules(affected.to_json(), "Europe/Prague") == frozenset()


def test_the_platform_notes_moves_when_it_writes_a_table(tmp_path: Path) -> None:
    with running_platform(tmp_path, datasets=("engagement",)) as platform:
        assert platform.materialize("2024-01-10", select='key:"raw/export" or key:"tables/engagement"').success
        delivered = pq.read_table(platform.table(table_key("engagement"), "2024-01-10"), partitioning=None)
        row = delivered.slice(0, 1).to_pylist()[0]
        moved = row | {"start_time": row["start_time"] - timedelta(days=1)}
        write(platform.warehouse, "engagement", date(2024, 1, 9), night_after(date(2024, 1, 9)), [moved])
        assert platform.materialize("2024-01-10", select='key:"tables/engagement"').success
        path = platform.table(table_key("engagement"), "2024-01-10")
        here = row["start_time"].date()
        assert parse_reschedules(footer_text(path), "UTC") == {(here, here - timedelta(days=1))}
