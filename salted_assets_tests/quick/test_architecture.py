"""Who may import whom: the rooms of the package and their doors, read from the source of every module."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "salted_assets"


@dataclass(frozen=True)
class Doors:
    """What a room may import: rooms of ours, and packages from outside beside the standard library."""

    rooms: frozenset[str]
    outside: frozenset[str]


def doors(rooms: str = "", outside: str = "") -> Doors:
    return Doors(frozenset(rooms.split()), frozenset(outside.split()))


UPPER_HALF = {
    "setting_kinds": doors(outside="pydantic"),
    "settings": doors("setting_kinds", "pydantic dotenv"),
    "days": doors(),
    "api": doors(outside="httpx tenacity"),
    "warehouse": doors(outside="boto3 botocore mypy_boto3_s3 pyarrow"),  # the stubs for type checkers only
    "landing": doors("api days warehouse", "zstandard"),
    "tables": doors(outside="pandas pandera pyarrow"),
    "ingest": doors("tables", "numpy pandas pandera pyarrow"),
    "stored_rows": doors("warehouse", "duckdb pyarrow"),
    "history": doors("stored_rows tables warehouse", "duckdb numpy pyarrow"),
    "catalog": doors("history ingest tables warehouse", "duckdb fsspec pyarrow"),
    "table_files": doors("history ingest tables warehouse", "numpy pyarrow"),
    "score_files": doors("stored_rows tables warehouse", "duckdb pyarrow"),
    "restatement": doors("history warehouse", "pyarrow"),
    "retention": doors("landing warehouse", "pyarrow"),
    "erasure": doors("history ingest landing table_files tables warehouse", "numpy pyarrow"),
    "verification": doors("landing warehouse", "pyarrow"),
    "volume": doors("warehouse", "pyarrow"),
    "references": doors("history ingest warehouse", "numpy pyarrow"),
    "rejects": doors("ingest", "pyarrow"),
    "statistics": doors(outside="numpy scipy"),
    "scoring": doors("statistics tables", "duckdb numpy pandas pyarrow"),
    "report": doors("score_files statistics tables warehouse", "duckdb jinja2 matplotlib numpy pandas"),
    "report_server": doors("warehouse", "starlette uvicorn"),
    "simulator": doors("tables", "click numpy pyarrow starlette uvicorn"),
    "key_secret": doors("api", "boto3 botocore"),
    "vendor": doors("api key_secret simulator"),
    "webhook": doors(),
    "scoreboard": doors("tables", "duckdb pyarrow"),
    "datapackage": doors("references tables", "pyarrow"),
    "documentation": doors("datapackage settings tables"),
}
"""The rooms that know nothing of Dagster."""

LOWER_HALF = {
    "known_warnings": doors(outside="dagster"),
    "accounts": doors(outside="dagster"),
    "dead_runs": doors(outside="dagster"),
    "instance": doors("dead_runs", "dagster"),
    "event_log": doors(outside="dagster sqlalchemy"),
    "partitions": doors("settings", "dagster"),
    "column_docs": doors("accounts tables", "dagster pyarrow"),
    "asset_docs": doors("column_docs settings tables", "dagster"),
    "preview": doors("tables", "dagster pyarrow"),
    "failures": doors("api erasure ingest landing warehouse", "dagster"),
    "checks": doors("ingest references table_files volume", "dagster"),
    "check_reports": doors("checks", "dagster"),
    "resources": doors(
        "api days dead_runs erasure history ingest landing retention settings tables vendor warehouse",
        "dagster pydantic",
    ),
    "io_manager": doors(
        "accounts history ingest resources restatement table_files tables warehouse", "dagster pandas pyarrow"
    ),
    "day_log": doors(
        "check_reports checks failures io_manager preview references rejects table_files tables volume warehouse",
        "dagster",
    ),
    "assets": doors(
        "accounts catalog check_reports checks column_docs day_log failures history ingest io_manager landing "
        "partitions preview report report_server resources retention score_files score_layout scoring settings tables "
        "warehouse",
        "dagster duckdb pandas pyarrow pydantic",
    ),
    "contact_job": doors("accounts failures landing resources settings", "dagster pydantic"),
    "score_layout": doors("accounts restatement warehouse", "dagster"),
    "in_process": doors("dead_runs", "dagster"),
    "automation": doors(
        "accounts assets in_process resources restatement score_layout settings warehouse", "dagster pydantic"
    ),
    "restating": doors("automation in_process resources restatement score_layout", "dagster"),
    "alerts": doors("settings webhook", "dagster"),
    "freshness": doors("settings", "dagster"),
    "failed_days": doors("alerts freshness settings", "dagster"),
    "definitions": doors(
        "accounts alerts asset_docs assets automation contact_job failed_days freshness io_manager known_warnings "
        "resources settings",
        "dagster",
    ),
    "backfill": doors("accounts assets automation in_process restatement restating", "dagster"),
    "doctor": doors("failures history instance resources settings table_files tables warehouse", "dagster"),
}
"""The thin skins for Dagster."""

DOOR_STEP = {
    "cli": doors(
        "backfill catalog days definitions doctor erasure instance io_manager landing report_server restatement "
        "scoreboard settings simulator verification warehouse",
        "click",
    ),
    "__main__": doors("cli"),
    "__init__": doors(),
}
"""The command: it may open every door that it needs, late."""

ROOMS = UPPER_HALF | LOWER_HALF | DOOR_STEP


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def imported_names(path: Path) -> tuple[str, ...]:
    return tuple(_imported_names(path))


def _imported_names(path: Path) -> Iterator[str]:
    """Full names of what a module imports anywhere in it, functions included; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which room is meant"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of(path: Path) -> tuple[set[str], set[str]]:
    """The rooms of ours and the outside packages that a module imports; its own room and the standard library not."""
    rooms, outside = set(), set()
    for name in imported_names(path):
        top, _, rest = name.partition(".")
        if top == "salted_assets":
            rooms.add(rest.partition(".")[0] or "__init__")
        elif top not in sys.stdlib_module_names:
            outside.add(top)
    return rooms - {room_of(path)}, outside


def test_every_module_is_in_a_room_and_every_room_is_there() -> None:
    assert {room_of(path) for path in modules()} == set(ROOMS)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    rooms, outside = imports_of(path)
    allowed = ROOMS[room_of(path)]
    assert rooms <= allowed.rooms, f"{path.name} may not import {sorted(rooms - allowed.rooms)}"
    assert outside <= allowed.outside, f"{path.name} may not import {sorted(outside - allowed.outside)}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_uses_the_doors_that_it_has(room: str) -> None:
    used = {name for path in modules() if room_of(path) == room for name in imports_of(path)[0]}
    assert not ROOMS[room].rooms - used


def importers_of(target: str) -> set[str]:
    return {
        room_of(path)
        for path in modules()
        if any(name == target or name.startswith(f"{target}.") for name in imported_names(path))
    }


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("httpx", {"api"}),
        ("dagster", set(LOWER_HALF)),
        ("salted_assets.simulator", {"vendor", "cli", "simulator"}),
        ("salted_assets.definitions", {"cli"}),
    ],
)
def test_some_things_are_imported_in_few_places(target: str, expected: set[str]) -> None:
    assert importers_of(target) == expected


def test_annotations_are_read_at_run_time_so_none_is_postponed() -> None:
    assert importers_of("__future__.annotations") == set()
