"""Who may import whom: the parts of the package, their floors and their imports, read from every module's source."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from salted_assets_tests.support.checkout import ROOT

PACKAGE = ROOT / "salted_assets"


@dataclass(frozen=True)
class Row:
    """A part of the package: its floor, and which of our parts and of outside packages it may import."""

    floor: int
    ours: frozenset[str]
    outside: frozenset[str]


def row(floor: int, ours: str = "", outside: str = "") -> Row:
    return Row(floor, frozenset(ours.split()), frozenset(outside.split()))


ARCHITECTURE = {
    "__init__": row(0),
    # dotenv: the vendor's key and the variables of AWS are read from the environment itself, so `.env` goes there
    "settings": row(0, outside="pydantic pydantic_settings dotenv"),
    # of schemas, docs/ alone reads the settings: it renders their table
    "schemas": row(0, "settings", "pandera pandas pyarrow"),
    # mypy_boto3_s3: stubs that only type checkers load
    "warehouse": row(0, outside="pyarrow duckdb boto3 botocore urllib3 mypy_boto3_s3"),
    "salted_cx": row(0, outside="httpx tenacity boto3 botocore"),
    "landing": row(1, "salted_cx warehouse", "zstandard"),
    "ingest": row(1, "schemas", "duckdb pyarrow numpy pandas pandera"),
    "scoring": row(1, "schemas", "duckdb numpy scipy pandas pyarrow threadpoolctl"),
    "simulator": row(1, "schemas", "starlette uvicorn numpy pyarrow click"),
    "history": row(2, "ingest schemas warehouse", "duckdb pyarrow numpy"),
    "privacy": row(3, "history ingest landing schemas warehouse", "pyarrow numpy"),
    "explain": row(3, "history landing schemas scoring warehouse", "duckdb pyarrow numpy"),
    "output": row(
        4,
        "history scoring explain schemas warehouse",
        "jinja2 markdown_it duckdb numpy pandas pyarrow fsspec starlette uvicorn",
    ),
    "defs": row(
        5,
        "settings schemas warehouse salted_cx landing ingest scoring simulator history privacy explain output",
        "dagster httpx pyarrow pandas pydantic sqlalchemy",
    ),
    "definitions": row(6, "defs settings", "dagster"),
    # it loads the definitions by name: their module loads the settings, before a command could say what is wrong
    "cli": row(
        7,
        "settings schemas warehouse landing simulator history privacy explain output defs",
        "click dagster duckdb pyarrow",  # duckdb adds up the scoreboard, pyarrow reads every file for `doctor --verify`
    ),
    "__main__": row(8, "cli"),
}


WITHOUT_DAGSTER = {part for part, row in ARCHITECTURE.items() if row.floor < ARCHITECTURE["defs"].floor}
"""The parts that do not know the orchestrator; `test_loading` checks that they leave it unloaded."""


def part_of(path: Path) -> str:
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
            assert node.level == 0, f"{path}: relative imports hide which part is meant"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of(path: Path) -> tuple[set[str], set[str]]:
    """What a module imports: our other parts, and outside packages beside the standard library."""
    ours, outside = set(), set()
    for name in imported_names(path):
        top, _, rest = name.partition(".")
        if top == "salted_assets":
            ours.add(rest.partition(".")[0] or "__init__")
        elif top not in sys.stdlib_module_names:
            outside.add(top)
    return ours - {part_of(path)}, outside


def test_the_table_names_every_part_and_no_other() -> None:
    assert {part_of(path) for path in modules()} == set(ARCHITECTURE)


def test_every_row_imports_only_from_floors_below() -> None:
    upwards = {
        (part, other)
        for part, row in ARCHITECTURE.items()
        for other in row.ours
        if ARCHITECTURE[other].floor >= row.floor and (part, other) != ("schemas", "settings")
    }
    assert upwards == set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_what_its_row_allows(path: Path) -> None:
    ours, outside = imports_of(path)
    allowed = ARCHITECTURE[part_of(path)]
    assert ours <= allowed.ours, f"{path.name} may not import {sorted(ours - allowed.ours)}"
    assert outside <= allowed.outside, f"{path.name} may not import {sorted(outside - allowed.outside)}"


@pytest.mark.parametrize("part", ARCHITECTURE)
def test_a_row_allows_only_what_is_used(part: str) -> None:
    paths = [path for path in modules() if part_of(path) == part]
    ours = {name for path in paths for name in imports_of(path)[0]}
    outside = {name for path in paths for name in imports_of(path)[1]}
    assert not ARCHITECTURE[part].ours - ours
    assert not ARCHITECTURE[part].outside - outside


def importers_of(target: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        if any(name == target or name.startswith(f"{target}.") for name in imported_names(path))
    }


def test_only_the_docs_of_the_schemas_read_the_settings() -> None:
    readers = {path for path in importers_of("salted_assets.settings") if path.startswith("schemas/")}
    assert readers == {"schemas/docs/pages.py"}


def test_annotations_are_read_at_run_time_so_none_is_postponed() -> None:
    assert importers_of("__future__.annotations") == set()


@pytest.mark.parametrize("folder", ["salted_assets", "benchmarks", "chaos"])
def test_nothing_but_tests_imports_the_tests(folder: str) -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*.py")
        if any(name.partition(".")[0] == "salted_assets_tests" for name in imported_names(path))
    }
    assert importers == set()
