"""Files of rows: when two are the same but for what their footers say of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.history import Footer, table_files
from salted_assets.history.table_files import have_same_pages, write_frame

ROWS = pa.table({"agent_pid": ["a", "b", "c"], "mean": [0.1, 0.5, 0.9]})


def are_same(folder: Path, one: pa.Table, other: pa.Table) -> bool:
    paths = [folder / "one", folder / "other"]
    for path, rows, said in zip(paths, (one, other), ("file-1", "another, with a longer id"), strict=True):
        write_frame(path, rows, Footer(file_id=said))
    with paths[0].open("rb") as first, paths[1].open("rb") as second:
        return have_same_pages((pq.ParquetFile(paths[0]), first), (pq.ParquetFile(paths[1]), second))


def test_files_of_the_same_rows_have_the_same_pages_whatever_their_footers_say(tmp_path: Path) -> None:
    assert are_same(tmp_path, ROWS, ROWS)
    assert are_same(tmp_path, ROWS.slice(0, 0), ROWS.slice(0, 0))


@pytest.mark.parametrize(
    "other",
    [
        ROWS.set_column(1, "mean", pa.array([0.1, 0.4, 0.9])),
        ROWS.set_column(1, "mean", pa.array([0.1, None, 0.9])),
        ROWS.rename_columns(["agent_pid", "trend"]),
        ROWS.select(["mean", "agent_pid"]),
        ROWS.slice(0, 2),
        ROWS.take([0, 2, 1]),
    ],
    ids=["a value within the same bounds", "null", "name", "order of columns", "fewer", "order of rows"],
)
def test_files_of_other_rows_or_columns_do_not(tmp_path: Path, other: pa.Table) -> None:
    assert not are_same(tmp_path, ROWS, other)


@pytest.mark.parametrize(("row_count", "sizes"), [(0, [0]), (3, [3]), (5, [3, 2]), (12, [4, 4, 4])])
def test_row_groups_of_a_frame_are_of_about_one_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row_count: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(table_files, "_ROWS_AT_ONCE", 4)
    write_frame(tmp_path / "file", pa.table({"mean": [0.5] * row_count}), Footer())
    written = pq.read_metadata(tmp_path / "file")
    assert [written.row_group(index).num_rows for index in range(written.num_row_groups)] == sizes
