"""The split of a small day's CPU puts work down to whom it is done for; what it costs is not looked at."""

from pathlib import Path
from types import FrameType

import pytest

from benchmarks.running.cpu_sampler import DAGSTER, EXPORT, PAGE, SCORES, START, TABLES, Sampler, part_of
from benchmarks.running.day_split import Split, middle_of, render, split_days

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("module", "function", "part"),
    [
        ("importlib._bootstrap_external", "SourceLoader.get_code", START),
        ("dagster._core.storage.event_log.sql_event_log", "SqlEventLogStorage.store_event", DAGSTER),
        ("dagster_shared.serdes.serdes", "serialize_value", DAGSTER),
        ("dagster_celery.app", "main", None),
        ("salted_assets.landing.export_session", "land", EXPORT),
        ("salted_assets.ingest.parse", "parse", TABLES),
        ("salted_assets.defs.day_files", "DayWriter.write_table", TABLES),
        ("salted_assets.defs.day_files", "DayWriter.write_scores", SCORES),
        ("salted_assets.defs.io_managers", "_compute_each", SCORES),
        ("salted_assets.scoring.agents", "score_agents_daily", SCORES),
        ("salted_assets.output.scorecard", "render_page", PAGE),
        ("salted_assets.defs.asset_checks.reporting", "log_outcomes", None),
        ("duckdb._relation", "submit", None),
    ],
)
def test_a_function_is_put_down_to_its_part_or_to_its_caller(module: str, function: str, part: str | None) -> None:
    assert part_of(module, function) == part


def test_names_that_the_parts_are_told_by_are_there() -> None:
    from salted_assets.defs import day_files, io_managers  # noqa: PLC0415 - they load all of Dagster

    assert all(hasattr(day_files.DayWriter, name) for name in ("write_table", "write_scores"))
    assert all(hasattr(io_managers.WarehouseIOManager, name) for name in ("_write_table", "_write_score"))
    assert hasattr(io_managers, "_compute_each")


def frames_of(*modules: str) -> FrameType:
    """A stack whose functions are of these modules, the innermost last."""
    scope: dict[str, object] = {}
    for module in reversed(modules):
        scope = {"__name__": module, "call": scope.get("function")}
        exec("import sys\ndef function():\n    return call() if call else sys._getframe()", scope)
    frame = scope["function"]()  # type: ignore[operator] # the function made above
    assert isinstance(frame, FrameType)
    return frame


@pytest.mark.parametrize(
    ("modules", "part"),
    [
        (("dagster", "salted_assets.scoring.sql", "duckdb"), SCORES),
        (("dagster", "salted_assets.scoring.sql", "importlib._bootstrap", "jinja2"), START),
        (("salted_assets.ingest", "dagster", "sqlalchemy"), DAGSTER),
        (("dagster", "salted_assets.defs.step_days"), DAGSTER),
        (("click",), START),
    ],
)
def test_the_innermost_that_belongs_to_a_part_decides(
    monkeypatch: pytest.MonkeyPatch, modules: tuple[str, ...], part: str
) -> None:
    clock = iter([1.0, 3.5])
    monkeypatch.setattr("benchmarks.running.cpu_sampler.time.process_time", lambda: next(clock))
    frame, sampler = frames_of(*modules), Sampler()
    monkeypatch.undo()
    monkeypatch.setattr("benchmarks.running.cpu_sampler.time.process_time", lambda: 3.5)
    sampler.look(frame)

    assert sampler.stop() == ({START: 3.5} if part == START else {START: 1.0, part: 2.5})


def test_what_no_sample_saw_is_shared_out_and_the_one_in_the_middle_is_shown() -> None:
    splits = [Split(2, 10.0, {SCORES: 3.0, DAGSTER: dagster, START: 1.0}) for dagster in (1.0, 4.0, 2.0)]

    assert splits[0].by_day == {SCORES: 3.0, DAGSTER: 1.0, START: 1.0}
    assert splits[0].beyond == 2.0
    assert middle_of(splits) is splits[2]
    assert "| beyond the data work | 2.00 |\n| all | 5.00 |" in render(splits[0])
    assert "| the scorecard | 0.00 |" in render(splits[0])


def test_a_day_is_taken_through_all_parts_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    split = split_days(1, 1)

    assert split.parts.keys() == {START, DAGSTER, EXPORT, TABLES, SCORES, PAGE}
    assert min(split.parts.values()) > 0
    assert 0 < split.beyond < split.cpu_seconds
    assert sum(split.by_day.values()) == pytest.approx(split.cpu_seconds)
    assert list(tmp_path.iterdir()) == []
