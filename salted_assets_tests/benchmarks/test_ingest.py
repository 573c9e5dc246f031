"""The benchmark compares like with like: every installed way gives the same tables and checks. Nothing is timed."""

import json
import re
import xml.etree.ElementTree as ET
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pytest
from click.testing import CliRunner

from benchmarks import sizes
from benchmarks.ingest.compare import UnequalWorkError, main, measure_ways
from benchmarks.ingest.inputs import build_plan, write_day
from benchmarks.ingest.picture import draw_picture
from benchmarks.ingest.plan import Loaded, write_plan
from benchmarks.ingest.report import Result, render_table, take_medians
from benchmarks.ingest.ways import OURS, WAYS, Way
from benchmarks.measure import CommandFailedError, Cost, measure
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema, csv_header

pytestmark = pytest.mark.slow

INSTALLED = [way for way in WAYS if way.is_installed]
WRONG_TURN = {
    "pid": "wrong",
    "engagement_pid": "e",
    "turn_time": "2024-01-31T10:00:00.5Z",
    "turn_time_relative_ms": "-1",
    "type": "mistake",
    "length": "-5",
    "content": '"says ""no""\r\nand, hangs up"',
}
WRONG_REVIEW = {"pid": "wrong", "engagement_pid": "e", "answer_score": "9", "worst_score": "1", "best_score": "5"}
BROKEN = {
    "turn": {
        "length: greater_than_or_equal_to": 1,
        "type: known_value": 1,
        "not_before_engagement": 1,
    },
    "review": {"answer_score_within_scale": 1},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    write_plan(folder / sizes.PLAN_FILE, build_plan())
    write_day(1, folder)
    for dataset, cells in (("turn", WRONG_TURN), ("review", WRONG_REVIEW)):
        names = [*csv_header(DATASET_MODELS[dataset]), "updated_at"]
        with (folder / f"{dataset}s.csv").open("ab") as file:
            file.write((",".join(cells.get(name, "") for name in names) + "\n").encode())
    return folder


def load(way: Way, source: Path, target: Path) -> dict[str, Loaded]:
    measure(["-m", "benchmarks.ingest.one_way", way.name, str(source), str(target)], target / "run.log")
    return {one["dataset"]: Loaded(**one) for one in json.loads((target / "loaded.json").read_text())}


def table_of(loaded: Loaded) -> pa.Table:
    table = pyarrow.dataset.dataset(list(loaded.files)).to_table()
    model = DATASET_MODELS[loaded.dataset]
    schema = pa.schema([field for field in arrow_schema(model) if field.name in csv_header(model)])
    return table.select(schema.names).cast(schema).sort_by("pid")


@pytest.fixture(scope="module")
def ours(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Loaded]:
    return load(OURS, source, tmp_path_factory.mktemp("ours"))


def test_our_way_reads_all_rows_and_finds_the_wrong_ones(ours: dict[str, Loaded]) -> None:
    assert ours.keys() == DATASET_MODELS.keys()
    assert all(table_of(loaded).num_rows == loaded.row_count > 0 for loaded in ours.values())
    assert {name: loaded.broken for name, loaded in ours.items() if loaded.broken} == BROKEN
    wrong = table_of(ours["turn"]).to_pylist()[-1]
    assert (wrong["pid"], wrong["content"]) == ("wrong", 'says "no"\r\nand, hangs up')


@pytest.mark.parametrize("way", [way for way in INSTALLED if way != OURS], ids=lambda way: way.name)
def test_another_way_gives_the_same_tables_and_verdicts(
    way: Way, source: Path, ours: dict[str, Loaded], tmp_path: Path
) -> None:
    theirs = load(way, source, tmp_path)
    assert theirs.keys() == ours.keys()
    for dataset, loaded in theirs.items():
        assert loaded.row_count == ours[dataset].row_count
        assert loaded.broken == BROKEN.get(dataset, {})
        assert loaded.repeated_key_count == 0
        assert table_of(loaded).equals(table_of(ours[dataset]))


@pytest.mark.parametrize("way", [way for way in INSTALLED if way != OURS], ids=lambda way: way.name)
def test_another_way_sees_a_repeated_key(way: Way, tmp_path: Path) -> None:
    write_plan(tmp_path / sizes.PLAN_FILE, build_plan())
    for dataset in build_plan():
        record = ",".join("x" if name in {"pid", "engagement_pid"} else "" for name in dataset.columns)
        (tmp_path / dataset.file_name).write_text(f"{','.join(dataset.columns)}\n{record}\n{record}\n")
    (tmp_path / "out").mkdir()
    assert {one.repeated_key_count for one in load(way, tmp_path, tmp_path / "out").values()} == {1}


def test_the_command_measures_each_way_and_writes_page_and_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sizes.AGENT_COUNTS, "S", 1)
    arguments = ["--sizes", "S", "--repeats", "1", "--cache", str(tmp_path / "cache"), "--docs", str(tmp_path / "docs")]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    page = (tmp_path / "docs" / "benchmark.md").read_text()
    table = "\n".join(line for line in page.splitlines() if re.match(r"\| (size \| way|S\b.*[a-z]|--)", line))
    assert result.exit_code == 0
    for way in WAYS:
        assert (f"skipped {way.label}" in result.output) == (not way.is_installed)
        assert (way.label in table) == way.is_installed
    assert "`python -m benchmarks.ingest --sizes S --repeats 1`" in page
    assert (tmp_path / "docs" / "images" / "benchmark.svg").exists()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["S"]


def test_an_unknown_size_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--sizes", "S,XL", "--docs", str(tmp_path)])
    assert (result.exit_code, "XL: not among S, M, L" in result.output) == (2, True)


def test_ways_that_find_different_rows_are_not_compared(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([{"turn": 3}, {"turn": 3}, {"turn": 2}])
    monkeypatch.setattr("benchmarks.ingest.compare.run_way", lambda *_: (Cost(1, 1, 1), next(found)))
    with pytest.raises(UnequalWorkError, match=r"DuckDB.* found the rows \{'turn': 2\}, another way \{'turn': 3\}"):
        measure_ways(WAYS[:3], source, 1)


def test_ways_take_turns_and_each_repeat_begins_with_another(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def run(way: Way, _: Path) -> tuple[Cost, dict[str, int]]:
        order.append(way.name)
        return Cost(1, 1, 1), {}

    monkeypatch.setattr("benchmarks.ingest.compare.run_way", run)
    costs = measure_ways(WAYS[:3], source, 2)
    assert order == [
        *("ours", "pandas_pandera", "duckdb_copy"),
        *("pandas_pandera", "duckdb_copy", "ours"),
    ]
    assert [len(runs) for runs in costs.values()] == [2, 2, 2]


def test_a_command_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=r"(?s)ended with 1.*ModuleNotFoundError.*no_such_way"):
        measure(["-m", "benchmarks.ingest.one_way", "no_such_way", str(tmp_path), str(tmp_path)], tmp_path / "log")


def test_memory_of_a_process_is_its_peak(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from benchmarks.measure import measure;"
        "print(measure(['-c', 'held = bytearray(900_000_000).count(1)'], pathlib.Path(sys.argv[1])).peak_megabytes)"
    )
    # In a process of its own, for the peak of a child begins at what its parent holds.
    measure(["-c", code, str(tmp_path / "inner")], tmp_path / "log")
    assert 900 < float((tmp_path / "log").read_text()) < 1_000


def test_the_measuring_process_loads_nothing_that_would_show_in_the_memory_of_others(tmp_path: Path) -> None:
    heavy = {"pandas", "pandera", "pyarrow", "numpy", "duckdb", "polars", "dlt", "dagster"}
    code = f"import benchmarks.ingest.compare, sys; print(sorted({heavy} & sys.modules.keys()))"
    measure(["-c", code], tmp_path / "log")
    assert (tmp_path / "log").read_text().strip() == "[]"


def results() -> list[Result]:
    walls = {("S", OURS): 2.0, ("S", WAYS[1]): 3.0, ("M", OURS): 20.0, ("M", WAYS[1]): 60.0}
    return [Result(size, way, Cost(walls[size, way], 1, 100), 1) for size, way in product("SM", WAYS[:2])]


def test_ratios_are_to_our_way_on_the_same_size() -> None:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in render_table(results()).splitlines()]
    assert [row[5] for row in cells[2:]] == ["1.00", "1.50", "1.00", "3.00"]
    assert [row[1] for row in cells[2:]] == [f"**{OURS.label}**", WAYS[1].label] * 2


def test_medians_are_taken_of_each_figure_by_itself() -> None:
    runs = [Cost(1, 9, 5), Cost(2, 8, 6), Cost(9, 1, 7)]
    assert take_medians("S", {OURS: runs}) == [Result("S", OURS, Cost(2, 8, 6), 3)]


@pytest.mark.parametrize("count", [2, 4])
def test_the_picture_has_a_point_for_each_figure_within_its_frame(count: int) -> None:
    picture = ET.fromstring(draw_picture(results()[:count], {"S": 20.0, "M": 700.0}))
    points = [
        (float(each.get("cx", 0)), float(each.get("cy", 0))) for each in picture.iter() if each.tag.endswith("circle")
    ]
    assert len(points) == 2 * count
    assert all(0 < x < float(picture.get("width", 0)) and 0 < y < float(picture.get("height", 0)) for x, y in points)
