"""The benchmark of scores compares like with like: both ways give the same scores. Nothing is timed."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmarks.measure import CommandFailedError, Cost, measure
from benchmarks.scores import ours as our_way
from benchmarks.scores import sql, ways
from benchmarks.scores.compare import SCATTERED_DAYS, choose_scattered, compare_ways, main, run_way
from benchmarks.scores.equal import find_differences
from benchmarks.scores.inputs import main as make_input
from benchmarks.scores.inputs import write_warehouse
from benchmarks.scores.report import Result, Scored, Work, render_results, take_median
from benchmarks.scores.rows import agent_pids
from benchmarks.scores.windows import score_quarter
from benchmarks.sizes import LAST_SCORED_DAY
from salted_assets.history import HistoryReader
from salted_assets.warehouse import Warehouse

pytestmark = pytest.mark.slow

AGENTS, DAYS = 20, 6
WITH_TURNS = LAST_SCORED_DAY - timedelta(days=1)
SETTLED = LAST_SCORED_DAY - timedelta(days=DAYS - 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warehouse")
    facts = write_warehouse(folder, DAYS, AGENTS)
    (folder / "facts.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture(scope="module")
def ours(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("ours")
    our_way.score_days(folder, target, [SETTLED, WITH_TURNS])
    return target


@pytest.fixture
def by_hand(folder: Path, tmp_path: Path) -> Callable[[], Path]:
    def score() -> Path:
        sql.score_days(folder, tmp_path, [SETTLED, WITH_TURNS])
        return tmp_path

    return score


def test_a_day_comes_again_in_later_partitions(folder: Path) -> None:
    reader = HistoryReader(Warehouse(str(folder)), "UTC")

    engagement, review = (reader.read(dataset, SETTLED, ["pid"]).facts for dataset in ("engagement", "review"))

    assert engagement.row_count == AGENTS * 40 * 6 / 5
    assert len(engagement.days_read) > 1
    assert len(review.days_read) == DAYS
    assert 0 < engagement.late_row_count < review.late_row_count < review.row_count / 5


def test_the_input_holds_what_it_says(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text())
    files = {
        name: [pq.ParquetFile(path) for path in sorted(folder.glob(f"tables/{name}/*/*.parquet"))]
        for name in ("engagement", "review", "turn", "agent", "customer")
    }

    assert {name: len(of_name) for name, of_name in files.items()} == {
        **dict.fromkeys(("engagement", "review", "agent"), DAYS),
        "turn": 2,
        "customer": 0,
    }
    for name, of_name in files.items():
        assert sum(file.metadata.num_rows for file in of_name) == facts[name]
        assert all({b"salted.ordered_at", b"salted.touches"} <= file.metadata.metadata.keys() for file in of_name)


def test_an_input_that_is_there_is_kept(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    result = CliRunner().invoke(make_input, [str(folder), "--days", "2"], catch_exceptions=False)

    assert (result.exit_code, result.output) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("day", [SETTLED, WITH_TURNS])
def test_the_script_gives_the_same_scores(day: date, ours: Path, by_hand: Callable[[], Path]) -> None:
    assert list(find_differences(by_hand(), ours, day.isoformat())) == []


def test_the_scores_are_about_something(by_hand: Callable[[], Path]) -> None:
    tables = [pq.read_table(path) for path in sorted(by_hand().rglob("*.parquet"))]
    unknown_in_the_input = {
        "answer_agent_mean",
        "evaluation_agent_mean",
        "answer_agent_count",
        "evaluation_agent_count",
    }

    found = {name for table in tables for name in table.column_names if any(table[name].to_pylist())}

    assert set(tables[0].column_names) - found == unknown_in_the_input
    assert [table.num_rows for table in tables] == [AGENTS, AGENTS]


@pytest.mark.parametrize(
    ("rule", "without"),
    [
        ("QUALIFY row_number() OVER (PARTITION BY pid ORDER BY updated_at DESC, date DESC) = 1", ""),
        ("updated_at DESC, date DESC", "updated_at, date"),
    ],
)
def test_the_input_shows_whether_the_newest_version_is_taken(
    rule: str, without: str, ours: Path, by_hand: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_NEWEST", sql._NEWEST.replace(rule, without))

    assert list(find_differences(by_hand(), ours, SETTLED.isoformat()))


@pytest.mark.parametrize(
    ("rule", "without"),
    [
        ("WHERE review.status = 'completed' AND", "WHERE"),
        ("AND NOT (source = 'auto' AND coalesce(verified, '') = 'incorrect')", ""),
        ("AND coalesce(turn.participant, '') <> 'customer'", ""),
    ],
)
def test_the_input_shows_whether_a_rule_is_kept(
    rule: str, without: str, ours: Path, by_hand: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_ANSWERS", sql._ANSWERS.replace(rule, without))

    found = by_hand()

    assert [line for day in (SETTLED, WITH_TURNS) for line in find_differences(found, ours, day.isoformat())]


def write_scores(folder: Path, **columns: list[object]) -> Path:
    file = folder / "scores/agent_daily/date=2024-01-31/part-0.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), file)
    return folder


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"agent_pid": ["b", "a"], "mean": [None, 0.1 + 0.2], "count": [2, 1]}, []),
        ({"agent_pid": ["a", "b"], "mean": [0.3, None], "more": [1, 1], "count": [1, 2]}, []),
        ({"agent_pid": ["a", "b"], "mean": [0.31, None], "count": [1, 2]}, ["mean, row 0: 0.3 and 0.31"]),
        ({"agent_pid": ["a", "b"], "mean": [0.3, 0.0], "count": [1, 2]}, ["mean, row 1: None and 0.0"]),
        ({"agent_pid": ["a", "b"], "count": [1, 3]}, ["no column mean", "count, row 1: 2 and 3"]),
        ({"agent_pid": ["a"], "mean": [0.3], "count": [1]}, ["2 rows in ", ", 1 in "]),
    ],
)
def test_scores_are_held_against_each_other(
    found: dict[str, list[object]], expected: list[str], tmp_path: Path
) -> None:
    first = write_scores(tmp_path / "a", agent_pid=["a", "b"], mean=[0.3, None], count=[1, 2])
    second = write_scores(tmp_path / "b", **found)

    lines = "\n".join(find_differences(first, second, "2024-01-31"))

    assert bool(lines) == bool(expected)
    assert all(part in lines for part in expected)


def test_no_scores_on_both_sides_are_a_difference(tmp_path: Path) -> None:
    first, second = (write_scores(tmp_path / name, agent_pid=[]) for name in "ab")

    assert list(find_differences(first, second, "2024-01-31"))


def test_scattered_days_lie_apart_and_have_all_their_later_versions() -> None:
    days = choose_scattered(91)
    steps = {(later - earlier).days for earlier, later in pairwise(days)}

    assert len(set(days)) == len(days) == SCATTERED_DAYS
    assert steps <= {7, 8}
    assert days[0] == LAST_SCORED_DAY - timedelta(days=90)
    assert days[-1] < LAST_SCORED_DAY - timedelta(days=10)
    assert choose_scattered(3) == [LAST_SCORED_DAY - timedelta(days=2)]


def scored(seconds: float, megabytes: float = 100.0) -> Scored:
    return Scored(Cost(2 * seconds, 3 * seconds, megabytes), Work(seconds, seconds / 2))


def test_medians_are_taken_of_each_figure_by_itself() -> None:
    result = take_median("one day", "ours", [scored(1, 9), scored(5, 7), scored(2, 8)])

    assert result == Result("one day", "ours", scored(2, 8), 3)


def test_ratios_are_to_the_first_way_to_do_the_same_work() -> None:
    results = [
        take_median(task, way, [scored(seconds)])
        for task, way, seconds in (("a", "sql", 2), ("a", "ours", 3), ("b", "each", 8), ("b", "whole", 4))
    ]

    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in render_results(results).splitlines()]

    assert [row[6:] for row in cells[2:]] == [["1.00", "1.00"], ["1.50", "1.50"], ["1.00", "1.00"], ["0.50", "0.50"]]


def test_the_measuring_process_loads_nothing_that_would_show_in_the_memory_of_others(tmp_path: Path) -> None:
    heavy = {"pandas", "pandera", "pyarrow", "numpy", "duckdb", "polars", "dlt", "dagster"}
    code = f"import benchmarks.scores.compare, sys; print(sorted({heavy} & sys.modules.keys()))"
    measure(["-c", code], tmp_path / "log")
    assert (tmp_path / "log").read_text().strip() == "[]"


def test_a_way_notes_what_its_work_took(folder: Path, tmp_path: Path) -> None:
    found = run_way("sql", folder, tmp_path / "sql", [SETTLED])

    assert (tmp_path / "sql" / f"scores/agent_daily/date={SETTLED}/part-0.parquet").exists()
    assert 0 < found.work.wall_seconds < found.cost.wall_seconds


def test_the_command_measures_both_ways_and_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(way: str, folder: Path, target: Path, days: Sequence[date]) -> Scored:
        if way in ways.WAYS and WITH_TURNS in days:
            target.mkdir()
            ways.main(way, folder, target, days)
        return scored(1)

    monkeypatch.setattr("benchmarks.scores.compare.run_way", run)
    monkeypatch.setattr("benchmarks.scores.compare.score_quarter", lambda _: None)
    arguments = ["--days", "3", "--agents", "2", "--repeats", "1"]
    places = ["--cache", str(tmp_path / "cache"), "--docs", str(tmp_path / "docs")]

    result = CliRunner().invoke(main, [*arguments, *places], catch_exceptions=False)

    page = (tmp_path / "docs" / "benchmark_scores.md").read_text()
    assert result.exit_code == 0
    tasks = r"one day with turns|1 scattered days|(?:agent_\w+|fair) of the last (?:8 days|day)"
    assert len(re.findall(rf"^\| ({tasks}) ", page, re.MULTILINE)) == 8
    assert "`python -m benchmarks.scores --days 3 --agents 2 --repeats 1`" in page
    assert re.search(r"^- \*\*Load\*\*: [\d.]+ before the first run", page, re.MULTILINE)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["scores-3-2"]


def test_windows_are_made_of_all_days_which_are_scored_once(tmp_path: Path) -> None:
    write_warehouse(tmp_path, 2, 2)
    score_quarter(tmp_path)
    again = tmp_path / f"scores/agent_daily/date={LAST_SCORED_DAY}/part-0.parquet"
    written = again.stat().st_mtime_ns
    score_quarter(tmp_path)
    for way in ways.WINDOWS:
        ways.main(way, tmp_path, tmp_path, [LAST_SCORED_DAY])

    rolling, fair, question = (
        pq.read_table(tmp_path / f"scores/{name}/date={LAST_SCORED_DAY}/part-0.parquet", partitioning=None)
        for name in ways.WINDOWS
    )
    assert set(fair["agent_pid"].to_pylist()) == set(agent_pids(2))
    assert again.stat().st_mtime_ns == written
    assert set(rolling["agent_pid"].to_pylist()) == set(question["agent_pid"].to_pylist()) == set(agent_pids(2))
    assert set(question["days_present_count"].to_pylist()) == {2}


@pytest.mark.parametrize("is_equal", [True, False])
def test_ways_take_turns_and_are_held_against_each_other(
    is_equal: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = []

    def run(way: str, _: Path, target: Path, days: Sequence[date]) -> Scored:
        order.append(way)
        mean = 0.3 if is_equal or way == "ours" else 0.4
        write_scores(target, agent_pid=["a"], mean=[mean], day=[days[0].isoformat()])
        return scored(1)

    monkeypatch.setattr("benchmarks.scores.compare.run_way", run)

    if is_equal:
        runs = compare_ways(folder, date(2024, 1, 31), 2)
        assert {way: len(of_way) for way, of_way in runs.items()} == {"sql": 2, "ours": 2}
        assert order == ["sql", "ours", "ours", "sql"]
    else:
        with pytest.raises(CommandFailedError, match=r"mean, row 0: 0\.4 and 0\.3"):
            compare_ways(folder, date(2024, 1, 31), 1)
