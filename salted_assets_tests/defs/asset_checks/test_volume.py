"""The `volume` check: a day's rows against the median of its weekday, by footers alone, and what the UI then says."""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.defs.asset_checks.volume import Volume, check_volume, measure_volume
from salted_assets.defs.asset_keys import table_key
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform, with_settings

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAY = date(2024, 1, 9)
AGENT = ("tables", "agent")
TABLE = 'key:"tables/agent"'


def volume(row_count: int, *earlier: int) -> Volume:
    return Volume(row_count, {DAY - timedelta(weeks=weeks): rows for weeks, rows in enumerate(earlier, 1)})


def put(folder: Path, day: date, row_count: int) -> Path:
    path = folder.joinpath(*AGENT, f"date={day}", "part-0.parquet")
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"pid": [str(number) for number in range(row_count)]}), path)
    return path


def test_the_same_weekday_of_eight_weeks_is_counted_and_no_other_day(tmp_path: Path) -> None:
    for weeks in (1, 2, 5, 8, 9):
        put(tmp_path, DAY - timedelta(weeks=weeks), weeks)
    put(tmp_path, DAY - timedelta(days=1), 100)
    put(tmp_path, DAY + timedelta(weeks=1), 100)

    found = measure_volume(Warehouse(str(tmp_path)), AGENT, DAY, 7)

    assert found.row_count == 7
    assert found.earlier_row_counts == {DAY - timedelta(weeks=weeks): weeks for weeks in (1, 2, 5, 8)}
    assert (found.usual_row_count, found.ratio) == (3.5, 2.0)


def test_a_partition_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, DAY - timedelta(weeks=1), 3)
    put(tmp_path, DAY - timedelta(weeks=2), 3).write_bytes(b"no table")
    put(tmp_path, DAY - timedelta(weeks=3), 3).write_bytes(b"")

    found = measure_volume(Warehouse(str(tmp_path)), AGENT, DAY, 3)

    assert list(found.earlier_row_counts) == [DAY - timedelta(weeks=1)]
    assert list(found.damaged_days) == [DAY - timedelta(weeks=2), DAY - timedelta(weeks=3)]
    assert "2023-12-26" in str(check_volume(found, 0.5).metadata["damaged_days"])


def test_holidays_are_neither_compared_with_nor_judged(tmp_path: Path) -> None:
    for weeks in range(1, 5):
        put(tmp_path, DAY - timedelta(weeks=weeks), 0 if weeks < 3 else 100)
    holidays = {DAY - timedelta(weeks=1), DAY - timedelta(weeks=2)}
    put(tmp_path, DAY - timedelta(weeks=5), 100)

    found = measure_volume(Warehouse(str(tmp_path)), AGENT, DAY, 20, holidays)
    on_holiday = measure_volume(Warehouse(str(tmp_path)), AGENT, DAY, 0, {*holidays, DAY})

    assert found.earlier_row_counts == {DAY - timedelta(weeks=weeks): 100 for weeks in (3, 4, 5)}
    assert not check_volume(found, 0.5).passed
    outcome = check_volume(on_holiday, 0.5)
    assert outcome.passed
    assert outcome.metadata["not_judged"] == "the day is a holiday (SALTED_HOLIDAYS)"


@pytest.mark.parametrize("rows", [0, 1, 10_000])
@pytest.mark.parametrize("earlier", [(), (100,), (100, 100)])
def test_fewer_than_three_days_are_compared_with_nothing(rows: int, earlier: tuple[int, ...]) -> None:
    found = volume(rows, *earlier)
    assert (found.is_usual(0.5), found.usual_row_count, found.ratio) == (True, None, None)


@pytest.mark.parametrize(
    ("rows", "tolerance", "expected"),
    [
        (99, 0.5, False),
        (100, 0.5, True),
        (400, 0.5, True),
        (401, 0.5, False),
        (179, 0.9, False),
        (180, 0.9, True),
        (222, 0.9, True),
        (223, 0.9, False),
    ],
)
def test_the_band_is_a_ratio_both_ways(rows: int, tolerance: float, expected: bool) -> None:
    assert volume(rows, 200, 150, 250, 0, 9_999).is_usual(tolerance) == expected


@pytest.mark.parametrize(
    ("rows", "earlier", "expected"),
    [
        (1, (9, 10, 11), True),
        (19, (9, 10, 11), True),
        (0, (9, 10, 11), False),
        (0, (1, 1, 1), False),
        (0, (0, 0, 0), True),
        (9, (0, 0, 0), True),
        (10, (0, 0, 0), False),
    ],
)
def test_few_rows_differ_by_chance_but_none_where_some_are_usual_never_do(
    rows: int, earlier: tuple[int, ...], expected: bool
) -> None:
    assert volume(rows, *earlier).is_usual(0.5) == expected


@given(usual=st.integers(1, 10_000), odd=st.lists(st.integers(0, 10**7), max_size=3), tolerance=st.floats(0.01, 0.99))
def test_a_usual_day_passes_whatever_a_minority_of_the_days_was_like(
    usual: int, odd: list[int], tolerance: float
) -> None:
    assert volume(usual, *[usual] * (len(odd) + 3), *odd).is_usual(tolerance)


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("volume"), datasets=("agent",)) as platform:
        assert platform.materialize(DAY.isoformat(), 'key:"raw/export"').success
        yield platform


@pytest.fixture
def platform(landed: Platform, tmp_path: Path) -> Iterator[Platform]:
    """A landed day in a warehouse of its own, with three earlier Tuesdays of 40 rows."""
    shutil.copytree(landed.folder / "raw", tmp_path / "raw")
    for weeks in (1, 2, 3):
        put(tmp_path, DAY - timedelta(weeks=weeks), 40)
    with dg.DagsterInstance.ephemeral() as instance:
        changed = with_settings(landed, warehouse=str(tmp_path))
        yield Platform(changed.settings, changed.defs, instance, landed.vendor)


def lines_of(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def with_rows(platform: Platform, count: int) -> None:
    """Let the vendor have delivered so many agents, all alike but for their pid."""

    def change(data: bytes) -> bytes:
        header, first, *_ = lines_of(data)
        return header + b"".join(b"agent-%d," % number + first.partition(b",")[2] for number in range(count))

    platform.edit_landed(DAY.isoformat(), "agents.csv", change)


def look(platform: Platform) -> tuple[str, dict[str, object]]:
    """The mark in the UI, and the metadata behind it."""
    (mark,) = (status for status, days in platform.check_days("agent", "volume").items() if DAY.isoformat() in days)
    evaluation = platform.evaluation("agent", "volume", DAY.isoformat())
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    return mark, {name: value.value for name, value in evaluation.metadata.items()}


@pytest.mark.parametrize(
    ("rows", "ratio", "advice"),
    [(0, 0.0, "refresh set"), (19, 0.475, "refresh set"), (81, 2.025, "late_rows")],
)
def test_an_unusual_day_is_a_warning_that_says_what_to_do(
    platform: Platform, rows: int, ratio: float, advice: str
) -> None:
    with_rows(platform, rows)
    assert platform.materialize(DAY.isoformat(), TABLE).success
    mark, shown = look(platform)
    assert mark == "FAILED"
    assert advice in str(shown.pop("what_to_do"))
    assert shown.pop("summary") == f"{rows} rows, where 40 are usual"
    assert shown == {"rows": rows, "median_rows": 40.0, "ratio": ratio, "days_compared": 3, "tolerance": 0.5}


def test_a_usual_day_passes_and_another_tolerance_is_obeyed(platform: Platform) -> None:
    with_rows(platform, 60)
    assert platform.materialize_range(DAY.isoformat(), DAY.isoformat(), TABLE).success
    mark, shown = look(platform)
    assert (mark, shown["ratio"], "what_to_do" in shown) == ("SUCCEEDED", 1.5, False)
    strict = with_settings(platform, volume_tolerance=0.8)
    assert strict.materialize(DAY.isoformat(), TABLE).success
    assert look(strict)[0] == "FAILED"
    on_holiday = with_settings(platform, volume_tolerance=0.8, holidays=(DAY,))
    assert on_holiday.materialize(DAY.isoformat(), TABLE).success
    assert look(on_holiday)[0] == "SUCCEEDED"


def test_without_earlier_days_it_passes_and_says_so(platform: Platform) -> None:
    shutil.rmtree(platform.table(table_key("agent"), (DAY - timedelta(weeks=1)).isoformat()).parent)
    with_rows(platform, 0)
    assert platform.materialize(DAY.isoformat(), TABLE).success
    mark, shown = look(platform)
    assert mark == "SUCCEEDED"
    assert shown == {
        "rows": 0,
        "days_compared": 2,
        "not_judged": "2 earlier days of this weekday are in the warehouse; from 3 on they are compared.",
    }
