"""Every page of the documentation names only what is there: links, settings, commands, targets, columns, files."""

import re
from collections.abc import Callable, Iterable
from functools import cache

import click
import pytest

from salted_assets.cli import COMMANDS, main
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import columns_of
from salted_assets.schemas.scores import RENAMED_SCORES, SCORE_MODELS
from salted_assets.settings import CONTACT_VARIABLE, KEY_VARIABLE, Settings, variable_of
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")]
}
PAGES["CHANGELOG.md"] = re.sub(r"^(\| [\w ]+ \|)[^|\n]+\|", r"\1 |", PAGES["CHANGELOG.md"], flags=re.MULTILINE)
"""The pages by path, the changelog without its column of earlier names."""
SETTINGS = {KEY_VARIABLE, CONTACT_VARIABLE, *map(variable_of, Settings.model_fields)}
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
PROJECT_PATH = re.compile(
    r"(?<![\w/.])((?:salted_assets(?:_tests)?|benchmarks|chaos|deploy|docs)/[\w./-]*\w|(?:\.env\.example|[\w-]+\.toml))"
)
MADE_BY_RECIPES = re.findall(r"new\s+file\s+`([\w/.]+)`", PAGES["docs/changing.md"])
ADDED_BY_RECIPES = [
    name if "/" in name else f"tables/{name}"
    for name in re.findall(r'(?:Table|Score)Facts\(\s*"([\w/]+)"', PAGES["docs/changing.md"])
]
TABLES = {
    **{f"tables/{name}": model for name, model in DATASET_MODELS.items()},
    **{f"scores/{name}": model for name, model in SCORE_MODELS.items()},
}


def commands_of(text: str) -> list[str]:
    """The lines of shell that a page shows."""
    blocks = re.findall(r"^```(?:bash|sh)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors_of(text: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def missing_links(page: str, text: str) -> list[str]:
    """The relative links of a page to files or headings that are not there."""
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not linked.exists() or (anchor and anchor not in anchors_of(linked.read_text(encoding="utf-8"))):
            found.append(target)
    return found


def unknown_settings(text: str) -> set[str]:
    return set(re.findall(r"SALTED_[A-Z_]*[A-Z]\b(?!_)", text)) - SETTINGS


@cache
def options_of(command: str) -> frozenset[str]:
    """What may follow a command; all of them know `--help`."""
    found = main.get_command(click.Context(main), command)
    parameters = found.params if found else []
    return frozenset(option for each in parameters for option in [*each.opts, *each.secondary_opts]) | {"--help"}


def unknown_commands(text: str) -> list[str]:
    """Uses of `salted` with a command or an option that it does not have."""
    found = []
    for command, rest in re.findall(r"(?:^|[\s`/])salted ([a-z][a-z-]*)\b([^\n`|#&]*)", text, re.MULTILINE):
        if command not in COMMANDS:
            found.append(command)
        elif command != "simulate":  # it hands all it is given on to the simulator
            found += [
                f"{command} {option}" for option in re.findall(r"--[a-z-]+", rest) if option not in options_of(command)
            ]
    return found


def unknown_targets(text: str) -> set[str]:
    return set(re.findall(r"(?:^|`|PORT=\d+ )make ([a-z][a-z-]*)", text, re.MULTILINE)) - TARGETS


def unknown_columns(text: str) -> list[str]:
    """Columns that a page names with their table, as `scores/agent_daily.empathy_mean`, and that it has not."""
    named = re.findall(r"`((?:tables|scores)/\w+)(?:\.(\w+)\b)?", text)
    return [
        f"{table}.{column}"
        for table, column in named
        if table not in ADDED_BY_RECIPES
        and table.removeprefix("scores/") not in RENAMED_SCORES
        and (table not in TABLES or (column and column not in {facts.name for facts in columns_of(TABLES[table])}))
    ]


def missing_files(text: str) -> list[str]:
    """Files and folders of the project that a page names in backticks or in a command, and that are not there."""
    named = PROJECT_PATH.findall(text)
    return [name for name in named if not (ROOT / name).exists() and name not in MADE_BY_RECIPES]


def missing_rooms(text: str) -> list[str]:
    """Modules and folders of the package that the README's table of rooms names, and that are not there."""
    rooms = [cell for cell in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) if re.search(r"\.py|/`", cell)]
    named = re.findall(r"`([\w/]+\.py|\w+/)`", " ".join(rooms))
    return [name for name in named if not (ROOT / "salted_assets" / name).exists()]


Finder = Callable[[str], Iterable[str]]
FINDERS: tuple[Finder, ...] = (missing_files, unknown_columns, unknown_commands, unknown_settings, unknown_targets)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert missing_links(page, PAGES[page]) == []


@pytest.mark.parametrize("find", FINDERS, ids=lambda find: find.__name__)
@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str, find: Finder) -> None:
    assert list(find(PAGES[page])) == []


def test_the_rooms_of_the_readme_are_there() -> None:
    assert missing_rooms(PAGES["README.md"]) == []
    assert missing_rooms("| `definitions.py`, `nowhere.py` |\n| `attic/` |") == ["nowhere.py", "attic/"]


@pytest.mark.parametrize(
    ("find", "text", "expected"),
    [
        (missing_files, "see `salted_assets/nowhere.py` and `deploy/compose.yaml`", ["salted_assets/nowhere.py"]),
        (unknown_columns, "`tables/turn.pid`, `tables/turn.mood`", ["tables/turn.mood"]),
        (unknown_columns, "`scores/nobody` has `scores/answer`", ["scores/nobody."]),
        (unknown_commands, "run `salted restore 2024-01-01` or `salted doctor`", ["restore"]),
        (unknown_commands, ".venv/bin/salted backfill --last 7 --fast", ["backfill --fast"]),
        (unknown_settings, "`SALTED_TIMEZONE`, `SALTED_MOOD`", ["SALTED_MOOD"]),
        (unknown_targets, "`make demo`, `make sense`", ["sense"]),
    ],
)
def test_what_is_not_there_is_found(find: Finder, text: str, expected: list[str]) -> None:
    assert list(find(text)) == expected


@pytest.mark.parametrize(
    ("target", "is_there"),
    [
        ("docs/start.md", True),
        ("docs/start.md#4-use-it", True),
        ("docs/start.md#5-give-up", False),
        ("docs/nowhere.md", False),
        ("#settings", True),
        ("https://example.test/nowhere", True),
    ],
)
def test_a_link_is_followed_to_its_heading(target: str, is_there: bool) -> None:
    assert missing_links("README.md", f"[x]({target})") == ([] if is_there else [target])


def test_the_figures_of_the_front_page_are_those_of_the_benchmark() -> None:
    shown = [line for line in PAGES["README.md"].splitlines() if re.match(r"\| (size|S|M|L) +\|", line)]
    assert len(shown) > 1
    assert set(shown) <= set(PAGES["docs/benchmark.md"].splitlines())


def test_the_figures_of_accuracy_on_the_front_page_are_measured_ones() -> None:
    section = PAGES["README.md"].partition("## How right the scores are")[2].partition("\n## ")[0]
    shown = re.findall(r"^\|.*\|$", section, re.MULTILINE)
    assert len(shown) > 2
    assert set(shown) <= set(PAGES["docs/accuracy.md"].splitlines())
    assert re.findall(r"\d+ of \d+ figures", section) == re.findall(r"\d+ of \d+ figures", PAGES["docs/accuracy.md"])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_where_its_commands_are_found_and_assumes_no_tool_beside_them(page: str) -> None:
    text = PAGES[page]
    programs = {line.split()[0] for line in commands_of(text) if line.strip()}
    if programs & {"salted", "dagster", "pytest", "python"}:
        assert "source .venv/bin/activate" in text
    assert not programs & {"curl", "jq", "perl", "sqlite3", "wget"}
