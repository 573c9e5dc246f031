"""What developers run at every commit: the hooks are the checks of `make check`, and files stay readable."""

from typing import Any

import yaml

from salted_assets_tests.support.checkout import ROOT

HOOKS: list[dict[str, Any]] = [
    hook
    for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    for hook in repo["hooks"]
]
LONGEST = 450
"""Lines; about 400 is where a module should be split along its subjects."""

SOURCES = sorted(
    path
    for folder in ("salted_assets", "salted_assets_tests", "benchmarks", "chaos", "deploy")
    for path in (ROOT / folder).rglob("*.py")
)


def test_the_hooks_are_the_checks_that_make_check_begins_with() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck: ")[2].partition("\n\n")[0]
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()[1:]]
    assert [hook["entry"] for hook in HOOKS] == [command.removesuffix(" --check") for command in commands[:3]]
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_modules_are_short_enough_to_be_read() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    assert len(lengths) > 300
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
