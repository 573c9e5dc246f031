"""A window of a score table: one relation over the daily files that are there, in a folder and in a bucket."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.deployment.s3_server import BUCKET, running_moto
from salted_assets.history.score_files import (
    count_newest_rows,
    list_score_days,
    open_score_window,
    read_score_windows,
    score_damage_named,
)
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import EngagementScore
from salted_assets.warehouse import Warehouse, WarehouseDamaged, bucket
from salted_assets_tests.support.spoiled_files import spoil

pytestmark = pytest.mark.slow

DAY = date(2024, 1, 10)
COLUMNS = ("start_date", "agent_pid", "handle_time_ms", "empathy", "is_bot", "start_time")


def day_before(days: int) -> date:
    return DAY - timedelta(days=days)


@pytest.fixture(scope="module")
def bucket_environment() -> Iterator[dict[str, str]]:
    with running_moto() as server:
        yield server.environment


@pytest.fixture(params=["folder", "bucket"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    if request.param == "folder":
        yield Warehouse(str(tmp_path / "ware'house [1]*"))
        return
    for name, value in request.getfixturevalue("bucket_environment").items():
        monkeypatch.setenv(name, value)
    bucket._open_session.cache_clear()
    yield Warehouse(f"s3://{BUCKET}/{tmp_path.name}")
    bucket._open_session.cache_clear()


def scores(day: date, *agents: str, **columns: Any) -> pa.Table:
    start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    usual = {"start_date": day, "start_time": start, "handle_time_ms": 60_000, "empathy": 0.5, "is_bot": False}
    rows = [{"engagement_pid": f"{day} {agent}", "agent_pid": agent, **usual, **columns} for agent in agents]
    return pa.Table.from_pylist(rows, schema=arrow_schema(EngagementScore))


def write(warehouse: Warehouse, day: date, rows: pa.Table) -> None:
    with warehouse.create(warehouse.table_path(("scores", "engagement"), day)) as path:
        pq.write_table(rows, path, row_group_size=1)


def read(warehouse: Warehouse, first: date, last: date, *columns: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        window = open_score_window(connection, warehouse, "engagement", first, last, columns)
        assert window.columns == list(columns)
        once, again = window.order("1, 2").to_arrow_table(), window.order("1, 2").to_arrow_table()
        assert once == again
        zoned = pa.schema([arrow_schema(EngagementScore).field(column) for column in columns])
        assert [str(kind).split(", tz")[0] for kind in once.schema.types] == [
            str(kind).split(", tz")[0] for kind in zoned.types
        ]
        rows = [tuple(row.values()) for row in once.cast(zoned).to_pylist()]
    days = list(read_score_windows(warehouse, "engagement", [last], (last - first).days + 1, columns))
    assert len(days) == len(list_score_days(warehouse, "engagement", first, last))
    by_day = [tuple(row.values()) for table in days for row in table.to_pylist()]
    assert sorted(by_day, key=str) == sorted(rows, key=str)
    return rows


def test_the_days_of_a_window_that_are_there_are_read_and_no_others(warehouse: Warehouse) -> None:
    for ago in (-1, 0, 1, 3, 4):
        write(warehouse, day_before(ago), scores(day_before(ago), "a1", "a2"))
    found = read(warehouse, day_before(3), day_before(0), *COLUMNS)
    days = [day_before(3), day_before(1), DAY]
    assert list_score_days(warehouse, "engagement", day_before(3), DAY) == days
    assert [row[:5] for row in found] == [(day, agent, 60_000, 0.5, False) for day in days for agent in ("a1", "a2")]
    assert {row[5].date() for row in found} == set(days)


def test_a_window_without_a_day_is_a_relation_of_no_rows(warehouse: Warehouse) -> None:
    assert read(warehouse, day_before(3), DAY, *COLUMNS) == []
    write(warehouse, DAY, scores(DAY))
    assert read(warehouse, day_before(3), DAY, *COLUMNS) == []
    assert list_score_days(warehouse, "engagement", day_before(3), DAY) == [DAY]


def test_a_column_that_an_older_file_lacks_is_null_there_and_one_that_is_gone_is_left_out(warehouse: Warehouse) -> None:
    old = scores(day_before(1), "a1").drop_columns(["empathy", "is_bot"])
    write(warehouse, day_before(1), old.append_column("of_old", pa.array(["x"])))
    columns = ("start_date", "agent_pid", "empathy", "is_bot")
    assert read(warehouse, day_before(1), DAY, *columns) == [(day_before(1), "a1", None, None)]
    write(warehouse, DAY, scores(DAY, "a1"))
    both = [(day_before(1), "a1", None, None), (DAY, "a1", 0.5, False)]
    assert read(warehouse, day_before(1), DAY, *columns) == both


def test_a_text_that_an_older_file_lacks_is_null_where_days_are_read_encoded(warehouse: Warehouse) -> None:
    write(warehouse, DAY, scores(DAY, "a1").drop_columns(["link", "team"]))
    (rows,) = read_score_windows(warehouse, "engagement", [DAY], 1, ("agent_pid", "link", "team", "is_bot"))
    assert rows.to_pylist() == [{"agent_pid": "a1", "link": None, "team": None, "is_bot": False}]


def test_columns_come_as_asked_for_whatever_the_order_and_the_width_of_those_in_the_file(warehouse: Warehouse) -> None:
    rows = scores(day_before(1), "a1")
    index = rows.schema.get_field_index("handle_time_ms")
    narrow = rows.set_column(index, "handle_time_ms", rows["handle_time_ms"].cast(pa.int32()))
    write(warehouse, day_before(1), narrow.select(narrow.schema.names[::-1]))
    write(warehouse, DAY, scores(DAY, "a1"))
    found = read(warehouse, day_before(1), DAY, "handle_time_ms", "start_date")
    assert found == [(60_000, day_before(1)), (60_000, DAY)]


def test_days_before_the_first_of_the_newer_windows_come_without_the_columns_of_these(warehouse: Warehouse) -> None:
    days = [day_before(ago) for ago in (4, 3, 2, 1, 0)]
    for day in days:
        write(warehouse, day, scores(day, "a1"))
    ends, columns = [day_before(1), DAY], ("start_date", "team", "is_bot")
    found = list(
        read_score_windows(warehouse, "engagement", ends, 4, columns, newer_days=2, newer_columns=("is_bot", "team"))
    )
    assert [table["start_date"][0].as_py() for table in found] == days
    assert [tuple(table.column_names) for table in found] == 2 * [("start_date",)] + 3 * [columns]


def test_a_column_that_does_not_exist_is_refused(warehouse: Warehouse) -> None:
    with duckdb.connect() as connection, pytest.raises(ValueError, match="cannot read charm of scores/engagement"):
        open_score_window(connection, warehouse, "engagement", DAY, DAY, ("agent_pid", "charm"))
    with pytest.raises(ValueError, match="cannot read charm of scores/engagement"):
        read_score_windows(warehouse, "engagement", [DAY], 1, ("agent_pid", "charm"))


def test_days_are_read_in_order_with_texts_encoded_and_no_more_than_two_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(str(tmp_path))
    days = [day_before(ago) for ago in (5, 4, 3, 2, 1, 0)]
    for day in days:
        write(warehouse, day, scores(day, "a1"))
    opened: list[str] = []
    open_parquet = Warehouse.open_parquet

    def recorded(self: Warehouse, path: str, **options: Any) -> pq.ParquetFile:
        opened.append(path)
        return open_parquet(self, path, **options)

    monkeypatch.setattr(Warehouse, "open_parquet", recorded)
    tables = read_score_windows(warehouse, "engagement", [DAY], len(days), ("start_date", "agent_pid"))
    first = next(tables)
    assert first.schema.field("agent_pid").type == pa.dictionary(pa.int32(), pa.string())
    assert len(opened) <= 3
    assert [table["start_date"].to_pylist() for table in (first, *tables)] == [[day] for day in days]


def test_days_of_several_windows_are_read_once_and_those_between_them_not(warehouse: Warehouse) -> None:
    for ago in range(9):
        write(warehouse, day_before(ago), scores(day_before(ago), *[f"a{each}" for each in range(ago + 1)]))
    ends = [day_before(6), day_before(5), DAY]
    tables = list(read_score_windows(warehouse, "engagement", ends, 2, ("start_date",)))
    assert [set(table["start_date"].to_pylist()) for table in tables] == [{day_before(ago)} for ago in (7, 6, 5, 1, 0)]
    assert count_newest_rows(warehouse, "engagement", day_before(8), day_before(3)) == 4
    assert count_newest_rows(warehouse, "engagement", day_before(20), day_before(10)) == 0


def test_row_groups_that_cannot_have_a_text_are_passed_by(warehouse: Warehouse) -> None:
    earlier = day_before(1)
    write(warehouse, DAY, pa.concat_tables(scores(DAY, "a1", team=team) for team in ("A", "B", "C", None)))
    write(warehouse, earlier, pa.concat_tables(scores(earlier, "a1", team=team) for team in ("A", "C")))

    given = list(read_score_windows(warehouse, "engagement", [DAY], 2, ("start_date", "team"), having={"team": "B"}))

    # Of a row group without bounds it is not known.
    assert [table["team"].to_pylist() for table in given] == [[], ["B", None]]
    assert given[0].schema == given[1].schema


def test_a_filter_and_a_column_save_reading(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    write(warehouse, DAY, scores(DAY, "a1", "a2"))
    with duckdb.connect() as connection:
        window = open_score_window(connection, warehouse, "engagement", DAY, DAY, COLUMNS)
        plan = window.filter("agent_pid = 'a2'").aggregate("sum(handle_time_ms)").explain()
    assert "Filters: agent_pid = 'a2'" in plan
    assert "empathy" not in plan


def test_a_damaged_file_of_a_window_is_one_clear_error(warehouse: Warehouse) -> None:
    for day in (day_before(1), DAY):
        write(warehouse, day, scores(day, "a1"))
    path = warehouse.table_path(("scores", "engagement"), DAY)
    content = warehouse.read_bytes(path)
    warehouse.write_bytes(path, content[: len(content) // 2])
    with duckdb.connect() as connection, pytest.raises(WarehouseDamaged, match=path):
        open_score_window(connection, warehouse, "engagement", day_before(1), DAY, COLUMNS)
    with pytest.raises(WarehouseDamaged, match=path):
        list(read_score_windows(warehouse, "engagement", [DAY], 2, COLUMNS))


def test_a_file_of_spoiled_pages_is_named_by_what_computes_with_it(warehouse: Warehouse) -> None:
    for day in (day_before(1), DAY):
        write(warehouse, day, scores(day, "a1"))
    path = warehouse.table_path(("scores", "engagement"), DAY)
    spoil(warehouse, path)
    with (
        duckdb.connect() as connection,
        pytest.raises(WarehouseDamaged, match=path),
        score_damage_named(warehouse, ["answer", "engagement"], day_before(1), DAY),
    ):
        open_score_window(connection, warehouse, "engagement", day_before(1), DAY, COLUMNS).fetchall()


def test_what_fails_for_another_reason_is_not_put_on_a_file(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    write(warehouse, DAY, scores(DAY, "a1"))
    with duckdb.connect() as connection, pytest.raises(duckdb.ConversionException):  # noqa: SIM117 - what raises is within
        with score_damage_named(warehouse, ["engagement"], DAY, DAY):
            open_score_window(connection, warehouse, "engagement", DAY, DAY, COLUMNS).project(
                "agent_pid::INTEGER"
            ).fetchall()
