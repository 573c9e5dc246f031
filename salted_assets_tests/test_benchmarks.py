"""The benchmark compares like with like: every installed way gives the same tables and verdicts. Nothing is timed."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pytest

from benchmarks import sizes
from benchmarks.inputs import build_plan, write_day
from benchmarks.measure import measure
from benchmarks.plan import Loaded, write_plan
from benchmarks.ways import OURS, WAYS, Way
from salted_assets.tables import DATASET_MODELS
from salted_assets.tables.base import arrow_schema, csv_header

INSTALLED = [way for way in WAYS if way.is_installed]
BEYOND_ONE_ROW = {"response_to: names_a_row_of_the_file", "turn_time_relative_ms: turns_agree_on_start"}
WRONG_TURN = {
    "pid": "wrong",
    "engagement_pid": "e",
    "turn_time": "2024-01-31T10:00:00.5Z",
    "turn_time_relative_ms": "-1",
    "type": "mistake",
    "duration": "-5",
    "content": '"says ""no""\r\nand, hangs up"',
}
WRONG_REVIEW = {"pid": "wrong", "engagement_pid": "e", "answer_score": "9", "worst_score": "1", "best_score": "5"}
BROKEN = {
    "turn": {
        "duration: greater_than_or_equal_to": 1,
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
    measure(["-m", "benchmarks.one_way", way.name, str(source), str(target)], target / "run.log")
    return {one["dataset"]: Loaded(**one) for one in json.loads((target / "loaded.json").read_text())}


def table_of(loaded: Loaded) -> pa.Table:
    table = pyarrow.dataset.dataset(list(loaded.files)).to_table()
    model = DATASET_MODELS[loaded.dataset]
    return table.select(arrow_schema(model).names).cast(arrow_schema(model)).sort_by("pid")


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
