"""Which rows that come to a day, or leave it, are of engagements that moved from or to another one."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from salted_assets.explain import MovedEngagements
from salted_assets.history import Footer
from salted_assets.history.table_files import write_frame
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.scoring_rows import DAY, at, engagement, write

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Engagement e1 began on the first day, and begins on the next one now; the others were never elsewhere."""
    found = Warehouse(str(tmp_path))
    rows = [engagement("e1", start_time=at(23)), engagement("e2"), engagement("e3")]
    write(found, "engagement", DAY, night_after(DAY), rows)
    moved = [engagement("e1", start_time=at(0, day=NEXT)), engagement("e4", start_time=at(9, day=NEXT))]
    write(found, "engagement", NEXT, night_after(NEXT), moved)
    return found


def night_after(day: date) -> datetime:
    return at(3, day=day + timedelta(days=1))


def find(warehouse: Warehouse, day: date, *, added: list[str] = [], removed: list[str] = []) -> set[str]:  # noqa: B006
    moved = MovedEngagements(warehouse, "UTC")
    return set(moved.find(day, pa.array(added, pa.string()), pa.array(removed, pa.string())))


def test_what_left_for_another_day_moved_and_what_is_gone_from_all_did_not(warehouse: Warehouse) -> None:
    assert find(warehouse, DAY, removed=["e1", "e2"]) == {"e1"}


def test_what_came_from_another_day_moved_and_what_is_new_did_not(warehouse: Warehouse) -> None:
    assert find(warehouse, NEXT, added=["e1", "e4"]) == {"e1"}


def test_a_row_that_comes_to_a_moved_engagement_later_is_no_move(warehouse: Warehouse) -> None:
    with warehouse.create(warehouse.table_path(("scores", "engagement"), NEXT)) as path:
        write_frame(path, pa.table({"engagement_pid": ["e1", "e4"]}), Footer())
    assert find(warehouse, NEXT, added=["e1"]) == set()


def test_a_row_that_goes_from_an_engagement_that_stays_is_no_move(warehouse: Warehouse) -> None:
    assert find(warehouse, NEXT, removed=["e1"]) == set()


def test_a_day_without_moves_reads_no_table_and_a_warehouse_without_tables_has_none(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    assert find(warehouse, NEXT + timedelta(days=1), added=["e9"], removed=["e1"]) == set()
    assert find(Warehouse(str(tmp_path / "empty")), DAY, added=["e1"]) == set()
