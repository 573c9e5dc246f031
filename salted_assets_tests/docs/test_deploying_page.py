"""The page on deploying names files, variables and options that are there, and shows the files' own commands."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from salted_assets.settings import CONTACT_VARIABLE, KEY_VARIABLE, Settings, variable_of
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

PAGE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
DEPLOYED = [
    path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.suffix not in {".pyc", ".dockerignore"}
]
COMMANDS = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL))
SNIPPETS = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
PROGRAMS = {"dagster", "dagster-webserver", "dagster-daemon", "celery", "salted"}


def test_every_file_of_deploy_is_on_the_page_and_the_page_names_no_other() -> None:
    known = {path.relative_to(ROOT).as_posix() for path in DEPLOYED}
    assert {path for path in known if path not in PAGE} == set()
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", PAGE))
    assert {path for path in named if not (ROOT / path).exists()} == set()
    assert all((ROOT / "docs" / page).exists() for page in re.findall(r"\]\(([\w./-]+\.md)\)", PAGE))


def test_the_settings_on_the_page_exist() -> None:
    known = {KEY_VARIABLE, CONTACT_VARIABLE, *map(variable_of, Settings.model_fields)}
    named = set(re.findall(r"SALTED_[A-Z0-9_]+", PAGE))
    assert named - known == set()
    assert {"SALTED_ACCOUNT", "SALTED_API_KEY_SECRET", "SALTED_ALERT_WEBHOOK", "SALTED_S3_ENCRYPTION"} <= named


def variables_of(value: Any) -> set[str]:
    """The variables that a configuration reads."""
    if isinstance(value, dict):
        own = {str(value["env"])} if set(value) == {"env"} else set()
        return own.union(*map(variables_of, value.values()))
    return set()


def test_every_variable_of_the_configurations_is_on_the_page() -> None:
    read = set()
    for path in (ROOT / "deploy" / "dagster.yaml", *(ROOT / "deploy" / "parts").iterdir()):
        read |= variables_of(yaml.safe_load(path.read_text()))
    assert len(read) > 8
    assert {name for name in read if f"`{name}`" not in PAGE} == set()
    assert set(re.findall(r"DAGSTER_[A-Z_]+[A-Z]", PAGE)) - read <= {"DAGSTER_HOME", "DAGSTER_POSTGRES"}


def test_the_heads_of_the_files_have_the_pages_commands() -> None:
    head = (ROOT / "deploy" / "compose.yaml").read_text().partition("x-dagster")[0]
    for words in ("cp ../.env.example .env", "docker compose up --build --detach", "openssl rand -hex 24"):
        assert words in head
        assert words in COMMANDS


def options_on_the_page() -> list[tuple[str, ...]]:
    """Each of the programs' lines on the page: the words before the first option, and the options."""
    found = []
    for line in re.findall(r"^[^#\n]*", "\n".join([COMMANDS, *SNIPPETS]), re.MULTILINE):
        words = [word for word in line.split() if "=" not in word or word.startswith("-")]
        if words and words[0] in PROGRAMS - {"celery"}:
            first = next(
                (n for n, word in enumerate(words) if word.startswith("-") or word != word.lower()), len(words)
            )
            found.append((*words[:first], *(word for word in words[first:] if word.startswith("--"))))
    return sorted(set(found))


def test_every_command_and_option_on_the_page_exists() -> None:
    lines = options_on_the_page()
    assert len(lines) > 8
    helps: dict[tuple[str, ...], str] = {}
    for line in lines:
        command = tuple(word for word in line if not word.startswith("-"))
        if command not in helps:
            program = Path(sys.executable).parent / command[0]
            done = subprocess.run(
                [program, *command[1:], "--help"], capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, (command, done.stderr)
            helps[command] = done.stdout
        missing = [word for word in line if word.startswith("--") and word not in helps[command]]
        assert missing == [], line
