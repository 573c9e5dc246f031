"""Stored review plans: whole or absent, never replaced, and inputs of the scores of their days alone."""

from datetime import timedelta
from pathlib import Path

import pytest

from salted_assets.history import HistoryReader
from salted_assets.history.restatement import find_stale_days
from salted_assets.history.review_plans import PlanFiles, read_plan
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets_tests.support.restatement_sandbox import LAYOUT, TABLES, Sandbox, day
from salted_assets_tests.support.review_plans import planned, store
from salted_assets_tests.support.scoring_rows import DAY
from salted_assets_tests.support.spoiled_files import cut, spoil


@pytest.fixture(name="warehouse")
def fixture_warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "lake"))


def test_no_plan_takes_the_place_of_another(warehouse: Warehouse) -> None:
    path = store(warehouse, planned("e1", DAY))
    with pytest.raises(FileExistsError, match="no plan takes the place"):
        store(warehouse, planned("e2", DAY))
    assert read_plan(warehouse, path)["engagement_pid"].to_pylist() == ["e1"]


def test_a_day_has_what_any_plan_drew_of_it_once(warehouse: Warehouse) -> None:
    later = DAY + timedelta(days=1)
    store(warehouse, planned("e1", DAY, plan_id="p1"), planned("e2", later, plan_id="p1"))
    store(warehouse, planned("e1", DAY, plan_id="p2"), planned("e3", DAY, plan_id="p2"))
    assert HistoryReader(warehouse, "UTC").read_planned([DAY])["engagement_pid"].to_pylist() == ["e1", "e3"]
    assert HistoryReader(warehouse, "UTC").read_planned([later])["engagement_pid"].to_pylist() == ["e2"]
    assert HistoryReader(warehouse, "UTC").read_planned([DAY, later]).num_rows == 3
    assert HistoryReader(warehouse, "UTC").read_planned([later + timedelta(days=1)]).num_rows == 0
    older = PlanFiles(warehouse, "UTC").list_plans()[0].file_id
    assert HistoryReader(warehouse, "UTC", plans=[older]).read_planned([DAY])["engagement_pid"].to_pylist() == ["e1"]


def test_in_another_zone_any_day_may_have_what_was_drawn(warehouse: Warehouse) -> None:
    store(warehouse, planned("e1", DAY))
    before = DAY - timedelta(days=1)
    rows = HistoryReader(warehouse, "Asia/Tokyo").read_planned([before]).to_pylist()
    assert rows == [{"start_date": before, "engagement_pid": "e1"}]


def test_a_plan_that_cannot_be_read_is_named_with_what_to_do(warehouse: Warehouse) -> None:
    path, message = store(warehouse, planned("e1", DAY)), r"plan=20240701T080000Z-plan.*counts by the vendor"
    spoil(warehouse, path)
    with pytest.raises(WarehouseDamaged, match=message):
        read_plan(warehouse, path)
    cut(warehouse, path)
    with pytest.raises(WarehouseDamaged, match=message):
        PlanFiles(warehouse, "UTC").list_plans()


def test_a_plan_puts_the_scores_of_its_days_out_of_date_and_no_other(warehouse: Warehouse) -> None:
    sandbox = Sandbox(warehouse)
    for number in range(4):
        for table in TABLES:
            sandbox.write_table(table, day(number), [day(number)])
        sandbox.score(day(number))

    def list_stale() -> list[tuple[int, tuple[str, ...]]]:
        sandbox.index.refresh()
        return [((of - day(0)).days, each.because) for of, each in find_stale_days(sandbox.index, LAYOUT).stale.items()]

    assert list_stale() == []
    path = store(warehouse, planned("e1", day(1), plan_id="p1"), planned("e2", day(3), plan_id="p1"))
    assert list_stale() == [(1, (f"plans/review {day(1)}",)), (3, (f"plans/review {day(3)}",))]
    for number in (1, 3):
        sandbox.score(day(number))
    assert list_stale() == []
    store(warehouse, planned("e3", day(1), plan_id="p2"))
    assert [number for number, _ in list_stale()] == [1]
    sandbox.score(day(1))
    assert list_stale() == []
    warehouse.delete(path)
    assert [number for number, _ in list_stale()] == [1, 3]
